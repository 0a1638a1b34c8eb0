"""Path distances are those of the slow version; gaps, absent bodies and clips at rest are what the docstrings say."""

import pytest
import torch

from dastm.model.matching.path import likeness, path_distances, path_factor, path_terms, times_path
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


@pytest.mark.parametrize("centre", [None, 1])
def test_frames_that_are_points_already_are_taken_as_they_are(generator, centre):
    query, example = clips(generator, n_bodies=1), clips(generator, 3, 1)
    terms = [path_terms(joints, is_image=False, points=None, centre=centre) for joints in (query, example)]
    described = [
        [oracle.described(frames(oracle_about(joints, centre)), None) for joints in side] for side in (query, example)
    ]
    expected = [[oracle.warped(a[0], b[0], 3) / oracle.alike(a, b) for b in described[1]] for a in described[0]]
    found = path_distances(*terms, band=3)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)


PARENTS = [0, 0, 1]


@pytest.mark.parametrize("n_bodies", [1, 2])
@pytest.mark.parametrize(
    ("parents", "shares"), [(None, (0.1, 0.2, 0.7)), (PARENTS, (0.2, 0.1, 0.3, 0.4))], ids=["poses", "bones"]
)
def test_steps_with_poses_are_those_of_the_slow_version(generator, parents, shares, n_bodies):
    query, example = clips(generator, n_bodies=n_bodies), clips(generator, 3, n_bodies)
    query[0, -1, ..., 1:] *= 0.1  # what counts of a joint depends on the bodies beside it
    terms = [
        path_terms(j, is_image=False, points=None, centre=1, poses=True, parents=parents) for j in (query, example)
    ]
    of_bodies = parents and [3 * body + parent for body in range(n_bodies) for parent in parents]
    centres = {3 * body + 1 for body in range(n_bodies)}
    posed = [
        [oracle.posed(frames(oracle_about(joints, 1)), 3, centres, shares, of_bodies) for joints in side]
        for side in (query, example)
    ]
    expected = torch.tensor([[oracle.warped(a, b, 1) / 8 for b in posed[1]] for a in posed[0]], dtype=torch.float64)
    plain = [path_terms(j, is_image=False, points=None, centre=1) for j in (query, example)]
    torch.testing.assert_close(likeness(*terms), likeness(*plain), rtol=1e-12, atol=0)
    found = path_factor(*terms, 1.0) * likeness(*terms).clamp(min=0.1)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def weighted(joints):
    return path_terms(joints, is_image=False, points=None, centre=0, poses=True, parents=PARENTS)


def test_joints_that_move_in_both_clips_decide_and_joints_at_rest_still_count(generator):
    posture = torch.randn((1, 1, 1, 3, 3), generator=generator, dtype=torch.float64)
    arm, leg = (posture.repeat(1, 1, 24, 1, 1) for _ in range(2))
    arm[..., 1, 0] += torch.linspace(0, 1, 24) ** 2
    leg[..., 2, 0] += torch.linspace(0, 1, 24) ** 2

    def apart(first, second):
        return path_factor(weighted(first), weighted(second), 1.0).item()

    assert apart(arm, arm) < 1e-9
    elsewhere = torch.zeros(3, 3, dtype=torch.float64)
    elsewhere[2] = 1  # another place of the leg
    moved, at_rest = apart(leg, leg + elsewhere), apart(arm, arm + elsewhere)
    assert moved > 1.5 * at_rest > 0.01


def test_a_walk_through_the_room_makes_no_joint_count_less(generator):
    joints = clips(generator, 1, 1)
    joints[..., 0, :] = 0
    walk = torch.linspace(0, 100, 9, dtype=torch.float64)[:, None, None] * torch.tensor([1.0, 0, 0])
    here, there = weighted(joints), weighted(joints + walk)
    torch.testing.assert_close(there[..., 1:, 6:], here[..., 1:, 6:], rtol=1e-9, atol=1e-9)  # poses and bones


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_bone_without_length_has_no_direction_made_of_rounding(size):
    joints = torch.zeros((1, 1, 24, 3, 3))
    joints[..., 1, :] = torch.tensor([0.3, 0.5, 0.2])
    joints[..., 2, :] = joints[..., 1, :] * (1 + 1e-6)
    terms = weighted(joints * size)
    assert not terms[0, 0, :-2, 2, 9:].any()
    assert terms[0, 0, :-2, 1, 9:].any()
    assert weighted(torch.zeros((1, 1, 24, 3, 3))).eq(0).all()


