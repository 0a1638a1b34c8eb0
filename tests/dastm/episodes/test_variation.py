"""Cut ends, other limbs and lost joints: by hand, against the slow version, and nothing made of what is not there."""

import numpy as np
import pytest
import torch

from dastm.contract.skeleton import COCO17, NTU25, OPENPOSE18, Layout
from dastm.episodes.variation import (
    bone_tree,
    cropped,
    drawn_cuts,
    limb_numbers,
    other_bodies,
    with_limbs_of,
    without_joints,
)
from tests.oracles import variation as oracle

STICK = Layout(name="stick", joints=("foot", "hip", "head"), bones=((1, 0), (2, 1)), centre=1, hub=1)
TREES = pytest.mark.parametrize("layout", [NTU25, OPENPOSE18, STICK], ids=lambda layout: layout.name)


def test_cut_ends_leave_every_other_frame_and_the_clip_begins_where_it_began():
    clip = torch.arange(10.0)[None, None, :, None, None].expand(2, 1, 10, 3, 3).clone()
    clip[:, :, :, 2] += 50
    seen = cropped(clip, np.array([[2, 3], [0, 4]]), centre=1, n_space=2)
    assert sorted(set(seen[0, 0, :, 0, 0].tolist())) == [0, 1, 2, 3, 4]
    assert seen[0, 0, 0].tolist() == [[0, 0, 2], [0, 0, 2], [50, 50, 52]]
    assert seen[1, 0, -1, 0].tolist() == [5, 5, 5]
    assert torch.equal(cropped(clip, np.zeros((2, 2), int), 1, 3), clip)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 7, 30])
def test_at_least_a_frame_is_left_and_half_of_the_ends_stay(n_frames, rng):
    cuts = drawn_cuts(2000, n_frames, 0.49, rng)
    assert (cuts.sum(1) < n_frames).all()
    assert cuts.min() == 0
    if n_frames == 30:
        assert cuts.max() == 14
        assert (cuts == 0).mean() == pytest.approx(0.5 + 0.5 / (0.49 * 30), abs=0.03)
    joints = torch.from_numpy(rng.normal(size=(2000, 1, n_frames, 3, 3)))
    seen = cropped(joints, cuts, 1, 3)
    torch.testing.assert_close(seen[:, 0, 0, 1], joints[:, 0, 0, 1])


def test_what_was_not_measured_stays_so(rng):
    joints = torch.from_numpy(rng.normal(size=(3, 2, 8, 3, 3)))
    joints[0, 1] = 0
    joints[1, 0, :, 2] = 0
    seen = cropped(joints, np.array([[2, 1]] * 3), 1, 3)
    assert not seen[0, 1].any()
    assert not seen[1, 0, :, 2].any()
    other = other_bodies(joints, STICK, rng, limbs=0.3, drop=0.0)
    assert not other[0, 1].any()
    assert torch.equal(other[1, 0], joints[1, 0])  # a bone that ends nowhere has no length
    assert not torch.equal(other[1, 1], joints[1, 1])


def test_a_limb_is_a_chain_of_bones_between_branches():
    limb = limb_numbers(NTU25)
    names = NTU25.joints
    arm = [limb[names.index(f"left {joint}")] for joint in ("shoulder", "elbow", "wrist", "hand", "thumb", "hand tip")]
    assert len(set(arm)) == 1
    assert limb[names.index("right elbow")] != arm[0]
    assert limb[NTU25.centre] == 0
    assert sorted(set(limb)) == list(range(max(limb) + 1))
    assert sorted([NTU25.centre, *(joint for joint, _ in bone_tree(NTU25))]) == list(range(25))


@TREES
def test_limbs_and_dropped_joints_equal_the_slow_version(layout, rng):
    joints = rng.normal(size=(3, 2, 4, layout.n_joints, 3))
    factors = rng.uniform(0.5, 2, (3, layout.n_joints))
    dropped = rng.random((3, layout.n_joints)) < 0.4
    n_space = 2 if layout.is_image else 3
    longer = with_limbs_of(torch.from_numpy(joints), factors, layout).numpy()
    fewer = without_joints(torch.from_numpy(joints), dropped, layout).numpy()
    for clip in range(3):
        expected = oracle.with_limbs_of(joints[clip], factors[clip], layout)
        np.testing.assert_allclose(longer[clip, ..., :n_space], expected[..., :n_space], atol=1e-12)
        np.testing.assert_array_equal(longer[clip, ..., n_space:], joints[clip, ..., n_space:])
        np.testing.assert_array_equal(fewer[clip], oracle.without_joints(joints[clip], dropped[clip], layout))


@pytest.mark.parametrize("layout", [NTU25, COCO17], ids=lambda layout: layout.name)
def test_lengths_and_losses_are_as_likely_as_asked_for_and_the_same_in_all_frames(layout, rng):
    joints = torch.from_numpy(rng.normal(size=(400, 1, 2, layout.n_joints, 3)))
    n_space = 2 if layout.is_image else 3
    other = other_bodies(joints, layout, rng, limbs=0.2, drop=0.0)
    a, b = bone_tree(layout)[-1]
    ratios = [(clips[..., a, :n_space] - clips[..., b, :n_space]).norm(dim=-1) for clips in (other, joints)]
    logs = (ratios[0] / ratios[1]).log()
    torch.testing.assert_close(logs[..., 0], logs[..., 1])
    assert logs[..., 0].std() == pytest.approx(0.2, rel=0.15)
    lost = (other_bodies(joints, layout, rng, limbs=0.0, drop=0.1) != joints).any(-1)
    assert torch.equal(lost[:, :, 0], lost[:, :, 1])
    share = lost.double().mean() * layout.n_joints / (layout.n_joints - 1)
    assert share == pytest.approx(0.1, rel=0.1)
    assert not lost[..., layout.centre].any()
    assert other_bodies(joints, layout, rng, limbs=0.0, drop=0.0) is joints
