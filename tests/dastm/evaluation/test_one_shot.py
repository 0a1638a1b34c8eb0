"""The one-shot protocol: every other clip is a query once, chunks change nothing, what is counted is what is right."""

import csv
import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.episodes.fetch import fetch_episode
from dastm.episodes.sources import open_source
from dastm.evaluation import one_shot
from dastm.evaluation.baselines import coordinate_distances
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.intervals import interval95
from dastm.evaluation.one_shot import (
    QueryClass,
    SupportOnce,
    chunks,
    class_accuracies,
    plan_of,
    query_classes,
    query_hits,
)
from dastm.evaluation.printed import table_lines
from dastm.model.network import build_recogniser
from dastm.report.page import write_report
from tests.toy import STICK, tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

EXEMPLARS = {9: (2,), 10: (0,), 11: (7,), 12: (3,)}
CPU = torch.device("cpu")
MODES = ("indexed", "resident", "streamed")
CONFIG = EvalConfig(protocol="one-shot", baselines=("coordinates", "path", "untrained"))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards", noise=1.2, exemplars=EXEMPLARS)


@pytest.fixture(scope="module")
def run(shards, tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "run"
    train_toy(shards, path, tiny(optimise__seeds=[0, 1]))
    return path


@pytest.fixture
def source(shards):
    with closing(open_source(shards)) as opened:
        yield opened


def whole_episode(source):
    """The protocol in one go, without chunks."""
    plan = plan_of(source.manifest, "test")
    return fetch_episode(source, "test", plan)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("chunk", [1, 5, 28, 100])
def test_chunks_together_are_every_clip_but_the_exemplars_once(shards, monkeypatch, mode, chunk):
    monkeypatch.setattr(one_shot, "CHUNK", chunk)
    with closing(open_source(shards, mode=mode)) as source:
        parts = list(chunks(source, "test", CPU))
        whole = whole_episode(source)
    assert [len(part.query_labels) for part in parts][:-1] == [chunk] * (len(parts) - 1)
    assert torch.equal(torch.cat([part.query_labels for part in parts]), whole.query_labels)
    assert whole.query_labels.tolist() == [label for label in range(4) for _ in range(7)]
    assert torch.equal(parts[0].support.joints_LMTVC, whole.support.joints_LMTVC)
    bodies = whole.query.present_LM.shape[1]
    joints = [
        torch.nn.functional.pad(part.query.joints_LMTVC, (0,) * 7 + (bodies - part.query.present_LM.shape[1],))
        for part in parts
    ]
    assert torch.equal(torch.cat(joints), whole.query.joints_LMTVC)


def test_hits_are_those_of_the_whole_protocol_at_once(source, monkeypatch):
    whole = whole_episode(source)
    monkeypatch.setattr(one_shot, "CHUNK", 3)
    model, with_path = (
        build_recogniser(tiny(**settings), STICK, 0)
        for settings in (
            {},
            {"matching__examples": "nearest", "matching__path_power": 0.5, "matching__unit_frames": True},
        )
    )
    networks = [(SupportOnce(network), network.episode_distances) for network in (model, with_path)]
    for once, distances in (*networks, (coordinate_distances,) * 2):
        with torch.inference_mode():
            expected = distances(whole).argmin(1) == whole.query_labels
        hits = query_hits(once, chunks(source, "test", CPU))
        assert hits.tolist() == expected.double().tolist()
        assert 0 < hits.mean() < 1


def test_the_support_is_encoded_once_and_another_support_anew(source, monkeypatch):
    monkeypatch.setattr(one_shot, "CHUNK", 10)
    model = build_recogniser(tiny(), STICK, 0)
    encoded, encode = [], model.encode

    def counted(clips):
        encoded.append(len(clips.present_LM))
        return encode(clips)

    monkeypatch.setattr(model, "encode", counted)
    once = SupportOnce(model)
    with torch.inference_mode():
        parts = list(chunks(source, "test", CPU))
        distances = torch.cat([once(part) for part in parts])
        assert encoded == [4, 10, 10, 8]
        whole = whole_episode(source)
        torch.testing.assert_close(distances, model.episode_distances(whole))
        swapped = replace(parts[0], support=replace(whole.support, joints_LMTVC=whole.support.joints_LMTVC.flip(0)))
        torch.testing.assert_close(once(swapped), model.episode_distances(swapped))


def test_distances_that_are_nan_are_not_counted_as_wrong(source):
    def distances(episode):
        values = torch.ones(28, 4)
        values[11, 3] = torch.nan
        return values

    with pytest.raises(ValueError, match="of query 11 hold nan"):
        query_hits(distances, chunks(source, "test", CPU))


def test_class_accuracies_are_shares_of_each_classs_own_queries():
    classes = [QueryClass(class_id=c, name=f"class {c}", exemplars=1, queries=n) for c, n in ((3, 2), (5, 1), (9, 4))]
    hits = np.array([1, 0, 1, 0, 0, 0, 1.0])
    assert class_accuracies(hits, classes) == {3: 0.5, 5: 1.0, 9: 0.25}


def test_results_count_queries_and_name_classes(run, tmp_path):
    metrics = evaluate_and_write(CONFIG, run, None, "cpu", None)
    folder = run / "eval" / "test-one-shot"
    assert json.loads((folder / "metrics.json").read_text()) == json.loads(json.dumps(metrics))
    assert metrics["settings"] == {
        "protocol": "one-shot",
        "part": "test",
        "baselines": ("coordinates", "path", "untrained"),
        "allow_seen": False,
        "convert": False,
    }
    assert sorted(metrics["classes"]) == ["009", "010", "011", "012"]
    assert metrics["seen_classes"] == []
    for name, row in metrics["rows"].items():
        of_classes = [entry["accuracy"][name] for entry in metrics["classes"].values()]
        assert row["mean"] == pytest.approx(np.mean(of_classes), abs=1e-3)  # as many queries in each
    with (folder / "episodes.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == 4 * (2 + 1 + 1 + 2)
    first = [cell for cell in cells if cell["row"] == "DASTM" and cell["class_id"] == "9"]
    assert [(cell["seed"], cell["class_name"], cell["queries"]) for cell in first] == [
        ("0", "class 9", "7"),
        ("1", "class 9", "7"),
    ]
    mean = np.mean([float(cell["accuracy"]) for cell in first])
    assert metrics["classes"]["009"]["accuracy"]["DASTM"] == pytest.approx(100 * mean, abs=1e-3)
    lines = table_lines(metrics)
    assert lines[0] == "toy test: one-shot protocol, 4 classes at once, 28 queries; % ± 95 % interval"
    assert any("DASTM - coordinates" in line and "(paired)" in line for line in lines)


def test_the_interval_is_over_queries(run, shards, tmp_path, source):
    metrics = evaluate_and_write(EvalConfig(protocol="one-shot", baselines=("coordinates",)), None, shards, "cpu", None)
    hits = query_hits(coordinate_distances, chunks(source, "test", CPU))
    row = metrics["rows"]["coordinates"]
    assert row["mean"] == pytest.approx(100 * hits.mean(), abs=1e-3)
    assert row["interval"] == pytest.approx(100 * interval95(hits), abs=1e-3)
    assert len(hits) == 28


@pytest.mark.usefixtures("blank_figures")
def test_the_page_shows_the_protocol(run, tmp_path):
    evaluate_and_write(CONFIG, run, None, "cpu", None)
    write_report([run], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "one-shot protocol, 4 classes at once, 28 queries, the same for every row" in text
    assert "± over queries" in text
    assert "Accuracy of single classes" in text


def test_any_number_of_exemplars_a_class_is_a_prototype_of_them(tmp_path):
    uneven = {9: (0, 5), 10: (1,), 11: (2, 3, 4), 12: (7,)}
    shards = toy_shards(tmp_path / "shards", exemplars=uneven)
    with closing(open_source(shards)) as source:
        classes = query_classes(source.manifest, "test")
        (episode,) = chunks(source, "test", CPU)
        distances = coordinate_distances(episode)
    assert [(of.exemplars, of.queries) for of in classes] == [(2, 6), (1, 7), (3, 5), (1, 7)]
    joints = episode.support.joints_LMTVC
    bodies = max(joints.shape[1], episode.query.joints_LMTVC.shape[1])
    joints, query = (
        torch.nn.functional.pad(j, (0,) * 7 + (bodies - j.shape[1],)) for j in (joints, episode.query.joints_LMTVC)
    )
    expected = (query[0] - joints[3:6].mean(0)).square().sum().sqrt()
    torch.testing.assert_close(distances[0, 2], expected)


@pytest.mark.parametrize("subset", ["train", "val"])
def test_a_subset_without_exemplars_is_one_line_that_says_what_to_do(shards, subset):
    config = EvalConfig(protocol="one-shot", subset=subset, baselines=("coordinates",))
    with pytest.raises(RunError, match=f"^toy: {subset} has no exemplars, .* split.exemplars .* again$") as caught:
        evaluate_and_write(config, None, shards, "cpu", None)
    assert "\n" not in str(caught.value)
