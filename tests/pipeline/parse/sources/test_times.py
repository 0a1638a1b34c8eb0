"""Columns of times: their names, what stamps say, the unit that steps tell."""

import pytest

from pipeline.parse.sources.times import NOTE_UNKNOWN, NOTES, Rate, rate_of, rate_of_texts, two_columns, unit_in


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("time", ""), ("Timestamp", ""), ("# timestamp", ""), ("RelativeTime", ""), ("time_s", "s")),
        *(("Time (Seconds)", "s"), ("time[ms]", "ms"), ("timestamp_usec", "us"), ("timestamp_ns", "ns")),
        *(("time_ticks", "100 ns"), ("frame_time", ""), ("timeline", None), ("datetime", None), ("x", None)),
    ],
)
def test_a_name_says_whether_a_column_has_times_and_in_which_unit(name, unit):
    assert unit_in(name) == unit


@pytest.mark.parametrize("fps", [10, 15, 25, 30, 60])
@pytest.mark.parametrize(("unit", "in_one_second"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("100 ns", 1e7), ("ns", 1e9)])
def test_steps_tell_the_unit_and_a_note_says_which(unit, in_one_second, fps):
    found = rate_of([7e9 + t * in_one_second / fps for t in range(40)])
    assert found.fps == pytest.approx(fps, rel=1e-3)
    assert found.notes == (NOTES[unit],)


def test_a_unit_that_is_said_counts_and_needs_no_note():
    slow = [f"{t * 333333}" for t in range(5)]
    assert rate_of_texts("timestamp_us", slow) == Rate(pytest.approx(3, rel=1e-5), ())
    assert rate_of_texts("timestamp", slow) == Rate(pytest.approx(30, rel=1e-5), (NOTES["100 ns"],))


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-05-01 12:00:00.000", "2024-05-01 12:00:00.040", "2024-05-01 12:00:00.080"],
        ["2024-05-01T23:59:59.960Z", "2024-05-02T00:00:00Z", "2024-05-02T00:00:00.040Z"],
        ["0:00:59.960", "0:01:00.000", "0:01:00.040"],
        ["59:59,96", "1:00:00,00", "1:00:00,04"],
    ],
    ids=["dates", "over midnight", "clock", "decimal commas"],
)
def test_dates_and_times_of_day_are_in_seconds(texts):
    assert rate_of_texts("time", texts) == Rate(pytest.approx(25, rel=1e-3), ())


@pytest.mark.parametrize("texts", [["0"], ["7", "7"], ["noon", "night"], ["1e301", "0"], ["nan", "1"], []])
def test_what_are_no_times_have_no_rate(texts):
    assert rate_of_texts("time", texts) == Rate(None)


def test_steps_that_fit_no_unit_are_noted():
    assert rate_of([0, 1, 2]) == Rate(None, (NOTE_UNKNOWN,))
    assert rate_of([0, 1, 2], "s") == Rate(None)


@pytest.mark.parametrize(
    "names", [("sec", "nsec"), ("Timestamp sec", "Timestamp nsec"), ("stamp.sec", "stamp.nanosec")]
)
def test_seconds_and_nanoseconds_are_two_columns(names):
    assert two_columns(["x", *names]) == (1, 2)
    assert two_columns(["x", names[0]]) is None
