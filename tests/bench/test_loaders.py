"""Every loader of the benchmark reads the clips of the same shards."""

from importlib.util import find_spec
from itertools import islice

import numpy as np
import pytest

from dastm.contract.shard_reading import read_shard
from tests.bench import loaders
from tests.shard_folder import make_shard_folder

pytestmark = pytest.mark.slow
LEFT_OPEN = [  # webdataset leaves its files to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
OTHERS = [pytest.param(name, marks=LEFT_OPEN) for name in loaders.OTHERS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("loaders") / "shards"
    make_shard_folder(path, parts={"train": dict.fromkeys(range(5), 6)}, rng=np.random.default_rng(0), bodies=(1, 2))
    if find_spec("litdata"):
        loaders.write_litdata(path)
    return path


@pytest.mark.parametrize("name", [*loaders.LOADERS, *OTHERS])
def test_it_gives_clips_at_a_rate_again_and_again(name, folder, monkeypatch):
    if name in loaders.OTHERS:
        pytest.importorskip(name)
    monkeypatch.setattr(loaders, "ROUNDS", 1)
    rate, memory = loaders.measured(name, folder, 60)
    assert rate > 0
    assert memory >= 0
    if name in loaders.LOADERS:
        assert next(loaders.LOADERS[name](folder)).shape[-3:] == (6, 25, 3)


@pytest.mark.parametrize("name", OTHERS)
def test_others_read_the_clips_of_the_shards(name, folder):
    pytest.importorskip(name)
    tars = sorted(folder.glob("train/*.tar"))
    clips = [clip.joints_MTVC for tar in tars for clip in read_shard(tar.parent, tar.name)]
    expected = clips + clips[:3]
    found = list(islice(loaders.OTHERS[name](folder), len(expected)))
    assert len(found) == len(expected)
    assert all(np.array_equal(batch[0], clip) for batch, clip in zip(found, expected, strict=True))


def test_one_that_is_not_installed_says_so(monkeypatch, capsys):
    monkeypatch.setattr(loaders, "find_spec", lambda name: None)
    monkeypatch.setattr(loaders, "N_CLIPS", 1)
    loaders.main(["litdata"])
    assert "| litdata | not installed: pip install litdata" in capsys.readouterr().out
