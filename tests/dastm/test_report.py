"""The page: all that is promised is on it, it needs no network, data is escaped, the same run gives the same bytes."""

import re

import pytest

from dastm.config import EvalConfig
from dastm.errors import RunError
from dastm.evaluator import evaluate_and_write
from dastm.report import read_curves, write_report
from tests.toy import tiny, toy_shards, train_toy


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    shards = toy_shards(root / "shards")
    manifest = root / "shards" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"class 9"', '"<b>wave & bow</b>"'))
    train_toy(shards, root / "run")
    config = EvalConfig(n_way=4, n_query=2, episodes=6, baselines=("coordinates",))
    evaluate_and_write(config, root / "run", None, "cpu", None)
    return root / "run"


@pytest.fixture(scope="module")
def page(run):
    write_report([run], run / "report.html")
    return (run / "report.html").read_text()


def test_page_has_every_part(page):
    for heading in ("Accuracy", "Training", "How alike a skeleton", "What a query activates", "aligned in time"):
        assert f"<h3>{heading}" in page or heading in page
    assert "before training: mean" in page
    assert "after training: mean" in page
    assert "matching.gamma" in page
    assert "DASTM - coordinates (paired)" in page
    assert page.count("<svg") == 1 + 1 + 2 + 2 + 2  # histogram, curves, similarities, pairs, alignments


def test_page_needs_no_network_and_runs_nothing(page):
    links = set(re.findall(r'(?:href|src|url)\s*[=(]\s*"?([^"\s)>]+)', page))
    assert not {link for link in links if not link.startswith(("#", "data:"))}
    assert "<script" not in page
    assert "@import" not in page


def test_names_from_the_data_are_escaped(page):
    assert "<b>wave" not in page
    assert "wave &amp; bow" in page


def test_same_run_same_bytes(run, page):
    write_report([run], run / "again.html")
    assert (run / "again.html").read_text() == page


def test_models_without_activation_have_a_page_too(tmp_path):
    shards = toy_shards(tmp_path / "shards")
    train_toy(shards, tmp_path / "run", tiny(matching__activation=False))
    write_report([tmp_path / "run"], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "This model has no activation" in text
    assert "Not evaluated yet" in text


def test_several_runs_on_one_page(run, tmp_path):
    write_report([run, run], tmp_path / "both.html")
    assert (tmp_path / "both.html").read_text().count("<h2>") == 2


def test_unfinished_training_is_one_line(run, tmp_path):
    with pytest.raises(RunError, match="not a run folder"):
        write_report([tmp_path], tmp_path / "page.html")
    with pytest.raises(RunError, match="training is not finished"):
        read_curves(tmp_path)
    assert not (tmp_path / "page.html").exists()
