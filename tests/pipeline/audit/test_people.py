"""What the audit says of the people in the arrays."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.audit.people import ALWAYS, People
from tests.pipeline.doctor.made_clips import film, person


def manifest(layout=NTU25, **split):
    return {"layout": layout.to_dict(), "definition": {"split": split}, "parts": {"train": {"0": {"clips": 3}}}}


def said(clips, layout=NTU25, **split):
    people = People(manifest(layout, **split))
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


@pytest.mark.parametrize(("n_zero", "told"), [(1, False), (2, True), (35, True)])
def test_a_joint_that_is_at_the_origin_at_times_is_named_as_doctor_does(rng, n_zero, told):
    clips = [person(rng)[None] for _ in range(3)]
    clips[0][0, :n_zero, 7] = 0.0
    line = "joint 'left hand' is (0, 0, 0) at times in 1 of 3 clips: lost there, most likely"
    assert said(clips, origin="none")[1] == [line] * told
    assert said(clips, origin="none", missing_joints="zero")[1] == []  # the definition puts missing joints there


def test_a_centre_that_the_first_frame_put_into_the_origin_is_no_lost_joint(rng):
    clips = [(body := person(rng, 20)) - body[:1, 1:2] for _ in range(3)]
    assert said([clip[None] for clip in clips], origin="first_frame")[1] == []
    assert "'spine' is (0, 0, 0) at times in 3 of 3" in said([clip[None] for clip in clips], origin="none")[1][0]


def test_frames_without_the_body_do_not_count(rng):
    clips = [person(rng)[None] for _ in range(3)]
    for clip in clips:
        clip[0, 20:] = 0.0
        clip[0, :, 7] = 0.0
    assert "joint 'left hand' is (0, 0, 0) in nearly all frames of 3 of 3 clips" in said(clips, origin="none")[1][0]


@pytest.mark.parametrize(
    ("place", "origin", "told"),
    [
        ((0.0, 0.0), "none", "(0, 0)"),
        ((0.0, 0.0), "first_frame", "(0, 0)"),
        ((-0.5, 0.5), "none", "in the corner of the image"),
    ],
)
def test_a_joint_of_an_image_that_is_found_at_the_origin_is_named(rng, place, origin, told):
    clips = [np.concatenate([film(rng), np.full((40, 18, 1), 0.8)], axis=2)[None] for _ in range(3)]
    found = [line for line in said(clips, layout=OPENPOSE18, origin=origin)[1] if "joint" in line.split("skeleton")[0]]
    assert found == []
    for clip in clips:
        clip[0, :, 4, :2] = place
        clip[0, :5, 7, :2] = place
    found = said(clips, layout=OPENPOSE18, origin=origin)[1]
    assert f"joint 'right wrist' is {told} in nearly all frames of 3 of 3 clips: {ALWAYS}" in found
    assert f"joint 'left wrist' is {told} at times in 3 of 3 clips: lost there, most likely" in found
    for clip in clips:
        clip[0, :, [4, 7], 2] = 0.0
    assert not any("wrist' is" in line for line in said(clips, layout=OPENPOSE18, origin=origin)[1])


def test_a_layout_whose_joints_are_not_known_is_said_to_be_not_checked(rng):
    own = replace(NTU25, name="mine", joints=tuple(f"j{i}" for i in range(25)), spine=None, shoulders=None, torso=None)
    (line,) = said([person(rng)[None] for _ in range(3)], layout=own)[1]
    assert line.startswith("posture not checked: no joint of layout mine is known as head / hips / shoulders")
    assert said([person(rng)[None] for _ in range(2)], layout=own)[1] == []
    lines = said([(person(rng) * [1, -1, 1])[None] for _ in range(3)], layout=replace(own, torso=((0,), (20,))))[1]
    assert lines[0].startswith("posture checked in part only")
    assert "torso is within 60 degrees of upright in 0% of the frames only" in lines[1]


@pytest.mark.parametrize("fields", [{"shoulders": [4, 25]}, {"torso": [[0], [-1]]}, {"spine": [0]}, {"torso": [[0]]}])
def test_a_landmark_that_is_no_joint_is_a_value_error(fields):
    document = manifest()
    document["layout"] |= fields
    with pytest.raises(ValueError, match=r"landmark|unpack"):
        People(document)


def test_a_frozen_clip_is_told_alone(rng):
    assert said([np.repeat(person(rng, 1), 9, axis=0)[None]])[0] == ["frozen, all frames are the same"]


def test_without_a_manifest_nothing_is_said(rng):
    people = People()
    assert list(people.see(person(rng)[None])) == []
    assert list(people.warnings()) == []
