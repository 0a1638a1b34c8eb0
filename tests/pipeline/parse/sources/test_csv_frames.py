"""Frames of CSV clips: numbers as they are, time stamps by their usual step, and a word where steps are odd."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.csv_clips import parse_csv
from pipeline.parse.sources.csv_frames import NOTE_GAP, NOTE_STEP, NOTE_UNEVEN
from tests.pipeline.parse.sources.source_files import STICK


def clip(first, values, more="", step=None):
    lines = [f"{first},x_0,y_0,z_0,x_1,y_1,z_1{more and ',fps'}"]
    lines += [f"{value},{row},2,3,4,5,6{more}" for row, value in enumerate(values, 1)]
    return parse_csv("\n".join(lines).encode(), STICK, frame_step=step)


def frames_of(found):
    return np.flatnonzero(found.places_MTVC[0].any(axis=(1, 2))).tolist()


@pytest.mark.parametrize("name", ["time", "time_s", "time_ms", "timestamp", "timestamp_ms"])
@pytest.mark.parametrize("unit", [1.0, 0.001])
def test_time_stamps_are_frames_of_their_usual_step(name, unit):
    found = clip(name, [5000 * unit + t * unit for t in (0, 33, 66, 100, 133, 267, 300)], ",30")
    assert frames_of(found) == [0, 1, 2, 3, 4, 8, 9]
    assert found.notes == ()
    assert found.places_MTVC[0, [0, 8], 0, 0].tolist() == [1, 6]


def test_rows_in_any_order_keep_their_times():
    found = clip("time", [0.2, 0.0, 0.1])
    assert found.places_MTVC[0, :, 0, 0].tolist() == [2, 3, 1]


def test_stamps_too_close_for_a_frame_each_get_one_and_are_noted():
    found = clip("time", [0, 1, 2, 2.1, 3, 4])
    assert frames_of(found) == [0, 1, 2, 3, 4, 5]
    assert found.notes == (NOTE_UNEVEN,)


@pytest.mark.parametrize("frames", [(0, 33, 66, 100), (0, 10, 20), (5, 1000, 2000, 2001)])
def test_time_stamps_called_frames_are_refused_with_what_to_do(frames):
    with pytest.raises(
        RefusedError, match=r"apart, like time stamps; call the column 'time' or, where one frame in \d+ was"
    ):
        clip("frame", frames)


def test_every_tenth_frame_is_what_the_definition_says_it_is():
    every_tenth = (20, 30, 50, 60)
    with pytest.raises(
        RefusedError, match=r"frames 20, 30, 50, \.\.: .*say parse\.source\.frame_step: 10 \(1: leave gaps"
    ):
        clip("frame", every_tenth)
    found = clip("frame", every_tenth, step=10)
    assert (frames_of(found), found.notes) == ([0, 1, 3, 4], ())
    found = clip("frame", every_tenth, step=1)
    assert (frames_of(found), found.notes) == ([0, 10, 30, 40], (NOTE_STEP,))
    with pytest.raises(RefusedError, match=r"frames 40 and 55: not 10 apart, as parse.source.frame_step is"):
        clip("frame", (20, 30, 40, 55, 60), step=10)
    assert frames_of(clip("time", (0, 33, 66), step=10)) == [0, 1, 2]  # time stamps have a step of their own


@pytest.mark.parametrize("fps", [15, 24, 25, 29.97, 30, 50, 60, 120])
@pytest.mark.parametrize("digits", [2, 3, 6])
def test_rounded_time_stamps_neither_invent_nor_lose_a_frame(fps, digits):
    if fps > 60 and digits == 2:
        return  # two frames have one stamp
    frames = [t for t in range(400) if t % 40 not in (7, 21, 22, 30)]  # some are dropped on the way
    for unit in (1, 1000):
        found = clip("time", [round(t / fps, digits) * unit for t in frames])
        assert frames_of(found) == frames
        assert NOTE_UNEVEN not in found.notes


@pytest.mark.parametrize(
    ("frames", "notes"),
    [
        ((7, 8, 10, 11), ()),
        ((0, 2, 4, 6), (NOTE_STEP,)),
        ((0, 1, 2, 500, 501), (NOTE_GAP,)),
        ((0, 33), (NOTE_STEP,)),
        ((4,), ()),
    ],
)
def test_an_odd_step_of_frames_is_noted(frames, notes):
    found = clip("frame", frames)
    assert (frames_of(found), found.notes) == ([t - frames[0] for t in frames], notes)


def test_a_long_pause_in_time_is_noted_and_kept():
    assert clip("time", [0, 1, 2, 40]).notes == (NOTE_GAP,)
    for times in ([0, 1e-9, 2e-9, 1e9], [1e-299, 1.1e-299, 1e299]):
        with pytest.raises(RefusedError, match=r"times usually 1e-\d+ apart, 1e\+\d+ in all: more than 100000 frames"):
            clip("time", times)
    assert frames_of(clip("time", [3.5])) == [0]


@pytest.mark.parametrize("stamp", ["nan", "inf", "1_0", "x", "", "5e-324", "-1e-301"])
def test_a_time_that_is_none_is_refused_with_its_line(stamp):
    with pytest.raises(RefusedError, match=f"line 2: time '{stamp}' is not a time"):
        clip("time", [stamp])
