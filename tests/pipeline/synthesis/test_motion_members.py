"""The open vocabulary's files: each a function of seed, class and clip, and the same motion in 2-D as in 3-D."""

import io
from dataclasses import replace

import numpy as np
import pytest

from pipeline.definitions.definition import SynthSpec
from pipeline.synthesis.motion_members import VIEWS, motion_members

SPEC = SynthSpec(vocabulary="open", n_classes=2, clips_per_class=3, seed=5)


@pytest.mark.parametrize(("view", "shape"), [("ntu25", (25, 3)), ("coco17", (17, 3))])
def test_every_file_is_an_array_of_one_body(view: str, shape: tuple[int, int]) -> None:
    members = dict(motion_members(SPEC, VIEWS[view]))
    assert list(members) == [f"motion_{c:04d}/{i:03d}.npy" for c in range(2) for i in range(3)]
    for content in members.values():
        joints = np.load(io.BytesIO(content))
        assert joints.dtype == np.float32
        assert joints.shape[1:] == shape
        assert np.isfinite(joints).all()


def test_more_clips_and_classes_leave_the_others_as_they_are() -> None:
    few = dict(motion_members(SPEC, VIEWS["ntu25"]))
    more = dict(motion_members(replace(SPEC, n_classes=3, clips_per_class=4), VIEWS["ntu25"]))
    assert few.items() < more.items()
    assert not set(few.values()) & set(dict(motion_members(replace(SPEC, seed=6), VIEWS["ntu25"])).values())


def test_the_same_clip_lasts_as_long_in_both_views() -> None:
    lengths = [
        [len(np.load(io.BytesIO(content))) for _, content in motion_members(SPEC, view)] for view in VIEWS.values()
    ]
    assert lengths[0] == lengths[1]
    assert len(set(lengths[0])) > 2
