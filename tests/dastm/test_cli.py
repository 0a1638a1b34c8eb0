"""`dastm` as a user types it: exit codes, one line of error, defaults from params.yaml."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dastm.cli import main, train_params
from tests.toy import TINY, toy_shards

SETTINGS = [option for key, value in TINY.items() for option in ("--set", f"{key}={value}")]


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*words):
        return CliRunner().invoke(main, [str(word) for word in words])

    return invoke


@pytest.fixture
def shards(tmp_path):
    return toy_shards(tmp_path / "data" / "shards" / "toy")


def one_line(result, status=1):
    assert result.exit_code == status, result.output
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_the_three_commands_in_a_row(call, shards):
    trained = call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS)
    assert trained.exit_code == 0, trained.output
    assert "next: dastm eval --run run" in trained.stdout
    words = ("--n-way", 3, "--n-query", 2, "--episodes", 4, "--baseline", "coordinates", "--baseline", "untrained")
    evaluated = call("eval", "--run", "run", *words)
    assert evaluated.exit_code == 0, evaluated.output
    assert "toy test: 3-way 1-shot, 2 queries a class, 4 episodes" in evaluated.stdout
    assert "DASTM - coordinates" in evaluated.stdout
    assert Path("run/eval/test-3way-1shot/metrics.json").is_file()
    reported = call("report", "run")
    assert reported.exit_code == 0, reported.output
    assert Path("run/report.html").is_file()


def test_defaults_come_from_params(call, shards):
    params = {
        "datasets": {"toy": "toy.yaml"},
        "train": {"preset": "small", "set": TINY},
        "eval": {"n_way": 3, "n_query": 2, "episodes": 4},
    }
    Path("params.yaml").write_text(json.dumps(params))
    assert call("train").exit_code == 0
    assert json.loads(Path("data/runs/toy/train/config.json").read_text())["config"]["optimise"]["episodes"] == 5
    evaluated = call("eval", "--k-shot", 2)
    assert evaluated.exit_code == 0, evaluated.output
    assert Path("data/runs/toy/eval/test-3way-2shot/metrics.json").is_file()


def test_coordinates_need_no_run(call, shards):
    words = ("--n-way", 3, "--n-query", 2, "--episodes", 4)
    result = call("eval", "--shards", shards, "--baseline", "coordinates", *words)
    assert result.exit_code == 0, result.output
    assert "coordinates" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train",), "no params.yaml here that names data sets"),
        (("train", "--shards", "none"), "none"),
        (("train", "--shards", "none", "--set", "gamma"), "write key=value"),
        (("train", "--shards", "none", "--set", "matching.gama=1"), "matching.gama"),
        (("train", "--shards", "none", "--set", "optimise.device=gpu"), "device 'gpu'"),
        (("eval", "--run", "none"), "none: not a run folder"),
        (("report", "none"), "none: not a run folder"),
        (("bench", "softdtw"), "no case has 'softdtw' in its name; cases: activation 50 x 5; "),
        (("bench", "--device", "gpu"), "device 'gpu'"),
        (("bench", "--device", "cuda:99"), "device 'cuda:99': there are "),
        (("bench", "--device", "cpu", "--precision", "tf32"), "precision tf32: only on CUDA"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_1(call, words, message):
    assert message in one_line(call(*words))


def test_fewer_classes_than_ways_and_fewer_clips_than_needed(call, shards):
    more_ways = ("train", "--shards", shards, "--preset", "small", *SETTINGS, "--set", "episode.n_way=9")
    assert "9-way" in one_line(call(*more_ways))
    more_clips = ("eval", "--shards", shards, "--baseline", "coordinates", "--n-way", 3, "--k-shot", 8)
    assert "clips" in one_line(call(*more_clips))


def test_flipped_byte_in_a_shard_is_named(call, shards):
    tar = Path(shards) / "test" / "009-000.tar"
    data = bytearray(tar.read_bytes())
    data[700] ^= 1
    tar.write_bytes(bytes(data))
    line = one_line(call("eval", "--shards", shards, "--baseline", "coordinates", "--n-way", 4, "--n-query", 2))
    assert "009-000.tar" in line
    assert "damaged" in line


def test_wrong_usage_is_exit_2(call):
    for words in (("train", "--preset", "none"), ("eval", "--part", "tset"), ("report",), ("trian",)):
        assert call(*words).exit_code == 2


def test_broken_params_are_named(call):
    Path("params.yaml").write_text("train: [")
    assert "params.yaml: block train" in one_line(call("train"))


def test_interruption_says_how_to_go_on_where_one_can(call, shards, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("dastm.evaluator.evaluate_and_write", interrupted)
    monkeypatch.setattr("dastm.trainer.train", interrupted)
    assert one_line(call("eval", "--shards", shards, "--baseline", "coordinates"), 130) == "dastm: interrupted"
    assert "continues from the last checkpoint" in one_line(call("train", "--shards", shards), 130)


def test_null_in_params_says_nothing(call, shards):
    Path("params.yaml").write_text("eval: {n_way: null, episodes: 4}\ntrain: {preset: null, set: null}\n")
    result = call("eval", "--shards", shards, "--baseline", "coordinates", "--n-query", 2)
    assert "5-way needs 5" in one_line(result)
    assert train_params() == ([], {})


def test_help_has_examples(call):
    for words in ((), ("train",), ("eval",), ("report",), ("bench",)):
        text = call(*words, "--help").stdout
        assert "dastm " in text
        assert "xample" in text or words == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {sett: {}}", "params.yaml: train.sett: no such key; known: preset, set"),
        ("train: {set: [a]}", "params.yaml: train.set: expected a mapping, e.g. {matching.gamma: 0.05}, got ['a']"),
        ("train: {set: {1: 2}}", "setting '1': write section.name"),
        ("train: {preset: [demo]}", "no preset"),
        ("datasets: {7: seven.yaml}", "data/shards/7"),
    ],
)
def test_wrong_params_of_training_are_named(call, text, message):
    Path("params.yaml").write_text(text)
    assert message in one_line(call("train"))


def test_a_preset_asked_for_is_not_mixed_with_the_settings_of_params(call, shards):
    Path("params.yaml").write_text(json.dumps({"train": {"preset": "paper", "set": {"matching.gamma": 7.0}}}))
    trained = call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS)
    assert trained.exit_code == 0, trained.output
    matching = json.loads(Path("run/train/config.json").read_text())["config"]["matching"]
    assert (matching["gamma"], matching["init"]) == (0.1, "tied")


def test_bench_prints_a_table_and_writes_what_it_measured(tmp_path):
    words = ("bench", "room", "--device", "cpu", "--out", str(tmp_path / "a" / "b"))
    result = CliRunner().invoke(main, words, obj="tests.dastm.bench.tiny")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("[1/1] room: ours ")
    written = tmp_path / "a" / "b"
    assert sorted(path.name for path in written.iterdir()) == ["bench.json", "bench.md"]
    assert (written / "bench.md").read_text() == result.stdout
    assert list(json.loads((written / "bench.json").read_text())["cases"]) == ["room"]


def test_bench_looks_at_its_folder_before_it_measures(call):
    Path("taken").write_text("")
    assert "taken" in one_line(call("bench", "--out", "taken"))
