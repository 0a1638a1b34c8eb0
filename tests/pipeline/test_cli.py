"""`dastm-data` as a user types it: defaults, options, params.yaml, exit statuses, one line of error."""

import json
from pathlib import Path

import pytest
import yaml

from tests.command_line import call, done, failed, misused
from tests.pipeline.raw_files import write_ntu

pytestmark = pytest.mark.slow

MINE = {
    "parse": {"format": "ntu_skeleton", "layout": {"name": "two", "joints": ["hip", "head"], "bones": [[1, 0]]}},
    "split": {"class_split": {"train": [0], "val": [1], "test": [2]}, "n_frames": 2, "origin": "none"},
}
NAMES = [f"S001C001P001R{clip:03d}A{action:03d}.skeleton" for action in (1, 2, 3) for clip in (1, 2)]
SMALL = ("--set", "synth.n_classes=2", "--set", "synth.clips_per_class=3")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_yaml(path, document):
    Path(path).write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.fixture
def mine():
    """A user's own definition with two recorded clips of each of three classes."""
    write_yaml("mine.yaml", MINE)
    write_ntu(Path("data/raw/mine"), NAMES)
    return "mine.yaml"


@pytest.fixture
def shards(mine):
    done("dastm-data", "parse", "--dataset", mine, "--workers", 1)
    done("dastm-data", "split", "--dataset", mine)
    return Path("data/shards/mine")


def manifest(folder="data/shards/mine"):
    return json.loads(Path(folder, "manifest.json").read_text())


def test_the_stages_in_a_row_need_only_the_name(mine):
    assert done("dastm-data", "raw", "--dataset", mine) == "mine: 6 raw files in data/raw/mine\n"
    parsed = done("dastm-data", "parse", "--dataset", mine, "--workers", 1)
    assert parsed == "6 files: 6 clips of 3 classes, 18 frames\n"
    split = done("dastm-data", "split", "--dataset", mine).splitlines()
    assert split[:3] == [f"{part}: 2 clips of 1 classes" for part in ("train", "val", "test")]
    assert split[3] == "clips: 6 with 2 bodies"
    audited = done("dastm-data", "audit", "--dataset", mine).splitlines()
    assert audited[0] == "mine: 6 clips of 3 classes, 2 frames, 2 joints; bodies: 6 clips with 2"
    assert audited[1] == "  train: 2 clips of 1 classes (2 to 2 a class)"
    assert audited[4] == "  x: -1.000 to 10.000"
    assert audited[-1].startswith("  warning: posture not checked: no joint of layout two")  # it is no person


def test_options_name_other_places(mine):
    Path("data/raw/mine").rename("elsewhere")
    words = ("--raw", "elsewhere", "--out", "table", "--workers", 1, "--max-refused", 0)
    assert "6 clips" in done("dastm-data", "parse", "--dataset", mine, *words)
    done("dastm-data", "split", "--dataset", mine, "--parsed", "table", "--out", "shards")
    done("dastm-data", "audit", "--shards", "shards", "--out", "deep/audit.json")
    report = json.loads(Path("deep/audit.json").read_text())
    assert report["ok"] is True
    assert report["clips"] == 6
    assert not Path("data").joinpath("parsed").exists()


def test_several_raw_folders_are_one_data_set(mine):
    write_ntu(Path("more"), ["S001C001P001R003A001.skeleton"])
    words = ("--raw", "data/raw/mine", "--raw", "more", "--workers", 1)
    assert "7 clips of 3 classes" in done("dastm-data", "parse", "--dataset", mine, *words)


def test_synth_makes_a_demo(tmp_path):
    said = done("dastm-data", "synth", "--dataset", "demo-ntu", *SMALL)
    assert said == "demo-ntu: 8 raw files in data/raw/demo-ntu\n"
    assert len(list(tmp_path.rglob("*.skeleton"))) == 2 * 3 + 2
    said = done("dastm-data", "synth", "--dataset", "demo-kinetics", *SMALL, "--out", "here")
    assert said == "demo-kinetics: 14 raw files in here\n"
    # The hidden file lists what was made, so that only that is ever replaced.
    assert sorted(path.name for path in Path("here").iterdir()) == [".synthetic.json", "demo-kinetics.zip"]


