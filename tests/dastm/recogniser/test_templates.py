"""How near a stretch has to be: what the other examples say."""

import numpy as np
import pytest

from dastm.contract.skeleton import BODY19, COCO17
from dastm.recogniser.clips import Clip
from dastm.recogniser.examples import Example
from dastm.recogniser.templates import FARTHEST, SHARE, templates_of
from tests.actions import clip_of
from tests.dastm.recogniser.conftest import ACTIONS


def example(action, clip):
    return Example(action=action, clip=clip, added="2026-11-28")


def test_every_example_that_moves_is_a_template(shown):
    templates = templates_of(shown, ACTIONS, BODY19, 30.0)
    np.testing.assert_array_equal(templates.action_S, [0, 0, 1, 1, 2, 2])
    assert (templates.limit_S <= FARTHEST).all()
    assert (templates.limit_S > 1).all()


def test_an_action_alone_has_the_usual_limit(shown):
    np.testing.assert_array_equal(templates_of(shown[:2], ("wave",), BODY19, 30.0).limit_S, FARTHEST)


def test_an_action_that_is_part_of_another_one_has_a_lower_limit():
    wave, kick = clip_of("wave", 0), clip_of("kick", 0)
    joints_TVC = np.concatenate([wave.joints_TVC, kick.joints_TVC])
    both = Clip(key="both", source="both.npy", layout=wave.layout, joints_TVC=joints_TVC)
    found = templates_of([example("wave", clip_of("wave", 1)), example("both", both)], ("wave", "both"), BODY19, 30.0)
    alone = templates_of([example("wave", clip_of("wave", 1))], ("wave",), BODY19, 30.0)
    assert found.limit_S[0] < 0.8 * alone.limit_S[0]
    near = found.distances(found.terms)[0, 0]
    assert near == pytest.approx(0, abs=1e-9)
    assert found.limit_S[0] <= SHARE * FARTHEST


def test_examples_of_none_of_the_actions_are_no_templates_but_lower_limits(shown):
    negative = example(None, clip_of("wave", 9))
    templates = templates_of([*shown, negative], ACTIONS, BODY19, 30.0)
    before = templates_of(shown, ACTIONS, BODY19, 30.0)
    assert len(templates.limit_S) == len(shown)
    assert (templates.limit_S[:2] < before.limit_S[:2]).all()
    np.testing.assert_array_equal(templates.limit_S[2:], before.limit_S[2:])


def test_windows_of_another_size_are_infinitely_far(shown):
    templates = templates_of(shown, ACTIONS, BODY19, 30.0)
    still = templates.terms.at(np.array([0]))
    object.__setattr__(still, "sizes_K", np.array([0.01]))
    assert np.isinf(templates.distances(still)).all()


def test_examples_that_do_not_move_are_left_out_and_refused_where_there_are_no_others(shown):
    still = Clip(
        key="still", source="still.npy", layout=shown[0].clip.layout,
        joints_TVC=np.repeat(shown[0].clip.joints_TVC[:1], 30, axis=0),
    )  # fmt: skip
    templates = templates_of([*shown, example("stand", still)], (*ACTIONS, "stand"), BODY19, 30.0)
    assert 3 not in templates.action_S
    with pytest.raises(ValueError, match="no example of an action moves"):
        templates_of([example("stand", still)], ("stand",), BODY19, 30.0)


def test_examples_of_a_layout_that_cannot_be_mapped_are_refused():
    with pytest.raises(ValueError, match="that has those of the data"):
        templates_of([example("wave", clip_of("wave", 0, COCO17))], ("wave",), BODY19, 30.0)
