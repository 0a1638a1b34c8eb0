"""Pretraining: learns the classes, continues bit for bit, and hands its backbone to the episodes."""

import csv
from contextlib import closing

import pytest
import torch

from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.contract.skeleton import Layout
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.model.network import Recogniser, build_recogniser
from dastm.report.page import write_report
from dastm.runs.checkpoint import load_checkpoint, save_checkpoint
from dastm.runs.record import record_training
from dastm.training import trainer
from dastm.training.mirroring import mirrored, partners
from dastm.training.pretraining import Pretraining, fresh_head, pretrain, pretrained_name
from tests.killing import fork
from tests.toy import STICK, tiny, toy_shards, train_toy

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

STEPS = {"pretrain__steps": 7, "pretrain__clips": 12}
STOPPED = {"optimise__checkpoint_seconds": 0}
SHORT = {"optimise__epochs": 1, "optimise__episodes": 3}
SIDED = Layout(name="sided", joints=("left hand", "hip", "right hand"), bones=((0, 1), (2, 1)), centre=1, hub=1)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards")


def run_pretraining(shards, folder, **settings):
    config, lines = tiny(**{**STEPS, **settings}), []
    with closing(open_source(shards)) as source:
        model = build_recogniser(config, source.manifest.layout, 0)
        row = pretrain(source, config, model, 0, folder / "pretrain.pt", torch.device("cpu"), lines.append)
    return model, row, lines


