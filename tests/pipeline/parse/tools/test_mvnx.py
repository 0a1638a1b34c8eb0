"""Xsens MVNX written by hand; each oddity is one that genuine exports have."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

SEGMENTS = ("Pelvis", "RightUpperArm", "RightForeArm")
BEGIN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- <!DOCTYPE mvnx> -->\n<mvnx xmlns="http://www.xsens.com/mvn/mvnx">\n'
)


def frame(index, x=0.0, kind="normal"):
    places = " ".join(f"{n:.6f}" for s in range(len(SEGMENTS)) for n in (x, s, 1 + s))
    begin = f'<frame time="0" index="{index}" type="{kind}"><orientation>1 0</orientation>'
    return f"{begin}<position>{places}</position></frame>"


def mvnx(*frames, begin=BEGIN, segments=SEGMENTS, subjects=1):
    named = "".join(f'<segment label="{name}" id="1"><points/></segment>' for name in segments)
    subject = (
        f'<subject label="S" frameRate="60"><segments>{named}</segments><frames>{"".join(frames)}</frames></subject>'
    )
    return f"{begin}{subject * subjects}</mvnx>\n"


def test_segments_begin_at_joints_and_z_points_up():
    text = mvnx(frame(0), frame(1, 0.5))
    assert form_of(text) == "mvnx"
    poses = poses_of("mvnx", text)
    assert poses.layout.joints == ("hip centre", "right shoulder", "right elbow")
    assert poses.fps == 60
    clip = clip_of("mvnx", text)
    assert clip.joints_PVC[:, 1].tolist() == [[0, 2, -1], [0.5, 2, -1]]
    assert clip.notes == ()


def test_frames_that_set_the_suit_up_are_no_motion():
    text = mvnx(frame("", kind="identity"), frame("", kind="tpose"), frame("", kind="tpose-isb"), frame(0, 7.0))
    assert clip_of("mvnx", text).joints_PVC[:, 0].tolist() == [[7, 1, 0]]


def test_frames_that_are_left_out_are_frames_without_a_body():
    clip = clip_of("mvnx", mvnx(frame(4), frame(6)))
    assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])


def test_a_lost_segment_is_a_joint_that_was_not_measured():
    clip = clip_of("mvnx", mvnx(frame(0).replace("1.000000 2.000000", "nan nan")))
    assert np.isnan(clip.joints_PVC[0, 1]).all()
    assert clip.notes == ("nan_as_missing",)


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: f"\ufeff{text}"])
def test_line_ends_and_a_byte_order_mark_change_nothing(change):
    text = mvnx(frame(0))
    assert np.array_equal(clip_of("mvnx", change(text)).joints_PVC, clip_of("mvnx", text).joints_PVC)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"60"', '"60.0"'),
        lambda text: text.replace("<", "<x:").replace("<x:/", "</x:").replace("<x:?", "<?").replace("<x:!", "<!"),
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16"),
    ],
    ids=["a rate with a point", "a prefix", "UTF-16"],
)
def test_other_spellings_are_the_same_motion(change):
    plain = mvnx(frame(0), frame(1, 0.5))
    text = change(plain.replace(" xmlns=", ' xmlns:x="u" xmlns='))
    poses = poses_of("mvnx", text)
    assert (poses.fps, poses.places_PVC.tolist()) == (60, poses_of("mvnx", plain).places_PVC.tolist())
    assert form_of(text) == "mvnx"


SWELLS = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c SYSTEM "file:///etc/passwd">]>\n<mvnx>'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (mvnx(frame(0), begin=SWELLS), "line 1: a document with declarations"),
        (mvnx(frame(0))[:-20], "not XML"),
        (mvnx(frame(0), subjects=2), "several subjects"),
        (mvnx(), "no frame of type normal"),
        (mvnx(frame(0), segments=SEGMENTS[:2]), "9 numbers of position, and 2 segments"),
        (mvnx(frame(3), frame(3)), "do not ascend"),
        (mvnx(frame(0).replace("1.000000", "one")), "'one' is not a number"),
        (mvnx(frame(0), segments=(*SEGMENTS[:2], "Pelvis")), "distinct names"),
    ],
)
def test_what_is_no_motion_of_one_suit_is_refused(text, why):
    with pytest.raises(RefusedError, match=why):
        clip_of("mvnx", text)


def test_a_document_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("pipeline.parse.tools.mvnx.MAX_TEXT_BYTES", 10)
    with pytest.raises(RefusedError, match="more than the 10"):
        clip_of("mvnx", mvnx(frame(0)))
