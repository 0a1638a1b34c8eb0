"""Frames in which a body is not seen: closed as CTR-GCN and PYSKL do, number by number, or left at zero."""

import numpy as np
import pytest

from dastm.contract.errors import DataError, RefusedError
from pipeline.definitions.definition import SplitSpec
from pipeline.split.gaps import absent, closed
from pipeline.split.normalise import POINT, UNSEEN, check_split, normalise_clip
from tests.oracles import body_choice
from tests.oracles.hand_made import STANDING, STICK, tracks_of

pytestmark = pytest.mark.slow

PERSON = STANDING.copy()
PERSON[0, 1] = 0.0
"""Feet at y = 0, shoulders at 1.5: upright, as the steps of the preparations have it."""


def walk(frames, x=0.0, speed=0.05):
    return {t: PERSON + np.array([x + speed * t, 0.01 * t, 1.0]) for t in frames}


def prepared(tracks, n_frames, **fields):
    spec = SplitSpec(class_split={}, n_frames=n_frames, origin="none", **fields)
    return normalise_clip(tracks, spec, STICK)


def test_a_closed_track_goes_on_from_its_first_frame_and_empty_frames_do_not_count():
    tracks, shown = closed(tracks_of([walk([2, 3, 7, 9]), walk([3, 9, 10])], 14))
    assert shown.tolist() == [2, 3, 7, 9, 10]
    assert (tracks.frames, tracks.frame_index.tolist()) == (5, [0, 1, 2, 3, 1, 2, 3])
    assert tracks.joints_PVC.shape[0] == 7


def test_frames_without_any_measured_joint_are_absent():
    measured_MTV = np.array([[[True, False], [False, False]]])
    assert absent(measured_MTV).tolist() == [[False, True]]


@pytest.mark.parametrize(("gaps", "expected"), [("interpolate", [1, 2, 3, 4]), ("zero", [1, 0, 0, 4])])
def test_a_gap_is_a_straight_line_or_zero(gaps, expected):
    tracks = tracks_of([{t: np.full_like(STANDING, t + 1) + np.eye(3)[2] for t in (0, 3)}], 4)
    clip = prepared(tracks, 4, gaps=gaps)
    assert clip.joints_MTVC[0, :, 0, 0].tolist() == expected
    assert clip.frame_index == (0, 1, 2, 3)


def test_a_closed_gap_is_gone_and_the_frames_named_are_the_sources():
    tracks = tracks_of([{t: np.full_like(STANDING, t + 1) + np.eye(3)[2] for t in (2, 5)}, walk([7])], 8)
    clip = prepared(tracks, 3, gaps="close", rank="length")
    assert clip.joints_MTVC[0, :, 0, 0].tolist() == [3, 6, 0]  # the second body alone is in the frame after
    assert clip.frame_index == (2, 5, 7)


@pytest.mark.parametrize("preset", ["ctr_gcn", "pyskl"])
def test_closed_clips_equal_the_published_preparations_number_by_number(preset, rng):
    swapped = 0
    for _ in range(120):
        found = []
        for _ in range(rng.integers(1, 4)):
            start, length = rng.integers(0, 30), rng.integers(13, 40)
            body = walk(range(start, start + length), 3 * rng.random(), 0.1 * rng.random())
            found.append({t: pose for t, pose in body.items() if rng.random() < 0.8} or body)
        tracks = tracks_of(found, 80)
        expected_MTVC = body_choice.arranged(tracks, {"ctr_gcn": 1, "pyskl": 0}[preset])
        clip = prepared(tracks, expected_MTVC.shape[1], gaps="close", rank="motion", denoise=preset)
        np.testing.assert_array_equal(clip.joints_MTVC, expected_MTVC.astype(np.float32))
        swapped += not expected_MTVC[-1, 0].any() and len(expected_MTVC) == 2
    assert swapped > 10


def test_bodies_change_places_where_only_the_second_is_there_at_the_start():
    late, early = walk(range(20, 60), speed=0.2), walk(range(30), x=4)
    tracks = tracks_of([late, early], 60)
    assert prepared(tracks, 5, rank="motion", denoise="join").kept == ((0,), (1,))
    for denoise in ("pyskl", {"join": 0, "swap": 0}, "swap"):
        assert prepared(tracks, 5, rank="motion", denoise=denoise).kept == ((1,), (0,))
    alone = tracks_of([late, walk(range(5), x=4)], 60)
    assert prepared(alone, 5, rank="motion", denoise="pyskl").kept == ((0,),)
    both = tracks_of([walk(range(60), speed=0.2), early], 60)
    assert prepared(both, 5, rank="motion", denoise="pyskl").kept == ((0,), (1,))


def test_a_body_that_no_frame_taken_shows_is_dropped_with_the_reason():
    tracks = tracks_of([walk(range(40)), walk([1], x=5)], 40)
    clip = prepared(tracks, 4, gaps="zero", rank="length")
    assert clip.kept == ((0,),)
    assert clip.notes == (f"body dropped: {UNSEEN}",)
    assert [tuple(track) for track in clip.dropped] == [(1, f"unseen: {UNSEEN}")]


def test_a_clip_of_which_no_frame_taken_shows_anybody_is_refused():
    with pytest.raises(RefusedError, match=f"no usable body: {UNSEEN}"):
        prepared(tracks_of([walk([0, 40])], 41), 1, gaps="zero")
    point = tracks_of([{t: np.ones_like(STANDING) for t in range(3)}], 3)
    spec = SplitSpec(class_split={}, n_frames=3, gaps="zero")
    with pytest.raises(RefusedError, match=f"no usable body: {POINT}"):
        normalise_clip(point, spec, STICK)


def test_closing_needs_tracks():
    spec = SplitSpec(class_split={}, gaps="close", rank="confidence")
    with pytest.raises(DataError, match=r"split.gaps: close: rank: confidence looks at every frame on its own"):
        check_split(spec, STICK)
