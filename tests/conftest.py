"""Fixtures that every room uses: generators come from here, never from global state."""

import multiprocessing
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dastm.contract import progress
from pipeline.work import workers

if TYPE_CHECKING:
    import torch


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: when a worker finds nothing left to begin, the others have little to end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """pytest-cov does not watch a test that is marked `no_cover`; nor is the making of its fixtures watched."""
    plugin = item.config.pluginmanager.getplugin("_cov")
    if not plugin or not plugin.cov_controller or not item.get_closest_marker("no_cover"):
        yield
        return
    plugin.cov_controller.pause()
    try:
        yield
    finally:
        plugin.cov_controller.resume()


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
    import torch  # the process that hands out the tests needs it not

    return torch.Generator().manual_seed(20221023)
