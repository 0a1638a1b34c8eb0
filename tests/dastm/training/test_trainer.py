"""Training: resumable bit for bit, a pure function of its seed, honest about what is in its folder."""

import csv
import json
import re
import shutil
import signal
import time
from contextlib import closing
from functools import partial
from itertools import cycle

import numpy as np
import pytest
import torch
from torch.optim import optimizer

from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.model.network import build_recogniser
from dastm.runs import record
from dastm.runs.checkpoint import load_checkpoint, save_checkpoint
from dastm.runs.locks import locked
from dastm.runs.record import TrainingRecord
from dastm.runs.results import read_curves
from dastm.training import trainer
from dastm.training.state import TrainingState, adam
from dastm.training.step import train_step
from tests.killing import fork
from tests.shard_folder import flip_byte, make_shard_folder
from tests.toy import STICK, tiny, toy_shards, train_toy

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

SHORT = {"optimise__episodes": 2}
"""For tests of what comes between epochs."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards")


@pytest.fixture(scope="module")
def finished(shards, tmp_path_factory):
    run = tmp_path_factory.mktemp("toy") / "run"
    return run, train_toy(shards, run)


@pytest.fixture
def trained(finished, tmp_path):
    """A copy of the finished run, to be changed."""
    return shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)


def weights(run, name="last.pt", seed=0):
    return load_checkpoint(run / "train" / f"seed-{seed}" / name)["model"]


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_run_folder_holds_what_it_promises(finished):
    run, lines = finished
    made = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    seed = ["train/seed-0/best.pt", "train/seed-0/curves.csv", "train/seed-0/last.pt"]
    assert made == [trainer.LOCK_NAME, "curves.csv", "train/config.json", "train/curves.json", *seed]
    assert [line.split(":")[0] for line in lines[:2]] == ["seed 0 epoch 1/2", "seed 0 epoch 2/2"]


METHODS = ("protonet", "dtw", "ngm", "pairnorm", "dropedge", "dastm-rank", "dastm-activation", "dastm")
NOWHERE = {
    "backbone.n_blocks": 4,
    "backbone.channels": (8, 8, 16, 16),
    "backbone.dropout": 0.0,  # a meta device has no generator
    "backbone.drop_edge": 0.0,
    "matching.attention_dropout": 0.0,
    "optimise.clip_norm": 1.0,
}


OTHER_KERNELS = ({"matching.frame_distance": "cosine", "matching.mean": True}, {"matching.rank": "unit"})


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        *((method, {}) for method in METHODS),
        *(("dastm", changes) for changes in OTHER_KERNELS),
        ("dtw", OTHER_KERNELS[0]),
    ],
)
@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_a_training_step_and_an_evaluation_never_ask_the_device_for_a_value(
    shards, method, recipe, changes, monkeypatch
):
    """A meta tensor has no values: whatever asks for one fails, as it would have to wait on a GPU."""
    monkeypatch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: ["meta"])
    # The Gram form, which CUDA takes only without its own kernel, looks for close pairs.
    monkeypatch.setattr("dastm.model.matching.gram.recompute_close", lambda *_: None)
    config = load_config([recipe, method], {**NOWHERE, **changes})
    meta = torch.device("meta")
    with closing(open_source(str(shards))) as source:
        model = build_recogniser(config, source.manifest.layout, 0).to(meta)
        items = episodes(source, "train", n_way=2, k_shot=1, n_query=2, seed=0, epoch=0, count=1, device=meta)
        (episode,) = items
    state = TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))
    model.train()
    (terms,) = train_step(state, config, iter([episode]))
    assert terms.shape == (4,)
    model.eval()
    with torch.inference_mode():
        assert model.episode_distances(episode).device == meta


def test_curves_have_a_row_an_epoch_and_subset_and_add_up(finished):
    with (finished[0] / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["episode"], row["part"]) for row in rows] == [
        *[("1", "5", "train"), ("1", "5", "val")],
        *[("2", "10", "train"), ("2", "10", "val")],
    ]
    for row in rows[::2]:
        total = float(row["cross_entropy"]) + 0.1 * float(row["rank"])
        assert float(row["loss"]) == pytest.approx(total, rel=1e-5)
        assert float(row["rank"]) < 0
        assert 0 <= float(row["accuracy"]) <= 1


def test_training_again_gives_the_same_weights_and_another_seed_others(shards, finished, tmp_path):
    train_toy(shards, tmp_path / "again")
    train_toy(shards, tmp_path / "other", tiny(optimise__seeds=[1]))
    assert equal(weights(finished[0]), weights(tmp_path / "again"))
    assert not equal(weights(finished[0]), weights(tmp_path / "other", seed=1))


@pytest.mark.parametrize("source", ["indexed", "resident", "streamed"])
def test_every_source_trains_to_the_same_weights(shards, finished, tmp_path, source):
    train_toy(shards, tmp_path, tiny(optimise__source=source))
    assert equal(weights(finished[0]), weights(tmp_path))


@pytest.mark.parametrize("stop_after", [1, 2, 5, 7])
def test_stopped_anywhere_and_continued_is_never_stopped(shards, finished, tmp_path, monkeypatch, stop_after):
    """Stopped inside and between epochs, before and after a checkpoint: the weights and curves are the same.

    They do not depend on when checkpoints were written either: the other training wrote one after each step.
    """
    steps = iter(range(stop_after))
    monkeypatch.setattr(trainer, "Due", lambda seconds: partial(next, cycle((False, True))))
    whole = trainer.train_step

    def step(*args):
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(trainer, "train_step", step)
    with pytest.raises(KeyboardInterrupt):
        train_toy(shards, tmp_path)
    monkeypatch.setattr(trainer, "train_step", whole)
    lines = train_toy(shards, tmp_path)
    assert ("continuing" in lines[0]) == (stop_after >= 2)
    for name in ("last.pt", "best.pt"):
        assert equal(weights(finished[0], name), weights(tmp_path, name))
    assert (tmp_path / "curves.csv").read_bytes() == (finished[0] / "curves.csv").read_bytes()


def test_a_training_that_stops_early_has_a_checkpoint_of_its_end(shards, tmp_path):
    config = tiny(**SHORT, optimise__epochs=50, optimise__patience=2, optimise__checkpoint_seconds=1000)
    assert any("stopped after epoch" in line for line in train_toy(shards, tmp_path, config))
    assert load_checkpoint(tmp_path / "train/seed-0/last.pt")["epoch"] == read_curves(tmp_path)[-1]["epoch"] < 50
    assert "already trained" in train_toy(shards, tmp_path, config)[0]


def test_short_epochs_leave_checkpoints_to_the_clock_and_are_repeated(shards, tmp_path, monkeypatch):
    """With better weights and at the end there is one all the same. Stopped before the end: the same bits."""
    config, save, epochs = (
        tiny(**SHORT, optimise__epochs=6, optimise__checkpoint_seconds=1000),
        trainer.save_checkpoint,
        [],
    )

    def saved(path, state):
        save(path, state)
        epochs.extend([state["epoch"]] * (path.name == "last.pt"))

    monkeypatch.setattr(trainer, "save_checkpoint", saved)
    train_toy(shards, tmp_path / "whole", config)
    accuracies = [row["accuracy"] for row in read_curves(tmp_path / "whole") if row["part"] == "val"]
    better = [number + 1 for number in range(6) if accuracies[number] > max(accuracies[:number], default=-1)]
    assert epochs == sorted({*better, 6})

    repeated = next(number for number in range(1, 6) if number not in epochs)
    whole = trainer._train_epoch

    def stopped(source, config, state, *others):
        if state.epoch == repeated:
            raise KeyboardInterrupt
        whole(source, config, state, *others)

    monkeypatch.setattr(trainer, "_train_epoch", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_toy(shards, tmp_path / "stopped", config)
    assert load_checkpoint(tmp_path / "stopped/train/seed-0/last.pt")["epoch"] < repeated
    monkeypatch.setattr(trainer, "_train_epoch", whole)
    train_toy(shards, tmp_path / "stopped", config)
    for name in ("train/seed-0/last.pt", "train/seed-0/best.pt", "curves.csv"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_killed_training_started_again_gives_the_weights_of_one_that_never_stopped(shards, tmp_path):
    """SIGKILL of a real process, as a user's machine would do it; the others need none of their own."""
    config = tiny(optimise__epochs=4, optimise__episodes=8, optimise__checkpoint_seconds=0)
    killed = fork(train_toy, shards, tmp_path / "killed", config)
    last = tmp_path / "killed" / "train" / "seed-0" / "last.pt"
    deadline = time.monotonic() + 600
    while not last.exists() and killed.exitcode is None and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.kill()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "curves.csv").exists()
    for name in ("killed", "whole"):  # each with the threads of the one that was killed
        again = fork(train_toy, shards, tmp_path / name, config)
        again.join()
        assert again.exitcode == 0
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


