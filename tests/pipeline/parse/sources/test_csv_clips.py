"""CSV clips: exact values of both forms, and a line for everything else."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.csv_clips import parse_csv
from tests.pipeline.parse.sources.source_files import STICK, STICK_2D

WIDE = """frame,body,x_0,y_0,z_0,x_head,y_head,z_head,remark
3,72057594037944738,0.1,-2.5e-1,3,-1,1E2,0.3333333333333333,a
5,72057594037944738,1,2,3,4,5,6,"b, c"

5,4,7,8,9,,nan,10,
"""
LONG = """\ufeffframe;joint;x;y;score
0;hip;0.5;0.25;1
0;1;0.125;1;0.5
1;0;1;1;nan
"""


def test_a_wide_file_is_read_to_the_last_bit():
    clip = parse_csv(WIDE.encode(), STICK)
    assert clip.ids_M.tolist() == [4, 72057594037944738]
    assert clip.places_MTVC.shape == (2, 3, 2, 3)
    assert clip.places_MTVC[1, 0].tolist() == [[0.1, -0.25, 3], [-1, 100, 0.3333333333333333]]
    assert clip.places_MTVC[1, 1].tolist() == [[0] * 3, [0] * 3]
    assert clip.places_MTVC[1, 2].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert clip.places_MTVC[0, 2, 0].tolist() == [7, 8, 9]
    assert np.isnan(clip.places_MTVC[0, 2, 1]).tolist() == [True, True, False]
    assert clip.scores_MTV is None


def test_a_long_file_may_leave_joints_out():
    clip = parse_csv(LONG.encode(), STICK_2D, "long", ";")
    assert clip.places_MTVC[0, 0].tolist() == [[0.5, 0.25], [0.125, 1]]
    assert clip.scores_MTV[0, 0].tolist() == [1, 0.5]
    assert np.isnan(clip.scores_MTV[0, 1]).all()
    assert np.isnan(clip.places_MTVC[0, 1, 1]).all()


def test_scores_may_be_left_out_or_given_in_wide_files():
    assert parse_csv(b"frame,x_0,y_0,x_1,y_1\n0,1,2,3,4\n", STICK_2D).scores_MTV is None
    data = b"frame,x_0,y_0,x_1,y_1,score_0,score_1\n0,1,2,3,4,0.5,0.25\n"
    assert parse_csv(data, STICK_2D).scores_MTV.tolist() == [[[0.5, 0.25]]]


@pytest.mark.parametrize("word", ["score", "visibility", "confidence"])
def test_scores_of_three_dimensional_joints_are_kept(word):
    wide = f"frame,x_0,y_0,z_0,x_1,y_1,z_1,{word}_0,{word}_head\n0,1,2,3,4,5,6,0.5,0\n"
    long = f"frame,joint,x,y,z,{word}\n0,hip,1,2,3,0.5\n0,head,4,5,6,0\n"
    for text, columns in ((wide, "wide"), (long, "long")):
        clip = parse_csv(text.encode(), STICK, columns)
        assert clip.places_MTVC.tolist() == [[[[1, 2, 3], [4, 5, 6]]]]
        assert clip.scores_MTV.tolist() == [[[0.5, 0]]]


HEAD = "frame,x_0,y_0,z_0,x_1,y_1,z_1\n"


@pytest.mark.parametrize(
    ("text", "columns", "reason"),
    [
        ("", "wide", "line 1: no column 'frame'"),
        (HEAD, "wide", "line 1: no line but the first"),
        ("frame,frame\n", "wide", "line 1: a column name occurs twice"),
        ("frame,x_0\n", "wide", "line 1: no column 'y_0' or 'y_hip'"),
        ("frame,joint,x,y\n", "long", "line 1: no column 'z'"),
        ("frame,x,y,z\n", "long", "line 1: no column 'joint'"),
        (HEAD + "0,1,2,3,4,5,6\n0,1\n", "wide", "line 3: 2 fields, expected 7"),
        (HEAD + "0,1,2,3,4,5,6\n-1,1,2,3,4,5,6\n", "wide", "line 3: frame '-1' is not a whole number"),
        (HEAD + "0.5,1,2,3,4,5,6\n", "wide", "line 2: frame '0.5' is not"),
        (HEAD + "0,1,2,x,4,5,6\n", "wide", "line 2: 'x' is not a number"),
        (HEAD + "0,1,2,1_0,4,5,6\n", "wide", "line 2: '1_0' is not a number"),
        (HEAD + "0,1,2,3,4,5,6\n0,1,2,3,4,5,6\n", "wide", "frame 1 of the clip, body 0: joint 0 is given twice"),
        (HEAD + "0,1,2,3,4,5,6\n200000,1,2,3,4,5,6\n", "wide", "200001 frames and 1 bodies, more than 100000"),
        (HEAD + '0,"1,2,3,4,5,6\n', "wide", "line 2: not CSV"),
        ("frame,joint,x,y,z\n0,tail,1,2,3\n", "long", "line 2: joint 'tail' is not one of layout stick"),
        (
            "frame,body,joint,x,y,z\n" + "".join(f"{99_999 if i else 0},{i},0,1,2,3\n" for i in range(50)),
            "long",
            "50 joints scattered over 100000 frames and 50 bodies",
        ),
    ],
)
def test_anything_else_is_refused_with_its_line(text, columns, reason):
    with pytest.raises(RefusedError) as refusal:
        parse_csv(text.encode(), STICK, columns)
    assert str(refusal.value).startswith(reason)


def test_nan_of_older_windows_programs_is_a_joint_that_was_not_measured_and_inf_stays():
    clip = parse_csv((HEAD + "0,-1.#IND,2,3,4,5,1.#INF\n").encode(), STICK)
    assert np.isnan(clip.places_MTVC[0, 0]).tolist() == [[True, False, False], [False] * 3]
    assert np.isposinf(clip.places_MTVC[0, 0, 1, 2])
    unused = HEAD.replace("\n", ",remark\n") + "0,1,2,3,4,5,6,1.#QNAN\n"
    assert parse_csv(unused.encode(), STICK).places_MTVC[0, 0, 0].tolist() == [1, 2, 3]


def test_other_bytes_are_no_text():
    with pytest.raises(RefusedError, match="byte 6: not UTF-8 text"):
        parse_csv(b"frame,\xff\n", STICK)


def test_a_file_too_large_for_a_clip_is_refused_unread(monkeypatch):
    monkeypatch.setattr("pipeline.parse.sources.csv_clips.MAX_CSV_BYTES", 10)
    with pytest.raises(RefusedError, match="11 bytes, more than the 10"):
        parse_csv(b"frame,x,y,z", STICK)
