"""Fixtures that every room uses: generators come from here, never from global state."""

import numpy as np
import pytest
import torch


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20221023)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20221023)
