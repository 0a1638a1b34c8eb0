"""Files of others through our commands: nothing of theirs is run, nothing outside is read, and memory has a bound."""

import json
import multiprocessing
import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from dastm.config.load import load_config
from dastm.contract.errors import RefusedError, RunError
from dastm.contract.shard_reading import read_manifest
from dastm.contract.skeleton import NTU25
from dastm.runs.files import write_json
from dastm.runs.record import WHERE, TrainingRecord, record_training
from dastm.runs.results import CURVE_FIELDS, write_curves
from dastm.runs.sealed import DIGEST, sealed
from dastm.sweep.cells import expand
from dastm.sweep.grid import load_grid
from pipeline.doctor.checks import new_id
from pipeline.doctor.limits import Limits
from pipeline.doctor.observed import lay_out
from pipeline.parse.formats.ntu_skeleton import parse_skeleton
from pipeline.tracks import MAX_ODD_BYTES, Tracks
from tests.command_line import call, failed
from tests.pipeline.shard_damage import change_index, change_manifest
from tests.shard_folder import make_shard_folder

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

MEGABYTE = 2**20
COMMANDS = (
    "pipe:touch {}",
    "PIPE://touch {}",
    " pipe:touch {}; x://",
    "pi\tpe:touch {}; x://",
    "ais://x",
    "unknown://x",
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Shards and a run of them, as its record and curves tell of it: every test damages copies."""
    folder = tmp_path_factory.mktemp("sound")
    parts = {"train": {0: 4, 1: 4}, "val": {2: 4, 3: 4}, "test": {4: 4, 5: 4}}
    make_shard_folder(folder / "shards", parts=parts, rng=np.random.default_rng(20221023))
    split = {"class_split": {"train": [0, 1], "val": [2, 3], "test": [4, 5]}, "bodies": 1}
    change_manifest(folder / "shards", lambda document: document["definition"].update(split=split))
    record = record_training(load_config("small"), str(folder / "shards"), read_manifest(folder / "shards"))
    record.write(folder / "run")
    row = dict.fromkeys(CURVE_FIELDS, 0.5) | {"seed": 0, "epoch": 0, "episode": 1, "part": "val"}
    write_curves(folder / "run", [row, {**row, "part": "train"}])
    return folder


@pytest.fixture
def shards(sound, tmp_path):
    return shutil.copytree(sound / "shards", tmp_path / "shards")


@pytest.fixture
def run(sound, tmp_path):
    return shutil.copytree(sound / "run", tmp_path / "run")


@pytest.mark.usefixtures("blank_figures")
@pytest.mark.parametrize("url", COMMANDS)
@pytest.mark.parametrize("command", ["eval", "report"])
def test_no_command_out_of_a_run_is_run(run, tmp_path, url, command):
    replace(TrainingRecord.read(run), shards=url.format(tmp_path / "touched")).write(run)
    words = ("eval", "--run", run) if command == "eval" else ("report", run)
    assert "never because a file says so" in failed("dastm", *words)
    assert not (tmp_path / "touched").exists()


def test_what_is_typed_is_run(run, shards, tmp_path):
    url = f"pipe:touch {tmp_path}/touched; cat {shards}/{{}}"
    words = ("--baseline", "coordinates", "--n-way", 2, "--n-query", 1, "--episodes", 2)
    assert call("dastm", "eval", "--shards", url, *words).exit_code == 0
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize("url", COMMANDS)
def test_no_command_out_of_a_grid_is_run(tmp_path, url):
    grid = {"title": "t", "methods": ["dtw"], "backbones": {"b": {}}, "evaluate": [{}], "preset": ["small"]}
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump({**grid, "shards": {"d": url.format(tmp_path / "touched")}}))
    with pytest.raises(RunError, match=r"grid\.yaml: shards\.d: .*never because a file says so"):
        expand(load_grid(str(path)), str(path))
    assert "never because a file says so" in failed("dastm", "sweep", path, "--out", tmp_path / "out")
    assert not (tmp_path / "touched").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["..", ".", "a/b", "-x", "a b", "é"])
def test_a_grid_is_not_named_after_another_folder(tmp_path, name):
    path = tmp_path / "grid.yaml"
    grid = {"title": "t", "methods": ["dtw"], "backbones": {"b": {}}, "evaluate": [{}], "shards": {"d": "x"}}
    path.write_text(yaml.safe_dump({**grid, "name": name}))
    assert "name: " in failed("dastm", "sweep", path)


OUTSIDE = ("/dev/zero", "../outside.tar", "train/../../outside.tar", "train/pipe.tar", "train/zero.tar")
READERS = {
    "audit": lambda shards, out: ("audit", "--shards", shards),
    "doctor": lambda shards, out: ("doctor", shards, "--json", out / "doubts.json"),
    "stats": lambda shards, out: ("stats", "--shards", shards),
    "show": lambda shards, out: ("show", "trainc000n0000", "--shards", shards),
    "export": lambda shards, out: ("export", "--shards", shards, "--out", out / "x.pkl"),
    "eval": lambda shards, out: ("eval", "--shards", shards, "--baseline", "coordinates"),
}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("command", READERS)
def test_nothing_outside_a_shard_folder_and_nothing_endless_is_read(shards, tmp_path, name, command):
    (shards / "train/000-000.tar").rename(tmp_path / "outside.tar")
    os.mkfifo(shards / "train/pipe.tar")
    (shards / "train/zero.tar").symlink_to("/dev/zero")
    change_manifest(
        shards, lambda document: document["parts"]["train"]["000"].update(shards=[name, "train/000-001.tar"])
    )
    change_index(shards, lambda rows: [{**r, "shard": name} if r["shard"] == "train/000-000.tar" else r for r in rows])
    program = "dastm" if command == "eval" else "dastm-data"
    result = call(program, *READERS[command](shards, tmp_path))
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    doubts = tmp_path / "doubts.json"
    said = result.stdout + result.stderr + (doubts.read_text() if doubts.exists() else "")
    assert "regular file" in said or "inside the folder" in said, said
    assert not (tmp_path / "x.pkl").exists()


@pytest.mark.parametrize(
    ("command", "file"),
    [
        *((command, "manifest.json") for command in READERS),
        *((command, "index.parquet") for command in READERS if command not in ("export", "stats")),  # they need none
    ],
)
def test_a_pipe_in_the_place_of_a_file_hangs_no_command(shards, tmp_path, command, file):
    (shards / file).unlink()
    os.mkfifo(shards / file)
    program = "dastm" if command == "eval" else "dastm-data"
    result = call(program, *READERS[command](shards, tmp_path))
    assert result.exit_code == 1
    assert "regular file" in result.stdout + result.stderr


SWELLING = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("text", [SWELLING, "[" * 100_000, "&a [*a]"], ids=("aliases", "deep", "circle"))
@pytest.mark.parametrize("place", ["dataset", "params.yaml", "preset", "grid"])
def test_yaml_of_others_is_one_short_line(tmp_path, monkeypatch, text, place):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("params.yaml" if place == "params.yaml" else "x.yaml")
    path.write_text(text)
    words = {
        "dataset": ("dastm-data", "parse", "--dataset", path),
        "params.yaml": ("dastm-data", "parse", "--dataset", "demo-ntu"),
        "preset": ("dastm", "train", "--preset", path, "--shards", tmp_path),
        "grid": ("dastm", "sweep", path),
    }
    assert len(failed(*words[place])) < 500


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shards": 5}, "shards: expected a text, got 5"),
        ({"dataset": ["x"]}, "dataset: expected a text, got ['x']"),
        ({"versions": {"torch": 1}}, "versions.torch: expected a text, got 1"),
        ({"revision": []}, "revision: expected a text or null"),
        ({"code": None}, "code: expected a text"),
        ({"classes": 5}, "not the record of a training"),
        ({"nobody": 5}, "nobody"),
    ],
)
@pytest.mark.parametrize("command", ["eval", "report"])
def test_a_record_of_other_types_is_one_line(run, change, said, command):
    path = run / "train/config.json"
    document = {key: value for key, value in json.loads(path.read_text()).items() if key != DIGEST}
    write_json(path, sealed({**document, **change}, but=WHERE))
    words = ("eval", "--run", run) if command == "eval" else ("report", run)
    assert said in failed("dastm", *words)


@pytest.mark.parametrize("setting", ["backbone.body_slots=1000000000", "backbone.n_blocks=1000000000"])
def test_numbers_that_would_fill_the_memory_are_refused(shards, tmp_path, setting):
    words = ("train", "--shards", shards, "--out", tmp_path / "new", "--preset", "small", "--set", setting)
    words = (*words, "--set", "backbone.name=lstm")
    assert "less than or equal to" in failed("dastm", *words)


def test_deep_json_in_a_manifest_or_a_record_is_one_line(run, shards):
    deep = '{"a":' * 100_000
    (run / "train/config.json").write_text(deep)
    assert "nested deeper" in failed("dastm", "eval", "--run", run)
    (shards / "manifest.json").write_text(deep)
    assert "nested deeper" in failed("dastm", "eval", "--shards", shards, "--baseline", "coordinates")
    assert "nested deeper" in failed("dastm-data", "stats", "--shards", shards)


def within_megabytes(most, work, *words):
    """What `work` of these words says in a process that may take so much more memory than this one has."""

    def limited(pipe):
        pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (pages + most * MEGABYTE,) * 2)
        pipe.send(work(*words))

    fork = multiprocessing.get_context("fork")  # a new Python would import everything again
    ours, theirs = fork.Pipe(duplex=False)
    process = fork.Process(target=limited, args=(theirs,))
    process.start()
    theirs.close()
    try:
        assert ours.poll(300), "it hangs"
        return ours.recv()  # EOFError where the process died, and its traceback is on standard error
    finally:
        process.kill()
        process.join()
        ours.close()


def test_the_doctor_compares_twenty_thousand_bodies_in_little_memory():
    n = 20_000
    tracks = Tracks(
        frames=100_000,
        ids=np.arange(n),
        lengths=np.ones(n, np.int32),
        frame_index=np.arange(n, dtype=np.int32) * 3,
        joints_PVC=np.ones((n, 2, 3), np.float32) * np.arange(n)[:, None, None],
    )
    bodies = lay_out(tracks, None)
    assert within_megabytes(200, lambda: list(new_id(bodies, Limits()))) == []


def test_pairs_of_bodies_are_found_as_a_matrix_of_all_finds_them(rng):
    n = 30
    frames = np.sort(rng.integers(0, 60, n)).astype(np.int32)
    tracks = Tracks(
        frames=60,
        ids=np.arange(n),
        lengths=np.ones(n, np.int32),
        frame_index=rng.permutation(frames),
        joints_PVC=rng.normal(size=(n, 2, 3)).astype(np.float32),
    )
    bodies, limits = lay_out(tracks, None), Limits(same_place=0.9)
    found = [doubt.what for doubt in new_id(bodies, limits)]
    joints, at = bodies.joints_PVC, bodies.frame_P
    every = [
        f"body {a} seems to go on as body {b}"
        for a in range(n)
        for b in range(n)
        if 0 < at[b] - at[a] <= limits.same_frames
        and np.median(np.linalg.norm(joints[b] - joints[a], axis=1)) < limits.same_place
    ]
    assert every
    assert found == every[:1]


def test_a_skeleton_file_that_only_the_slow_reader_takes_is_read_in_bounded_memory():
    """The worst of files: as many lines as there can be, and the fault at their end."""
    data = b"100000\n" + b"0\n" * ((MAX_ODD_BYTES - 100) // 2) + b"x"

    def refusal():
        with pytest.raises(RefusedError) as why:
            parse_skeleton(data, NTU25)
        return str(why.value)

    assert "line " in within_megabytes(700, refusal)
