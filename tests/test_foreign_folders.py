"""Every command that writes, over folders of other programs' files, links and damaged runs: nothing of them is lost."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from dastm.contract.ownership import unfinished_name
from tests.command_line import call, done, failed
from tests.pipeline.array_files import write_arrays
from tests.pipeline.big_enough import write_workplace
from tests.toy import TINY, tiny, toy_shards, train_toy

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

SMALL = ("--preset", "small", *(word for key, value in TINY.items() for word in ("--set", f"{key}={value}")))
PARSE = ("dastm-data", "parse", "--dataset", "mine.yaml", "--raw", "raw", "--workers", 1, "--out", "out")
SPLIT = ("dastm-data", "split", "--dataset", "mine.yaml", "--parsed", "parsed", "--workers", 1, "--out", "out")
IMPORT = ("dastm-data", "import", "arrays", "--out", "out")
SYNTH = ("dastm-data", "synth", "--dataset", "demo-ntu", "--out", "out")
TRAIN = ("dastm", "train", "--shards", "toy", "--out", "out", *SMALL)
OTHER = (*TRAIN, "--set", "matching.gamma=0.7", "--replace")
EVAL = ("dastm", "eval", "--run", "out", "--n-way", 2, "--episodes", 2, "--device", "cpu")
SCORE = ("dastm", "eval", "--shards", "toy", "--baseline", "coordinates", "--n-way", 2, "--episodes", 2)
SWEEP = ("dastm", "sweep", "grid.yaml", "--out", "out", "--workers", 1)
BENCH = ("dastm", "bench", "loss", "--out", "out", "--device", "cpu")
REPORT = ("dastm", "report", "out")
GRID = {
    "title": "t",
    "preset": ["small"],
    "methods": ["dtw"],
    "backbones": {"ST-GCN": {}},
    "shards": {"toy": "toy"},
    "seeds": [0],
    "set": TINY,
    "evaluate": [{"n_way": 2, "episodes": 3}],
}


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """What the cases are made of, made once."""
    folder = tmp_path_factory.mktemp("stock")
    write_workplace(folder)
    write_arrays(folder / "arrays")
    toy_shards(folder / "toy")
    train_toy(str(folder / "toy"), folder / "run", tiny())
    (folder / "grid.yaml").write_text(yaml.safe_dump(GRID))
    before = Path.cwd()
    os.chdir(folder)
    try:
        done(*PARSE[:-1], "parsed")
        done(*SPLIT[:-1], "shards")
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def place(stock, tmp_path, monkeypatch):
    """A folder with copies of the stock, and a victim that links lead to."""
    for path in stock.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, tmp_path / path.name)
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "thesis.txt").write_text("years of work")
    (tmp_path / "victim" / "thesis.txt").chmod(0o640)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(place):
    """Every file with its bytes and mode, every link with its target."""
    return {
        path.relative_to(place).as_posix(): path.readlink().as_posix()
        if path.is_symlink()
        else (path.stat().st_mode, path.read_bytes())
        for path in place.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def holds(*names, of=None, **files):
    """A folder with files of others; `of`: it is a copy of this of the stock to begin with."""

    def make():
        shutil.copytree(of, "out") if of else Path("out").mkdir()
        for name in names:
            Path("out", name).parent.mkdir(parents=True, exist_ok=True)
            Path("out", name).write_text("somebody else's\n")

    return make


def linked(name, target="../victim/thesis.txt", of=None):
    """A folder in which one of our own names is a link."""

    def make():
        shutil.copytree(of, "out") if of else Path("out").mkdir()
        path = Path("out", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(Path("out", target), path.parent))

    return make


def beside(name, *names, link=False):
    """What lies beside `out` under a hidden name of ours."""

    def make():
        if link:
            Path(name).symlink_to("victim")
        for one in names:
            Path(name).mkdir(exist_ok=True)
            Path(name, one).write_text("somebody else's\n")

    return make


def flipped(name, of):
    """A folder of ours with one damaged byte."""

    def make():
        shutil.copytree(of, "out")
        data = bytearray(Path("out", name).read_bytes())
        data[0] ^= 1
        Path("out", name).write_bytes(bytes(data))

    return make


def one_file(name):
    """A file of somebody else where a command was told to write."""

    def make():
        Path(name).write_text("somebody else's\n")

    return make


CASES = {
    "split over a web page's manifest": (holds("manifest.json", "index.html"), SPLIT),
    "split over a file more than the shards list": (holds("train/notes.txt", of="shards"), SPLIT),
    "split over a link in shards": (linked("train/extra", of="shards"), SPLIT),
    "split over a linked manifest": (linked("manifest.json", of="shards"), SPLIT),
    "split beside a foreign .out.new": (beside(".out.new", "draft.txt"), SPLIT),
    "split beside a foreign .out.old": (beside(".out.old", "draft.txt"), SPLIT),
    "split beside a foreign .out.done": (beside(".out.done", "work.json", "draft.txt"), SPLIT),
    "split beside a linked .out.done": (beside(".out.done", link=True), SPLIT),
    "split beside a linked .out.new": (beside(".out.new", link=True), SPLIT),
    "import over a foreign manifest": (holds("manifest.json"), IMPORT),
    "import over shards with a note": (holds("thesis.txt", of="shards"), IMPORT),
    "import over a damaged manifest": (flipped("manifest.json", of="shards"), IMPORT),
    "import beside a foreign .out.old": (beside(".out.old", "draft.txt"), IMPORT),
    "synth over recordings": (holds("nturgb+d_skeletons/S001C001P001R001A001.skeleton"), SYNTH),
    "synth over a foreign list": (holds(".synthetic.json"), SYNTH),
    "synth beside a linked .out.old": (beside(".out.old", link=True), SYNTH),
    "parse over a foreign plan": (holds("plan.json"), PARSE),
    "parse over foreign parts": (holds("clips-2020.parquet", "clips-00000.parquet"), PARSE),
    "parse over a foreign part in a table": (holds("clips-00007.parquet", of="parsed"), PARSE),
    "parse over a foreign summary": (holds("summary.json", of="parsed"), PARSE),
    "parse through a linked plan": (linked("plan.json", of="parsed"), PARSE),
    "parse through a linked part": (linked("clips-00001.parquet", of="parsed"), PARSE),
    "parse beside foreign notes": (beside(".out.done", "00000.json"), PARSE),
    "parse beside linked notes": (beside(".out.done", link=True), PARSE),
    "train over foreign curves": (holds("curves.csv"), TRAIN),
    "train over a foreign train/": (holds("train/model.bin"), TRAIN),
    "train --replace over a foreign train/": (holds("train/a.txt", "eval/b.txt", "curves.csv"), OTHER),
    "train --replace over a foreign eval/": (holds("eval/b.txt", of="run"), OTHER),
    "train --replace over a file in train/": (holds("train/seed-0/best.pt.bak", of="run"), OTHER),
    "train --replace over a foreign report": (holds("report.html", of="run"), OTHER),
    "train --replace over a flipped byte": (flipped("train/config.json", of="run"), OTHER),
    "train --replace through a linked train/": (linked("train", "../victim", of="run"), OTHER),
    "train through a linked checkpoint": (linked("train/seed-0/last.pt", of="run"), TRAIN),
    "train through a linked lock": (linked(".training"), TRAIN),
    "eval over foreign metrics": (holds("metrics.json"), (*SCORE, "--out", "out")),
    "eval over foreign episodes": (holds("episodes.csv"), (*SCORE, "--out", "out")),
    "eval through linked metrics": (linked("metrics.json"), (*SCORE, "--out", "out")),
    "eval through a linked eval/": (linked("eval", "../victim", of="run"), EVAL),
    "report over a foreign page": (holds("report.html", of="run"), REPORT),
    "report over a thesis": (holds(of="run"), (*REPORT, "--out", "victim/thesis.txt")),
    "sweep over a foreign plan": (holds("sweep.json"), SWEEP),
    "sweep over a foreign table": (holds("table.md"), SWEEP),
    "sweep over foreign cells": (holds("cells/battery/one.txt"), SWEEP),
    "sweep through linked cells": (linked("cells", "../victim"), SWEEP),
    "table of a foreign sweep": (holds("sweep.json", "table.md"), ("dastm", "table", "out")),
    "bench over a foreign table": (holds("bench.md"), BENCH),
    "bench over a foreign document": (holds("bench.json"), BENCH),
    "audit over a foreign JSON": (one_file("a.json"), ("dastm-data", "audit", "--shards", "shards", "--out", "a.json")),
    "audit over a page": (one_file("a.html"), ("dastm-data", "audit", "--shards", "shards", "--report", "a.html")),
    "export over a pickle": (one_file("a.pkl"), ("dastm-data", "export", "--shards", "shards", "--out", "a.pkl")),
    "stats over a CSV": (one_file("a.csv"), ("dastm-data", "stats", "--shards", "shards", "--csv", "a.csv")),
    "stats over a JSON": (one_file("a.json"), ("dastm-data", "stats", "--shards", "shards", "--json", "a.json")),
    "stats over a page": (one_file("a.html"), ("dastm-data", "stats", "--shards", "shards", "--out", "a.html")),
    "show over a GIF": (one_file("a.gif"), ("dastm-data", "show", "x", "--shards", "shards", "--out", "a.gif")),
    "doctor over a CSV": (one_file("a.csv"), ("dastm-data", "doctor", "shards", "--csv", "a.csv")),
    "doctor over a JSON": (one_file("a.json"), ("dastm-data", "doctor", "shards", "--json", "a.json")),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_ours_is_named_and_nothing_of_it_is_lost(place, case):
    make, words = CASES[case]
    make()
    before = contents(place)
    failed(*words)
    after = contents(place)
    assert {name: after.get(name) for name in before} == before


HALF = {
    "parse": ("out/plan.json", "victim/thesis.txt", PARSE),
    "train": ("out/train/config.json", "out/train/mine.txt", TRAIN),
}


@pytest.mark.parametrize("what", HALF)
def test_half_written_files_are_left_where_the_command_is_refused(place, what):
    name, foreign, words = HALF[what]
    for path in (unfinished_name(Path(name)), Path(foreign)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    if what == "parse":
        Path("out/chapter.txt").write_text("mine")
    before = contents(place)
    call(*words)
    after = contents(place)
    kept = {key: value for key, value in before.items() if not key.endswith(".new")}
    assert {key: after.get(key) for key in kept} == kept


def test_a_grid_is_never_called_like_the_folder_above(place):
    for name in ("..", "."):
        Path("grid.yaml").write_text(yaml.safe_dump({**GRID, "name": name}))
        assert "name" in failed("dastm", "sweep", "grid.yaml")
    assert not Path("data").exists()


def test_what_is_ours_is_replaced_as_before(place):
    for words in (IMPORT, IMPORT, (*SCORE, "--out", "scores"), (*SCORE, "--out", "scores")):
        done(*words)
    for words in (("audit", "--report", "a.html"), ("stats", "--csv", "a.csv", "--json", "a.json", "--out", "a.html")):
        for _ in range(2):
            assert "not replaced" not in call("dastm-data", words[0], "--shards", "shards", *words[1:]).output
    for _ in range(2):
        done("dastm-data", "export", "--shards", "shards", "--out", "a.pkl")
        told = call("dastm-data", "doctor", "shards", "--csv", "d.csv", "--json", "d.json").output
        assert "not replaced" not in told
    assert all(Path(name).stat().st_size for name in ("a.html", "a.csv", "a.json", "a.pkl", "d.csv", "d.json"))
