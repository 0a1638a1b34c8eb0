"""A standard body: the same bones for everybody, each in its own direction, and a centre that does not tremble."""

import numpy as np
import pytest
import torch

from dastm.contract.skeleton import BODY19, STANDARD19
from dastm.episodes.standard_body import LEAST, LENGTHS, standard_body
from tests.dastm.episodes.test_common import persons, seen
from tests.oracles import standard_body as oracle

T = 7
NAMES = BODY19.joints
CHILDREN, PARENTS = (list(ends) for ends in zip(*BODY19.bones, strict=True))
OTHERS = [bone for bone, parent in enumerate(PARENTS) if parent != BODY19.centre]
"""Bones that do not begin at the centre, which is moved afterwards."""


def bodies(seed=0, clips=3, n_bodies=2, proportions=None):
    """Bodies that turn their bones at random, with bones as long as `proportions` (B,) says -> (L, M, T, V, 3)."""
    rng = np.random.default_rng(seed)
    ways = rng.normal(size=(clips, n_bodies, T, len(CHILDREN), 3))
    ways /= np.linalg.norm(ways, axis=-1, keepdims=True)
    lengths = np.full(len(CHILDREN), 0.6) if proportions is None else proportions
    joints = np.zeros((clips, n_bodies, T, len(NAMES), 3))
    joints[..., BODY19.centre, :] = rng.normal(size=(clips, n_bodies, T, 3))
    placed, left = {BODY19.centre}, list(range(len(CHILDREN)))
    while left:
        bone = next(bone for bone in left if PARENTS[bone] in placed)
        joints[..., CHILDREN[bone], :] = joints[..., PARENTS[bone], :] + ways[..., bone, :] * lengths[bone]
        placed.add(CHILDREN[bone])
        left.remove(bone)
    return torch.from_numpy(joints)


def standard(joints, there=None):
    there = torch.ones(joints.shape[:-1], dtype=torch.bool) if there is None else there
    return standard_body(joints, there, STANDARD19)


def bones(joints):
    return joints[..., CHILDREN, :] - joints[..., PARENTS, :]


def test_it_is_what_a_walk_down_the_skeleton_gives():
    rng = np.random.default_rng(1)
    joints, there = (
        bodies() + 0.05 * torch.from_numpy(rng.normal(size=(3, 2, T, 19, 3))),
        rng.random((3, 2, T, 19)) < 0.8,
    )
    there[2, 1] = False
    got = standard(joints, torch.from_numpy(there))
    for clip, body in np.ndindex(3, 2):
        expected = oracle.standard_body(joints[clip, body].numpy(), there[clip, body], STANDARD19)
        np.testing.assert_allclose(got[clip, body].numpy(), expected, atol=1e-12)


def test_every_bone_has_its_standard_length_and_keeps_its_direction():
    before, after = bones(bodies()), bones(standard(bodies()))
    wanted = torch.tensor([LENGTHS[NAMES[child].split()[-1]] for child in CHILDREN], dtype=torch.float64)
    torch.testing.assert_close(after.norm(dim=-1)[..., OTHERS], wanted[OTHERS].expand(3, 2, T, -1))
    cosines = torch.nn.functional.cosine_similarity(before, after, dim=-1)[..., OTHERS]
    torch.testing.assert_close(cosines, torch.ones_like(cosines))


def test_two_persons_of_different_proportions_who_do_the_same_are_the_same():
    rng = np.random.default_rng(2)
    first, second = (bodies(proportions=rng.uniform(0.45, 0.7, len(CHILDREN))) for _ in range(2))
    assert (first - second).abs().max() > 0.2
    torch.testing.assert_close(standard(first), standard(second))


def test_a_bone_whose_length_varies_varies_as_much_as_before():
    """One factor a clip: a factor a frame would make each error of a joint one of all that hang on it."""
    joints = bodies()
    wrist, elbow = NAMES.index("left wrist"), NAMES.index("left elbow")
    joints[:, :, 3, wrist] += 0.5 * (joints[:, :, 3, wrist] - joints[:, :, 3, elbow])
    lengths = (standard(joints)[..., wrist, :] - standard(joints)[..., elbow, :]).norm(dim=-1)
    torch.testing.assert_close(lengths[..., 3] / lengths[..., 0], torch.full_like(lengths[..., 0], 1.5))


@pytest.mark.parametrize("length", [0.0, LEAST / 2])
def test_a_hand_that_is_put_at_the_wrist_stays_there(length):
    proportions = np.array([length if NAMES[child] == "left hand" else 0.6 for child in CHILDREN])
    after = standard(bodies(proportions=proportions))
    away = after[..., NAMES.index("left hand"), :] - after[..., NAMES.index("left wrist"), :]
    assert away.norm(dim=-1).max() <= length + 1e-9


def test_a_failed_measurement_does_not_blow_up_a_body():
    proportions = np.array([0.01 if NAMES[child] == "left knee" else 0.6 for child in CHILDREN])
    lengths = bones(standard(bodies(proportions=proportions))).norm(dim=-1)
    assert lengths[..., CHILDREN.index(NAMES.index("left knee"))].max() == pytest.approx(0.03)


def test_joints_that_were_not_measured_keep_their_numbers():
    there = torch.ones(3, 2, T, 19, dtype=torch.bool)
    there[:, :, 2:4, NAMES.index("neck")] = there[:, 1] = False
    joints = bodies() * there[..., None]
    after = standard(joints, there)
    assert torch.equal(after[~there], joints[~there])
    assert torch.isfinite(after).all()


def test_the_centre_does_not_tremble_with_its_own_error():
    still = bodies()[:, :, :1].expand(-1, -1, 200, -1, -1).clone()
    steady = standard(still)
    torch.testing.assert_close(steady, steady[:, :, :1].expand_as(steady))
    still[..., BODY19.centre, :] += 0.05 * torch.from_numpy(np.random.default_rng(3).normal(size=(3, 2, 200, 3)))
    before, after = (joints[..., BODY19.centre, :].std(2) for joints in (still, standard(still)))
    assert (after < before / 3).all()


def test_the_common_layout_of_that_name_has_it_and_the_other_has_not():
    """Only the centre differs for the trunk of the first body, whose torso is the unit of both."""
    plain, told = seen(persons(), common="body19"), seen(persons(), common="standard19")
    expected = standard_body(plain.double(), torch.ones(plain.shape[:-1], dtype=torch.bool), STANDARD19)
    torch.testing.assert_close(told.double(), expected, rtol=1e-4, atol=1e-4)
    assert (told - plain).abs().max() > 0.1
