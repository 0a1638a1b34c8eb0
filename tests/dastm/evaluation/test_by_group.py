"""By subject: what is scored is what the predictions say, subject after subject; classes with too few are told."""

import csv
import json
from contextlib import closing

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.episodes.sources import open_source
from dastm.evaluation import by_group
from dastm.evaluation.by_group import clip_shares, held_out, n_held_out, usable_groups
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.intervals import mean_interval
from dastm.evaluation.printed import table_lines
from tests.shard_folder import make_shard_folder
from tests.toy import STICK, toy_shards

LEFT_OUT = EvalConfig(protocol="leave-one-out", by="subject", k_shot=2, baselines=("coordinates", "path"))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """4 test classes of 8 clips by subjects 1, 2, 9."""
    return toy_shards(tmp_path_factory.mktemp("people") / "shards", noise=2.0, subjects=(1, 2, 9))


@pytest.fixture(scope="module")
def left_out(shards, tmp_path_factory):
    """Metrics and folder of leave-one-out."""
    folder = tmp_path_factory.mktemp("people") / "out"
    return evaluate_and_write(LEFT_OUT, None, shards, "cpu", folder), folder


def test_every_clip_is_asked_in_each_draw_and_never_beside_an_example_of_its_subject(shards):
    with closing(open_source(shards)) as source:
        groups, lines = usable_groups(shards, source.manifest, LEFT_OUT, "subject")
        items = list(held_out(source, LEFT_OUT, groups, torch.device("cpu"), range(n_held_out(groups))))
        (again,) = held_out(source, LEFT_OUT, groups, torch.device("cpu"), range(12, 13))
    assert again.plan == items[12].plan
    assert lines == []
    assert len(items) == n_held_out(groups) == 3 * by_group.DRAWS
    asked = [(c, i) for item in items for c, row in zip(item.plan.class_ids, item.plan.query, strict=True) for i in row]
    assert sorted(asked) == sorted([(c, i) for c in range(9, 13) for i in range(8)] * by_group.DRAWS)
    for number, item in enumerate(items):
        name = (1, 2, 9)[number // by_group.DRAWS]
        shown = [groups[c][i] for c, row in zip(item.plan.class_ids, item.plan.support, strict=True) for i in row]
        assert name not in shown
        assert len(shown) == 8


def test_a_subject_counts_by_its_clips_and_the_result_by_its_subjects(left_out):
    metrics, folder = left_out
    assert [(name, one["clips"]) for name, one in metrics["groups"].items()] == [("1", 12), ("2", 12), ("9", 8)]
    table = pq.read_table(folder / "predictions.parquet").to_pylist()
    for row in ("coordinates", "path"):
        told = [line for line in table if line["row"] == row]
        by_subject = [
            np.mean([line["class_id"] == line["predicted"] for line in told if line["episode"] // by_group.DRAWS == n])
            for n in range(3)
        ]
        found = [one["accuracy"][row]["mean"] for one in metrics["groups"].values()]
        assert found == pytest.approx([100 * share for share in by_subject], abs=1e-3)
        assert metrics["rows"][row] == pytest.approx(mean_interval(np.array(by_subject)), abs=1e-3)
    assert 0 < metrics["rows"]["path"]["mean"] < 100
    assert json.loads((folder / "metrics.json").read_text())["settings"]["by"] == "subject"
    with (folder / "episodes.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert [(cell["row"], cell["subject"], cell["clips"]) for cell in cells][:3] == [
        ("coordinates", "1", "12"),
        ("coordinates", "2", "12"),
        ("coordinates", "9", "8"),
    ]


def test_the_interval_of_a_subject_is_over_its_clips(monkeypatch):
    monkeypatch.setattr(by_group, "DRAWS", 2)
    episode = np.array([0, 0, 0, 1, 1, 1, 2, 3])
    class_id = np.array([5, 5, 6, 5, 5, 6, 5, 5])
    predicted = np.array([5, 6, 6, 5, 6, 5, 6, 6])
    first, second = clip_shares([episode, class_id, np.zeros(8, int), predicted])
    assert (first.tolist(), second.tolist()) == ([1.0, 0.0, 0.5], [0.0])


def test_the_worst_subject_comes_first(left_out):
    metrics, _ = left_out
    lines = table_lines(metrics)
    assert lines[0].startswith("toy test: leave one subject out, 3 subjects, 32 clips, 2-shot, examples of the others")
    start = next(number for number, line in enumerate(lines) if line.split()[:2] == ["subject", "clips"])
    shown = [line.split()[0] for line in lines[start + 1 : start + 4]]
    accuracies = [metrics["groups"][name]["accuracy"]["coordinates"]["mean"] for name in shown]
    assert accuracies == sorted(accuracies)
    assert sorted(shown) == ["1", "2", "9"]


def test_episodes_by_subject_differ_from_those_without_and_say_so(shards, tmp_path):
    config = EvalConfig(n_way=3, n_query=2, episodes=6, by="subject", baselines=("coordinates",))
    metrics = evaluate_and_write(config, None, shards, "cpu", tmp_path / "out")
    assert metrics["protocol"] == "test-3way-1shot-2q-6e-by-subject-seed0"
    assert "queries of other subjects than examples" in table_lines(metrics)[0]
    with closing(open_source(shards)) as source:
        groups, _ = usable_groups(shards, source.manifest, config, "subject")
    for line in pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist():
        assert line["class_id"] in groups


def test_classes_with_too_few_are_refused_by_name_or_left_out_and_said(tmp_path):
    sizes = {"test": {0: 6, 1: 6, 2: 1}}
    make_shard_folder(tmp_path, parts=sizes, rng=np.random.default_rng(0), layout=STICK, subjects=(1, 2, 3))
    shards = str(tmp_path)
    for shape in ({"protocol": "leave-one-out"}, {"n_way": 2, "n_query": 1}):
        config = EvalConfig(by="subject", baselines=("coordinates",), episodes=2, **shape)
        with pytest.raises(RunError, match=r"toy: test: too few by subject in class 2 \(class 2\): 1 clips of 1 \(1\)"):
            evaluate_and_write(config, None, shards, "cpu", None)
        left = EvalConfig(**{**vars(config), "too_few": "leave_out"})
        metrics = evaluate_and_write(left, None, shards, "cpu", None)
        assert metrics["left_out"][0].startswith("left out: class 2 (class 2): 1 clips of 1 (1), ")
        with pytest.raises(RunError, match=r"by subject, fewer than two classes have enough: class 0 .*class 2"):
            evaluate_and_write(EvalConfig(**{**vars(left), "k_shot": 5}), None, shards, "cpu", None)


def test_a_single_class_is_told_as_such(tmp_path):
    make_shard_folder(tmp_path, parts={"test": {0: 6}}, rng=np.random.default_rng(0), layout=STICK, subjects=(1, 2, 3))
    config = EvalConfig(by="subject", baselines=("coordinates",), episodes=2, n_query=1)
    with pytest.raises(RunError, match=r"an episode needs two classes, and there is 1; split with more classes"):
        evaluate_and_write(config, None, str(tmp_path), "cpu", None)


def test_classes_with_too_few_people_are_named_where_too_few_classes_are_left(tmp_path):
    sizes = {"test": {0: 6, 1: 6, 2: 1}}
    make_shard_folder(tmp_path, parts=sizes, rng=np.random.default_rng(0), layout=STICK, subjects=(1, 2, 3))
    asked = {"by": "subject", "baselines": ("coordinates",), "too_few": "leave_out", "n_way": 3, "n_query": 1}
    with pytest.raises(
        RunError, match=r"2 classes are left, an episode needs 3; .*left out: class 2 \(class 2\): 1 cl"
    ):
        evaluate_and_write(EvalConfig(**asked), None, str(tmp_path), "cpu", None)
