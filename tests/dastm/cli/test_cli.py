"""`dastm` as a user types it: exit codes, one line of error, defaults from params.yaml."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dastm.bench import measure
from dastm.cli import COMMANDS, main
from dastm.cli.options import train_params
from tests import killing
from tests.toy import TINY, toy_shards

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
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
    assert Path("run/eval/test-3way-1shot-2q-4e-seed0/metrics.json").is_file()
    reported = call("report", "run")
    assert reported.exit_code == 0, reported.output
    assert Path("run/report.html").is_file()


def test_limits_are_measured_then_used_where_classes_are_unknown(call, shards):
    assert call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS).exit_code == 0
    words = ("--n-way", 2, "--n-query", 2, "--episodes", 3, "--open-set", 2, "--baseline", "path")
    before = call("eval", "--run", "run", *words)
    assert before.exit_code == 0, before.output
    assert "toy test: 2-way 1-shot, 2 unknown classes" in before.stdout
    assert "limits are the usual ones; `dastm calibrate" in before.stdout
    measured = call("calibrate", "--run", "run", "--subset", "test", "--episodes", 4)
    assert measured.exit_code == 0, measured.output
    assert "seed 0: Limits(threshold=" in measured.stdout
    assert Path("run/train/limits.json").is_file()
    after = call("eval", "--run", "run", *words)
    assert after.exit_code == 0, after.output
    assert "the usual ones" not in after.stdout
    assert Path("run/eval/test-2way-1shot-2q-3e-2unknown-seed0/open_set.csv").is_file()
    again = call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS, "--replace")
    assert again.exit_code == 0, again.output


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
    assert Path("data/runs/toy/eval/test-3way-2shot-2q-4e-seed0/metrics.json").is_file()


def test_a_run_is_scored_as_its_recipe_says_unless_params_or_options_say_otherwise(call, shards):
    settings = (*SETTINGS, "--set", "evaluation.n_query=2", "--set", "evaluation.episodes=6")
    assert call("train", "--shards", shards, "--out", "run", "--preset", "small", *settings).exit_code == 0
    words = ("eval", "--run", "run", "--n-way", 3)
    assert "2 queries a class, 6 episodes" in call(*words).stdout
    assert "1 queries a class, 6 episodes" in call(*words, "--n-query", 1).stdout
    Path("params.yaml").write_text(json.dumps({"eval": {"episodes": 4, "n_query": None}}))
    assert "2 queries a class, 4 episodes" in call(*words).stdout


def test_beside_a_run_stand_the_rows_that_it_has_to_beat_unless_others_are_named(call, shards):
    assert call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS).exit_code == 0
    words = ("eval", "--run", "run", "--n-way", 3, "--n-query", 2, "--episodes", 2)

    def rows(*more):
        result = call(*words, *more)
        assert result.exit_code == 0, result.output
        return list(json.loads(Path("run/eval/test-3way-1shot-2q-2e-seed0/metrics.json").read_text())["rows"])

    assert rows() == ["DASTM", "coordinates", "path"]
    assert rows("--baseline", "path") == ["DASTM", "path"]
    assert rows("--baseline", "none") == ["DASTM"]
    Path("params.yaml").write_text(json.dumps({"eval": {"baselines": ["untrained"]}}))
    assert rows() == ["DASTM", "untrained"]
    assert rows("--baseline", "none") == ["DASTM"]
    Path("params.yaml").write_text(json.dumps({"eval": {"baselines": []}}))
    assert rows() == ["DASTM"]
    both = call(*words, "--baseline", "none", "--baseline", "path")
    assert (both.exit_code, "--baseline none: cannot be combined with others" in both.stderr) == (2, True)


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
    for words in (("train", "--preset", "none"), ("eval", "--subset", "tset"), ("report",), ("trian",)):
        assert call(*words).exit_code == 2


def test_broken_params_are_named(call):
    Path("params.yaml").write_text("train: [")
    assert "params.yaml: not readable as YAML: " in one_line(call("train"))


def test_interruption_says_how_to_go_on_where_one_can(call, shards, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("dastm.evaluation.evaluator.evaluate_and_write", interrupted)
    monkeypatch.setattr("dastm.training.trainer.train", interrupted)
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


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("train", "train: {lr: 0.1}"),
        ("train", "train: {preset: [resnet]}"),
        ("train", "train: {set: {model.depth: 3}}"),
        ("train", "train: 0.1"),
        ("eval", "eval: {batch: 3}"),
        ("eval", "eval: {n_way: many}"),
    ],
)
def test_the_params_of_another_project_are_named_in_what_they_cause(call, command, text):
    Path("params.yaml").write_text(text)
    line = one_line(call(command))
    assert f"{Path.cwd()}/params.yaml" in line
    assert "work in another folder if that file is another project's" in line


def test_too_few_classes_name_the_option_to_change(call, shards):
    Path("params.yaml").write_text("")
    line = one_line(call("train", "--shards", shards, "--out", "few", "--preset", "small", "--set", "episode.n_way=9"))
    assert "9-way needs 9; lower episode.n_way (--set episode.n_way=..), or split with more classes" in line
    line = one_line(call("eval", "--shards", shards, "--baseline", "coordinates", "--n-way", 9))
    assert "9-way needs 9; lower n_way (--n-way), or split with more classes" in line


def test_a_preset_asked_for_is_not_mixed_with_the_settings_of_params(call, shards):
    Path("params.yaml").write_text(json.dumps({"train": {"preset": "paper", "set": {"matching.gamma": 7.0}}}))
    trained = call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS)
    assert trained.exit_code == 0, trained.output
    matching = json.loads(Path("run/train/config.json").read_text())["config"]["matching"]
    assert (matching["gamma"], matching["init"]) == (0.1, "tied")


def test_bench_prints_a_table_and_writes_what_it_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "get_context", lambda _: killing.forks())  # a spawned process imports torch again
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


@pytest.mark.parametrize("shape", [(4, 7, 1), (4, 1, 7), (2, 3, 2), (3, 5, 3)])
def test_any_ways_shots_and_queries_that_the_classes_have(call, shards, shape):
    """The toy's test part has 4 classes of 8 clips: all its classes, or all its clips, can be taken."""
    n_way, k_shot, n_query = shape
    words = ("--n-way", n_way, "--k-shot", k_shot, "--n-query", n_query, "--episodes", 3, "--out", "out")
    result = call("eval", "--shards", shards, "--baseline", "coordinates", *words)
    assert result.exit_code == 0, result.output
    assert f"{n_way}-way {k_shot}-shot, {n_query} queries a class, 3 episodes" in result.stdout
    cells = Path("out/episodes.csv").read_text().splitlines()[1:]
    shares = [float(cell.split(",")[-1]) * n_way * n_query for cell in cells]
    assert len(shares) == 3
    assert shares == pytest.approx([round(share) for share in shares], abs=1e-4)


