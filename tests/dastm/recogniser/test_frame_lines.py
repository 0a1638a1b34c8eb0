"""Frames as lines of JSON: what is read, and what is refused with a reason."""

import json

import numpy as np
import pytest

from dastm.contract.skeleton import COCO17, NTU25
from dastm.recogniser.frame_lines import MOST_BYTES, frame_of
from tests.actions import clip_of

JOINTS = clip_of("wave", 0).joints_TVC[0].tolist()


def line(**said):
    return json.dumps(said).encode()


def test_a_line_has_a_number_a_time_and_bodies_by_their_ids():
    frame = frame_of(
        line(frame=17, time=0.5, bodies=[{"id": 4, "joints": JOINTS}, {"id": "b", "joints": JOINTS}]), NTU25
    )
    assert (frame.number, frame.time, list(frame.bodies)) == (17, 0.5, [4, "b"])
    np.testing.assert_allclose(frame.bodies["b"], JOINTS)


def test_only_joints_have_to_be_there():
    assert list(frame_of(line(bodies=[{"joints": JOINTS}, {"joints": JOINTS}]), NTU25).bodies) == [0, 1]
    frame = frame_of(line(joints=JOINTS), NTU25)
    assert (frame.number, frame.time, list(frame.bodies)) == (None, None, [0])
    assert not frame_of(line(bodies=[]), NTU25).bodies


def test_what_was_not_measured_is_null():
    joints = [*JOINTS]
    joints[3], joints[4], joints[5] = None, [1.0, None, 2.0], [float("nan")] * 3
    read = frame_of(line(joints=joints), NTU25).bodies[0]
    assert np.isnan(read[3]).all()
    assert np.isnan(read[4, 1])
    assert np.isfinite(read[6:]).all()


@pytest.mark.parametrize("joints", [None, []])
def test_a_body_without_a_pose_does_not_discard_the_others(joints):
    bodies = frame_of(line(bodies=[{"id": 1, "joints": joints}, {"id": 2, "joints": JOINTS}]), NTU25).bodies
    assert np.isnan(bodies[1]).all()
    np.testing.assert_allclose(bodies[2], JOINTS)


def test_a_pose_in_an_image_needs_no_confidence():
    joints = clip_of("wave", 0, COCO17).joints_TVC[0]
    read = frame_of(line(joints=[[*map(float, joint[:2])] for joint in joints]), COCO17).bodies[0]
    np.testing.assert_allclose(read[:, :2], joints[:, :2])
    np.testing.assert_array_equal(read[:, 2], 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON: nested too deeply"),
        (b" " * (MOST_BYTES + 1), "longer than"),
        (b"17", "expected an object with"),
        (b'{"joints": [], "joints": []}', "ambiguous: the key 'joints' is given twice"),
        (b"{}", "expected an object with"),
        (line(frame=-1, joints=JOINTS), "frame: expected a whole number from 0, got -1"),
        (line(frame=True, joints=JOINTS), "frame: expected a whole number"),
        (line(time="now", joints=JOINTS), "time: expected seconds"),
        (line(time=float("nan"), joints=JOINTS), "time: expected seconds"),
        (line(bodies={}), "bodies: expected a list"),
        (line(bodies=[JOINTS]), "bodies: expected objects"),
        (line(bodies=[{"id": 1.5, "joints": JOINTS}]), "id: expected a number or a name, got 1.5"),
        (line(bodies=[{"id": 1, "joints": JOINTS}] * 2), "two bodies with the id 1"),
        (line(bodies=[{"id": 1}]), "body 1: expected a list of 25 joints in the order of ntu25, got None"),
        (line(joints={"hip centre": [0, 0, 0]}), "body 0: expected a list of 25 joints in the order of ntu25, got {"),
        (line(joints=JOINTS[:20]), "body 0: ntu25 has 25 joints, got 20"),
        (line(joints=[[0, 0]] * 25), "body 0, hip centre: expected x, y, z, or null"),
        (line(joints=[["a", 0, 0]] * 25), "body 0, hip centre: expected numbers or null"),
        (line(joints=[[True, 0, 0]] * 25), "expected numbers or null"),
        (line(joints=[[1e300, 0, 0]] * 25), "expected numbers or null"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError, match=reason) as told:
        frame_of(text, NTU25)
    assert len(str(told.value)) < 300
    assert "\n" not in str(told.value)
