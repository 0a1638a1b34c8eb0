"""The step from a tool's numbers to tracks: layouts, units, bodies, what is not measured."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import layout_of
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.dense import NOTE_NAN
from pipeline.parse.tools.poses import (
    NOTE_DEPTH,
    NOTE_FOLLOWED,
    NOTE_IDS,
    NOTE_ORDER,
    NOTE_SIZE,
    NOTE_TWICE,
    Seen,
    frames_of,
    gathered,
    last_number,
    tracks_of,
)

FLAT = layout_of("flat", ["hip", "head"], image=True)
SPACE = layout_of("space", ["hip", "head"], image=False)


def tracks(*seen, layout=FLAT, spec=None, zero_is_missing=False, **facts):
    poses = gathered(seen, 1 + max(one.frame for one in seen), layout, **facts)
    return tracks_of(poses, layout, spec or SourceSpec(), zero_is_missing=zero_is_missing)


def test_numbers_of_frames_begin_anywhere_and_far_ones_are_only_an_order():
    assert frames_of([7, 9, 9]) == ([0, 2, 2], 3, ())
    assert frames_of([139, 285, 581929]) == ([0, 1, 2], 3, (NOTE_ORDER,))
    assert frames_of([]) == ([], 0, ())


def test_pixels_become_fractions_of_the_image_of_the_file_or_the_definition():
    seen = Seen(0, [[320, 240], [64, 48]], [1, 0.5])
    for facts, spec in (({"size": (640, 480)}, None), ({}, SourceSpec(image_size=(640, 480)))):
        assert tracks(seen, spec=spec, **facts).joints_PVC[0].tolist() == [[0.5, 0.5], np.float32([0.1, 0.1]).tolist()]
    own = tracks(seen)
    assert own.joints_PVC[0] == pytest.approx(np.array([[1, 0.75], [0.2, 0.15]]))
    assert own.notes == (NOTE_SIZE,)


def test_fractions_stay_and_what_the_definition_says_counts():
    seen = Seen(0, [[0.25, 0.5], [0.5, 0.5]], [1, 1])
    assert tracks(seen, pixels=False).joints_PVC[0, 0].tolist() == [0.25, 0.5]
    assert tracks(seen, spec=SourceSpec(image="fractions")).joints_PVC[0, 0].tolist() == [0.25, 0.5]
    centred = tracks(seen, spec=SourceSpec(image="centred"))
    assert centred.joints_PVC[0, 0].tolist() == [0.75, 0.0]


def test_units_and_axes_are_the_files_own_unless_the_definition_says_otherwise():
    seen = Seen(0, [[1000, 2000, 3000], [1, 2, 3]])
    own = tracks(seen, layout=SPACE, unit_m=0.001, up="-y")
    assert own.joints_PVC[0, 0].tolist() == [1, -2, -3]
    said = tracks(seen, layout=SPACE, unit_m=0.001, up="-y", spec=SourceSpec(unit_m=0.01, up="z"))
    assert said.joints_PVC[0, 0].tolist() == [10, 30, -20]
    assert own.scores_PV is None


def test_joints_of_nan_or_without_confidence_are_not_measured():
    lost = Seen(0, [[np.nan, 1, 1], [1, 2, 3]], [1, 1])
    clip = tracks(lost, Seen(1, [[4, 5, 6], [7, 8, 9]], [0, np.nan]), layout=SPACE)
    assert np.isnan(clip.joints_PVC[0, 0]).all()
    assert (clip.frames, clip.frame_index.tolist(), clip.notes) == (2, [0], (NOTE_NAN,))
    flat = tracks(Seen(0, [[np.nan, 1], [1, 2]]), pixels=False)
    assert flat.scores_PV.tolist() == [[0, 1]]
    assert flat.joints_PVC[0, 0].tolist() == [0, 0]


def test_a_joint_at_zero_is_lost_where_there_is_no_confidence_to_tell():
    seen = Seen(0, [[0, 0], [1, 2]])
    assert tracks(seen, pixels=False, zero_is_missing=True).scores_PV.tolist() == [[0, 1]]
    assert tracks(seen, pixels=False).scores_PV.tolist() == [[1, 1]]
    scored = Seen(0, [[0, 0], [1, 2]], [0.5, 0.5])
    assert tracks(scored, pixels=False, zero_is_missing=True).scores_PV.tolist() == [[0.5, 0.5]]
    space = tracks(Seen(0, [[0, 0, 0], [1, 2, 3]]), layout=SPACE, zero_is_missing=True)
    assert np.isnan(space.joints_PVC[0, 0]).all()


def test_a_body_of_zeros_is_not_there_and_one_that_is_nowhere_is_refused():
    nobody = Seen(0, [[0, 0], [0, 0]])
    assert tracks(nobody, Seen(1, [[1, 1], [2, 2]])).frame_index.tolist() == [1]
    with pytest.raises(RefusedError, match="no joint is measured in any of 1 frames"):
        tracks(nobody)
    with pytest.raises(RefusedError, match="no body in any of 3 frames"):
        gathered([], 3, FLAT)


def test_ids_of_the_tool_are_kept_in_order_of_appearance_unless_they_repeat():
    one, other = [[1.0, 1], [2, 2]], [[50.0, 1], [51, 2]]
    clip = tracks(Seen(0, one, id=9), Seen(1, other, id=4), Seen(1, one, id=9))
    assert (clip.ids.tolist(), clip.lengths.tolist(), clip.frame_index.tolist()) == ([9, 4], [2, 1], [0, 1, 1])
    twice = tracks(Seen(0, one, id=0), Seen(0, other, id=0))
    assert (twice.ids.tolist(), set(twice.notes) - {NOTE_SIZE}) == ([0, 1], {NOTE_IDS, NOTE_FOLLOWED})


def test_a_pose_that_is_written_twice_is_one_body():
    clip = tracks(*[Seen(0, [[1.0, 1], [2, 2]], [1, 1], 3)] * 2, Seen(1, [[1.0, 1], [2, 2]], [1, 1], 3))
    assert (clip.lengths.tolist(), clip.notes) == ([2], (NOTE_TWICE, NOTE_SIZE))


def test_joints_that_a_file_names_are_picked_by_name():
    poses = gathered(
        [Seen(0, [[1, 1], [2, 2], [3, 3]], [0.1, 0.2, 0.3])], 1, layout_of("own", ["Head", "tail", "Hip"], image=True)
    )
    clip = tracks_of(replace(poses, named=True, pixels=False), FLAT, SourceSpec())
    assert clip.joints_PVC[0].tolist() == [[3, 3], [1, 1]]
    assert clip.scores_PV[0] == pytest.approx([0.3, 0.1])
    bare = replace(poses, named=True, pixels=False, scores_PV=None)
    assert tracks_of(bare, FLAT, SourceSpec()).scores_PV.tolist() == [[1, 1]]
    with pytest.raises(RefusedError, match="no joint 'left foot' as layout x has; it has Head, tail, Hip"):
        tracks_of(replace(poses, named=True), layout_of("x", ["left foot"], image=True), SourceSpec())


def test_depth_in_an_image_is_left_out_but_not_made_up():
    clip = tracks(Seen(0, [[0.5, 0.5, 7], [1, 1, 7]]), pixels=False)
    assert (clip.joints_PVC.shape, clip.notes) == ((1, 2, 2), (NOTE_DEPTH,))
    with pytest.raises(RefusedError, match=r"x and y in an image, and layout space has x y z"):
        tracks_of(gathered([Seen(0, [[1, 1], [2, 2]])], 1, FLAT), SPACE, SourceSpec())


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(RefusedError, match=r"coordinate 1e\+300 at observation 0, joint 1"):
        tracks(Seen(0, [[1, 1], [1, 1e300]]), pixels=False)
    with pytest.raises(RefusedError, match="infinite"):
        tracks(Seen(0, [[1, 1], [np.inf, 1]]))
    with pytest.raises(RefusedError, match="100002 frames, more than 100000"):
        tracks(Seen(100_001, [[1, 1], [2, 2]]))


@pytest.mark.parametrize(
    ("text", "number"),
    [("a12_000034_keypoints", 34), ("9.jpg", 9), ("7", 7), ("none", None), ("", None), ("a1\n2", 2), ("1" * 16, None)],
)
def test_the_last_number_of_a_name_is_its_frame(text, number):
    assert last_number(text) == number
