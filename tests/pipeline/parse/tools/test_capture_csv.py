"""Motive's and Vicon Nexus's CSV: bones or markers, one body or two, and what each refuses."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def motive(*columns, frames=((7, "0.0"), (9, "0.02")), facts="Length Units,Millimeters,Coordinate Space,Global"):
    """`columns`: (type, name, component, axis, number); the second frame lacks the last one."""
    types, names, kinds, axes, numbers = zip(*columns, strict=True)
    lines = [
        f"Format Version,1.23,Take Name,a,Capture Frame Rate,240.0,Export Frame Rate,120.000000,{facts}",
        "",
        ",Type," + ",".join(types),
        ",Name," + ",".join(f'"{name}"' for name in names),
        ",ID," + ",".join(types),
        ",," + ",".join(kinds),
        "Frame,Time (Seconds)," + ",".join(axes),
    ]
    for at, (frame, time) in enumerate(frames):
        told = [str(number) for number in numbers]
        lines.append(",".join([str(frame), time, *(told if not at else [*told[:-1], ""])]))
    return "\r\n".join(lines) + "\r\n"


def points(kind, name, *numbers):
    return [(kind, name, "Position", axis, number) for axis, number in zip("XYZ", numbers, strict=True)]


HIP = [("Bone", "Ann:Hip", "Rotation", axis, 0.5) for axis in "XYZW"] + points("Bone", "Ann:Hip", 10, 900, 3)
ARM = points("Bone", "Ann:LUArm", 15, 1400, 4)
HAND = points("Bone", "Ann:LHand", 20, 1200, 4)
BONES = motive(
    *HIP, *ARM, *HAND, *points("Bone Marker", "Ann:WaistLFront", 1, 2, 3), *points("Marker", "Ann:Chest", 1, 2, 3)
)


def test_motives_bones_are_joints_in_metres_with_frames_a_second():
    poses = poses_of("motive_csv", BONES)
    assert (form_of(BONES), poses.fps, poses.layout.joints) == (
        "motive_csv",
        120,
        ("hip centre", "left shoulder", "left wrist"),
    )
    clip = clip_of("motive_csv", BONES)
    assert clip.joints_PVC[0].tolist() == pytest.approx(
        np.array([[0.01, 0.9, 0.003], [0.015, 1.4, 0.004], [0.02, 1.2, 0.004]])
    )
    assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])


def test_without_bones_the_named_markers_are_read_and_blank_cells_were_not_seen():
    text = motive(
        *points("Rigid Body", "Drone", 1, 2, 3),
        *points("Marker", "Unlabeled 1189", 7, 7, 7),
        *points("Marker", "Ann:Chest", 1, 2, 3),
        *points("Marker", "Ann:Back", 4, 5, 6),
    )
    clip = clip_of("motive_csv", text)
    assert clip.joints_PVC[0].tolist() == pytest.approx(np.array([[0.001, 0.002, 0.003], [0.004, 0.005, 0.006]]))
    assert np.isnan(clip.joints_PVC[1, 1]).all()


def test_two_skeletons_are_two_bodies():
    clip = clip_of(
        "motive_csv", motive(*HIP, *points("Bone", "Bob:Hip", 1, 2, 3), *points("Bone", "Bob:Head", 1, 2, 3))
    )
    assert clip.ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (motive(*points("Rigid Body", "Drone", 1, 2, 3)), "rigid bodies alone; export the skeleton"),
        (motive(*HIP, facts="Length Units,Meters,Coordinate Space,Local"), "Coordinate Space: Global"),
        (motive(*HIP, frames=()), "no line of motion"),
        (motive(*HIP, frames=[("x", "1")]), "line 8: 'x' is not the number of a frame"),
        (motive(*HIP).replace("900", "high"), "line 8: 'high' is not a number"),
        ("Format Version,1.23\nFrame,Time\n", "not Motive's lines"),
    ],
)
def test_what_is_no_skeleton_of_motive_is_refused(text, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("motive_csv", text)


VICON = """Trajectories
100
,,Ann:LFHD,,,Ann:RFHD,,
Frame,Sub Frame,X,Y,Z,X,Y,Z
,,mm,mm,mm,mm,mm,mm
12,0,100,200,1700,-100,200,1700
13,0,100,200,1700,,,

Devices
1000
1,0,5
"""


def test_vicons_trajectories_are_markers_with_z_up():
    poses = poses_of("vicon_csv", VICON)
    assert (form_of(VICON), poses.fps, poses.layout.joints) == ("vicon_csv", 100, ("left fhd", "right fhd"))
    clip = clip_of("vicon_csv", VICON)
    assert clip.joints_PVC[0].tolist() == pytest.approx(np.array([[0.1, 1.7, -0.2], [-0.1, 1.7, -0.2]]))
    assert (clip.frames, bool(np.isnan(clip.joints_PVC[1, 1]).all())) == (2, True)


def test_semicolons_part_the_columns_of_both_where_spreadsheets_have_written_them():
    assert np.array_equal(
        clip_of("vicon_csv", VICON.replace(",", ";")).joints_PVC, clip_of("vicon_csv", VICON).joints_PVC, equal_nan=True
    )
    text = BONES
    assert np.array_equal(
        clip_of("motive_csv", text.replace(",", ";")).joints_PVC, clip_of("motive_csv", text).joints_PVC, equal_nan=True
    )
    assert form_of(text.replace(",", ";")) == "motive_csv"


def test_vicons_blocks_before_the_trajectories_are_passed_over():
    before = "Model Outputs\n100\n,,Ann:LAnkleAngles,,\nFrame,Sub Frame,X,Y,Z\n,,deg,deg,deg\n12,0,1,2,3\n\n"
    assert form_of(before + VICON) == "vicon_csv"
    assert np.array_equal(clip_of("vicon_csv", before + VICON).joints_PVC[0], clip_of("vicon_csv", VICON).joints_PVC[0])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Trajectories", "Devices", "no block 'Trajectories'"),
        ("X,Y,Z,X,Y,Z", "RX,RY,RZ,RX,RY,RZ", "line 4: no columns X, Y and Z"),
        ("12,0,100", "12,0,wide", "line 6: 'wide' is not a number"),
    ],
)
def test_what_is_no_trajectory_of_vicon_is_refused(old, new, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("vicon_csv", VICON.replace(old, new, 1))