def test_a_run_is_scored_on_all_classes_with_seven_shots_and_one_query(call, shards):
    assert call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS).exit_code == 0
    words = ("--n-way", 4, "--k-shot", 7, "--n-query", 1, "--episodes", 2, "--baseline", "coordinates")
    result = call("eval", "--run", "run", *words)
    assert result.exit_code == 0, result.output
    assert Path("run/eval/test-4way-7shot-1q-2e-seed0/episodes.csv").is_file()


def test_one_shot_protocol_from_the_command_line_and_from_params(call, tmp_path):
    given = toy_shards(tmp_path / "given", exemplars={9: (0,), 10: (1,), 11: (2,), 12: (3,)})
    words = ("eval", "--shards", given, "--baseline", "coordinates", "--out", "out")
    result = call(*words, "--protocol", "one-shot")
    assert result.exit_code == 0, result.output
    assert "toy test: one-shot protocol, 4 classes at once, 28 queries; % ± 95 % interval" in result.stdout
    assert json.loads(Path("out/metrics.json").read_text())["protocol"] == "test-one-shot"
    Path("params.yaml").write_text("eval: {protocol: one-shot, n_way: 3, episodes: 7}")
    assert call(*words).stdout == result.stdout


@pytest.mark.parametrize("option", ["--n-way", "--k-shot", "--n-query", "--episodes", "--seed"])
def test_what_one_shot_leaves_no_choice_of_is_wrong_usage(call, shards, option):
    result = call("eval", "--shards", shards, "--baseline", "coordinates", "--protocol", "one-shot", option, 2)
    assert result.exit_code == 2
    assert f"{option}: not with the one-shot protocol" in result.stderr