def test_rounding_and_missing_joints_make_no_weights_and_no_bones(generator):
    still = torch.randn((1, 1, 1, 3, 3), generator=generator, dtype=torch.float64).expand(1, 1, 24, 3, 3) / 3
    trembling = still + 1e-9 * torch.randn((1, 1, 24, 3, 3), generator=generator, dtype=torch.float64)
    torch.testing.assert_close(weighted(trembling)[..., 6:], weighted(still)[..., 6:], rtol=0, atol=1e-6)
    moving = still.clone()
    moving[..., 2, 0] += torch.linspace(0, 1, 24)
    gaps = moving.clone()
    gaps[:, :, 3:7, 1] = 0
    torch.testing.assert_close(weighted(gaps)[:, :, 7:-2, :, 6:], weighted(moving)[:, :, 7:-2, :, 6:])
    assert not weighted(gaps)[:, :, 2:7, 1:, 9:].any()


def test_gradients_of_joints_at_rest_are_numbers(generator):
    joints = clips(generator, 1, 1)
    joints[..., 1, :] = joints[:, :, :1, 1]
    joints.requires_grad_()
    (gradient,) = torch.autograd.grad(weighted(joints).sum(), joints)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("options", [{"poses": True, "parents": [0]}, {"parents": PARENTS}])
def test_parents_without_poses_or_of_other_joints_are_refused(generator, options):
    with pytest.raises(ValueError, match="need poses, and a parent for each of 3 joints"):
        path_terms(clips(generator), is_image=False, centre=0, **options)


def test_poses_without_a_joint_that_they_are_relative_to_are_refused(generator):
    with pytest.raises(ValueError, match="need the centre joint"):
        path_terms(clips(generator), is_image=False, poses=True)


def test_another_pose_is_far_where_its_steps_are_the_same(generator):
    joints = torch.randn((1, 1, 24, 3, 3), generator=generator, dtype=torch.float64).cumsum(2)
    other = joints + 10 * torch.randn((1, 1, 1, 3, 3), generator=generator, dtype=torch.float64)
    found = []
    for poses in (False, True):
        first, second = (path_terms(j, is_image=False, points=None, centre=1, poses=poses) for j in (joints, other))
        found.append(path_factor(first, second, 1.0).item())
    assert found[0] < 1e-9
    assert found[1] > 0.1


def test_a_middle_at_the_mean_place_has_no_direction_made_of_rounding():
    line = torch.zeros((1, 1, 24, 3, 3))
    line[..., 2, 0] = torch.linspace(0.1, 0.7, 24)  # the middle of the twelfth step is the mean, but for rounding
    single, double = (
        path_terms(joints, is_image=False, points=None, centre=0, poses=True) for joints in (line, line.double())
    )
    torch.testing.assert_close(single, double, rtol=0, atol=1e-4)
    assert not single[0, 0, 11, :, 3:6].any()


def oracle_about(joints_MTVC, centre):
    if centre is None:
        return joints_MTVC
    moved = joints_MTVC.clone()
    for v in range(joints_MTVC.shape[2]):
        if v != centre:
            moved[:, :, v] = joints_MTVC[:, :, v] - joints_MTVC[:, :, centre]
    return moved


@pytest.mark.parametrize("power", [0.3, 0.5])
def test_a_product_is_of_both_distances_to_their_powers_divided_by_what_moves_alike_once(generator, power):
    query, example = (path_terms(joints, is_image=False) for joints in (clips(generator), clips(generator, 3)))
    learned = torch.rand((4, 3), generator=generator, dtype=torch.float64) + 0.1
    found = times_path(learned, path_factor(query, example, power), power)
    sums, alike = path_distances(query, example, band=3) * likeness(query, example), likeness(query, example)
    torch.testing.assert_close(found, learned ** (1 - power) * (sums / 15) ** power / alike.clamp(min=0.1))


def test_in_a_product_a_pair_that_moves_other_joints_is_at_most_ten_times_as_far(generator):
    joints = clips(generator, 2)
    joints[0, :, :, ::2], joints[1, :, :, 1::2] = 0, 0
    query, example = path_terms(joints, is_image=False).split(1)
    assert likeness(query, example).item() == pytest.approx(1e-4)
    sums = path_distances(query, example, band=3) * likeness(query, example)
    torch.testing.assert_close(path_factor(query, example, 0.5), (sums / 15) ** 0.5 / 0.1)


def test_a_learned_distance_of_nothing_has_a_finite_gradient(generator):
    learned = torch.tensor([[0.0, -1e-9, 0.5]], requires_grad=True)
    times_path(learned, torch.ones((1, 3), dtype=torch.float64), 0.5).sum().backward()
    assert learned.grad is not None
    assert learned.grad.isfinite().all()
