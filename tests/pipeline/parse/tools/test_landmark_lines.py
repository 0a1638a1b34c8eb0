"""A line a joint: bodies, frames in any order, times, a Kinect's names, at once or line by line."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.times import NOTES
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def lines(rows, head):
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def hand(head, frames, bodies):
    """A row a body, frame and landmark of a hand; the body's place tells them apart."""
    rows = [
        (t, body, v, 0.1 + v / 99, 0.2 + at / 2) for t in frames for at, body in enumerate(bodies) for v in range(21)
    ]
    return lines(rows, head)


@pytest.mark.parametrize(
    ("column", "bodies", "ids"),
    [("person", (4, 7), [4, 7]), ("hand", ("Left", "Right"), [0, 1]), ("trackingId", (2**60, 2**61), [2**60, 2**61])],
)
def test_a_column_of_bodies_tells_them_apart(column, bodies, ids):
    text = hand(f"frame,{column},landmark,x,y", (0, 1, 2), bodies)
    clip = clip_of("landmark_csv", text)
    assert (clip.ids.tolist(), clip.lengths.tolist(), clip.frames) == (ids, [3, 3], 3)
    assert form_of(text) == "landmark_csv"


def test_bodies_with_times_but_no_frames_share_their_frames():
    clip = clip_of("landmark_csv", hand("time,person,landmark,x,y", (0.0, 0.04, 0.12), (1, 2)))
    assert (clip.frames, clip.lengths.tolist(), clip.frame_index.tolist()) == (4, [2 + 1, 3], [0, 1, 3] * 2)
    assert NOTES["s"] in clip.notes


def test_without_frames_or_times_a_frame_ends_where_a_joint_of_a_body_comes_again():
    text = hand("n,person,landmark,x,y", (0, 1), (1, 2))
    clip = clip_of("landmark_csv", "\n".join(row.partition(",")[2] for row in text.splitlines()))
    assert (clip.frames, clip.lengths.tolist()) == (2, [2, 2])


def test_lines_of_a_frame_may_be_apart_and_in_any_order():
    text = hand("frame,person,landmark,x,y", (0, 1), (1, 2))
    head, *rows = text.splitlines()
    mixed = "\n".join([head, *np.random.default_rng(0).permutation(rows)])
    one, other = clip_of("landmark_csv", text), clip_of("landmark_csv", mixed)
    assert np.array_equal(np.sort(one.joints_PVC, axis=0), np.sort(other.joints_PVC, axis=0))
    assert one.lengths.tolist() == other.lengths.tolist() == [2, 2]


def test_a_kinects_dump_has_its_columns_by_other_names_and_a_remark_for_a_head():
    head = "# timestamp, jointType, position.X, position.Y, position.Z, orientation.X, orientation.Y, state"
    rows = [(t * 33.3, v, v / 50, v / 30, 2.5, 0.1, 0.2, 2) for t in range(4) for v in range(25)]
    poses = poses_of("landmark_csv", lines(rows, head))
    assert (poses.layout.name, poses.n_frames, poses.fps) == ("ntu25", 4, pytest.approx(30.03, rel=1e-4))
    assert poses.places_PVC[0, 20].tolist() == [20 / 50, 20 / 30, 2.5]
    assert form_of(lines(rows, head)) == "landmark_csv"


def test_lines_one_by_one_are_the_table_that_is_read_at_once():
    plain = hand("frame,person,landmark,x,y", (0, 1, 5), (1, 2))
    quoted = plain.replace("\n5,", '\n"5",')
    assert np.array_equal(clip_of("landmark_csv", plain).joints_PVC, clip_of("landmark_csv", quoted).joints_PVC)


def test_a_decimal_comma_is_read_where_semicolons_part_columns():
    plain = hand("frame,person,landmark,x,y", (0, 1), (1,))
    head, rest = plain.replace(",", ";").split("\n", 1)
    clip = clip_of("landmark_csv", f"{head}\n{rest.replace('.', ',')}")
    assert np.array_equal(clip.joints_PVC, clip_of("landmark_csv", plain).joints_PVC)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [("x,1,0,0.5,0.5", "frame 'x' is not a whole"), ("0,1,a,0.5,0.5", "'a' is not the number of a landmark")],
)
def test_a_wrong_line_is_named_though_the_table_is_plain(wrong, reason):
    with pytest.raises(RefusedError, match=reason) as caught:
        clip_of("landmark_csv", hand("frame,person,landmark,x,y", (0,), (1,)) + wrong + "\n")
    assert caught.value.line == 23
