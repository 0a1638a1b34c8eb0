"""Tracks -> one array a body, whoever moves most first."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.recordings.bodies import bodies_of, movement
from pipeline.tracks import Observation, build_tracks


def tracks(*bodies, frames=12, scores=None):
    """Tracks of one joint; each body: {frame: places}."""
    seen = {
        number: [Observation(t, place, scores or ()) for t, place in body.items()] for number, body in enumerate(bodies)
    }
    return build_tracks(frames, seen, 1)


def test_gaps_are_nan_and_both_ends_are_cut():
    (body,) = bodies_of(tracks({2: (1.0, 2.0, 3.0), 5: (4.0, 5.0, 6.0)}))
    assert (body.number, body.first_frame, len(body.joints_TVC)) == (0, 2, 4)
    np.testing.assert_array_equal(body.joints_TVC[[0, 3], 0], [[1, 2, 3], [4, 5, 6]])
    assert np.isnan(body.joints_TVC[1:3]).all()


def test_gaps_of_images_have_confidence_0():
    (body,) = bodies_of(tracks({0: (0.1, 0.2), 2: (0.3, 0.4)}, scores=(0.5,)))
    np.testing.assert_allclose(body.joints_TVC[:, 0], [[0.1, 0.2, 0.5], [0, 0, 0], [0.3, 0.4, 0.5]])


def test_images_without_confidences_are_measured():
    (body,) = bodies_of(tracks({0: (0.1, 0.2)}))
    np.testing.assert_allclose(body.joints_TVC[0, 0], [0.1, 0.2, 1.0])


def test_whoever_moves_most_comes_first_and_ghosts_last():
    chair = {t: (5.0 + 0.001 * (t % 2), 0.0, 0.0) for t in range(12)}
    actor = {t: (0.1 * t, 0.0, 0.0) for t in range(12)}
    flash = {3: (0.0, 0.0, 0.0), 4: (1.0, 0.0, 0.0)}
    bodies = bodies_of(tracks(chair, flash, actor))
    assert [body.number for body in bodies] == [2, 1, 0]


def test_bodies_of_which_nothing_was_measured_are_left_out():
    lost = {0: (float("nan"), 0.0, 0.0)}
    assert [body.number for body in bodies_of(tracks(lost, {1: (0.0, 0.0, 0.0)}))] == [1]
    with pytest.raises(RefusedError, match="no joint was measured"):
        bodies_of(tracks(lost))


def test_movement_is_the_distance_from_the_mean_of_what_was_measured():
    joints = np.array([[[0.0, 0, 0]], [[2.0, 0, 0]], [[99.0, 0, 0]]], np.float32)
    assert movement(joints, np.array([[True], [True], [False]])) == 1.0
    assert movement(joints, np.zeros((3, 1), np.bool_)) == 0.0
