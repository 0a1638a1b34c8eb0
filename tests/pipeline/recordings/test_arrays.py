"""One array a file that nobody has described."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import COCO17, NTU25
from pipeline.recordings.arrays import Terms, read_alone
from tests.recorded import npy, person, wide_csv

TIMES = [f"{t / 15:.3f}" for t in range(12)]


def test_a_layout_that_nobody_named_is_noted():
    read = read_alone("a.npy", npy(person()), Terms())
    assert read.layout is NTU25
    assert read.notes == ("taken for ntu25, the only known layout of 25 joints that fits",)
    np.testing.assert_array_equal(read.tracks.joints_PVC, person())
    assert read_alone("a.npy", npy(person()), Terms(layout=NTU25)).notes == ()


def test_bodies_may_come_first_and_units_are_taken_into_account():
    both = np.stack([person(0), person(1)])
    read = read_alone("a.npy", npy(both * 1000), Terms(unit_m=0.001))
    assert len(read.tracks.ids) == 2
    np.testing.assert_allclose(read.tracks.joints_PVC[:12], person(0), rtol=1e-6)


def test_pixels_stay_pixels_so_that_both_axes_have_one_unit():
    pixels = person(layout=COCO17) * np.array([640, 640, 1], np.float32)
    pixels[3, 2] = 0
    read = read_alone("a.npy", npy(pixels), Terms())
    assert read.layout is COCO17
    np.testing.assert_allclose(read.tracks.joints_PVC, pixels[..., :2])
    assert read.tracks.scores_PV is not None
    assert read.tracks.scores_PV[3, 2] == 0


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((4, 25), np.float32), r"shape \(4, 25\), expected \(frames, joints, coordinates\)"),
        (np.ones((4, 14, 3), np.float32), "14 joints of 3 numbers"),
        (np.zeros((4, 25, 3), np.float32), "no body in any of 4 frames"),
        (person(25)[:, np.random.default_rng(0).permutation(25)], "in that order they are no body"),
    ],
)
def test_what_is_no_clip_is_refused(array, why):
    with pytest.raises(RefusedError, match=why):
        read_alone("a.npy", npy(array), Terms())
    with pytest.raises(RefusedError):
        read_alone("a.npy", b"no array", Terms())


def test_a_csv_says_its_joints_by_number_or_name_wide_or_long():
    joints = person(frames=3)
    wide = wide_csv(joints)
    named = wide
    for v, name in reversed([*enumerate(NTU25.joints)]):
        for c in "xyz":
            named = named.replace(f",{c}_{v},", f",{c}_{name},").replace(f",{c}_{v}\n", f",{c}_{name}\n")
    rows = [
        f"{t};{name};" + ";".join(map(str, map(float, joints[t, v])))
        for t in range(3)
        for v, name in enumerate(NTU25.joints)
    ]
    long = "\n".join(["frame;joint;x;y;z", *rows])
    for text in (wide, named, long):
        read = read_alone("a.csv", text.encode(), Terms())
        assert read.layout is NTU25
        np.testing.assert_allclose(read.tracks.joints_PVC, joints, rtol=1e-6)


def test_a_layout_of_another_number_of_joints_is_not_taken_for_the_first_of_them():
    with pytest.raises(RefusedError, match="25 joints, layout coco17 has 17"):
        read_alone("a.csv", wide_csv(person()).encode(), Terms(layout=COCO17))


def test_joints_of_any_names_make_a_layout_of_their_own():
    columns = [f"{what}_left{joint}" for joint in ("Elbow", "Shoulder") for what in ("x", "y", "score")]
    text = f"frame,{','.join(columns)}\n0,.1,.2,1,.3,.4,0\n"
    read = read_alone("a.csv", text.encode(), Terms())
    assert (read.layout.joints, read.layout.bones, read.notes) == (("leftElbow", "leftShoulder"), ((1, 0),), ())
    assert read.tracks.scores_PV is not None
    assert read.tracks.scores_PV.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("column", "factor", "fps"),
    [("time_s", 1, 15), ("time", 1, 15), ("timestamp", 1000, 15), ("timestamp_ms", 1000, 15), ("time", 1e6, 15)],
)
def test_times_tell_the_frames_a_second(column, factor, fps):
    times = [f"{t / 15 * factor:.5f}" for t in range(12)]
    read = read_alone("a.csv", wide_csv(person(), times, column).encode(), Terms())
    assert read.fps == pytest.approx(fps, rel=1e-3)


def test_without_a_column_of_times_nobody_knows_the_frames_a_second():
    assert read_alone("a.csv", wide_csv(person()).encode(), Terms()).fps is None
    assert read_alone("a.csv", wide_csv(person(frames=1), ["0.1"]).encode(), Terms()).fps is None
    assert read_alone("a.csv", wide_csv(person(), [str(3600 * t) for t in range(12)]).encode(), Terms()).fps is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\xff\xfe", "not UTF-8 text"),
        (b"start,end,gesture\n1,2,wave\n", "no columns x_0"),
        (b"frame,x_hip,x_ hip,y_hip\n0,1,2,3\n", "no column"),
        (b"frame,x_hip,y_hip,x_hip\n0,1,2,3\n", "distinct names"),
        (b"frame,x_0,y_0,x_99999\n0,1,2,3\n", "100000 joints"),
        (b'frame,joint,x,y\n0,"hip,1,2\n', "not CSV"),
        (b"frame,joint,x,y\n0,\xff,1,2\n", "not UTF-8 text"),
        (wide_csv(person(frames=1)).replace("0.", "zero", 1).encode(), "is not a number"),
        (wide_csv(person(frames=3), ["0.0", "soon", "1.0"]).encode(), "is not a time"),
    ],
)
def test_a_damaged_csv_is_refused(text, why):
    with pytest.raises(RefusedError, match=why):
        read_alone("a.csv", text, Terms())