def test_finished_training_is_left_alone_and_seeds_can_be_added(shards, trained, tmp_path):
    before = (trained / "train/seed-0/last.pt").stat().st_mtime_ns
    train_toy(shards, tmp_path, tiny(optimise__seeds=[0, 1]))
    assert (tmp_path / "train/seed-0/last.pt").stat().st_mtime_ns == before
    with (tmp_path / "curves.csv").open() as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["0"] * 4 + ["1"] * 4


def test_another_training_in_the_folder_is_an_error_unless_replaced(shards, trained, tmp_path):
    other = tiny(matching__gamma=0.7)
    with pytest.raises(RunError, match=r"holds another training \(matching.gamma\).*--replace"):
        train_toy(shards, tmp_path, other)
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval/metrics.json").write_text('{"rows": {}, "settings": {}}')
    (tmp_path / "report.html").write_text('<!doctype html>\n<meta name="generator" content="dastm">')
    (tmp_path / "notes.txt").write_text("not ours, and not touched")
    lines = train_toy(shards, tmp_path, other, replace=True)
    assert "it is replaced" in lines[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [trainer.LOCK_NAME, "curves.csv", "notes.txt", "train"]


def test_two_trainings_never_work_in_one_folder(shards, tmp_path):
    with (
        locked(tmp_path / trainer.LOCK_NAME),
        pytest.raises(RunError, match="another training is at work"),
    ):
        train_toy(shards, tmp_path)
    assert not (tmp_path / "train").exists()
    train_toy(shards, tmp_path)


def test_curves_of_the_run_are_there_only_when_all_seeds_are_trained(shards, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "_train_epoch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train_toy(shards, tmp_path, tiny(optimise__seeds=[0, 1]))
    assert not (tmp_path / "curves.csv").exists()


@pytest.mark.parametrize("left", [".config.json.0123456789ab.new", "seed-0/.last.pt.0123456789ab.new"])
def test_training_killed_while_it_wrote_a_file_continues(shards, finished, tmp_path, left):
    """Also where that was its first file."""
    path = tmp_path / "train" / left
    if left.startswith("seed"):
        shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    train_toy(shards, tmp_path)
    assert not path.exists()


def test_killed_between_the_last_files_of_an_epoch_leaves_the_curves_whole(shards, finished, tmp_path, monkeypatch):
    save = trainer.save_checkpoint

    def killed(path, state):
        if path.name == "last.pt" and state["epoch"] == 2:
            raise KeyboardInterrupt
        save(path, state)

    monkeypatch.setattr(trainer, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        train_toy(shards, tmp_path)
    monkeypatch.setattr(trainer, "save_checkpoint", save)
    train_toy(shards, tmp_path)
    for name in ("curves.csv", "train/seed-0/curves.csv"):
        assert (tmp_path / name).read_bytes() == (finished[0] / name).read_bytes()


@pytest.mark.parametrize("damage", [{"model": 3}, {"model": {}}, {}])
def test_checkpoint_of_something_else_is_one_line(shards, trained, tmp_path, damage):
    last = tmp_path / "train" / "seed-0" / "last.pt"
    save_checkpoint(last, damage)
    with pytest.raises(RunError, match=r"last\.pt: not a checkpoint of this training"):
        train_toy(shards, tmp_path)


def gone(path):
    path.unlink()


def flipped(path):
    flip_byte(path, 300)  # inside a record: what lies between records is padding


@pytest.mark.parametrize("name", ["best.pt", "last.pt"])
@pytest.mark.parametrize("damage", [gone, flipped])
def test_a_checkpoint_that_is_gone_or_damaged_is_made_again(shards, finished, trained, tmp_path, name, damage):
    path = tmp_path / "train" / "seed-0" / name
    damage(path)
    lines = train_toy(shards, tmp_path)
    assert not any("already trained" in line for line in lines)
    assert (damage is gone and name == "last.pt") or f"{name}: " in lines[0]
    for one in ("last.pt", "best.pt"):
        assert equal(weights(finished[0], one), weights(tmp_path, one))
    assert (tmp_path / "curves.csv").read_bytes() == (finished[0] / "curves.csv").read_bytes()


def test_training_goes_on_for_more_epochs_as_if_they_had_been_asked_for_at_once(shards, tmp_path):
    asked = {**SHORT, "optimise__schedule": "constant"}
    train_toy(shards, tmp_path / "more", tiny(**asked))
    lines = train_toy(shards, tmp_path / "more", tiny(**asked, optimise__epochs=3))
    assert lines[0] == f"{tmp_path / 'more'}: continues from 2 to 3 epochs"
    assert [line.split(":")[0] for line in lines[2:3]] == ["seed 0 epoch 3/3"]
    train_toy(shards, tmp_path / "once", tiny(**asked, optimise__epochs=3))
    for name in ("last.pt", "best.pt"):
        assert equal(weights(tmp_path / "more", name), weights(tmp_path / "once", name))
    assert (tmp_path / "more/curves.csv").read_bytes() == (tmp_path / "once/curves.csv").read_bytes()


def test_classes_too_small_for_an_episode_are_left_out_where_told_and_said_each_time(tmp_path):
    shards = uneven_shards(tmp_path / "shards")
    with pytest.raises(
        RunError, match=r"in every class, but class 0 has 2; .* or add --set episode.too_few=leave_out$"
    ):
        train_toy(shards, tmp_path / "run")
    for _ in range(2):
        lines = train_toy(shards, tmp_path / "run", tiny(episode__too_few="leave_out"))
        assert lines[:2] == [
            "left out: train class 0 (class 0) has 2 clips, an episode needs 3",
            "left out: val class 6 (class 6) has 1 clips, an episode needs 3",
        ]
    seen = TrainingRecord.read(tmp_path / "run").classes
    assert {part: sorted(ids) for part, ids in seen.items()} == {"train": [1, 2, 3], "val": [7, 8, 9]}


def uneven_shards(path):
    sizes = {"train": {0: 2, 1: 5, 2: 5, 3: 5}, "val": {6: 1, 7: 5, 8: 5, 9: 5}, "test": {10: 2, 11: 5, 12: 5, 13: 5}}
    make_shard_folder(path, parts=sizes, rng=np.random.default_rng(0), layout=STICK)
    return str(path)


def test_weights_that_leave_the_numbers_in_the_last_step_are_one_line(shards, tmp_path, monkeypatch):
    """Its loss was still finite: validation is the first to see them."""
    whole = trainer.train_step

    def last_step_overflows(state, config, *rest):
        parts = whole(state, config, *rest)
        if state.episode == config.optimise.episodes - 1:
            torch.nn.init.constant_(next(iter(state.model.parameters())), torch.nan)
        return parts

    monkeypatch.setattr(trainer, "train_step", last_step_overflows)
    with pytest.raises(RunError, match=r"lower optimise\.learning_rate"):
        train_toy(shards, tmp_path)


def test_other_shards_are_another_training(trained, tmp_path):
    fewer = toy_shards(tmp_path / "shards", seed=5)
    manifest = tmp_path / "shards" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"numpy": "x"', '"numpy": "y"'))
    with pytest.raises(RunError, match="other shards"):
        train_toy(fewer, trained)


def test_other_code_is_another_training(shards, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("dastm.runs.record.code_digest", lambda: "changed")
    with pytest.raises(RunError, match="other code"):
        train_toy(shards, tmp_path)


def test_other_versions_are_another_training(shards, trained, tmp_path, monkeypatch):
    now = record.software()
    monkeypatch.setattr(record, "software", lambda: {**now, "torch": "3.0", "pyarrow": "3.0"})
    with pytest.raises(RunError, match=rf"torch {re.escape(torch.__version__)}, now 3\.0\)"):
        train_toy(shards, tmp_path)


def test_unreadable_folder_is_not_overwritten(shards, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="nothing there is replaced"):
        train_toy(shards, tmp_path)
    assert (tmp_path / "train" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"episode__n_way": 7}, "7-way"),
        ({"episode__n_query": 8}, r"clips"),
        ({"optimise__val_query": 8}, r"val: .*clips.*; lower .*optimise\.val_query"),
        ({"optimise__precision": "tf32"}, "only on CUDA"),
        ({"optimise__learning_rate": 1e30}, "lower optimise.learning_rate"),
    ],
)
def test_what_cannot_be_trained_is_one_line(shards, tmp_path, settings, message):
    with pytest.raises(RunError, match=message) as caught:
        train_toy(shards, tmp_path, tiny(**settings))
    assert "\n" not in str(caught.value)


def test_learning_makes_the_toy_classes_separable(tmp_path):
    """Not only does it run: validation accuracy rises from what the first episodes have."""
    shards = toy_shards(tmp_path / "shards", noise=0.4)
    # narrow as it is, it needs a high rate to learn so soon
    settings = {"optimise__episodes": 15, "optimise__epochs": 3, "optimise__learning_rate": 0.03}
    train_toy(shards, tmp_path / "run", tiny(matching__rank_weight=0.0, **settings))
    with (tmp_path / "run" / "curves.csv").open() as file:
        losses = [float(row["cross_entropy"]) for row in csv.DictReader(file) if row["part"] == "train"]
    assert losses[-1] < 0.7 * losses[0]


def test_rank_term_and_clipping_reach_the_weights(shards, finished, tmp_path):
    for name, settings in {"rank": {"matching__rank_weight": 0.5}, "clip": {"optimise__clip_norm": 1e-3}}.items():
        train_toy(shards, tmp_path / name, tiny(**settings))
        assert not equal(weights(finished[0]), weights(tmp_path / name))


def test_the_backbone_learns_at_a_rate_of_its_own(shards, finished, tmp_path):
    """Adam's first step is as long as the learning rate, whatever the gradient."""
    steps = {}
    for rate in (1.0, 0.1):
        config = tiny(optimise__backbone_rate=rate, optimise__weight_decay=0, optimise__schedule="constant")
        with closing(open_source(shards)) as source:
            model = build_recogniser(config, source.manifest.layout, 0).train()
            items = episodes(source, "train", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=1)
            state = TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))
            before = {name: value.detach().clone() for name, value in model.named_parameters()}
            train_step(state, config, items)
        moved = {name: (value - before[name]).abs().max().item() for name, value in model.named_parameters()}
        of_backbone = max(step for name, step in moved.items() if name.startswith("backbone"))
        steps[rate] = moved["matcher.activation.W3q"], of_backbone
    assert steps[1.0] == pytest.approx((1e-3, 1e-3), rel=1e-2)
    assert steps[0.1] == pytest.approx((1e-3, 1e-4), rel=1e-2)


