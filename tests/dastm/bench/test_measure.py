"""Turns and rounds with made-up workers; then real processes: what they answer, and what becomes of one that fails."""

import dataclasses
import re
import signal
from pathlib import Path

import pytest
import torch

from dastm.bench import measure, memory
from dastm.bench.case import Setting
from dastm.bench.measure import (
    LEAST_ROUNDS,
    MOST_ROUNDS,
    _take_turns,
    _Turns,
    _Worker,
    count_flops,
    measure_case,
    serve,
)
from dastm.contract.errors import RunError
from tests import killing
from tests.dastm.bench import faulty, tiny

pytestmark = pytest.mark.slow

QUICK = Setting(device=torch.device("cpu"), turn_seconds=0.005, case_seconds=0.0)
TINY, FAULTY = "tests.dastm.bench.tiny", "tests.dastm.bench.faulty"


class Asked:
    """A worker that notes its turns."""

    def __init__(self, name, seconds, turns):
        self.name, self.seconds, self.turns = name, seconds, turns

    def ask(self, question):
        assert question == "seconds"  # to warm up and to tell of memory is asked elsewhere
        self.turns.append(self.name)
        return self.seconds


def turns_of(enough, **seconds):
    turns = []
    taken = _take_turns({name: Asked(name, value, turns) for name, value in seconds.items()}, "a", enough)
    return "".join(turns), {name: len(values) for name, values in taken.items()}


def test_every_variant_has_one_turn_a_round_and_the_order_alternates():
    turns, rounds = turns_of(60.0, a=1.0, b=2.0)
    assert turns == ("abba" * MOST_ROUNDS)[: 2 * MOST_ROUNDS]
    assert rounds == {"a": MOST_ROUNDS, "b": MOST_ROUNDS}


def test_time_ends_the_rounds_but_not_before_there_are_enough():
    assert turns_of(0.0, a=1.0, b=2.0)[1] == {"a": LEAST_ROUNDS, "b": LEAST_ROUNDS}


def test_a_slow_variant_has_only_the_least_number_of_turns():
    assert turns_of(60.0, a=1.0, b=2.0, c=3.5)[1] == {"a": MOST_ROUNDS, "b": MOST_ROUNDS, "c": LEAST_ROUNDS}


def test_ours_is_not_measured_on_its_own():
    assert turns_of(60.0, a=1.0, b=3.5)[1] == {"a": LEAST_ROUNDS, "b": LEAST_ROUNDS}


def test_a_turn_repeats_what_is_short():
    runs = []
    seconds = _Turns(lambda: runs.append(1), dataclasses.replace(QUICK, turn_seconds=0.002)).seconds()
    assert len(runs) > 100
    assert 0 < seconds < 0.002 / 10


def test_operations_of_a_product_are_two_a_term():
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    assert count_flops(lambda: left @ right) == 2 * 3 * 5 * 7


@pytest.fixture
def forked(monkeypatch):
    """A process that is spawned imports torch, which takes seconds: one case is enough to know that it works."""
    monkeypatch.setattr(measure, "get_context", lambda _: killing.forks())


@pytest.mark.usefixtures("forked")
def test_real_processes_answer_time():
    nap = measure_case(TINY, "nap", tiny.cases(QUICK)["nap"], QUICK)
    assert {name: len(of.seconds) for name, of in nap.items()} == {"ours": LEAST_ROUNDS, "half": LEAST_ROUNDS}
    assert min(nap["ours"].seconds) >= 0.004 > 0.002 <= min(nap["half"].seconds)
    assert nap["ours"].flops == 0


def test_a_spawned_process_answers_memory():
    room = measure_case(TINY, "room", tiny.cases(QUICK)["room"], QUICK)["ours"]
    assert len(room.seconds) == LEAST_ROUNDS
    if memory.PROC.exists():
        assert abs(room.memory - tiny.MEGABYTES * 1e6) < 4e6


@pytest.mark.usefixtures("forked")
def test_work_that_fails_or_dies_is_named():
    cases = faulty.cases(QUICK)
    with pytest.raises(RunError, match=r"^broken, ours: ValueError: no such thing$"):
        measure_case(FAULTY, "broken", cases["broken"], QUICK)
    with pytest.raises(
        RunError, match=r"^gone, ours: its process was ended \(status 3\), perhaps because memory ran out$"
    ):
        measure_case(FAULTY, "gone", cases["gone"], QUICK)


class Pipe:
    """The end that `serve` reads questions from; then the other end is closed."""

    def __init__(self, *questions):
        self.questions, self.answers = list(questions), []

    def recv(self):
        if not self.questions:
            raise EOFError
        return self.questions.pop(0)

    def send(self, answer):
        self.answers.append(answer)


def test_a_variant_answers_until_nobody_asks():
    pipe = Pipe("warm up", "flops", "seconds", "seconds", "memory")
    serve(pipe, TINY, "product", "ours", QUICK)
    first, flops, seconds, again, memory = pipe.answers
    assert flops == 2 * 64**3
    assert 0 < min(seconds, again) < first < 60
    assert memory >= 0


@pytest.mark.parametrize(("later", "memory"), [(True, 20), (False, 10)])
def test_memory_is_that_of_the_first_turn_where_a_later_run_tells_more(monkeypatch, later, memory):
    def added(run, device):
        run()
        return rises.pop(0)

    rises = [10, 20]
    monkeypatch.setattr(measure, "settles", lambda device: later)
    monkeypatch.setattr(measure, "added_memory", added)
    turns = _Turns(lambda: None, QUICK)
    turns.warm_up()
    turns.seconds()
    turns.seconds()
    assert turns.memory == memory


def test_what_goes_wrong_is_one_line():
    pipe = Pipe("warm up")
    serve(pipe, FAULTY, "broken", "ours", QUICK)
    assert pipe.answers == ["ValueError: no such thing"]
    pipe = Pipe("warm up")
    serve(pipe, TINY, "none", "ours", QUICK)
    assert pipe.answers == ["KeyError: 'none'"]


@pytest.mark.skipif(not memory.PROC.exists(), reason="what a process blocks is only told where there is /proc")
def test_a_process_leaves_the_interrupt_to_its_parent():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    worker = _Worker(TINY, "nap", "ours", QUICK)
    try:
        status = Path(f"/proc/{worker._process.pid}/status").read_text()
        blocked = int(re.search(r"SigBlk:\s*(\w+)", status)[1], 16)
        assert blocked >> (signal.SIGINT - 1) & 1
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    finally:
        worker.end()
