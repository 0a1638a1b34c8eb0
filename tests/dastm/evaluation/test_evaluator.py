"""Evaluation: the same episodes for every row, intervals that are what they say, results that can be read again."""

import csv
import json
import math
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.skeleton import NTU25
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.baselines import coordinate_distances
from dastm.evaluation.evaluator import episode_accuracies, evaluate, evaluate_and_write
from dastm.evaluation.printed import table_lines
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord
from tests.shard_folder import make_shard_folder
from tests.toy import STICK, tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

CONFIG = EvalConfig(n_way=3, n_query=2, episodes=12)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards", noise=0.6)


@pytest.fixture(scope="module")
def run(shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "run"
    train_toy(shards, path, tiny(optimise__seeds=[0, 1], matching__init="identity", matching__rank_weight=0.01))
    return path


def config(**changes):
    return EvalConfig(**{**vars(CONFIG), **changes})


def test_distances_that_are_nan_are_not_counted_as_wrong(shards):
    with closing(open_source(str(shards))) as source:
        items = list(episodes(source, "test", n_way=2, k_shot=1, n_query=1, seed=0, epoch=0, count=3))
    values = iter([0.0, math.nan, 0.0])
    with pytest.raises(ValueError, match="of episode 1 hold nan"):
        episode_accuracies(lambda episode: torch.full((2, 2), next(values)), items)


def test_episode_accuracy_is_the_share_of_nearest_classes(shards):
    with closing(open_source(shards)) as source:
        items = list(episodes(source, "test", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=2))

    def right_then_wrong(episode):
        labels = episode.query_labels if episode is items[0] else (episode.query_labels + 1) % 3
        return 1 - torch.nn.functional.one_hot(labels, 3).float()

    assert episode_accuracies(right_then_wrong, items).tolist() == [1.0, 0.0]
    assert episode_accuracies(right_then_wrong, []).shape == (0,)


def test_rows_are_the_run_and_the_baselines_on_the_same_episodes(shards, run):
    settings = config(baselines=("coordinates", "untrained"))
    with closing(open_source(shards)) as source:
        rows = evaluate(source, settings, run, "cpu")
        again = evaluate(source, settings, run, "cpu")
        alone = evaluate(source, config(baselines=("coordinates",)), None, "cpu")
    assert [row.name for row in rows] == ["DASTM", "coordinates", "untrained"]
    assert [sorted(row.by_seed) for row in rows] == [[0, 1], [0], [0, 1]]
    for first, second in zip(rows, again, strict=True):
        for seed, shares in first.by_seed.items():
            assert shares.shape == (12,)
            assert np.array_equal(shares, second.by_seed[seed])
    assert np.array_equal(rows[1].by_seed[0], alone[0].by_seed[0])
    assert not np.array_equal(rows[0].by_seed[0], rows[2].by_seed[0])


def test_other_episodes_for_another_seed(shards):
    with closing(open_source(shards)) as source:
        first, second = (
            evaluate(source, config(baselines=("coordinates",), seed=seed), None, "cpu")[0].by_seed[0]
            for seed in (0, 1)
        )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("view", [{"augment__sampling": "path", "augment__n_frames": 20}, {"augment__n_frames": 2}])
def test_a_run_that_sees_other_frames_is_compared_with_the_coordinates_as_they_are_stored(shards, tmp_path, view):
    train_toy(shards, tmp_path / "run", tiny(**view))
    settings = config(baselines=("coordinates", "untrained"))
    with closing(open_source(shards)) as source:
        rows = evaluate(source, settings, tmp_path / "run", "cpu")
        alone = evaluate(source, config(baselines=("coordinates",)), None, "cpu")
    assert np.array_equal(rows[1].by_seed[0], alone[0].by_seed[0])
    assert not np.array_equal(rows[0].by_seed[0], rows[2].by_seed[0])


def test_coordinates_are_the_nearest_prototype_of_flattened_clips(shards):
    with closing(open_source(shards)) as source:
        episode = next(episodes(source, "test", n_way=3, k_shot=2, n_query=2, seed=0, epoch=0, count=1))
    support = torch.nn.functional.pad(
        episode.support.joints_LMTVC, (0,) * 7 + (2 - episode.support.present_LM.shape[1],)
    )
    query = torch.nn.functional.pad(episode.query.joints_LMTVC, (0,) * 7 + (2 - episode.query.present_LM.shape[1],))
    expected = [[(q - support[2 * way : 2 * way + 2].mean(0)).square().sum().sqrt() for way in range(3)] for q in query]
    torch.testing.assert_close(coordinate_distances(episode), torch.tensor(expected))


def test_results_are_written_and_hold_every_episode(run):
    metrics = evaluate_and_write(config(baselines=("coordinates",)), run, None, "cpu", None)
    folder = run / "eval" / "test-3way-1shot-2q-12e-seed0"
    assert json.loads((folder / "metrics.json").read_text()) == json.loads(json.dumps(metrics))
    with (folder / "episodes.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == 12 * 3
    mean = np.mean([float(cell["accuracy"]) for cell in cells if cell["row"] == "DASTM"])
    assert 100 * mean == pytest.approx(metrics["rows"]["DASTM"]["mean"], abs=1e-3)
    predictions = pq.read_table(folder / "predictions.parquet").to_pylist()
    assert len(predictions) == 12 * 3 * 3 * 2
    right = [line["class_id"] == line["predicted"] for line in predictions if line["row"] == "DASTM"]
    assert 100 * np.mean(right) == pytest.approx(metrics["rows"]["DASTM"]["mean"], abs=1e-3)


def test_evaluations_that_differ_in_anything_lie_in_folders_of_their_own_or_say_what_they_replace(
    shards, run, tmp_path
):
    moved, said = tmp_path / "run", []
    shutil.copytree(run, moved, ignore=shutil.ignore_patterns("eval"))
    other = toy_shards(tmp_path / "other", dataset="other")

    def go(**changes):
        where = changes.pop("shards", None)
        evaluate_and_write(config(**changes), moved, where, "cpu", changes.pop("out", None), log=said.append)

    go()
    for change in ({"n_query": 3}, {"episodes": 4}, {"seed": 5}, {"shards": other}, {}):
        go(**change)
    assert said == []
    names = sorted(path.name for path in (moved / "eval").iterdir())
    assert len(names) == 5
    assert [name for name in names if name.startswith("test-3way-1shot-2q-12e-seed0-on-other-")]
    go(baselines=("coordinates",))
    assert said == [f"replaces {moved / 'eval' / 'test-3way-1shot-2q-12e-seed0'}: baselines [], now ['coordinates']"]
    for settings, where in ((config(), None), (config(seed=1), None), (config(seed=1), other)):
        evaluate_and_write(settings, moved, where, "cpu", tmp_path / "out", log=said.append)
    assert said[1:] == [
        f"replaces {tmp_path / 'out'}: {what}" for what in ("seed 0, now 1", "shards others, now these")
    ]
    (tmp_path / "out" / "metrics.json").write_text('{"rows": {}, "settings": {}}')
    evaluate_and_write(config(seed=1), moved, other, "cpu", tmp_path / "out", log=said.append)
    assert said[3:] == [f"replaces {tmp_path / 'out'}: an evaluation that is damaged, or of an older version"]


def test_classes_too_small_for_an_episode_are_left_out_where_told_and_said(tmp_path):
    sizes = {"train": {0: 5, 1: 5, 2: 5}, "val": {6: 5, 7: 5, 8: 5}, "test": {10: 2, 11: 5, 12: 5, 13: 5}}
    make_shard_folder(tmp_path / "shards", parts=sizes, rng=np.random.default_rng(0), layout=STICK)
    asked = config(n_query=3, baselines=("coordinates",))
    with pytest.raises(RunError, match=r"but class 10 has 2; .* or add --too-few leave_out$"):
        evaluate_and_write(asked, None, str(tmp_path / "shards"), "cpu", None)
    metrics = evaluate_and_write(
        replace(asked, too_few="leave_out"), None, str(tmp_path / "shards"), "cpu", tmp_path / "out"
    )
    line = "left out: test class 10 (class 10) has 2 clips, an episode needs 4"
    assert metrics["left_out"] == [line]
    assert f"  note: {line}" in table_lines(metrics)
    assert 10 not in pq.read_table(tmp_path / "out" / "predictions.parquet")["class_id"].to_pylist()


@pytest.mark.parametrize(("n_query", "n_left"), [(3, 1), (9, 0)])
def test_classes_that_are_left_out_are_named_also_where_too_few_or_none_are_left(tmp_path, n_query, n_left):
    sizes = {"test": {10: 2, 11: 3, 12: 5}}
    make_shard_folder(tmp_path / "shards", parts=sizes, rng=np.random.default_rng(0), layout=STICK)
    asked = config(n_query=n_query, too_few="leave_out", baselines=("coordinates",))
    with pytest.raises(RunError, match=rf"^toy: test: {n_left} classes are left, an episode needs 3; lower") as caught:
        evaluate_and_write(asked, None, str(tmp_path / "shards"), "cpu", tmp_path / "out")
    for class_id, n_clips in list(sizes["test"].items())[: 3 - n_left]:
        line = f"left out: test class {class_id} (class {class_id}) has {n_clips} clips, an episode needs {n_query + 1}"
        assert line in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_best_weights_are_scored_not_the_last(shards, run, tmp_path):
    """Swapping in other weights as best.pt changes the row."""
    before = evaluate_and_write(config(), run, shards, "cpu", tmp_path / "a")
    best = run / "train" / "seed-0" / "best.pt"
    kept = best.read_bytes()
    try:
        best.write_bytes((run / "train" / "seed-1" / "best.pt").read_bytes())
        after = evaluate_and_write(config(), run, shards, "cpu", tmp_path / "b")
    finally:
        best.write_bytes(kept)
    seeds = after["rows"]["DASTM"]["seeds"]
    assert seeds["0"] == seeds["1"] == before["rows"]["DASTM"]["seeds"]["1"]


def test_run_trained_with_tf32_is_scored_on_the_cpu(shards, run, tmp_path):
    changed = tmp_path / "run"
    shutil.copytree(run, changed)
    record = TrainingRecord.read(run)
    optimise = replace(record.config.optimise, precision="tf32")
    replace(record, config=replace(record.config, optimise=optimise)).write(changed)
    first, second = (evaluate_and_write(config(), folder, shards, "cpu", tmp_path / "x") for folder in (run, changed))
    assert first == second


def test_baseline_named_twice_is_one_row(shards):
    with closing(open_source(shards)) as source:
        assert len(evaluate(source, config(baselines=("coordinates",) * 2), None, "cpu")) == 1


def test_shards_changed_since_training_are_scored_only_when_named(run, shards, tmp_path):
    record = TrainingRecord.read(run)
    moved = tmp_path / "run"
    shutil.copytree(run, moved)
    other = toy_shards(tmp_path / "shards")
    manifest = Path(other) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"numpy": "x"', '"numpy": "y"'))
    replace(record, shards=other).write(moved)
    with pytest.raises(RunError, match="not those that this run was trained on"):
        evaluate_and_write(config(), moved, None, "cpu", None)
    assert evaluate_and_write(config(), moved, other, "cpu", None)["rows"]


def test_what_cannot_be_evaluated_is_one_line(shards, run, tmp_path):
    with pytest.raises(RunError, match="nothing to evaluate"):
        evaluate_and_write(config(), None, shards, "cpu", None)
    with pytest.raises(RunError, match="nothing to evaluate"):
        evaluate_and_write(config(), None, None, "cpu", None)
    with pytest.raises(RunError, match="untrained: needs --run"):
        evaluate_and_write(config(baselines=("untrained",)), None, shards, "cpu", None)
    with pytest.raises(RunError, match="5-way"):
        evaluate_and_write(config(n_way=5), run, shards, "cpu", None)
    other = toy_shards(tmp_path / "other", layout=NTU25)
    with pytest.raises(RunError, match=r"do not fit these data: layout\.joints is 25 joints, joint 0 'hip centre', "):
        evaluate_and_write(config(), run, other, "cpu", None)
    with closing(open_source(other)) as source, pytest.raises(RunError, match="do not fit these shards or this ver"):
        load_recogniser(run, TrainingRecord.read(run).config, source.manifest.layout, 0, torch.device("cpu"))