def test_training_that_no_longer_gets_better_stops_early_and_stays_stopped(shards, tmp_path, monkeypatch):
    falling = iter([0.9, 0.8, 0.7, 0.6, 0.5])
    monkeypatch.setattr(trainer, "validate", lambda *_: torch.full((3,), next(falling)).numpy())
    config = tiny(**SHORT, optimise__epochs=5, optimise__patience=2)
    lines = train_toy(shards, tmp_path, config)
    assert lines[-1] == "seed 0: stopped after epoch 3, no better validation accuracy for 2 epochs"
    assert load_checkpoint(tmp_path / "train/seed-0/best.pt")["epoch"] == 1
    assert "already trained" in train_toy(shards, tmp_path, config)[0]


@pytest.mark.parametrize(("untrained", "told"), [(0.5, False), (0.6, True), (0.75, True)])
def test_a_training_that_ends_no_better_than_it_began_says_so(shards, tmp_path, monkeypatch, untrained, told):
    accuracies = {0: untrained, 1: 0.6, 2: 0.4}
    monkeypatch.setattr(trainer, "validate", lambda _s, _c, state, *_: np.full(3, accuracies[state.epoch]))
    line = (
        f"seed 0: the best validation, 60.0 %, is no better than the {100 * untrained:.1f} % of the network before any"
        " training; train longer, on more classes, or with another preset"
    )
    lines = train_toy(shards, tmp_path, tiny(**SHORT))
    assert len(lines) == 2 + told
    assert (line == lines[-1]) == told
    assert train_toy(shards, tmp_path, tiny(**SHORT)) == ["seed 0: already trained"]


