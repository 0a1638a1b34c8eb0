"""Fixtures that every room uses: generators come from here, never from global state."""

import time

import numpy as np
import pytest
import torch

from dastm.contract import progress


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: when a worker finds nothing left to begin, the others have little to end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def begun_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is told by the time of the command: every test is one."""
    monkeypatch.setattr(progress, "BEGUN_S", time.monotonic())


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20221023)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20221023)
