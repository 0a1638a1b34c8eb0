import numpy as np

from pipeline.formats.tracks import Observation, build_tracks


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