@pytest.mark.parametrize(("ties", "kept"), [("earlier", 1), ("later", 3)])
def test_of_epochs_that_validate_equally_well_the_weights_are_kept_that_the_recipe_says(
    shards, tmp_path, monkeypatch, ties, kept
):
    found = iter([0.5, 0.4, 0.5, 0.3, 0.1])  # the last is that of the network before its training
    monkeypatch.setattr(trainer, "validate", lambda *_: torch.full((3,), next(found)).numpy())
    train_toy(shards, tmp_path, tiny(**SHORT, optimise__epochs=4, optimise__ties=ties))
    assert load_checkpoint(tmp_path / "train/seed-0/best.pt")["epoch"] == kept


def test_another_way_of_evaluation_is_the_same_training(shards, trained, tmp_path):
    assert "already trained" in train_toy(shards, tmp_path, tiny(evaluation__episodes=7))[0]
    assert TrainingRecord.read(tmp_path).config.evaluation.episodes == 7


def test_the_network_sees_fewer_frames_than_are_stored(shards, finished, tmp_path):
    train_toy(shards, tmp_path / "three", tiny(augment__n_frames=3, augment__noise=0.01))
    assert not equal(weights(finished[0]), weights(tmp_path / "three"))
    with pytest.raises(RunError, match="7 frames of clips that hold 6"):
        train_toy(shards, tmp_path / "seven", tiny(augment__n_frames=7))


