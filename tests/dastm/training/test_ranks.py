"""Ranks: real processes, as torchrun starts them, train what one process trains, and fail together."""

import os
import re
import shutil
import socket
import sys
from contextlib import closing
from dataclasses import replace

import pytest
import torch

from dastm.cli import main
from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.episodes.sources import open_source
from dastm.runs.record import record_training
from dastm.training import trainer
from dastm.training.ranks import ALONE, Ranks, joined
from tests.killing import TIMEOUT_S, fork, hamper
from tests.shard_folder import flip_byte
from tests.toy import STICK, TINY, tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

SETTINGS = {
    **TINY,
    "optimise.episodes": 4,
    "optimise.episodes_per_step": 4,
    "optimise.val_episodes": 3,  # which no number of ranks divides
    "optimise.clip_norm": 0.5,
}
PRETRAINED = {**SETTINGS, "pretrain.steps": 2}
SHARED = {**PRETRAINED, "pretrain.batches_per_step": 4, "pretrain.clips": 6}
LONGER = replace(STICK, name="longer")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards")


def one_rank(number, count, port, words, log, kill):
    """What torchrun makes of `python -m dastm`, with the output in a file."""
    told = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    sys.stdout = sys.stderr = log.open("w", buffering=1)
    torch.set_num_threads(1)
    hamper(kill)
    main(words)


def start(folder, count, shards, settings=SETTINGS, kill_last=""):
    """Train on so many ranks, the last one perhaps killed (`hamper`) -> exit codes and outputs, rank by rank."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shards = [shards] * count if isinstance(shards, str) else shards
    words = [f"--set={key}={value}" for key, value in settings.items()]
    ranks = []
    for number in range(count):
        arguments = ["train", "--preset", "small", "--shards", shards[number], "--out", str(folder / "run"), *words]
        log, kill = folder / f"rank-{number}", kill_last if number == count - 1 else ""
        ranks.append(fork(one_rank, number, count, port, arguments, log, kill))
    for rank in ranks:
        rank.join(TIMEOUT_S)
        if rank.exitcode is None:
            rank.kill()
    told = [(folder / f"rank-{number}").read_text().splitlines() for number in range(count)]
    return [rank.exitcode for rank in ranks], [[line for line in lines if " so far" not in line] for lines in told]


def alone(shards, run, settings):
    """The run of this process alone -> what it says."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    lines = train_toy(shards, run, load_config("small", settings))
    torch.set_num_threads(before)
    return lines


@pytest.mark.parametrize(
    ("count", "settings"), [(2, PRETRAINED), (2, SHARED), (4, SHARED)], ids=["2", "2 all", "4 all"]
)
def test_any_number_of_ranks_ends_with_the_bits_of_one(shards, tmp_path, count, settings):
    one = tmp_path / "one", alone(shards, tmp_path / "one", settings)
    codes, told = start(tmp_path / "ranks", count, shards, settings)
    assert codes == [0] * count, told
    assert told == [[*one[1], told[0][-1]], *[[]] * (count - 1)]
    run = tmp_path / "ranks" / "run"
    for name in ("train/seed-0/last.pt", "train/seed-0/best.pt", "train/seed-0/pretrain.pt", "curves.csv"):
        assert (run / name).read_bytes() == (one[0] / name).read_bytes(), name


