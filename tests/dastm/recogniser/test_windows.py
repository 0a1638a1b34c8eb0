"""Windows of a recording against the path matcher, which is the slow version of the same."""

import numpy as np
import pytest
import torch

from dastm.contract.skeleton import BODY19, COCO17, NTU25, POSE15
from dastm.model.matching.path import path_distances, path_terms
from dastm.recogniser.windows import together, window_distances, window_terms
from tests.actions import clip_of, standing
from tests.dastm.recogniser.test_track import track_of


def whole(joints_TVC, layout=NTU25, common=BODY19):
    track = track_of(joints_TVC, layout, common, longest=len(joints_TVC))
    track.finish()
    return track, window_terms(track, np.array([0]), np.array([track.n_rows - 1]))


def turned(joints_TVC, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return joints_TVC @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T


def slowly(track, begin, end):
    """Terms of one window by the path matcher, of a body turned by hand."""
    joints = track.common.joints
    points_TVC = track.points_TD[begin : end + 1].reshape(end + 1 - begin, len(joints), -1)
    if track.common.n_space == 3:
        raw_TVC = track._raw_TVC[begin : end + 1]
        line_C = sum(
            raw_TVC[:, joints.index(f"right {part}")] - raw_TVC[:, joints.index(f"left {part}")]
            for part in ("shoulder", "hip")
        ).mean(axis=0)
        points_TVC = turned(points_TVC, np.degrees(np.arctan2(line_C[2], line_C[0])))
    return path_terms(torch.from_numpy(points_TVC.copy())[None, None], is_image=False)


@pytest.mark.parametrize(("layout", "common"), [(NTU25, BODY19), (COCO17, POSE15)])
def test_windows_have_the_terms_and_distances_of_the_path_matcher(layout, common):
    shown = [("wave", 0), ("wave", 1), ("kick", 0), ("push", 0)]
    tracks = [whole(clip_of(action, seed, layout).joints_TVC, layout, common)[0] for action, seed in shown]
    begin_K, end_K = np.array([0, 5, 12, 30]), np.array([39, 39, 31, 31])
    found = together([window_terms(track, begin_K, end_K) for track in tracks])
    slow_LMRVC = torch.cat([slowly(track, b, e) for track in tracks for b, e in zip(begin_K, end_K, strict=True)])
    slow_LRD = slow_LMRVC[:, 0].flatten(2).numpy()
    np.testing.assert_allclose(found.steps_KND, slow_LRD[:, :15], atol=1e-9)
    np.testing.assert_allclose(found.lengths_KD, slow_LRD[:, 15], atol=1e-9)
    np.testing.assert_allclose(found.extents_KD, slow_LRD[:, 16], atol=1e-9)
    distances_KS = window_distances(found, found.at(np.arange(0, 16, 4)))
    np.testing.assert_allclose(distances_KS, path_distances(slow_LMRVC, slow_LMRVC[::4]), rtol=1e-6, atol=1e-9)


def test_where_a_body_stands_how_it_is_turned_and_how_tall_it_is_makes_no_difference():
    joints_TVC = clip_of("kick", 2).joints_TVC.astype(np.float64)
    _, one = whole(joints_TVC)
    _, other = whole(turned(joints_TVC, 70) * 1.3 + np.array([2.0, 0.5, -1.0]))
    np.testing.assert_allclose(other.steps_KND, one.steps_KND, atol=1e-6)
    np.testing.assert_allclose(other.extents_KD, one.extents_KD, atol=1e-6)
    np.testing.assert_allclose(other.sizes_K, one.sizes_K, rtol=1e-6)
    assert window_distances(one, other)[0, 0] == pytest.approx(0, abs=1e-6)


def test_a_body_that_turns_all_the_way_round_is_left_as_it_is():
    at_rest = standing(NTU25) - standing(NTU25)[0]
    track, terms = whole(np.stack([turned(at_rest, angle) for angle in range(0, 360, 9)]))
    begin, end = track.points_TD[[0, 39]].reshape(2, 19, 3)
    assert np.hypot(*track.sums_TX[39, :2]) < 1e-9
    first_VC = terms.steps_KND[0, 0].reshape(19, 3)
    assert np.isfinite(terms.steps_KND).all()
    np.testing.assert_allclose(first_VC[0], 0, atol=1e-9)  # the hips stay
    assert (begin[3, 0] < 0) == (first_VC[3, 0] > 0)  # the left shoulder leaves the left
    assert np.abs(end - begin).max() < np.abs(begin).max()


def test_a_body_at_rest_has_no_directions_and_no_size():
    _, terms = whole(np.repeat(clip_of("wave", 0).joints_TVC[:1], 20, axis=0))
    assert terms.sizes_K[0] == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(terms.steps_KND, 0)
    _, moving = whole(clip_of("wave", 0).joints_TVC)
    assert np.isfinite(window_distances(terms, moving)).all()
    assert window_distances(terms, moving)[0, 0] > 100


def test_the_same_action_is_nearer_than_another_one():
    wave, again, kick = (whole(clip_of(a, s).joints_TVC)[1] for a, s in (("wave", 0), ("wave", 5), ("kick", 0)))
    near, far = window_distances(together([again, kick]), wave)[:, 0]
    assert near < 5 < far
