"""One body frame by frame: gaps, smoothing, running sums, and memory that does not grow."""

import numpy as np
import pytest

from dastm.contract.skeleton import BODY19, COCO17, NTU25, POSE15, Layout
from dastm.recogniser.track import Track
from tests.actions import clip_of, joints_of, standing

HAND = BODY19.joints.index("right wrist")


def track_of(joints_TVC, layout=NTU25, common=BODY19, longest=60, fps=30.0):
    track = Track(layout, common, longest=longest, fps=fps)
    for number, joints_VC in enumerate(joints_TVC):
        track.push(joints_VC, number, number / fps)
    return track


def points(track):
    return track.points_TD[: track.n_rows - track.first].reshape(-1, track.common.n_joints, track.common.n_space)


def test_a_row_is_the_mean_of_the_frames_around_it_and_is_ready_when_they_are_there(rng):
    joints_TVC = joints_of("wave", rng)
    track = track_of(joints_TVC)
    assert (track.margin, track.n_raw, track.n_rows) == (4, 40, 36)
    wrist = NTU25.joints.index("right wrist")
    np.testing.assert_allclose(points(track)[10, HAND], joints_TVC[6:15, wrist].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(points(track)[0, HAND], joints_TVC[:5, wrist].mean(axis=0), rtol=1e-6)
    track.finish()
    assert track.n_rows == 40
    np.testing.assert_allclose(points(track)[39, HAND], joints_TVC[35:, wrist].mean(axis=0), rtol=1e-6)


def test_slow_recordings_are_smoothed_over_fewer_frames(rng):
    assert [track_of([], fps=fps).margin for fps in (1.0, 10.0, 60.0)] == [0, 1, 8]


def test_a_joint_that_is_lost_stays_where_it_was_measured_last():
    joints_TVC = np.repeat(standing(NTU25)[None], 12, axis=0)
    joints_TVC[5:, NTU25.joints.index("right wrist")] = np.nan
    track = track_of(joints_TVC)
    track.finish()
    assert np.ptp(points(track), axis=0).max() < 1e-9
    assert track.way_T[: track.n_rows].max() < 1e-9


def test_a_joint_that_is_measured_later_has_not_come_from_elsewhere():
    joints_TVC = np.repeat(standing(NTU25)[None], 30, axis=0)
    joints_TVC[:11, NTU25.joints.index("right wrist")] = np.nan
    track = track_of(joints_TVC)
    track.finish()
    assert track.way_T[: track.n_rows].max() < 1e-9
    np.testing.assert_allclose(np.ptp(points(track), axis=0).max(), 0, atol=1e-9)


def test_the_sums_say_where_a_body_faces_and_how_tall_it_is():
    joints_TVC = np.repeat(standing(NTU25)[None], 10, axis=0)
    track = track_of(joints_TVC)
    np.testing.assert_allclose(track.sums_TX[9], [6.0, 0.0, 6.0, 5.0, 10], atol=1e-9)  # 0.4 + 0.2 and 0.5 a frame
    joints_TVC[:, NTU25.joints.index("left hip")] = np.nan
    joints_TVC[:, NTU25.joints.index("hip centre")] = np.nan
    np.testing.assert_array_equal(track_of(joints_TVC).sums_TX[9], 0)


def test_image_poses_are_turned_up_and_joints_without_confidence_are_not_measured():
    joints_TVC = clip_of("wave", 1, COCO17).joints_TVC
    joints_TVC[3:6, COCO17.joints.index("right wrist"), 2] = 0
    track = track_of(joints_TVC, COCO17, POSE15)
    hand = POSE15.joints.index("right wrist")
    raw_TVC = track._raw_TVC[:40]
    np.testing.assert_array_equal(raw_TVC[4, hand], raw_TVC[2, hand])
    head, ankle = POSE15.joints.index("head"), POSE15.joints.index("left ankle")
    assert (raw_TVC[:, head, 1] > raw_TVC[:, ankle, 1]).all()


def test_memory_does_not_grow_and_what_is_kept_stays_the_same(rng):
    joints_TVC = np.concatenate([joints_of("wave", rng) for _ in range(30)])
    track, whole = track_of(joints_TVC, longest=60), track_of(joints_TVC, longest=2000)
    assert len(track.way_T) == 2 * (60 + 2 * 4 + 1)
    kept = slice(track.first, track.n_rows)
    assert track.n_rows - track.first >= 60 + 1
    np.testing.assert_array_equal(track.points_TD[: track.n_rows - track.first], whole.points_TD[kept])
    np.testing.assert_array_equal(track.frame_T[: track.n_rows - track.first], whole.frame_T[kept])
    np.testing.assert_allclose(
        np.diff(track.way_T[: track.n_rows - track.first]), np.diff(whole.way_T[kept]), rtol=1e-9
    )
    np.testing.assert_allclose(
        np.diff(track.sums_TX[: track.n_rows - track.first], axis=0), np.diff(whole.sums_TX[kept], axis=0), atol=1e-9
    )


def test_a_layout_that_cannot_be_mapped_is_refused_with_the_joint():
    stick = Layout(name="stick", joints=("foot", "head"), bones=((1, 0),))
    with pytest.raises(ValueError, match="body19 needs hip centre, and stick has none"):
        Track(stick, BODY19, longest=10, fps=30.0)