def test_raw_makes_what_a_demo_lacks():
    definition = {**MINE, "synth": {"n_classes": 1, "clips_per_class": 1}, "parse": {"format": "ntu_skeleton"}}
    write_yaml("mine.yaml", definition)
    assert done("dastm-data", "raw", "--dataset", "mine.yaml") == "mine: 3 raw files in data/raw/mine\n"
    assert len(list(Path("data/raw/mine").rglob("*.skeleton"))) == 3


@pytest.mark.parametrize("command", ["raw", "parse"])
def test_missing_raw_files_say_what_to_download_and_where_to_put_it(command):
    line = failed("dastm-data", command, "--dataset", "ntu-t")
    assert line.startswith("data/raw/ntu-t: not there. Put this there, or name its place with --raw: ")
    for word in ("nturgbd_skeletons_s001_to_s017.zip", "ROSE Lab", "https://rose1.ntu.edu.sg/"):
        assert word in line


def test_raw_leaves_recorded_files_alone():
    write_ntu(Path("data/raw/ntu-t"), NAMES)
    before = {path: path.stat().st_mtime_ns for path in Path("data").rglob("*")}
    told = done("dastm-data", "raw", "--dataset", "ntu-t").splitlines()
    assert told[0].startswith("ntu-t: NTU-T of the DASTM paper")
    assert told[1].startswith("  classes: 120, drink water, ")
    assert told[2:] == [
        "  class split: train 80, val 20, test 20; 30 frames a clip",
        "  joints: 25, layout ntu25; files: ntu_skeleton",
        "ntu-t: 6 raw files in data/raw/ntu-t",
    ]
    assert {path: path.stat().st_mtime_ns for path in Path("data").rglob("*")} == before


def test_recorded_data_is_not_synthesised():
    line = failed("dastm-data", "synth", "--dataset", "ntu-t")
    assert line.startswith("ntu-t is recorded, there is nothing to synthesise; download nturgbd")


def test_a_name_in_params_stands_for_a_file_and_names_the_folders(mine):
    Path("data/raw/mine").rename("data/raw/other")
    write_yaml("params.yaml", {"datasets": {"other": "mine.yaml"}})
    assert done("dastm-data", "raw", "--dataset", "other") == "other: 6 raw files in data/raw/other\n"
    done("dastm-data", "parse", "--dataset", "other", "--workers", 1)
    done("dastm-data", "split", "--dataset", "other")
    assert manifest("data/shards/other")["dataset"] == "other"
    assert done("dastm-data", "audit", "--dataset", "other").startswith("other: 6 clips")


def test_split_block_of_params_is_over_the_definition_and_set_over_both(shards):
    write_yaml("params.yaml", {"split": {"n_frames": 3, "clips_per_class": 1, "seed": None}})
    assert "train: 1 clips of 1 classes" in done("dastm-data", "split", "--dataset", "mine.yaml")
    assert manifest()["frames"] == 3
    assert manifest()["definition"]["split"]["seed"] == 0
    words = ("--set", "split.n_frames=5", "--set", "split.class_split={train: [1, 2], test: [0]}")
    done("dastm-data", "split", "--dataset", "mine.yaml", *words)
    assert manifest()["frames"] == 5
    assert manifest()["definition"]["split"]["clips_per_class"] == 1
    assert list(manifest()["parts"]["train"]) == ["001", "002"]
    by_subject = failed("dastm-data", "split", "--dataset", "mine.yaml", "--by", "subject")
    assert "1 subjects cannot be in 3 subsets" in by_subject


def test_parse_block_of_params(mine):
    write_yaml("params.yaml", {"parse": {"workers": 1, "max_refused": 0}})
    write_ntu(Path("data/raw/mine"), {"S001C001P001R009A001.skeleton": "", "x.skeleton": ""})
    assert "more than max_refused = 0" in failed("dastm-data", "parse", "--dataset", mine)
    assert "2 refused" in done("dastm-data", "parse", "--dataset", mine, "--max-refused", 2)