def test_a_pretraining_that_was_stopped_or_is_done_goes_on_with_the_ranks_there_are(shards, tmp_path):
    settings = SHARED | {"optimise.seeds": [0, 1], "optimise.epochs": 1, "optimise.checkpoint_seconds": 0}
    alone(shards, tmp_path / "one", settings)
    folder = tmp_path / "ranks"
    codes, told = start(folder, 2, shards, settings, kill_last="dastm.training.pretraining:mean_gradients#2")
    assert codes == [1, -9], told
    codes, told = start(folder, 2, shards, settings)
    assert codes == [0, 0], told
    assert "continuing at step 1 of pretraining" in told[0][0]
    for name in ("last.pt", "best.pt"):
        (folder / "run/train/seed-0" / name).unlink()
    codes, told = start(folder, 2, shards, settings)
    assert codes == [0, 0], told
    assert "pretrained before" in told[0][0]
    for seed in (0, 1):
        for name in ("last.pt", "best.pt"):
            path = f"train/seed-{seed}/{name}"
            assert (folder / "run" / path).read_bytes() == (tmp_path / "one" / path).read_bytes(), path


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pretrain.clips": 400}, "pretraining on batches of 400 clips needs 66 clips of every class, but class 0 has"),
        ({"pretrain.learning_rate": 1e30}, "seed 0: pretraining diverged by step 2"),
    ],
    ids=["clips", "rate"],
)
def test_what_goes_wrong_on_all_ranks_is_one_line(shards, tmp_path, settings, said):
    codes, told = start(tmp_path / "ranks", 2, shards, SHARED | settings)
    assert codes == [1, 1], told
    assert (len(told[0]), told[1]) == (1, []), told
    assert said in told[0][0]


def test_a_rank_that_fails_ends_all_and_one_line_says_why(shards, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(shards, damaged)
    for tar in (damaged / "train").glob("*.tar"):
        flip_byte(tar, 512 + 200)
    settings = {**SETTINGS, "optimise.source": "indexed"}  # which reads no clip before the first step
    codes, told = start(tmp_path / "ranks", 2, [shards, str(damaged)], settings)
    assert codes == [1, 1], told
    assert not told[1]
    assert len(told[0]) == 1
    assert re.match(r"dastm: rank 1: .*checksum differs", told[0][0])


def test_a_rank_that_is_killed_does_not_leave_the_others_waiting(shards, tmp_path):
    codes, told = start(tmp_path / "ranks", 2, shards, kill_last="dastm.training.trainer:train_step")
    assert codes == [1, -9], told
    assert len(told[0]) == 1
    assert told[0][0].startswith("dastm: a rank has ended or did not answer in time (")


def test_ranks_that_would_train_on_other_data_are_refused(shards, tmp_path):
    other = toy_shards(tmp_path / "other", layout=LONGER)
    codes, told = start(tmp_path / "ranks", 2, [shards, other])
    assert codes == [1, 1]
    assert told == [["dastm: rank 1 has other shards, configuration, versions or code than rank 0"], []]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_works_are_done_in_turn_and_their_results_are_in_order(number, monkeypatch):
    works, done = [lambda i=i: done.append(i) or torch.tensor(i) for i in range(7)], []
    monkeypatch.setattr(Ranks, "together", lambda ranks, work: work())
    monkeypatch.setattr(Ranks, "gathered", lambda ranks, own: [own - number + rank for rank in range(3)])
    found = list(Ranks(number, 3).in_turn(works))
    assert done == [number, 3 + number, 6]
    assert [int(one) for one in found[:6]] == list(range(6))
    assert len(found) == 7


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"optimise__episodes_per_step": 4}, "optimise.episodes_per_step"),
        (
            {"optimise__episodes_per_step": 6, "pretrain__batches_per_step": 4, "pretrain__steps": 1},
            "pretrain.batches_per_step",
        ),
    ],
    ids=["episodes", "batches"],
)
def test_a_number_of_ranks_that_does_not_divide_a_step_is_refused(shards, settings, setting):
    config, said = tiny(optimise__episodes=24, **settings), rf"^3 ranks, but {setting} is 4: .* of 3 "
    with closing(open_source(shards)) as source, pytest.raises(RunError, match=said):
        trainer._prepared(source, record_training(config, shards, source.manifest), Ranks(count=3), print)


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with joined(torch.device("cpu")) as ranks:
        assert ranks == ALONE
    assert ranks.together(lambda: 3) == 3
    assert ranks.gathered(torch.ones(1)) == [torch.ones(1)]
    ranks.check_alike("anything")
    ranks.announce("epoch", {})


def test_ranks_that_do_not_find_each_other_are_one_line(monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    refused = pytest.raises(RunError, match=r"the ranks did not find each other .* start them with torchrun")
    with refused, joined(torch.device("cpu")):
        pass
