"""Fixtures that every room uses: generators come from here, never from global state."""

import gc
import multiprocessing
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dastm.contract import progress
from pipeline.work import workers

if TYPE_CHECKING:
    import torch


def pytest_xdist_auto_num_workers() -> int:
    """A process more than there are cores: tests also wait, for browsers and for commands that they kill."""
    return workers.default_workers() + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: when a worker finds nothing left to begin, the others have little to end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What is imported for the tests stays to the end: it is looked through for garbage neither now nor later.

    What tests make is, but more seldom than Python would by itself, which took a tenth of their time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Coverage sees nothing of a test that is marked `unmeasured`, nor of the making of its fixtures.

    pytest-cov's own mark stops one of the two measurements that it begins in a worker of xdist; the other goes on.
    """
    tracer = sys.gettrace()
    if item.get_closest_marker("unmeasured"):
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.fixture(autouse=True)
def begun_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is told by the time of the command: every test is one."""
    monkeypatch.setattr(progress, "BEGUN_S", time.monotonic())


@pytest.fixture(autouse=True)
def workers_import_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are forked from one that has imported everything; a spawned one is in work/test_workers.py."""

    def forks(_: str) -> multiprocessing.context.ForkServerContext:
        from tests import killing  # what it imports takes seconds, and most files need none of it

        return killing.forks()

    monkeypatch.setattr(workers, "get_context", forks)


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what a page says beside its figures."""
    from tests.blank_figures import write_no_figure  # imports matplotlib

    write_no_figure(monkeypatch.setattr)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20221023)


@pytest.fixture
def generator() -> "torch.Generator":
    import torch  # the process that hands out the tests does not need it

    return torch.Generator().manual_seed(20221023)