def test_by_subject_from_the_command_line(call, tmp_path, shards):
    people = toy_shards(tmp_path / "people", subjects=(1, 2, 3))
    words = ("--baseline", "coordinates", "--by", "subject")
    result = call("eval", "--shards", people, *words, "--n-way", 3, "--n-query", 2, "--episodes", 3, "--shots", "1,2")
    assert result.exit_code == 0, result.output
    assert "queries of other subjects than examples, 3 episodes" in result.stdout
    assert "examples a class" in result.stdout
    left_out = ("eval", "--shards", people, *words, "--protocol", "leave-one-out")
    assert "leave one subject out, 3 subjects, 32 clips" in call(*left_out).stdout
    assert "--n-way: not with the leave-one-out protocol" in call(*left_out, "--n-way", 3).stderr
    assert "'1,x': numbers with commas between, as 1,2,5" in call(*left_out, "--shots", "1,x").stderr
    assert "32 of 32 clips do not say their subject" in one_line(call("eval", "--shards", shards, *words))


def test_one_shot_without_exemplars_is_one_line(call, shards):
    line = one_line(call("eval", "--shards", shards, "--baseline", "coordinates", "--protocol", "one-shot"))
    assert line.startswith("dastm: toy: test has no exemplars, and the one-shot protocol needs one of every class: ")
    assert line.endswith("list their keys under split.exemplars of the definition and run `dastm-data split` again")


def test_seen_classes_are_refused_by_name_unless_told(call, shards, tmp_path):
    assert call("train", "--shards", shards, "--out", "run", "--preset", "small", *SETTINGS).exit_code == 0
    other = toy_shards(tmp_path / "other", seed=9)
    words = ("eval", "--run", "run", "--shards", other, "--subset", "train", "--n-way", 3, "--n-query", 2)
    line = one_line(call(*words))
    assert "6 of the 6 classes of toy train: class 0 (train), class 1 (train), " in line
    assert line.endswith("class 4 (train) and 1 more; score it on others, or add --allow-seen")
    told = call(*words, "--episodes", 2, "--allow-seen")
    assert told.exit_code == 0, told.output
    (written,) = Path("run/eval").glob("train-3way-1shot-2q-2e-seed0-on-toy-*/metrics.json")
    assert json.loads(written.read_text())["seen_classes"][0] == "class 0"
    Path("params.yaml").write_text("eval: {allow_seen: true, episodes: 2}")
    assert call(*words).exit_code == 0


@pytest.mark.parametrize("option", ["--subset", "--part"])
def test_the_subset_is_asked_for_by_its_name_or_by_its_old_one(call, shards, option):
    """Also where params.yaml has the old key: what is typed holds."""
    Path("params.yaml").write_text("eval: {part: test}\n")
    words = ("--n-way", 2, "--k-shot", 1, "--n-query", 1, "--episodes", 2, "--baseline", "coordinates")
    result = call("eval", "--shards", shards, option, "val", *words)
    assert result.exit_code == 0, result.output
    assert "toy val: 2-way 1-shot" in result.stdout


def test_help_names_every_command_and_loads_none_of_them():
    code = (
        "import sys; from dastm.cli import COMMANDS, main; from click.testing import CliRunner;"
        "said = CliRunner().invoke(main, ['--help']).output;"
        "assert all(name in said and about in ' '.join(said.split()) for name, (*_, about) in COMMANDS.items()), said;"
        "print([name for name in ('torch', 'pydantic', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_with_examples(name, call):
    said = call(name, "--help").output
    assert said.startswith(f"Usage: main {name}")
    assert "Example" in said