def test_workers_do_not_change_the_table(mine):
    for workers in (1, 2):
        words = ("--out", f"parsed-{workers}", "--workers", workers)
        done("dastm-data", "parse", "--dataset", mine, *words)
    one, two = ({path.name: path.read_bytes() for path in Path(f"parsed-{n}").iterdir()} for n in (1, 2))
    assert one == two
    assert set(one) == {"clips-00000.parquet", "refused-00000.parquet", "summary.json"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("split.n_frame=3", "params.yaml or --set: split.n_frame: no such key; did you mean n_frames? known: "),
        ("split.n_frames=0", "split.n_frames: Input should be greater than or equal to 1, got 0"),
        ("split.n_frames=many", "split.n_frames: Input should be a valid integer, got 'many'"),
        ("split.rotate=left", "split.rotate: Input should be 'none', 'yaw' or 'upright', got 'left'"),
        ("split.class_split={train: [0], test: [0]}", "class 0 is in train and in test"),
        ("split.class_split={train: 0}", "split.class_split.train: expected a list of class ids, got 0"),
        ("split.class_split=none.yaml", "none.yaml: No such file"),
        ("split.first_class_id=one", "split.first_class_id: a whole number, got 'one'"),
        ("split.scale=torso", "layout two names no torso"),
        ("parse.layout=[ntu25]", "or a mapping, got ['ntu25']"),
        ("parse.missing=[a]", "parse.missing: the name of a text file, got ['a']"),
        ("parse.class_names=3", "parse.class_names: a list, or the name of a text file, got 3"),
        ("parse.class_names=none.txt", "none.txt: cannot read this list"),
    ],
)
def test_a_wrong_setting_is_named(shards, setting, message):
    assert message in failed("dastm-data", "split", "--dataset", "mine.yaml", "--set", setting)
    assert manifest()["frames"] == 2


@pytest.mark.parametrize("form", ["n_frames=3", "split.n_frames", "eval.n_way=3", "split=3", "split.=3", "split.a=["])
def test_a_setting_in_the_wrong_form_is_wrong_usage(form):
    said = misused("dastm-data", "split", "--dataset", "demo-ntu", "--set", form)
    assert f"--set {form}: write split.name=value, e.g. split.n_frames=16" in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ntu",
            "no data set 'ntu': one of demo-kinetics, demo-ntu, florence3d, fpha, jhmdb, kard, kinetics, motion2d,"
            " motion3d, msr-action3d, ntu-one-shot, ntu-s, ntu-t, ntu60, nw-ucla, penn-action, pku-mmd, utd-mhad,"
            " utkinect, or your own",
        ),
        ("none.yaml", "none.yaml: no such definition file"),
        ("list.yaml", "list.yaml: expected a mapping with name, parse and split"),
        ("broken.yaml", "broken.yaml: not readable as YAML: "),
        ("flat.yaml", "flat.yaml: split: expected a mapping, got 5"),
        ("noise.yaml", "noise.yaml: not readable as YAML: "),
    ],
)
def test_an_unknown_or_broken_definition_is_named(name, message):
    Path("list.yaml").write_text("[1, 2]")
    Path("broken.yaml").write_text("parse: {\nsplit")
    Path("flat.yaml").write_text("parse: {format: ntu_skeleton}\nsplit: 5")
    Path("noise.yaml").write_bytes(bytes(range(128, 256)))
    for command in ("synth", "raw", "parse", "split", "audit"):
        assert failed("dastm-data", command, "--dataset", name).startswith(message)
    assert failed("dastm-data", "split", "--dataset", name, "--set", "split.n_frames=2").startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("split: [", "params.yaml: not readable as YAML: "),
        ("- split", "params.yaml: expected blocks of keys, got ['split']"),
        ("split: 5", "params.yaml: block split: "),
        ("split: {n_frame: 3}", "params.yaml or --set: split.n_frame: no such key; did you mean n_frames? known: "),
        ("split: {1: 3}", "params.yaml or --set: split.1: Keys should be strings, got 1"),
        ("datasets: [demo-ntu]", "params.yaml: block datasets: "),
        (
            "datasets: {mine.yaml: 5}",
            "params.yaml: datasets.mine.yaml: expected a text without quotes and line breaks, got 5",
        ),
        ("datasets: {mine.yaml: demo-ntu}", "params.yaml: datasets: 'mine.yaml': a name has letters, digits, _ and -"),
        ("parse: {worker: 3}", "params.yaml: parse.worker: no such key; known: workers, max_refused"),
        ("parse: {workers: 0}", "params.yaml: parse.workers: a whole number from 1 on, got 0"),
        ("parse: {max_refused: few}", "params.yaml: parse.max_refused: a whole number from 0 on, got 'few'"),
    ],
)
def test_broken_params_are_named(mine, text, message):
    Path("params.yaml").write_text(text)
    assert message in failed("dastm-data", "parse", "--dataset", mine)


