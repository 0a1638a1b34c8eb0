"""Memory at the peak: what the work takes meanwhile is counted, what was there before and what it freed is not."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from dastm.bench import memory
from dastm.bench.memory import added_memory, settles

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
MEGABYTES = 64


def big():
    return torch.ones(MEGABYTES * 250_000)


@pytest.mark.skipif(not memory.PROC.exists(), reason="the peak is only reset where there is /proc")
def test_peak_is_what_a_run_holds_at_a_time():
    kept = big()
    assert abs(added_memory(big, CPU) - MEGABYTES * 1e6) < 4e6
    assert abs(added_memory(lambda: [big() for _ in range(2)], CPU) - 2 * MEGABYTES * 1e6) < 4e6
    assert added_memory(lambda: None, CPU) < 4e6
    assert len(kept)


def test_without_proc_it_is_the_rise_of_the_most_ever(monkeypatch):
    said, ran = [1000, 4000], []
    monkeypatch.setattr(memory, "PROC", Path("/none"))
    monkeypatch.setattr(memory, "_most_ever", lambda: said[len(ran)])
    assert added_memory(lambda: ran.append(1), CPU) == 3000
    assert not settles(CPU)


@pytest.mark.parametrize(("platform", "factor"), [("darwin", 1), ("linux", 1024)])
def test_the_most_ever_is_in_bytes_wherever(monkeypatch, platform, factor):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=7))
    monkeypatch.setattr(memory.sys, "platform", platform)
    assert memory._most_ever() == 7 * factor


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_cuda_it_is_what_the_allocator_handed_out():
    device = torch.device("cuda")
    assert added_memory(lambda: torch.ones(MEGABYTES * 250_000, device=device), device) == MEGABYTES * 1_000_000
