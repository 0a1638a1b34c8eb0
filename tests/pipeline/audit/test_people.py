"""What the audit says of the people in the arrays."""

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.audit.people import People
from tests.pipeline.doctor.made_clips import film, person


def manifest(layout=NTU25, **split):
    return {"layout": layout.to_dict(), "definition": {"split": split}, "parts": {"train": {"0": {"clips": 3}}}}


def said(clips, **split):
    people = People(manifest(**split))
    alone = [line for clip in clips for line in people.see(clip.astype(np.float32))]
    return alone, list(people.warnings())


def test_people_raise_no_warning(rng):
    assert said([person(rng)[None] for _ in range(3)], scale="none") == ([], [])


def test_a_joint_at_the_origin_is_named_unless_the_definition_moved_it_there(rng):
    clips = [(body := person(rng)) - body[:, 1:2] for _ in range(3)]
    line = "joint 'spine' is (0, 0, 0) in nearly all frames of 3 of 3 clips: centred on it, or never measured"
    for origin in ("none", "first_frame", "as stored"):
        assert said([clip[None] for clip in clips], origin=origin)[1] == [line]
    assert said([clip[None] for clip in clips], origin="every_frame")[1] == []
    two = [np.stack([person(rng), clip]) for clip in clips]
    assert said(two, origin="every_frame")[1] == [line]  # only the first body's centre is moved there


@pytest.mark.parametrize(("scale", "n_lines"), [("none", 1), ("torso", 0)])
def test_a_wrong_skeleton_and_units_are_warnings(rng, scale, n_lines):
    clips = [1000 * person(rng)[None] for _ in range(3)]
    lines = said(clips, scale=scale)[1]
    assert len(lines) == n_lines
    assert all(line.startswith("skeleton: the torso is 550 m long") for line in lines)
    assert said([clip[..., ::-1, :] for clip in clips], scale="torso")[1]
    turned = [clip[..., [0, 2, 1]] for clip in clips]
    assert said(turned, scale="torso", rotate="upright")[1] == []


def test_images_have_no_joint_at_the_origin(rng):
    clip = np.concatenate([film(rng), np.zeros((40, 18, 1))], axis=2)
    clip[..., :2] = 0.0
    assert said([clip[None]] * 3, layout=OPENPOSE18)[1] == []


def test_a_frozen_clip_is_told_alone(rng):
    assert said([np.repeat(person(rng, 1), 9, axis=0)[None]])[0] == ["frozen, all frames are the same"]


def test_without_a_manifest_nothing_is_said(rng):
    people = People()
    assert list(people.see(person(rng)[None])) == []
    assert list(people.warnings()) == []
