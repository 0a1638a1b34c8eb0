"""Every loader of the benchmark reads the clips of the same shards."""

import numpy as np
import pytest

from tests.bench import loaders
from tests.shard_folder import make_shard_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("loaders") / "shards"
    make_shard_folder(path, parts={"train": dict.fromkeys(range(5), 6)}, rng=np.random.default_rng(0), bodies=(1, 2))
    return path


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves its files to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", loaders.LOADERS)
def test_it_gives_clips_at_a_rate_again_and_again(name, folder, monkeypatch):
    monkeypatch.setattr(loaders, "ROUNDS", 1)
    assert next(loaders.LOADERS[name](folder)).shape[-3:] == (6, 25, 3)
    rate, memory = loaders.measured(name, folder, 60)
    assert rate > 0
    assert memory >= 0