def test_params_that_are_no_text_are_named(mine):
    Path("params.yaml").write_bytes(b"\xff\xfe\xfd")
    assert failed("dastm-data", "parse", "--dataset", mine).startswith(
        f"{Path.cwd()}/params.yaml: not readable as YAML: "
    )


@pytest.mark.parametrize(
    "text", ["split: 0.2", "split: {test_size: 0.2}", "split: {seed: -1}", "parse: {encoding: utf8}", "datasets: 3"]
)
def test_the_params_of_another_project_are_named_in_what_they_cause(mine, text):
    Path("params.yaml").write_text(text)
    line = failed("dastm-data", "parse", "--dataset", mine)
    assert f"{Path.cwd()}/params.yaml" in line
    assert "work in another folder if that file is another project's" in line


def test_a_wrong_setting_of_the_command_line_is_no_fault_of_params(mine):
    Path("params.yaml").write_text("split: {n_frames: 4}")
    line = failed("dastm-data", "parse", "--dataset", mine, "--set", "split.seed=-1")
    assert "another project" not in line


def test_empty_params_say_nothing(mine):
    Path("params.yaml").write_text("# nothing\n")
    assert "6 clips" in done("dastm-data", "parse", "--dataset", mine, "--workers", 1)


def test_stages_out_of_order_say_what_to_run_first(mine):
    line = failed("dastm-data", "split", "--dataset", mine)
    assert line == "data/parsed/mine: no parsed table there; run `dastm-data parse` first"
    line = failed("dastm-data", "audit", "--dataset", mine)
    assert line == "data/shards/mine: no shards there; run `dastm-data split` first, or name another folder"


def test_audit_of_a_damaged_shard_names_it_and_still_writes_its_report(shards):
    tar = shards / "val" / "001-000.tar"
    data = bytearray(tar.read_bytes())
    data[700] ^= 1
    tar.write_bytes(bytes(data))
    result = call("dastm-data", "audit", "--dataset", "mine.yaml", "--out", "audit.json")
    assert result.exit_code == 1
    assert result.stderr == "dastm-data: data/shards/mine: the audit found 2 problems\n"
    shown = [line for line in result.stdout.splitlines() if line.startswith("  problem: ")]
    assert shown[0] == "  problem: val/001-000.tar: S001C001P001R001A002: checksum differs from the index"
    report = json.loads(Path("audit.json").read_text())
    assert report["ok"] is False
    assert [f"  problem: {line}" for line in report["problems"]] == shown


def test_audit_prints_the_first_twenty_problems(shards):
    for number in range(30):
        (shards / f"{number}.tar").touch()
    result = call("dastm-data", "audit", "--shards", shards)
    assert result.stderr == "dastm-data: data/shards/mine: the audit found 30 problems\n"
    assert result.stdout.count("problem: ") == 20


