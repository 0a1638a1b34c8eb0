"""A decision is explained in full: shares add up to the distance, the words name what the numbers say."""

import re
from dataclasses import replace

import pytest

from dastm.contract.errors import RunError
from dastm.contract.skeleton import COCO17
from dastm.recogniser.encoder import load_encoder
from dastm.recogniser.examples import Example
from dastm.recogniser.recogniser import ActionRecogniser
from dastm.recogniser.why import HOW, _refused, moment, shortest_most, stretch
from tests.actions import clip_of

ACTIONS = ("wave", "push", "kick")
DAY = "2026-11-28"


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("motion3d")


def shown(*actions, **facts):
    return [Example(action=a, clip=clip_of(a, seed, **facts), added=DAY) for a in actions for seed in (0, 1)]


@pytest.fixture(scope="module")
def recogniser(encoder):
    return ActionRecogniser(encoder, shown(*ACTIONS, fps=30.0))


@pytest.fixture(scope="module")
def why(recogniser):
    return recogniser.explain(clip_of("wave", 7, fps=30.0))


def test_shares_of_steps_and_joints_add_up_to_the_distance_to_the_example(why):
    for comparison, candidate in zip(why.comparisons, why.decision.candidates, strict=False):
        assert comparison.distance == pytest.approx(candidate.nearest, rel=1e-4)
        assert comparison.shares.sum() == pytest.approx(comparison.distance, rel=1e-6)
        assert (comparison.parts_PV >= 0).all()
        t, s = comparison.path_P2.T
        assert comparison.cost_TS[t, s].sum() == pytest.approx(comparison.distance, rel=1e-5)


def test_the_nearest_example_and_that_of_the_next_action_are_compared(recogniser, why):
    assert [one.action for one in why.comparisons] == ["wave", why.decision.candidates[1].action]
    assert [example.action for example in why.nearest] == [c.action for c in why.decision.candidates]
    assert why.refused == ""
    assert why.how == HOW[recogniser.encoder.examples]


def test_the_sentence_names_both_actions_a_joint_and_a_time(why):
    first, second = why.decision.candidates[:2]
    assert why.sentence.startswith(
        f"Called “wave”: distance {first.distance:.2f}, next “{second.action}” {second.distance:.2f}; it differs from"
        f" “{second.action}” most at the "
    )
    joint = why.query.layout.joints[int(why.comparisons[1].shares.argmax())]
    assert f"most at the {joint} " in why.sentence
    assert why.sentence.endswith(" s.")


def test_a_clip_is_seen_at_the_frames_of_its_recording(recogniser):
    late = recogniser.explain(clip_of("wave", 7, fps=30.0, first_frame=300))
    assert late.query.frames_T[0] == 300
    assert late.query.frames_T[-1] <= 339
    assert late.query.when(0) == "10.00 s"
    assert late.query.poses_TVC.shape[:2] == late.query.measured_TV.shape == (len(late.query.frames_T), 19)


def test_without_a_rate_frames_are_named(recogniser):
    assert " frame" in recogniser.explain(clip_of("wave", 7)).sentence


def test_a_clip_that_is_none_of_the_actions_says_how_far_it_is_beyond_the_limit(recogniser):
    why = recogniser.explain(clip_of("bow", 3))
    first = why.decision.candidates[0]
    assert why.decision.action is None
    assert why.sentence.startswith(f"Called none of these: the nearest action, “{first.action}”, is ")
    assert f"beyond its limit of {why.limit:.2f}" in why.refused


def test_a_distance_hardly_beyond_its_limit_is_told_in_digits_that_differ(recogniser):
    decision = recogniser.explain(clip_of("bow", 3)).decision
    near = replace(decision, border=decision.candidates[0].distance - 1e-4)
    far, limit = re.search(r"is (\S+) away, beyond its limit of (\S+) for", _refused(near, None, 0.0)).groups()
    assert float(far) > float(limit)


def test_an_example_of_none_of_the_actions_that_decides_is_compared_as_well(encoder):
    negatives = [Example(action=None, clip=clip_of("bow", seed), added=DAY) for seed in (0, 1)]
    recogniser = ActionRecogniser(encoder, [*shown(*ACTIONS), *negatives])
    why = recogniser.explain(clip_of("bow", 3))
    assert why.comparisons[-1].action is None
    assert "is nearer than the nearest action" in why.sentence
    assert why.limit == pytest.approx(why.comparisons[-1].distance, rel=1e-4)
    known = recogniser.explain(clip_of("wave", 7))
    assert all(one.action for one in known.comparisons)


def test_a_single_action_has_no_next_one(encoder):
    why = ActionRecogniser(encoder, shown("wave")).explain(clip_of("wave", 7))
    assert "no other action is known" in why.sentence
    assert len(why.comparisons) == 1


def test_of_one_example_an_action_nothing_is_said_about_means(encoder):
    why = ActionRecogniser(encoder, shown(*ACTIONS)[::2]).explain(clip_of("wave", 7))
    assert why.how == ""
    assert all(candidate.nearest == candidate.distance for candidate in why.decision.candidates)


def test_an_enrolled_clip_itself_differs_nowhere(recogniser):
    why = recogniser.explain(recogniser.examples[0].clip)
    assert why.comparisons[0].distance == pytest.approx(0, abs=1e-5)
    assert why.comparisons[0].words == "nowhere: both are the same"


def test_recordings_of_an_image_are_explained_by_its_encoder():
    facts = {"layout": COCO17, "fps": 25.0}
    recogniser = ActionRecogniser(load_encoder("motion2d"), shown(*ACTIONS, **facts))
    clip = clip_of("wave", 7, **facts)
    clip = replace(clip, joints_TVC=clip.joints_TVC.copy())
    clip.joints_TVC[:, COCO17.joints.index("left ankle"), 2] = 0
    why = recogniser.explain(clip)
    assert why.comparisons[0].distance == pytest.approx(why.decision.candidates[0].nearest, rel=1e-4)
    assert not why.query.measured_TV.all()
    assert why.query.poses_TVC.shape[2] == 2


def test_a_distance_that_is_no_sum_over_joints_cannot_be_explained(encoder, recogniser):
    config = encoder.config
    other = replace(encoder, config=replace(config, matching=replace(config.matching, temporal="none")))
    with pytest.raises(RunError, match="not sums over joints"):
        ActionRecogniser(other, recogniser.examples).explain(clip_of("wave"))


def test_the_shortest_stretch_that_holds_half():
    assert shortest_most([0, 1, 4, 1, 0]) == (2, 2)
    assert shortest_most([1, 0, 2, 2, 0, 1]) == (2, 3)
    assert shortest_most([1, 1, 1, 1]) == (0, 1)
    assert shortest_most([3.0]) == (0, 0)


def test_times_are_those_that_people_name():
    assert (moment(25, 30.0), moment(25, None)) == ("0.83 s", "frame 26")
    assert stretch(25, 37, 30.0) == "between 0.8 and 1.2 s"
    assert stretch(25, 25.2, 30.0) == "at 0.8 s"
    assert stretch(25, 37, None) == "between frames 26 and 38"
    assert stretch(25, 25.2, None) == "in frame 26"
