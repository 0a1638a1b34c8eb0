"""A small run of `make fuzz`; and that it finds what it is to find."""

import multiprocessing
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from tests.fuzz import __main__ as command
from tests.fuzz import run
from tests.fuzz.mutations import CHANGES, mutated
from tests.fuzz.reader import Reader, outcome
from tests.fuzz.readers import READERS
from tests.fuzz.run import Tally, fuzz, judge

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

INPUTS = 30
"""Of each reader here; `make fuzz` has the many."""


@pytest.mark.kernel
@pytest.mark.parametrize("name", READERS)
def test_every_input_is_read_exactly_or_refused(name):
    tally = fuzz(name, INPUTS, 1)
    assert tally.findings == []
    assert tally.outcomes["read"] * 200 >= READERS[name].least_read * INPUTS
    assert tally.outcomes["refused"] * 200 >= READERS[name].least_refused * INPUTS


def of(read, twin=None):
    """A reader of the tests' own, and a list of what is found when it reads two bytes."""
    tally = Tally()
    judge(Reader(read=read, twin=twin, seeds=[]), b"12", tally)
    return [what for what, _ in tally.findings]


def refuse(*words):
    def read(data):
        raise RefusedError(*words)

    return read


def test_what_is_no_refusal_is_found():
    assert of(lambda data: data[7]) == ["IndexError: index out of range"]


def test_another_value_than_the_twins_is_found():
    assert of(lambda data: 1, lambda data: 1) == []
    assert of(lambda data: 1, lambda data: 2) == ["1, the twin: 2"]
    assert of(lambda data: np.float32(-0.0).reshape(1), lambda data: np.float32(0.0).reshape(1)) != []
    assert of(refuse("a", 1), refuse("a", 1)) == []
    assert of(refuse("a", 1), refuse("a", 2)) == ["('refused', 'a', 1, None), the twin: ('refused', 'a', 2, None)"]


@pytest.mark.parametrize("words", [("",), ("a\nb",), ("a", 0), ("a", 2), ("a", None, 3)])
def test_a_refusal_without_a_reason_or_with_a_place_outside_is_found(words):
    assert of(refuse(*words))[0].startswith("no proper place or reason")


def test_memory_that_the_size_does_not_explain_is_found():
    (found,) = of(lambda data: len(bytearray(10_000_000)))
    assert found.startswith("MemoryError: 100")
    assert found.endswith(" bytes of memory for a file of 2")


def test_a_valid_file_that_is_not_read_is_found(monkeypatch):
    monkeypatch.setitem(READERS, "mine", Reader(read=refuse("a"), seeds=[b"1"]))
    assert [what for what, _ in fuzz("mine", 0, 0).findings] == ["a valid file is not read"]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_takes_an_empty_file_and_changes_others(change, rng):
    seeds = READERS["skeleton of two joints"].seeds
    change(b"", seeds, (b"x",), rng)
    assert {change(seeds[0], seeds, (b"x",), rng) for _ in range(20)} - {seeds[0]}


def test_the_kernel_that_follows_bodies_is_ready_before_time_is_counted(monkeypatch):
    """Compiling it took more than the ten seconds of an input: the first with two bodies was a finding."""
    called = []
    monkeypatch.setattr(run, "follow", lambda frame_P, places_PVC: called.append(places_PVC.shape[0] == len(frame_P)))
    monkeypatch.setitem(READERS, "mine", Reader(read=lambda data: 1, seeds=[b"1"]))
    assert fuzz("mine", 0, 0).findings == []
    assert called == [True]


def test_inputs_follow_from_seed_and_number():
    reader = READERS["JSON of two joints"]
    first, again, other = (list(run.inputs(reader, 0, 20, seed)) for seed in (0, 0, 1))
    assert first == again != other
    bare = replace(reader, pieces=())
    assert mutated(reader.seeds, (), np.random.default_rng([0, 3])) == next(run.inputs(bare, 3, 1, 0))


def stuck(pipe, name, n_inputs, seed_number, current):
    current.write_bytes(b"the last one")
    time.sleep(60)


def dead(pipe, name, n_inputs, seed_number, current):
    current.write_bytes(b"the last one")
    sys.exit(7)


def busy(pipe, name, n_inputs, seed_number, current):
    readers = {"mine": Reader(read=lambda data: list(iter(int, 1)), seeds=[])}
    run.READERS, run.CPU_SECONDS, run.inputs = readers, 0.2, lambda *words: [b"the last one"]
    fuzz("mine", 1, 0, current=current)


@pytest.fixture
def forked(monkeypatch):
    """The process with the reader is a fork, which imports nothing again."""
    monkeypatch.setattr(run, "get_context", lambda _: multiprocessing.get_context("fork"))


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("serve", "seconds", "what"),
    [
        (stuck, 0.4, "no answer within 0 s"),
        (dead, 60.0, "the process ended with status 7"),
        (busy, 60.0, "more than 10 s of a processor"),
    ],
)
def test_a_process_that_hangs_or_dies_leaves_its_input(serve, seconds, what, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "SECONDS", seconds)  # a process that dies has to start first
    monkeypatch.setattr(run, "_serve", serve)
    assert run.fuzz_apart("label list", 1, 0, tmp_path / "current").findings == [(what, b"the last one")]


@pytest.mark.usefixtures("forked")
def test_the_command_says_what_came_of_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command, "READERS", {"label list": READERS["label list"]})
    assert command.main(["--inputs", "20", "--decimals", "100", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("label list: {")
    assert said[1].startswith("decimals: 100,")


def test_the_command_keeps_the_inputs_of_findings_and_exits_with_1(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command, "fuzz_apart", lambda *words: Tally(findings=[("it broke", b"bytes")]))
    monkeypatch.setattr(command, "disagreements", lambda texts: (["1e5"], 0))
    assert command.main(["--inputs", "20", "--decimals", "1", "--out", str(tmp_path)]) == 1
    assert next(tmp_path.glob("*.bin")).read_bytes() == b"bytes"
    assert "it broke" in capsys.readouterr().out


def test_outcomes_differ_where_a_bit_does():
    assert outcome(lambda data: (1, None, "a"), b"") == (1, None, "a")
    assert outcome(lambda data: np.zeros(2, np.float32), b"") != outcome(lambda data: -np.zeros(2, np.float32), b"")
