"""How far a command is, told to a terminal and to a file."""

import io
import sys
import time

import pytest
from tqdm import tqdm

from dastm.contract.progress import EVERY_S, Lines, Pace, progress, waiting


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def lines_of(stream, **options):
    clock = Clock()
    return clock, Lines(None, desc="split", unit="clip", stream=stream, clock=clock, **options)


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch):
    for stream, kind in ((Terminal(), tqdm), (io.StringIO(), Lines), (object(), Lines)):
        monkeypatch.setattr(sys, "stderr", stream)
        told = progress([1, 2, 3], desc="split", unit="clip", leave=False)
        assert isinstance(told, kind)
        assert list(told) == [1, 2, 3]


def test_without_a_terminal_there_is_a_line_at_least_once_a_minute_even_within_one_piece_of_work():
    assert 2 * EVERY_S < 60
    stream = io.StringIO()
    with Lines(None, desc="split", unit="clip", total=9, stream=stream, every_s=0.01):
        wait_for(lambda: stream.getvalue().count("\n") >= 2)
    assert stream.getvalue().startswith("split: 0 of 9 clips, 0:00:00 so far\n")
    said = stream.getvalue()
    time.sleep(0.05)
    assert stream.getvalue() == said  # nothing after the end


def test_a_command_of_many_short_pieces_of_work_is_told_about():
    """Each ends before the time between two lines is over; the time of the command goes on."""
    stream = io.StringIO()
    for number in range(40):
        with Lines(None, desc=f"piece {number}", unit="clip", total=9, stream=stream, every_s=0.2):
            time.sleep(0.05)
    assert stream.getvalue().count("\n") >= 5
    assert len(set(stream.getvalue().split("\n"))) >= 5


def test_short_work_says_nothing(capsys):
    assert list(progress(iter("abc"), desc="split", unit="clip")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_a_line_tells_the_time_left():
    clock, told = lines_of(io.StringIO(), total=400, initial=100)
    with told:
        told.update(200)
        clock.now = 360.0
        assert told.line() == "split: 300 of 400 clips, 0:06:00 so far, about 0:03:00 left"
        told.set_postfix(failed=2)
        assert told.line() == "split: 300 of 400 clips, failed 2, 0:06:00 so far, about 0:03:00 left"


def test_a_line_tells_the_time_left_of_what_comes_after_as_well():
    clock, told = lines_of(io.StringIO(), total=10, after=90)
    with told:
        told.update(5)
        clock.now = 50.0
        assert told.line() == "split: 5 of 10 clips, 0:00:50 so far, about 0:15:50 left"


def test_a_line_without_a_known_end_tells_what_is_known():
    clock, told = lines_of(io.StringIO(), total=None)
    with told:
        clock.now = 61.0
        told.update()
        assert told.line() == "split: 1 clips, 0:01:01 so far"


@pytest.mark.parametrize("items", [[1, 2], (1, 2)])
def test_the_number_of_items_is_asked_of_them(items):
    with progress(items, desc="audit", unit="shard") as told:
        assert told.line() == "audit: 0 of 2 shards, 0:00:00 so far"


def test_nobody_who_listens_is_no_reason_to_stop():
    stream = io.StringIO()
    stream.close()
    with Lines(range(3), desc="split", unit="clip", total=3, stream=stream, every_s=0.001) as told:
        wait_for(lambda: not told._thread.is_alive())
        assert list(told) == [0, 1, 2]


def test_the_pace_of_even_steps_tells_the_time_left_from_a_minute_on():
    clock = Clock()
    pace = Pace(clock)
    clock.now = 40.0
    assert pace.left(2, 30) == ", about 0:10:00 left"
    assert pace.left(2, 2) == ""


def test_what_does_not_answer_is_said_after_a_while_and_again(monkeypatch):
    monkeypatch.setattr(sys, "stderr", said := io.StringIO())
    with waiting("gs://lab/shards", "; no network?", after_s=0.01, every_s=0.01):
        wait_for(lambda: said.getvalue().count("\n") >= 2)
    lines = said.getvalue().splitlines()
    assert set(lines) == {"waiting for gs://lab/shards: no answer after 0 s; no network?"}
    time.sleep(0.05)
    assert said.getvalue().splitlines() == lines  # nothing more once it is over


def test_what_answers_soon_is_not_said_to_be_waited_for(capsys):
    with waiting("a"):
        pass
    assert capsys.readouterr().err == ""
