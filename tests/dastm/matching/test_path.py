"""Path distances are those of the slow version; gaps, absent bodies and clips at rest are what the docstrings say."""

import pytest
import torch

from dastm.matching.path import beside_directions, directions, likeness, path_distances, path_terms
from tests.oracles import path as oracle


def clips(generator, n_clips=4, n_bodies=2, n_frames=9):
    """Walks at uneven speed, with frames that stand still."""
    steps = torch.randn((n_clips, n_bodies, n_frames, 3, 3), generator=generator, dtype=torch.float64)
    steps[:, :, 3:5] = 0
    return steps.cumsum(2)


def distances(first, second, *, is_image=False):
    return path_distances(path_terms(first, is_image=is_image), path_terms(second, is_image=is_image))


def frames(joints_MTVC):
    return joints_MTVC.transpose(0, 1).flatten(1).tolist()


@pytest.mark.parametrize("n_frames", [2, 3, 9, 40])
def test_distances_are_those_of_the_slow_version(generator, n_frames):
    query, example = clips(generator, n_frames=n_frames), clips(generator, 3, n_frames=n_frames)
    expected = [[oracle.path_distance(frames(a), frames(b)) for b in example] for a in query]
    found = distances(query, example)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    assert found.min() > 0.1


def test_a_clip_is_nearest_to_itself_wherever_it_is_and_however_large(generator):
    here = clips(generator)
    moved = distances(here, 3 * here + 5)
    torch.testing.assert_close(moved.diagonal(), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)
    assert (moved.argmin(1) == torch.arange(4)).all()
    assert (distances(here, here) >= 0).all()


def test_a_clip_at_rest_is_equally_far_from_all(generator):
    moving = clips(generator)
    still = moving[:1, :, :1].expand(1, 2, 9, 3, 3)
    for found in (distances(still, moving), distances(moving[:, :, :1], moving)):
        assert found.isfinite().all()
        torch.testing.assert_close(found, torch.full_like(found, 15e4))


def test_bodies_that_are_absent_count_as_zeros(generator):
    two = clips(generator)
    one = two * torch.tensor([1.0, 0.0])[:, None, None, None]
    torch.testing.assert_close(distances(two, one[:, :1]), distances(two, one), rtol=1e-12, atol=0)
    torch.testing.assert_close(distances(one[:, :1], two), distances(one, two), rtol=1e-12, atol=0)


def test_a_joint_of_an_image_that_was_not_measured_makes_no_jump(generator):
    places = clips(generator)[..., :2]
    seen = torch.cat([places, torch.ones((*places.shape[:-1], 1))], dim=-1)
    gaps, filled = seen.clone(), seen.clone()
    gaps[0, 0, :2, 1], filled[0, 0, :2, 1] = 0, seen[0, 0, 2, 1]
    gaps[0, 0, 5:7, 1], filled[0, 0, 5:7, 1] = 0, seen[0, 0, 4, 1]
    gaps[1, 1, :, 2], filled[1, 1, :, 2] = 0, 0
    assert torch.equal(path_terms(gaps, is_image=True), path_terms(filled, is_image=True))
    assert torch.equal(path_terms(filled, is_image=True), path_terms(filled[..., :2], is_image=False))
    assert not torch.allclose(path_terms(gaps, is_image=True), path_terms(gaps[..., :2], is_image=False))


@pytest.mark.parametrize("confidence", [0.3, 0.0])
def test_a_joint_of_an_image_whose_place_is_guessed_is_there(generator, confidence):
    places = clips(generator)[..., :2]
    joints = torch.cat([places, torch.full((*places.shape[:-1], 1), confidence)], dim=-1)
    assert torch.equal(path_terms(joints, is_image=True), path_terms(places, is_image=False))


def test_likeness_is_what_the_sum_along_the_alignment_is_divided_by(generator):
    query, example = clips(generator), clips(generator, 3)
    found = likeness(path_terms(query, is_image=False), path_terms(example, is_image=False))
    expected = [[oracle.likeness(frames(a), frames(b)) for b in example] for a in query]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_frames", [1, 4, 5, 9])
def test_directions_are_mean_steps_of_equal_stretches(generator, n_frames):
    bodies = clips(generator, n_bodies=1)[:, 0]
    found = directions(bodies, n_frames, is_image=False)
    expected = [oracle.directions(body.flatten(1).tolist(), n_frames) for body in bodies]
    torch.testing.assert_close(found.flatten(2), torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)


def test_directions_leave_a_confidence_out_and_one_frame_has_none(generator):
    bodies = clips(generator, n_bodies=1)[:, 0]
    seen = bodies.clone()
    seen[..., 2] = 0.5
    assert torch.equal(directions(seen, 4, is_image=True), directions(bodies, 4, is_image=False)[..., :2])
    assert not directions(bodies[:, :1], 1, is_image=False).any()


def test_the_cosine_of_frames_with_directions_is_a_mean_of_both_cosines(generator):
    features = torch.nn.functional.normalize(torch.randn((2, 4, 12), generator=generator).double(), dim=2)
    steps = directions(clips(generator, 2, 1)[:, 0], 4, is_image=False)
    joined = beside_directions(features.view(2, 4, 3, 4), steps, 0.3).flatten(2)
    units = torch.nn.functional.normalize(steps.flatten(2), dim=2)
    expected = 0.7 * (features[0] @ features[1].T) + 0.3 * (units[0] @ units[1].T)
    torch.testing.assert_close(joined[0] @ joined[1].T, expected)
