"""An evaluation on the page: the interval of the table, names where the shards are at hand, numbers where not."""

from contextlib import closing

import numpy as np
import pytest

from dastm.config.evaluation import EvalConfig
from dastm.episodes.sources import open_source
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.metrics import Row, summary
from dastm.evaluation.results_folder import write_evaluation
from dastm.report.evaluations import Names, evaluation, open_set
from dastm.runs.results import read_evaluation
from tests.toy import toy_shards

pytestmark = pytest.mark.slow

SHARES = {0: [0.2, 0.4, 0.9], 1: [0.4, 0.4, 0.5]}


def test_histogram_has_the_interval_of_the_table(tmp_path):
    """Two seeds: both average over the seeds of an episode first."""
    predicted = {seed: [np.array([0, 1]), np.array([9, 10]), np.array([0, 0]), np.array([9, 9])] for seed in SHARES}
    row = Row(name="DASTM", by_seed={seed: np.array(shares) for seed, shares in SHARES.items()}, predicted=predicted)
    metrics = write_evaluation([row], summary([row], EvalConfig(), "toy"), tmp_path)
    found = evaluation(read_evaluation(tmp_path))
    entry = metrics["rows"]["DASTM"]
    assert f"mean {entry['mean']:.1f} ± {entry['interval']:.1f} % (95 % interval, 3 episodes)" in found["figure"].svg
    assert "mean of 2 seeds" in found["figure"].caption
    assert [(one.name, one.queries) for one in found["mistakes"].classes] == [("class 10", 2), ("class 9", 2)]
    assert [one.clip for one in found["mistakes"].clips] == ["clip 1"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Shards, and the evaluation of a baseline on them."""
    root = tmp_path_factory.mktemp("scored")
    shards = toy_shards(root / "shards", noise=3.0)
    config = EvalConfig(n_way=3, n_query=2, episodes=4, baselines=("path",))
    evaluate_and_write(config, None, shards, "cpu", root / "out")
    return shards, read_evaluation(root / "out")


def names_of(shards):
    with closing(open_source(shards)) as source:
        return Names.of(source.manifest, shards)


def test_classes_and_clips_have_their_names_where_the_shards_are_at_hand(scored):
    shards, found = scored
    wrong = evaluation(found, names_of(shards))["mistakes"]
    assert {one.name for one in wrong.classes} == {f"class {i}" for i in range(9, 13)}
    keys = {str(key) for index in names_of(shards).index.values() for key in index.key}
    assert wrong.clips
    assert {one.clip for one in wrong.clips} <= keys


def test_other_shards_and_those_behind_a_url_give_no_names_of_clips(scored, tmp_path):
    shards, found = scored
    other = toy_shards(tmp_path / "other", seed=5)
    assert all(one.clip.startswith("clip ") for one in evaluation(found, names_of(other))["mistakes"].clips)
    with closing(open_source(shards)) as source:
        names = Names.of(source.manifest, f"file:{shards}")
        (tmp_path / "other" / "index.parquet").write_bytes(b"")
        assert Names.of(source.manifest, other).index == {}
    assert names.index == {}
    assert all(one.clip.startswith("clip ") for one in evaluation(found, names)["mistakes"].clips)


def test_one_left_out_after_the_other_is_a_table_and_the_number_of_examples_a_curve(tmp_path):
    shards = toy_shards(tmp_path / "shards", noise=2.0, subjects=(1, 2, 3))
    config = EvalConfig(protocol="leave-one-out", by="subject", shots=(1, 2), baselines=("path", "coordinates"))
    evaluate_and_write(config, None, shards, "cpu", tmp_path / "out")
    found = evaluation(read_evaluation(tmp_path / "out"))
    assert found["over"] == "subjects"
    assert found["figure"].caption == "Accuracy of single subjects, path."
    assert "taken for one of all classes" in found["confusion"].caption
    assert sorted(name for name, _ in found["worst_first"]) == ["1", "2", "3"]
    accuracies = [entry["accuracy"]["path"]["mean"] for _, entry in found["worst_first"]]
    assert accuracies == sorted(accuracies)
    for row in ("path", "coordinates"):
        one = found["shots"][row]["2"]
        assert f"<title>{row}, 2: {one['mean']:.2f} ± {one['interval']:.2f}</title>" in found["by_shots"].svg


def test_the_one_shot_protocol_names_its_classes_itself(tmp_path):
    shards = toy_shards(tmp_path / "shards", exemplars=dict.fromkeys(range(9, 13), (1,)))
    config = EvalConfig(protocol="one-shot", baselines=("path",))
    evaluate_and_write(config, None, shards, "cpu", tmp_path / "out")
    found = evaluation(read_evaluation(tmp_path / "out"))
    assert "taken for one of all classes" in found["confusion"].caption
    assert {one.name for one in found["mistakes"].classes} == {f"class {i}" for i in range(9, 13)}


MEASURED = {key: {"mean": 91.25, "interval": 2.0} for key in ("auroc", "aupr", "fpr_at_95", "oscr")}
BINS = [{"from": 0.9, "to": 1.0, "queries": 4, "score": 0.95, "right": 0.75}]


def test_unknown_classes_have_a_table_and_a_figure_for_each_way_of_the_first_row_that_has_scores():
    scored = {**MEASURED, "ece": {"mean": 20.0, "interval": 5.0}, "reliability": BINS}
    shown = open_set({"rows": {"DASTM": {"limits": scored, "nearest": MEASURED}, "path": {"softmax": scored}}})
    assert [name for name, _ in shown.rows] == ["DASTM: limits", "DASTM: nearest distance", "path: largest softmax"]
    assert dict(zip(shown.heads, shown.rows[1][1], strict=True))["AUROC"] == ("91.2", "± 2.0")
    assert dict(zip(shown.heads, shown.rows[1][1], strict=True))["ECE"] == ("", "")
    assert [one.caption for one in shown.figures] == ["DASTM: limits; calibration error 20.0 ± 5.0 %."]


def test_without_scores_no_figure_is_drawn():
    assert open_set({"rows": {"path": {"nearest": MEASURED}}}).figures == []
