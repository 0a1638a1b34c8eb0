"""Whole arrays to tracks, against a loop over bodies and frames."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.definitions.source_spec import SourceSpec
from pipeline.kernels.joints import measured
from pipeline.parse.sources.dense import NOTE_NAN, dense_tracks
from tests.pipeline.parse.sources.source_files import STICK, STICK_2D


def by_loops(clip_MTVC, scores_MTV):
    """(ids, lengths, frame_index, joints, scores) said slowly: a body is there where one of its numbers is not zero."""
    ids, lengths, frames, joints, scores = [], [], [], [], []
    for m, body in enumerate(clip_MTVC):
        seen = [t for t in range(len(body)) if body[t].any() or (scores_MTV is not None and scores_MTV[m, t].any())]
        if seen:
            ids.append(m)
            lengths.append(len(seen))
            frames += seen
            joints += [body[t].tolist() for t in seen]
            scores += [] if scores_MTV is None else [scores_MTV[m, t].tolist() for t in seen]
    return ids, lengths, frames, joints, scores


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("image", [False, True])
def test_bodies_come_and_go_as_they_do_in_the_loop(seed, image):
    rng = np.random.default_rng(seed)
    clip_MTVC = rng.normal(size=(3, 6, 2, 2 if image else 3)).astype(np.float32) * (rng.random((3, 6, 1, 1)) < 0.5)
    scores_MTV = (rng.random((3, 6, 2)) * (rng.random((3, 6, 1)) < 0.5)).astype(np.float32) if image else None
    tracks = dense_tracks(clip_MTVC, scores_MTV, STICK_2D if image else STICK, SourceSpec(), zero_is_missing=False)
    ids, lengths, frames, joints, scores = by_loops(clip_MTVC, scores_MTV)
    assert tracks.ids.tolist() == ids
    assert tracks.lengths.tolist() == lengths
    assert tracks.frame_index.tolist() == frames
    assert tracks.joints_PVC.tolist() == joints
    assert (tracks.scores_PV.tolist() if image else []) == scores
    assert tracks.frames == 6
    assert {a.dtype.name for a in (tracks.ids, tracks.lengths, tracks.frame_index)} == {"int64", "int32"}


def dense(clip, scores=None, layout=STICK, zero_is_missing=False, **options):
    return dense_tracks(clip, scores, layout, SourceSpec(), zero_is_missing=zero_is_missing, **options)


def test_confidences_of_three_dimensional_clips_are_kept():
    scores_MTV = np.array([[[1.0, 0.0], [np.nan, 0.5]]])
    for tracks in (
        dense(np.ones((1, 2, 2, 3)), scores_MTV, notes=("a",)),
        dense(np.concatenate([np.ones((1, 2, 2, 3)), scores_MTV[..., None]], axis=3), notes=("a",)),
    ):
        assert tracks.scores_PV.tolist() == [[1, 0], [0, 0.5]]
        assert measured(tracks.joints_PVC, tracks.scores_PV).tolist() == [[True, False], [False, True]]
        assert tracks.notes == ("a", NOTE_NAN)
    assert dense(np.ones((1, 2, 2, 3))).scores_PV is None


@pytest.mark.parametrize("zero_is_missing", [False, True])
def test_a_joint_at_the_origin_is_measured_unless_the_definition_says_otherwise(zero_is_missing):
    clip_MTVC = np.array([[[[0, 0, 0], [1, 2, 3]], [[0, 0, 0], [0, 0, 0]], [[np.nan, 0, 1], [0, 0, 0]]]], float)
    tracks = dense(clip_MTVC, zero_is_missing=zero_is_missing)
    assert tracks.frame_index.tolist() == [0]  # what shows no joint but zeros and nan is padding
    assert np.isnan(tracks.joints_PVC).tolist() == [[[zero_is_missing] * 3, [False] * 3]]
    clip_MTVC[0, 2, 1] = 4.0
    tracks = dense(clip_MTVC, zero_is_missing=zero_is_missing)
    assert tracks.frame_index.tolist() == [0, 2]
    assert np.isnan(tracks.joints_PVC[1]).tolist() == [[True] * 3, [False] * 3]
    assert tracks.notes == (NOTE_NAN,)


@pytest.mark.parametrize("zero_is_missing", [False, True])
def test_2d_joints_without_confidences_at_zero_are_as_the_definition_says(zero_is_missing):
    clip_MTVC = np.array([[[[0, 0], [0.25, 0.5]], [[0, 0], [0, 0]], [[np.nan, 0.5], [0.5, 0.5]]]])
    tracks = dense(clip_MTVC, None, STICK_2D, zero_is_missing)
    assert tracks.scores_PV.tolist() == [[0.0 if zero_is_missing else 1.0, 1.0], [0.0, 1.0]]


def test_a_nan_in_place_or_confidence_is_a_joint_without_confidence():
    clip_MTVC = np.ones((1, 2, 2, 2))
    scores_MTV = np.ones((1, 2, 2))
    clip_MTVC[0, 0, 0, 1] = scores_MTV[0, 1, 1] = np.nan
    tracks = dense(clip_MTVC, scores_MTV, STICK_2D, notes=("a",))
    assert tracks.joints_PVC.tolist() == [[[0, 0], [1, 1]], [[1, 1], [0, 0]]]
    assert tracks.scores_PV.tolist() == [[0, 1], [1, 0]]
    assert tracks.notes == ("a", NOTE_NAN)


@pytest.mark.parametrize(
    ("clip", "scores", "reason"),
    [
        (np.ones((1, 2, 2, 2)), np.ones((1, 2, 3)), r"confidences of shape \(1, 2, 3\), expected \(1, 2, 2\)"),
        (np.ones((1, 2, 2, 2)), np.ones((1, 2, 2), complex), "an array of complex128"),
        (np.ones((1, 2, 2, 2)), np.full((1, 2, 2), 1e39), "confidence 1e[+]39 at body 0, frame 1, joint 0"),
        (np.full((1, 2, 2, 2), -np.inf), None, "coordinate -inf at body 0, frame 1, joint 0"),
    ],
)
def test_what_does_not_fit_is_refused(clip, scores, reason):
    with pytest.raises(RefusedError, match=reason):
        dense(clip, scores, STICK_2D)


def test_centred_coordinates_of_what_is_not_shown_stay_zero():
    clip_MTVC = np.array([[[[0.0, 0.0], [0.25, 0.25]]]])
    tracks = dense(clip_MTVC, np.array([[[0.0, 0.5]]]), STICK_2D, image="centred")
    assert tracks.joints_PVC.tolist() == [[[0, 0], [0.75, 0.25]]]
    middle = dense(clip_MTVC, np.array([[[0.5, 0.5]]]), STICK_2D, image="centred")
    assert middle.joints_PVC[0, 0].tolist() == [0.5, 0.5]
