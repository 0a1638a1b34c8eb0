"""Hands follow the lines that they draw, and strokes go where their tables say."""

import numpy as np
import pytest

from pipeline.synthesis.arm_poses import hand_of
from pipeline.synthesis.body import ARM, COLUMN
from pipeline.synthesis.strokes import BENDING, STROKES, drawing_track, stroke_track
from pipeline.synthesis.variants import LEFT_ARM, RIGHT_ARM

TRIES = 40


def hands(track):
    """(K, 3) where the right hand is at each pose."""
    return np.stack([hand_of({name: np.degrees(key[COLUMN[f"r_{name}"]]) for name in ARM}) for key in track.keys_KD])


def test_a_drawing_moves_the_hand_about_as_far_as_it_is_large_and_in_one_plane():
    spans, flat = [], []
    for seed in range(TRIES):
        places = hands(drawing_track("r", np.random.default_rng(seed)))
        sizes = np.linalg.svd(places - places.mean(0), compute_uv=False)
        spans.append(np.ptp(places, axis=0).max())
        if len(places) > 2:  # two points are a line
            flat.append(sizes[2] / sizes[0])
    assert 0.08 < np.median(spans) < 0.4  # body heights
    assert np.median(flat) < 0.4


def test_a_drawing_takes_its_time_from_the_table_and_elbows_bend_one_way():
    for seed in range(TRIES):
        track = drawing_track("rl", np.random.default_rng(seed))
        assert 0.9 - 0.45 < track.seconds_K.sum() < 2.2 + 0.45
        elbows = np.degrees(track.keys_KD[:, [COLUMN["r_elbow"], COLUMN["l_elbow"]]])
        assert (elbows >= -1e-9).all()
        assert (elbows <= 148 + 1e-9).all()


@pytest.mark.parametrize("sides", ["r", "l", "rl"])
def test_tracks_move_the_arms_that_are_asked_for(sides):
    for make in (drawing_track, stroke_track):
        keys = np.concatenate([make(sides, np.random.default_rng(seed)).keys_KD for seed in range(5)])
        assert keys[:, RIGHT_ARM].any() == ("r" in sides)
        assert keys[:, LEFT_ARM].any() == ("l" in sides)


def test_strokes_are_those_of_the_table_and_strike_faster_than_they_wind_up():
    assert sum(stroke.share for stroke in STROKES.values()) == pytest.approx(1.0)
    assert all(set(pose) <= set(BENDING) for stroke in STROKES.values() for pose in (stroke.wound, stroke.done))
    winding, striking = [], []
    for seed in range(TRIES):
        track = stroke_track("r", np.random.default_rng(seed))
        assert len(track.keys_KD) in (2, 4, 6)
        assert np.array_equal(track.keys_KD[:2], track.keys_KD[-2:])
        winding.append(track.seconds_K[0])
        striking.append(track.seconds_K[1])
    assert np.mean(striking) < 0.8 * np.mean(winding)
