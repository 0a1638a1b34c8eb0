"""A clip alone has the numbers that it has in shards: the whole point of one preparation."""

import numpy as np
import pytest
import torch

from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import BODY19, COCO17, NTU25, POSE15, Layout
from dastm.episodes.augmentation import center_frames
from dastm.episodes.collate import collate
from dastm.episodes.common import mapped
from dastm.recogniser.clips import Clip
from dastm.recogniser.preparation import Preparation, prepare, whole
from pipeline.definitions.definition import SplitSpec
from pipeline.split.normalise import normalise_clip
from pipeline.tracks import Tracks
from tests.actions import clip_of

COMMON = {NTU25: BODY19, COCO17: POSE15}


def with_gaps(clip, rng):
    """The clip without a quarter of its measurements, one joint among them never seen."""
    joints_TVC = clip.joints_TVC.copy()
    lost_TV = rng.random(joints_TVC.shape[:2]) < 0.25
    lost_TV[:, 3] = True
    joints_TVC[lost_TV] = 0.0 if clip.layout.is_image else np.nan
    return Clip(key=clip.key, source=clip.source, layout=clip.layout, joints_TVC=joints_TVC)


class OneClip:
    """A source of a single clip, as `dastm-data split` prepared it."""

    def __init__(self, clip, spec):
        is_image = clip.layout.is_image
        tracks = Tracks(
            frames=clip.n_frames,
            ids=np.array([7]),
            lengths=np.array([clip.n_frames], np.int32),
            frame_index=np.arange(clip.n_frames, dtype=np.int32),
            joints_PVC=clip.joints_TVC[..., : clip.layout.n_space],
            scores_PV=clip.joints_TVC[..., 2] if is_image else None,
        )
        self.joints_MTVC = normalise_clip(tracks, spec, clip.layout).joints_MTVC
        self.manifest = Manifest(
            dataset="one", layout=clip.layout, frames=spec.n_frames, subsets={}, contents="", versions={},
            definition={"split": {"rotate": spec.rotate, "missing_joints": spec.missing_joints}},
        )  # fmt: skip

    def clips(self, subset, selections):
        return [collate([self.joints_MTVC])]


@pytest.mark.parametrize("layout", COMMON, ids=lambda layout: layout.name)
@pytest.mark.parametrize("n_frames", [5, 40, 200])
@pytest.mark.parametrize("gaps", [False, True])
def test_a_clip_alone_has_the_numbers_that_it_has_in_shards(layout, n_frames, gaps, rng):
    clip = clip_of("wave", layout=layout, n_frames=n_frames)
    clip = with_gaps(clip, rng) if gaps else clip
    spec = SplitSpec(
        class_split={}, n_frames=60, clips_per_class=None, origin="first_frame",
        rotate="none" if layout.is_image else "yaw", scale="torso",
    )  # fmt: skip
    source = center_frames(mapped(OneClip(clip, spec), COMMON[layout].name), 24, "path")
    (expected,) = source.clips("test", [[(0, 0)]])
    found = prepare([clip], Preparation(layout=COMMON[layout], n_frames=60, n_points=24)).batch
    assert torch.equal(found.present_LM, expected.present_LM)
    torch.testing.assert_close(found.joints_LMTVC, expected.joints_LMTVC, atol=2e-5, rtol=0)


def test_a_clip_is_prepared_alike_whatever_the_unit_and_place_of_its_source():
    clip = clip_of("kick")
    turned = clip.joints_TVC @ np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]], np.float32)
    moved = Clip(key="k", source="s", layout=NTU25, joints_TVC=1000 * turned + 300)
    preparation = Preparation(layout=BODY19, n_frames=60, n_points=24)
    one, other = (prepare([c], preparation).batch.joints_LMTVC for c in (clip, moved))
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_every_point_has_its_frame_of_the_recording():
    clip = clip_of("wave", n_frames=40, first_frame=100)
    frames_LF = prepare([clip], Preparation(layout=BODY19, n_frames=60, n_points=24)).frames_LF
    assert frames_LF.shape == (1, 24)
    assert (np.diff(frames_LF[0]) >= 0).all()
    assert frames_LF[0, [0, -1]].tolist() == [100, 139]


def test_a_clip_of_one_frame_that_nothing_moves_in_is_prepared():
    clip = clip_of("wave", n_frames=1)
    found = prepare([clip], Preparation(layout=BODY19, n_frames=60, n_points=24))
    assert torch.isfinite(found.batch.joints_LMTVC).all()
    assert found.frames_LF.tolist() == [[0.0] * 24]


def test_what_is_drawn_has_y_up_and_keeps_what_was_not_measured_marked():
    clip = clip_of("wave", layout=COCO17)
    joints_TVC = clip.joints_TVC.copy()
    joints_TVC[3, 9] = 0
    drawn_TVC = whole(Clip(key="k", source="s", layout=COCO17, joints_TVC=joints_TVC))
    nose, ankle = COCO17.joints.index("nose"), COCO17.joints.index("left ankle")
    assert (drawn_TVC[:, nose, 1] > drawn_TVC[:, ankle, 1]).all()
    assert drawn_TVC[3, 9, 2] == 0
    assert drawn_TVC[3, 9, :2] == pytest.approx((drawn_TVC[2, 9, :2] + drawn_TVC[4, 9, :2]) / 2)


def test_a_layout_without_a_needed_joint_is_refused_with_its_name_and_the_file():
    sticks = Layout(name="sticks", joints=("left hip", "right hip"), bones=((0, 1),))
    clip = Clip(key="k", source="a/b.npy", layout=sticks, joints_TVC=np.ones((4, 2, 3), np.float32))
    with pytest.raises(ValueError, match=r"a/b.npy: body19 needs neck, and sticks has none"):
        prepare([clip], Preparation(layout=BODY19, n_frames=60, n_points=24))
