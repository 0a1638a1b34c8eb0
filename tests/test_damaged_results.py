"""Results of ours that are damaged: the command that made them makes them again, whatever the damage."""

import shutil
from pathlib import Path

import pytest

from tests.command_line import done
from tests.toy import TINY, tiny, toy_shards, train_toy

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

SMALL = ("--preset", "small", *(word for key, value in TINY.items() for word in ("--set", f"{key}={value}")))
EVAL = ("dastm", "eval", "--run", "run", "--n-way", 2, "--episodes", 2, "--device", "cpu", "--out", "run/eval/a")
NAMES = ("eval/a/metrics.json", "eval/a/episodes.csv", "eval/a/predictions.parquet", "curves.csv", "train/curves.json")


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train_toy(toy_shards(folder / "toy"), folder / "run", tiny())
        done(*EVAL)
    return folder


def damaged(data, how):
    if how == "cut":
        return data[: len(data) // 2]
    at = {"header": 2, "body": len(data) - 4}[how]
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("how", ["cut", "header", "body"])
def test_every_result_of_a_run_is_made_again_as_it_was(stock, tmp_path, monkeypatch, how):
    shutil.copytree(stock, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    whole = {name: Path("run", name).read_bytes() for name in NAMES}
    for name, data in whole.items():
        Path("run", name).write_bytes(damaged(data, how))
    done("dastm", "train", "--shards", stock / "toy", "--out", "run", *SMALL)
    done(*EVAL)
    assert {name: Path("run", name).read_bytes() for name in NAMES} == whole
