"""A run whose distances are those to examples, for what is told of unknown classes."""

import pytest

from tests.toy import tiny, toy_shards, train_toy

EXAMPLES = {
    "matching__spatial": "none",
    "matching__temporal": "dtw",
    "matching__examples": "nearest",
    "matching__frame_distance": "cosine",
    "matching__unit_frames": True,
    "matching__path_power": 0.5,
    "matching__rank_weight": 0.0,
}


@pytest.fixture(scope="session")
def open_shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("open") / "shards", noise=0.3)


@pytest.fixture(scope="session")
def open_run(open_shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("open") / "run"
    train_toy(open_shards, path, tiny(optimise__epochs=1, **EXAMPLES))
    return path