def test_folders_with_other_things_are_not_replaced(mine):
    done("dastm-data", "parse", "--dataset", mine, "--workers", 1)
    write_ntu(Path("thesis"), ["chapter-1.txt"])
    line = failed("dastm-data", "split", "--dataset", mine, "--out", "thesis")
    assert "holds files but no manifest.json that says they are a shard folder, so it will not be replaced" in line
    line = failed("dastm-data", "synth", "--dataset", "demo-ntu", *SMALL, "--out", "thesis")
    assert "thesis: holds files but no .synthetic.json that says they are synthetic data" in line
    assert Path("thesis/chapter-1.txt").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ("parse",),
        ("parse", "--dataset", "demo-ntu", "--workers", 0),
        ("parse", "--dataset", "demo-ntu", "--max-refused", -1),
        ("audit",),
        ("audit", "--dataset", "demo-ntu", "--shards", "x"),
        ("sprint",),
    ],
)
def test_wrong_usage_is_exit_2(words):
    misused("dastm-data", *words)


def test_help_of_every_command_has_an_example():
    commands = ("synth", "raw", "parse", "split", "audit")
    for command in commands:
        said = done("dastm-data", command, "--help")
        assert "Example" in said
        assert f"dastm-data {command} --dataset" in said
    overview = done("dastm-data", "-h")
    assert all(f"dastm-data {command} --dataset" in overview for command in commands if command != "raw")


@pytest.mark.parametrize(
    ("command", "function"),
    [
        ("synth", "pipeline.synthesis.synthesise"),
        ("raw", "pipeline.parse.run.find_raw"),
        ("parse", "pipeline.parse.run.parse"),
        ("split", "pipeline.split.run.split"),
        ("audit", "pipeline.audit.run.audit"),
    ],
)
def test_interruption_is_one_line_and_exit_130(mine, monkeypatch, command, function):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    Path("data/shards/mine").mkdir(parents=True)  # audit looks first whether there is anything
    monkeypatch.setattr(function, interrupted)
    line = failed("dastm-data", command, "--dataset", mine, status=130)
    assert line == "interrupted" + "; the same command continues" * (command in ("parse", "split"))


@pytest.mark.parametrize(
    "words",
    [
        ("doctor", "s3://lab/raw"),
        ("audit", "--shards", "memory://shards"),
        ("stats", "--parsed", "file:///parsed"),
        ("show", "a", "--shards", "s3://lab/shards"),
        ("export", "--dataset", "demo-ntu", "--out", "memory://e.pkl"),
        ("import", "s3://lab/arrays", "--out", "shards"),
    ],
)
def test_commands_that_read_this_machine_only_say_so_of_a_url(words):
    assert "is a URL; this takes a path of this machine" in misused("dastm-data", *words)


def test_a_reader_that_has_had_enough_ends_it_quietly(mine, monkeypatch):
    def closed(*_args):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("pipeline.parse.run.find_raw", closed)
    result = call("dastm-data", "raw", "--dataset", mine)
    assert (result.exit_code, result.stderr) == (1, "")


def test_a_file_that_cannot_be_read_is_one_line(mine, monkeypatch):
    def unreadable(*_args):
        raise PermissionError(13, "Permission denied", "data/raw/mine")

    monkeypatch.setattr("pipeline.parse.run.find_raw", unreadable)
    assert (
        failed("dastm-data", "raw", "--dataset", mine)
        == "data/raw/mine: Permission denied; change its permissions or name another place"
    )


@pytest.mark.parametrize(
    ("words", "count", "ray"),
    [
        ((), 3, None),
        (("--workers", 2), 2, None),
        (("--ray",), 3, "local"),
        (("--ray", "10.0.0.1:6379"), 3, "10.0.0.1:6379"),
    ],
)
@pytest.mark.parametrize("stage", ["parse", "split"])
def test_who_works_is_what_the_options_say_or_else_params(mine, monkeypatch, stage, words, count, ray):
    write_yaml("params.yaml", {"parse": {"workers": 3}})
    asked = []
    monkeypatch.setattr(
        f"pipeline.{stage}.run.{stage}", lambda *_args, workers, **_options: asked.append(workers) or Said()
    )
    done("dastm-data", stage, "--dataset", mine, *words)
    assert [(workers.count, workers.ray) for workers in asked] == [(count, ray)]


class Said:
    """A summary without a line."""

    def lines(self):
        return []