@pytest.mark.parametrize("setting", [{"augment__yaw": 5.0}, {"augment__n_frames": 3}])
def test_what_needs_frames_and_coordinates_is_refused_on_scrambled_shards(tmp_path, setting):
    shards = toy_shards(tmp_path / "shards")
    manifest = tmp_path / "shards" / "manifest.json"
    document = json.loads(manifest.read_text())
    document["definition"]["split"] = {"frame_order": "scrambled"}
    manifest.write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"augment\.\w+: not of shards whose frames are scrambled"):
        train_toy(shards, tmp_path / "run", tiny(**setting))
    train_toy(shards, tmp_path / "run", tiny(augment__noise=0.1))


def test_a_validation_that_cannot_be_is_told_before_the_first_episode(shards, tmp_path):
    with pytest.raises(RunError, match=r"val .*has 3 classes"):
        train_toy(shards, tmp_path, tiny(episode__n_way=4))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("rises", [True, False])
def test_a_lost_best_checkpoint_is_made_again_from_the_last_where_that_validated_best(
    shards, tmp_path, monkeypatch, rises
):
    """A run of three epochs is stopped after two, with the best weights lost: trained on if the second epoch's were."""
    accuracies = {0: 0.3, 1: 0.4, 2: 0.6 if rises else 0.2, 3: 0.1}
    monkeypatch.setattr(trainer, "validate", lambda _s, _c, state, *_: np.full(3, accuracies[state.epoch]))
    asked = {**SHORT, "optimise__schedule": "constant", "optimise__epochs": 3}
    train_toy(shards, tmp_path / "whole", tiny(**asked))
    train_toy(shards, tmp_path / "run", tiny(**{**asked, "optimise__epochs": 2}))
    folder = tmp_path / "run" / "train" / "seed-0"
    flip_byte(folder / "best.pt", 300)
    lines = train_toy(shards, tmp_path / "run", tiny(**asked))
    told = "last.pt" if rises else "the start"
    assert any(line.endswith(f"; made again from {told}") for line in lines)
    assert any("continuing at epoch 3" in line for line in lines) == rises
    assert (folder / "last.pt.old").exists() != rises
    for name in ("last.pt", "best.pt"):
        assert equal(weights(tmp_path / "run", name), weights(tmp_path / "whole", name))
    best = "train/seed-0/best.pt"
    assert (tmp_path / "run" / best).read_bytes() == (tmp_path / "whole" / best).read_bytes()
