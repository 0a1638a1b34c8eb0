"""A clip in a common layout: the same numbers whatever it was prepared with, and what is not there stays away."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import BODY19, COCO17, NTU25, POSE15
from dastm.episodes.common import lost, mapped, mapped_manifest
from dastm.episodes.episode import ClipBatch
from tests.toy import STICK

T = 5
HIP, NECK, LEFT, RIGHT = (
    BODY19.joints.index(name) for name in ("hip centre", "neck", "left shoulder", "right shoulder")
)


class Fixed:
    """A source that gives the same clips whatever it is asked for."""

    def __init__(self, joints, layout=NTU25, **split):
        self.joints = torch.as_tensor(np.asarray(joints, dtype=np.float32))
        self.manifest = Manifest(
            dataset="fixed",
            layout=layout,
            frames=self.joints.shape[2],
            subsets={},
            definition={"name": "fixed", "split": split},
            contents="",
            versions={},
        )

    def clips(self, subset, selections):
        return [ClipBatch(joints_LMTVC=self.joints, present_LM=torch.ones(self.joints.shape[:2], dtype=torch.bool))]


def seen(joints, layout=NTU25, common="body19", **split):
    (batch,) = mapped(Fixed(joints, layout, **split), common).clips("train", [[(0, 0)]])
    return batch.joints_LMTVC


def persons(layout=NTU25, clips=2, bodies=2, seed=0):
    """Standing persons (L, M, T, V, C) in metres, y up, with the first body's spine upright in the first frame."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(clips, bodies, T, layout.n_joints, len(layout.coordinates)))
    if layout is NTU25:
        joints[:, 0, 0, [1, 20]] = joints[:, 0, 0, :1] + [[0, 0.3, 0], [0, 0.6, 0]]
    return joints


def turn(angle):
    return np.array([[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]])


def test_a_clip_has_the_same_numbers_wherever_it_stands_whichever_way_it_faces_and_however_large_it_is():
    clip = persons()
    moved = 2.5 * clip @ turn(2.0).T + [3.0, -1.0, 7.0]
    torch.testing.assert_close(seen(moved), seen(clip), rtol=1e-4, atol=1e-4)


def _across(joints):
    """The lines from left to right of shoulders and hips, summed over the clip -> (L, 3)."""
    names = BODY19.joints
    ends = [
        joints[:, 0, :, [names.index(f"{side} shoulder"), names.index(f"{side} hip")]].sum((1, 2))
        for side in ("right", "left")
    ]
    return ends[0] - ends[1]