def same(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_classes_are_learned(shards, tmp_path):
    _, few, _ = run_pretraining(shards, tmp_path / "few", pretrain__steps=2)
    _, many, _ = run_pretraining(shards, tmp_path / "many", pretrain__steps=40)
    assert many["loss"] < few["loss"]
    assert many["accuracy"] > 0.5  # of six classes, over all steps
    assert (many["part"], many["epoch"]) == ("pretrain", 0)


def stop_after_steps(monkeypatch, count):
    """Interrupt pretraining before the step that comes after so many."""
    steps, one_step = iter(range(count)), Pretraining.one_step

    def stopping(self, *of_step):
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return one_step(self, *of_step)

    monkeypatch.setattr(Pretraining, "one_step", stopping)


@pytest.mark.parametrize(("stop_after", "batches"), [(0, 1), (1, 1), (5, 1), (2, 3)])
def test_stopped_and_continued_is_never_stopped(shards, tmp_path, monkeypatch, stop_after, batches):
    settings = {"pretrain__batches_per_step": batches}
    whole, row, _ = run_pretraining(shards, tmp_path / "whole", **settings)
    stop_after_steps(monkeypatch, stop_after)
    with pytest.raises(KeyboardInterrupt):
        run_pretraining(shards, tmp_path / "stopped", **STOPPED, **settings)
    monkeypatch.undo()
    again, row_again, lines = run_pretraining(shards, tmp_path / "stopped", **STOPPED, **settings)
    assert same(whole, again)
    assert row == row_again
    assert any("continuing at step" in line for line in lines) == (stop_after >= 1)


def test_training_begins_with_the_pretrained_backbone_and_keeps_the_best_of_it(shards, tmp_path):
    config = tiny(**STEPS, **SHORT, optimise__backbone_rate=0)
    lines = train_toy(shards, tmp_path / "run", config)
    model, _, _ = run_pretraining(shards, tmp_path / "alone", optimise__backbone_rate=0)
    weights = load_checkpoint(tmp_path / "run" / "train" / "seed-0" / "last.pt")["model"]
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(weights[f"backbone.{name}"], value), name
    assert "seed 0 pretrained: loss" in lines[0]
    with (tmp_path / "run" / "curves.csv").open() as file:
        rows = [(row["epoch"], row["part"]) for row in csv.DictReader(file)]
    assert rows[:3] == [("0", "pretrain"), ("0", "val"), ("1", "train")]


def test_a_training_stopped_between_pretraining_and_its_first_episode_continues(shards, tmp_path, monkeypatch):
    config = tiny(**STEPS, **SHORT)
    train_toy(shards, tmp_path / "whole", config)
    monkeypatch.setattr("dastm.training.trainer._train_epoch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train_toy(shards, tmp_path / "stopped", config)
    monkeypatch.undo()
    train_toy(shards, tmp_path / "stopped", config)
    name = "train/seed-0/last.pt"
    first, second = (load_checkpoint(tmp_path / run / name)["model"] for run in ("whole", "stopped"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_last_layer_is_drawn_from_the_seed_alone():
    first, other = fresh_head(8, 3, 0), fresh_head(8, 3, 1)
    assert torch.equal(first.weight, fresh_head(8, 3, 0).weight)
    assert not torch.equal(first.weight, other.weight)
    assert first.weight.abs().max() <= 8**-0.5


def test_two_clips_a_class_at_least_also_where_classes_are_few(shards, tmp_path, monkeypatch):
    seen = []
    gradients = Pretraining._gradients

    def noting(self, batch, number):
        seen.append((len(batch.plan.class_ids), len(batch.support_labels) + len(batch.query_labels)))
        return gradients(self, batch, number)

    monkeypatch.setattr(Pretraining, "_gradients", noting)
    run_pretraining(shards, tmp_path / "a", pretrain__clips=12, pretrain__steps=1)
    run_pretraining(shards, tmp_path / "b", pretrain__clips=8, pretrain__steps=1)
    run_pretraining(shards, tmp_path / "c", pretrain__clips=32, pretrain__steps=1)
    assert seen == [(6, 12), (4, 8), (6, 30)]


def test_a_step_of_several_batches_has_their_mean_gradients(shards):
    settings = {**STEPS, "pretrain__steps": 2, "pretrain__mirror": False, "backbone__dropout": 0.1}
    one, three = tiny(**settings), tiny(**settings, pretrain__batches_per_step=3)

    def fresh(config):
        state = Pretraining(build_recogniser(config, STICK, 0).train(), list(range(6)), config, seed=0)
        state.optimiser.step = lambda: None  # every batch sees the same weights
        return state

    def gradients(state):
        return [weight.grad.clone() for group in state.optimiser.param_groups for weight in group["params"]]

    with closing(open_source(shards)) as source:
        batches = list(episodes(source, "train", n_way=6, k_shot=1, n_query=1, seed=0, epoch=0, count=6))
    alone, together = fresh(one), fresh(three)
    terms, each = [], []
    for batch in batches[:3]:
        terms += alone.one_step(iter([batch]))
        each.append(gradients(alone))
    found = together.one_step(iter(batches))
    torch.testing.assert_close(torch.stack(found), torch.stack(terms), rtol=0, atol=0)
    for mean, *of_each in zip(gradients(together), *each, strict=True):
        torch.testing.assert_close(mean, torch.stack(of_each).mean(0))
    for ours, theirs in zip(together.model.buffers(), alone.model.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)
    together.one_step(iter(batches[3:]))
    assert (together.step, together.one_step(iter([]))) == (2, [])
    assert together.step == 2


def test_a_checkpoint_of_something_else_is_one_line(shards, tmp_path):
    save_checkpoint(tmp_path / "pretrain.pt", {"backbone": {}})
    with pytest.raises(RunError, match=r"pretrain\.pt: not a checkpoint of this pretraining"):
        run_pretraining(shards, tmp_path)


def test_divergence_is_one_line(shards, tmp_path):
    with pytest.raises(RunError, match=r"pretraining diverged by step .*lower pretrain.learning_rate"):
        run_pretraining(shards, tmp_path, pretrain__learning_rate=1e30)


def test_nothing_to_train_is_one_line(shards, tmp_path):
    config = load_config(
        ["small", "dtw"],
        {**{k.replace("__", "."): v for k, v in STEPS.items()}, "optimise.backbone_rate": 0, "episode.n_way": 3},
    )
    with pytest.raises(RunError, match="leaves nothing to train"):
        train_toy(shards, tmp_path, config)


def test_methods_share_a_pretrained_backbone_and_other_backbones_do_not(shards, tmp_path):
    shared, lines = tmp_path / "shared", []
    for name, settings in {
        "dastm": {},
        "dtw": {"matching__spatial": "none"},
        "norm": {"backbone__pair_norm": 1},
    }.items():
        config = tiny(**STEPS, **SHORT, **settings)
        lines.append(train_toy(shards, tmp_path / name, config, pretrained=shared)[0])
    assert ["pretrained before" in line for line in lines] == [False, True, False]
    assert len(list(shared.glob("*.pt"))) == 2
    alone = tmp_path / "alone"
    train_toy(shards, alone, tiny(**STEPS, **SHORT, matching__spatial="none"))
    runs = [load_checkpoint(run / "train/seed-0/last.pt")["model"] for run in (tmp_path / "dtw", alone)]
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_what_a_pretrained_backbone_depends_on_is_in_its_name(shards):
    def name(seed=0, **settings):
        with closing(open_source(shards)) as source:
            record = record_training(tiny(**{**STEPS, **settings}), shards, source.manifest)
        return pretrained_name(record, seed)

    assert name() == name(matching__gamma=0.5, optimise__epochs=7)
    others = (
        {"pretrain__steps": 8},
        {"backbone__dropout": 0.3},
        {"augment__noise": 0.1},
        {"optimise__precision": "bf16"},
        {"optimise__clip_norm": 1},
        {"pretrain__optimiser": "adamw"},
        {"pretrain__mirror": True},
    )
    assert len({name(), name(seed=1), *(name(**settings) for settings in others)}) == 2 + len(others)


def train_and_tell(shards, run):
    lines = train_toy(shards, run, tiny(**STEPS, **SHORT), pretrained=run.parent / "shared")
    (run / "told.txt").write_text("\n".join(lines))


def test_two_trainings_at_once_make_one_backbone(shards, tmp_path):
    """The second one waits for the first, then finds it."""
    processes = [fork(train_and_tell, shards, tmp_path / name) for name in "ab"]
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    told = [(tmp_path / name / "told.txt").read_text() for name in "ab"]
    assert sorted("pretrained before" in text for text in told) == [False, True]
    first, second = (load_checkpoint(tmp_path / name / "train/seed-0/last.pt")["model"] for name in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_what_pretraining_leaves_has_no_part_in_the_clipping_of_gradients(shards, tmp_path, monkeypatch, rate):
    """Stopped right after pretraining and continued is never stopped, also where gradients are clipped."""
    config = tiny(**STEPS, **SHORT, **STOPPED, optimise__backbone_rate=rate, optimise__clip_norm=0.1)
    train_toy(shards, tmp_path / "whole", config)
    whole = trainer.train_step
    steps = iter(range(2))

    def step(*args):
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(trainer, "train_step", step)
    with pytest.raises(KeyboardInterrupt):
        train_toy(shards, tmp_path / "stopped", config)
    monkeypatch.undo()
    train_toy(shards, tmp_path / "stopped", config)
    name = "train/seed-0/last.pt"
    first, second = (load_checkpoint(tmp_path / run / name)["model"] for run in ("whole", "stopped"))
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.usefixtures("blank_figures")
def test_without_epochs_the_pretrained_weights_are_validated_once_and_kept(shards, tmp_path):
    constant = {**STEPS, "optimise__schedule": "constant"}
    config = tiny(**constant, optimise__epochs=0)
    train_toy(shards, tmp_path / "run", config)
    model, _, _ = run_pretraining(shards, tmp_path / "alone")
    weights = load_checkpoint(tmp_path / "run" / "train" / "seed-0" / "best.pt")["model"]
    assert all(torch.equal(weights[f"backbone.{name}"], value) for name, value in model.backbone.state_dict().items())
    with (tmp_path / "run" / "curves.csv").open() as file:
        assert [(row["epoch"], row["part"]) for row in csv.DictReader(file)] == [("0", "pretrain"), ("0", "val")]
    assert "already trained" in train_toy(shards, tmp_path / "run", config)[0]
    write_report([tmp_path / "run"], tmp_path / "report.html")
    assert "Before them, seed 0 learned the training classes" in (tmp_path / "report.html").read_text()
    more = train_toy(shards, tmp_path / "run", tiny(**constant, optimise__epochs=1))
    assert "continues from 0 to 1 epochs" in more[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"pretrain__optimiser": "adamw", "pretrain__weight_decay": 0.5},
        {"pretrain__warm_up": 0.5},
        {"optimise__clip_norm": 1e-3},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_optimiser_warm_up_and_clipping_count_and_continue_bit_for_bit(shards, tmp_path, monkeypatch, settings):
    plain, _, _ = run_pretraining(shards, tmp_path / "plain", pretrain__weight_decay=0.5)
    whole, _, _ = run_pretraining(shards, tmp_path / "whole", **settings)
    assert not same(plain, whole)
    stop_after_steps(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run_pretraining(shards, tmp_path / "stopped", **settings, **STOPPED)
    monkeypatch.undo()
    again, _, lines = run_pretraining(shards, tmp_path / "stopped", **settings, **STOPPED)
    assert any("continuing at step" in line for line in lines)
    assert same(whole, again)


def test_mirrored_clips_are_classes_of_their_own_half_of_the_time_and_the_same_ones_again(tmp_path, monkeypatch):
    shards = toy_shards(tmp_path / "sided", layout=SIDED)
    seen, encode = [], Recogniser.backbone_features

    def noting(self, bodies):
        seen.append(bodies.joints_BTVC)
        return encode(self, bodies)

    monkeypatch.setattr(Recogniser, "backbone_features", noting)
    settings = {"pretrain__steps": 10}
    run_pretraining(shards, tmp_path / "plain", **settings)
    plain, mirror = list(seen), {**settings, "pretrain__mirror": True}
    seen.clear()
    model, _, _ = run_pretraining(shards, tmp_path / "mirror", **mirror)
    sides = partners(SIDED)
    both = [(one, other) for a, b in zip(plain, seen, strict=True) for one, other in zip(a, b, strict=True)]
    turned = [not torch.equal(one, other) for one, other in both]
    assert 0.35 < sum(turned) / len(turned) < 0.65
    for (one, other), was in zip(both, turned, strict=True):
        everyone = torch.ones(1, dtype=torch.bool)
        assert torch.equal(mirrored(one[None], everyone, sides)[0] if was else one, other)
    assert len(load_checkpoint(tmp_path / "mirror" / "pretrain.pt")["head"]["bias"]) == 2 * 6
    again, _, _ = run_pretraining(shards, tmp_path / "again", **mirror)
    assert same(model, again)


def test_a_layout_without_sides_cannot_be_mirrored_and_another_training_stays(shards, tmp_path):
    train_toy(shards, tmp_path, tiny(optimise__epochs=1))
    with pytest.raises(RunError, match=r"pretrain\.mirror: toy: layout stick has no joints that are told apart"):
        train_toy(shards, tmp_path, tiny(**STEPS, pretrain__mirror=True), replace=True)
    assert (tmp_path / "curves.csv").is_file()


def test_where_no_class_is_left_to_train_on_that_is_said(shards, tmp_path):
    with pytest.raises(RunError, match="0 classes"):
        train_toy(shards, tmp_path / "run", tiny(**STEPS, episode__too_few="leave_out", episode__n_query=500))
