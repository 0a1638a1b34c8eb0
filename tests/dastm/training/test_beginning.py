"""A training that begins with other weights: it takes them, says so, and ends no worse on validation."""

import csv
from contextlib import closing
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from dastm.cli import main
from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.contract.skeleton import BODY19
from dastm.episodes.sources import open_source
from dastm.runs.checkpoint import load_checkpoint
from dastm.runs.encoders import make_encoder
from dastm.runs.record import TrainingRecord, record_training
from dastm.runs.seen_classes import check_unseen
from dastm.training import trainer
from dastm.training.beginning import Beginning, begin_with
from tests.toy import STICK, tiny, toy_shards

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

HARMFUL = {"optimise__learning_rate": 30.0, "optimise__clip_norm": 1.0}
"""Steps that leave nothing of what was learned."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """`run`, trained on `shards`; `mine`, other shards of the same kind with other classes."""
    root = tmp_path_factory.mktemp("begin")
    trained(toy_shards(root / "shards", dataset="first"), root / "run", tiny())
    toy_shards(root / "mine", seed=1, dataset="mine")
    return root


def trained(shards, run, config, begun=None, **options):
    lines = []
    with closing(open_source(shards)) as source:
        record = record_training(config, str(shards), source.manifest)
        record = begun.of(record, source.manifest) if begun else record
        weights = begun.weights if begun else None
        trainer.train(source, record, run, begun=weights, log=lines.append, **options)
    return lines


def rows_of(run):
    with (run / "curves.csv").open() as file:
        return [(row["epoch"], row["part"], float(row["accuracy"])) for row in csv.DictReader(file)]


def weights(run, name="best.pt"):
    return load_checkpoint(run / "train" / "seed-0" / name)["model"]


def test_what_is_kept_is_never_worse_on_validation_than_what_it_began_with(place, tmp_path):
    begun = Beginning.read(place / "run", "run")
    lines = trained(place / "mine", tmp_path, tiny(**HARMFUL), begun)
    assert lines[0] == "seed 0: starts from the given weights"
    assert lines[1].startswith("seed 0 as it begins, val ")
    rows = rows_of(tmp_path)
    assert [row[:2] for row in rows] == [("0", "val"), ("1", "train"), ("1", "val"), ("2", "train"), ("2", "val")]
    assert all(row[2] < rows[0][2] for row in rows[2::2])
    kept = weights(tmp_path)
    assert all(torch.equal(kept[name], value) for name, value in weights(place / "run").items())


def test_it_continues_where_it_was_stopped_and_pretrains_once(place, tmp_path, monkeypatch):
    begun, config = Beginning.read(place / "run", "run"), tiny(pretrain__steps=3, pretrain__clips=12)
    whole = trained(place / "mine", tmp_path / "whole", config, begun)
    assert [row[:2] for row in rows_of(tmp_path / "whole")][:3] == [("0", "val"), ("0", "pretrain"), ("0", "val")]
    again = trained(place / "mine", tmp_path / "whole", config, begun)
    assert again == ["seed 0: already trained"]
    assert len(whole) == 5

    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    monkeypatch.setattr(trainer, "pretrain", stop)
    with pytest.raises(Stop):
        trained(place / "mine", tmp_path / "cut", config, begun)
    monkeypatch.undo()
    trained(place / "mine", tmp_path / "cut", config, begun)
    first, second = weights(tmp_path / "whole", "last.pt"), weights(tmp_path / "cut", "last.pt")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_record_says_where_it_began_and_other_weights_are_another_training(place, tmp_path):
    begun = Beginning.read(place / "run", "run")
    trained(place / "mine", tmp_path, tiny(), begun)
    record = TrainingRecord.read(tmp_path)
    assert record.begun_from == {"run": "run", "weights": begun.digest}
    with pytest.raises(RunError, match=r"holds another training \(begun with other weights\)"):
        trained(place / "mine", tmp_path, tiny())


def test_classes_that_the_weights_had_seen_before_are_seen(place):
    with closing(open_source(place / "mine")) as mine, closing(open_source(place / "shards")) as first:
        record = record_training(tiny(), "mine", mine.manifest)
        assert check_unseen(record, first.manifest, "train", allow=True) == []
        record = Beginning.read(place / "run", "run").of(record, mine.manifest)
        assert len(check_unseen(record, first.manifest, "train", allow=True)) == 6
        with pytest.raises(RunError, match="trained or validated on 6 of the 6 classes of first train"):
            check_unseen(record, first.manifest, "train", allow=False)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            {"backbone__name": "lstm", "backbone__n_blocks": None, "backbone__channels": None},
            r"backbone.name is lstm, there st_gcn; backbone.n_blocks",
        ),
        ({"backbone__pair_norm": 1.0}, "backbone.pair_norm is 1.0, there 0.0"),
        ({"augment__layout": "body19"}, "augment.layout is body19, there None"),
    ],
)
def test_another_backbone_or_layout_is_refused_by_the_key(place, settings, why):
    begun = Beginning.read(place / "run", "run")
    with closing(open_source(place / "mine")) as source:
        record = replace(record_training(tiny(), "mine", source.manifest), config=tiny(**settings))
        with pytest.raises(RunError, match=f"--from run: its weights do not fit: {why}"):
            begun.of(record, source.manifest)


def test_other_joints_are_refused_and_another_number_of_frames_or_other_dropout_are_not(place, tmp_path):
    begun = Beginning.read(place / "run", "run")
    config = tiny(backbone__dropout=0.5)
    for layout, frames in ((STICK, 9), (BODY19, 6)):
        shards = toy_shards(tmp_path / layout.name, layout=layout, frames=frames)
        with closing(open_source(shards)) as source:
            record = record_training(config, shards, source.manifest)
            if layout == STICK:
                assert begun.of(record, source.manifest).begun_from is not None
                continue
            with pytest.raises(
                RunError, match=r"layout\.joints is 19 joints, joint 0 'hip centre', trained on 3 joints"
            ):
                begun.of(record, source.manifest)
    old = replace(begun, record=replace(begun.record, layout=None))
    with closing(open_source(place / "mine")) as source, pytest.raises(RunError, match="an older version wrote it"):
        old.of(record_training(tiny(), "mine", source.manifest), source.manifest)


def test_weights_of_a_matching_that_do_not_fit_stay_as_drawn_and_those_of_a_backbone_are_refused(place):
    state = weights(place / "run")
    model = trainer.build_recogniser(tiny(matching__joint_code=4.0), STICK, 0)
    assert begin_with(model, state).startswith("; of the matching as drawn: matcher.")
    name = next(name for name in state if name.startswith("backbone."))
    with pytest.raises(RunError, match="its weights do not fit this version: backbone"):
        begin_with(model, {key: value for key, value in state.items() if key != name})


@pytest.mark.parametrize(
    ("power", "expected", "note"), [(0.9, 0.6, "matching.path_power is 0.6, not 0.9 as in run"), (0.0, 0.0, None)]
)
def test_the_power_of_a_product_is_the_presets_and_every_other_matching_the_other_runs(place, power, expected, note):
    begun = Beginning.read(place / "run", "run")
    config = tiny(matching__path_power=power, matching__spatial="none", matching__band=3, matching__examples="nearest")
    begun = replace(begun, record=replace(begun.record, config=config))
    after = load_config("best", {}, begun.sections())
    assert after.matching == replace(config.matching, path_power=expected)
    assert begun.note(after) == note


def test_the_command_takes_configuration_and_weights_of_an_encoder_unless_a_preset_is_given(
    place, tmp_path, monkeypatch
):
    make_encoder(place / "run", tmp_path / "toy", "card")
    monkeypatch.chdir(tmp_path)
    short = {"episodes": 2, "epochs": 1, "val_episodes": 2, "device": "cpu", "val_query": 2}
    settings = [f"--set=optimise.{key}={value}" for key, value in short.items()] + ["--set=pretrain.steps=0"]
    base = ["train", "--shards", str(place / "mine"), "--from", "toy", "--set=episode.n_way=3", *settings]
    ran = CliRunner().invoke(main, [*base, "--out", "tuned"])
    assert ran.exit_code == 0, ran.output
    record = TrainingRecord.read(tmp_path / "tuned")
    assert record.config.backbone == tiny().backbone
    assert record.config.optimise.schedule == "cosine"  # of preset best
    ran = CliRunner().invoke(main, [*base, "--preset", "release", "--out", "other"])
    assert ran.exit_code == 1
    assert "backbone.n_blocks is None, there 4" in ran.output
    ran = CliRunner().invoke(main, [*base[:4], "nowhere"])
    assert "nowhere: not a run folder" in ran.output
