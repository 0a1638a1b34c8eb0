"""Laying out a clip: who is main, what follows what; arrays that contradict each other are refused."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25
from pipeline.doctor.observed import lay_out
from tests.pipeline.doctor.made_clips import film, laid_out, person, tracks

pytestmark = pytest.mark.kernel


def test_steps_join_neighbouring_frames_of_one_body(rng):
    clip = replace(tracks(person(rng, 3), person(rng, 2)), frame_index=np.array([0, 1, 3, 4, 5], np.int32), frames=6)
    bodies = lay_out(clip, NTU25)
    assert bodies.step_S.tolist() == [1, 4]
    assert bodies.rows == (slice(0, 3), slice(3, 5))


def test_the_main_body_is_the_one_that_moves_most(rng):
    walks = person(rng) + np.linspace(0, 3, 40)[:, None, None] * (1.0, 0.0, 0.0)
    assert [laid_out(person(rng), walks).main, laid_out(walks, person(rng)).main] == [1, 0]
    assert laid_out(np.zeros((4, 25, 3))).main == 0


def test_what_is_not_finite_is_not_measured_and_zero(rng):
    body = person(rng, 3)
    body[1, 4, 2] = np.nan
    bodies = laid_out(body)
    assert not bodies.measured_PV[1, 4]
    assert bodies.joints_PVC[1, 4, 2] == 0.0
    assert (bodies.is_image, laid_out(film(rng)).is_image) == (False, True)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"joints_PVC": np.zeros((39, 25, 3), np.float32)}, "joints (39, 25, 3) for 40 observations"),
        ({"joints_PVC": np.zeros((40, 0, 3), np.float32)}, "joints (40, 0, 3)"),
        ({"joints_PVC": np.zeros((40, 24, 3), np.float32)}, "24 joints of 3 coordinates, layout ntu25 has 25"),
        ({"scores_PV": np.zeros((40, 3), np.float32)}, "confidences (40, 3)"),
        ({"lengths": np.array([39], np.int32)}, "1 bodies of 39 observations in all, there are 40"),
        ({"lengths": np.array([50, -10], np.int32)}, "1 bodies of 40"),
        ({"ids": np.array([1, 2])}, "2 bodies of 40"),
        ({"frames": 39}, "a frame outside 0 .. 38"),
        ({"frame_index": np.arange(-1, 39, dtype=np.int32)}, "a frame outside 0 .. 39"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(rng, change, what):
    with pytest.raises(ValueError, match=what.replace("(", r"\(").replace(")", r"\)")):
        lay_out(replace(tracks(person(rng)), **change), NTU25)