def test_upright_clips_are_turned_back_so_that_y_is_up():
    """`rotate: upright` has the spine on z and the shoulders on x: (x, y, z) of ours is (x, -z, y) there."""
    ours = seen(persons())
    clip = persons()
    line = clip[:, 0, 0, 8] - clip[:, 0, 0, 4]
    turned = np.stack([one @ turn(math.atan2(*along[[2, 0]])).T for one, along in zip(clip, line, strict=True)])
    upright = np.stack([turned[..., 0], -turned[..., 2], turned[..., 1]], axis=-1)
    torch.testing.assert_close(seen(upright, rotate="upright"), ours, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(seen(upright), ours, atol=0.1)


def test_the_first_body_decides_where_the_origin_is_where_x_points_and_what_one_means():
    joints = seen(persons())
    assert joints.shape == (2, 2, T, 19, 3)
    assert joints[:, 0, 0, HIP].abs().max() == 0
    assert joints[:, 1, 0, HIP].abs().min() > 0  # the second body stays beside the first
    across = _across(joints)
    assert (across[:, 0] > 0).all()
    assert across[:, 2].abs().max() < 1e-5
    lengths = (joints[:, 0, :, NECK] - joints[:, 0, :, HIP]).norm(dim=-1)
    torch.testing.assert_close(lengths.median(1).values, torch.ones(2))


def test_one_frame_from_the_side_does_not_turn_a_clip():
    clip = persons()
    clip[:, 0, :, [8, 16]] = clip[:, 0, :, [4, 12]] + [0.4, 0.0, 0.0]
    straight = seen(clip)
    clip[:, 0, 0, 8] = clip[:, 0, 0, 4] + [0.0, 0.0, 0.4]
    angle = torch.atan2(_across(seen(clip))[:, 2], _across(seen(clip))[:, 0])
    assert angle.abs().max() < 1e-5
    chest = BODY19.joints.index("neck")
    assert (seen(clip)[:, 0, 1:, chest] - straight[:, 0, 1:, chest]).abs().max() < 0.3


def test_a_body_that_faces_nowhere_is_not_turned():
    clip = persons()
    clip[:, 0, :, [8, 16]] = clip[:, 0, :, [4, 12]] + [0.0, 1.0, 0.0]  # it lies on its side
    unturned = clip - clip[:, :1, :1, :1]
    scale = np.linalg.norm(clip[:, 0, :, 20] - clip[:, 0, :, 0], axis=-1)
    expected = unturned[..., 3, :] / np.sort(scale, axis=1)[:, T // 2][:, None, None, None]
    np.testing.assert_allclose(seen(clip)[..., 2, :], expected, rtol=1e-4, atol=1e-4)


def test_a_torso_without_length_leaves_a_clip_in_its_size():
    clip = persons()
    clip[:, 0, :, 20] = clip[:, 0, :, 0]
    distances = np.linalg.norm(clip[:, 0, 0, 3] - clip[:, 0, 0, 0], axis=-1)
    np.testing.assert_allclose(seen(clip)[:, 0, 0, 2].norm(dim=-1), distances, rtol=1e-4)


def test_bodies_that_are_absent_and_joints_that_were_not_measured_stay_zero():
    clip = persons()
    clip[0, 1] = 0  # padding
    clip[1, 0, :2] = 0  # comes later
    clip[1, 0, 3, 10] = 0  # a wrist
    joints = seen(clip, missing_joints="zero")
    wrist = BODY19.joints.index("right wrist")
    assert joints[0, 1].abs().max() == joints[1, 0, :2].abs().max() == joints[1, 0, 3, wrist].abs().max() == 0
    assert joints[1, 0, 2, HIP].abs().max() == 0  # the first frame that shows it
    assert joints[1, 0, 2].abs().max() > 0
    assert seen(clip)[1, 0, 3, wrist].abs().max() > 0  # interpolated: a joint at 0 is a joint
    assert torch.equal(seen(clip)[0, 1], torch.zeros(T, 19, 3))


def test_a_pose_is_moved_and_scaled_and_its_confidence_says_whether_all_that_is_used_was_measured():
    clip = persons(COCO17)
    clip[..., 2] = np.random.default_rng(1).uniform(0.1, 1.0, size=clip.shape[:-1])
    clip[0, 0, 2, COCO17.joints.index("left hip"), 2] = 0.0
    pose = seen(clip, COCO17, "pose15")
    expected = np.ones(pose.shape[:3])
    expected[0, 0, 2] = 0.0
    np.testing.assert_array_equal(pose[..., HIP, 2], expected)
    assert pose[:, 0, 0, HIP, :2].abs().max() == 0
    moved = clip.copy()
    moved[..., :2] = 3 * moved[..., :2] + [5.0, -2.0]
    torch.testing.assert_close(seen(moved, COCO17, "pose15"), pose, rtol=1e-4, atol=1e-4)


def test_how_a_clip_looks_depends_on_no_other():
    clip = persons(clips=3)
    assert torch.equal(seen(clip)[1:2], seen(clip[1:2]))


def test_the_manifest_says_the_common_layout_and_nothing_of_the_preparation_before():
    source = Fixed(persons(), origin="first_frame", scale="torso")
    view = mapped(source, "body19")
    assert view.manifest == mapped_manifest(source.manifest, "body19")
    assert view.manifest.layout == BODY19
    assert view.manifest.definition == {"name": "fixed", "split": {"common": "body19"}}
    assert mapped(view, "body19") is view
    assert mapped(source, None) is source


def test_what_a_preparation_has_lost_is_said():
    assert lost(Fixed(persons(), origin="first_frame", rotate="yaw").manifest) == []
    lines = lost(Fixed(persons(), origin="every_frame", rotate="upright").manifest)
    assert [line.partition(":")[2].split(":")[0] for line in lines] == [
        " split.origin is every_frame",
        " split.rotate is upright",
    ]


def test_a_source_that_cannot_be_mapped_is_refused_by_the_joint():
    with pytest.raises(
        RunError, match=r"fixed: its joints cannot be mapped \(augment.layout body19\): .* needs hip cent"
    ):
        mapped(Fixed(np.zeros((1, 1, T, 3, 3)), STICK), "body19")
    with pytest.raises(RunError, match="coco17 has x, y, confidence and body19 has x, y, z"):
        mapped(Fixed(persons(COCO17), COCO17), "body19")
    joints = tuple("stump" if name == "right ankle" else name for name in COCO17.joints)
    with pytest.raises(RunError, match="pose15 needs right ankle"):
        mapped(Fixed(persons(COCO17), replace(COCO17, joints=joints)), "pose15")
    with pytest.raises(RunError, match=r"not of shards whose frames are scrambled .* fixed are"):
        mapped(Fixed(persons(), frame_order="scrambled"), "body19")


def test_a_pose_in_the_common_layout_stays_that_layout():
    assert mapped(Fixed(persons(POSE15), POSE15), "pose15").manifest.layout == POSE15
