import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.formats.kinetics_slow import parse_objects
from pipeline.parse.formats.ntu_slow import parse_lines
from pipeline.tracks import Observation, build_tracks, sorted_tracks
from tests.pipeline.raw_files import TWO


def test_observations_become_arrays_track_after_track():
    tracks = build_tracks(
        5, {7: [Observation(0, [1, 2, 3]), Observation(4, [4, 5, 6])], -2: [Observation(1, [0] * 3)]}, 1
    )
    assert tracks.frames == 5
    assert tracks.ids.tolist() == [7, -2]
    assert tracks.ids.dtype == np.int64
    assert tracks.lengths.tolist() == [2, 1]
    assert tracks.frame_index.tolist() == [0, 4, 1]
    assert tracks.joints_PVC.tolist() == [[[1, 2, 3]], [[4, 5, 6]], [[0, 0, 0]]]
    assert tracks.joints_PVC.dtype == np.float32
    assert tracks.scores_PV is None
    assert tracks.notes == ()


def test_scores_and_the_number_of_coordinates_follow_the_observations():
    tracks = build_tracks(1, {0: [Observation(0, [1, 2, 3, 4], [0.5, 0.25])]}, 2, ("odd",))
    assert tracks.joints_PVC.tolist() == [[[1, 2], [3, 4]]]
    assert tracks.scores_PV is not None
    assert tracks.scores_PV.tolist() == [[0.5, 0.25]]
    assert tracks.notes == ("odd",)


def test_observations_in_the_order_of_the_source_become_the_same_tracks():
    track_P, frame_P = np.array([1, 0, 0, 1, 0], np.int32), np.array([0, 0, 1, 2, 5], np.int32)
    joints_PVC, scores_PV = (
        np.arange(10, dtype=np.float32).reshape(5, 1, 2),
        np.arange(5, dtype=np.float32).reshape(5, 1),
    )
    ids = np.array([9, -4])
    tracks = sorted_tracks(6, ids, track_P, frame_P, joints_PVC, scores_PV, ("odd",))
    assert tracks.lengths.tolist() == [3, 2]
    assert tracks.frame_index.tolist() == [0, 1, 5, 0, 2]
    assert tracks.joints_PVC.tolist() == [[[2, 3]], [[4, 5]], [[8, 9]], [[0, 1]], [[6, 7]]]
    assert tracks.scores_PV is not None
    assert tracks.scores_PV.tolist() == [[1], [2], [4], [0], [3]]
    assert (tracks.frames, tracks.ids.tolist(), tracks.notes) == (6, [9, -4], ("odd",))
    assert (tracks.lengths.dtype, tracks.frame_index.dtype) == (np.int32, np.int32)


def test_a_single_track_without_scores_stays_as_it_is():
    joints_PVC = np.ones((2, 1, 3), np.float32)
    tracks = sorted_tracks(3, np.array([5]), np.zeros(2, np.int32), np.array([0, 2], np.int32), joints_PVC)
    assert tracks.joints_PVC is joints_PVC
    assert tracks.scores_PV is None
    assert tracks.lengths.tolist() == [2]


@pytest.mark.parametrize("parse", [parse_lines, parse_objects])
def test_a_file_too_large_to_look_for_the_reason_is_refused(parse, monkeypatch):
    monkeypatch.setattr("pipeline.tracks.MAX_ODD_BYTES", 3)
    with pytest.raises(RefusedError, match="with 4 bytes too large to find out where"):
        parse(b"1\n1\n", TWO)
