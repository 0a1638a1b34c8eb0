"""SIGKILL at many places of eval, report and sweep, and a full disk: the same command ends as if nothing had been."""

import re
import shutil

import pytest
import yaml

from dastm.contract.errors import RunError
from dastm.runs.results import read_evaluation
from tests.blank_figures import write_no_figure
from tests.dastm.sweep.grids import toy_grid
from tests.killing import attempt
from tests.killing import run as dastm
from tests.pipeline.big_enough import tree
from tests.toy import EVERY_STEP, TINY, tiny, toy_shards, train_toy

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

EVAL = ("eval", "--run", "run", "--n-way", 3, "--episodes", 10, "--device", "cpu")
BASELINE = (
    "eval",
    "--shards",
    "shards",
    "--baseline",
    "coordinates",
    "--n-way",
    3,
    "--out",
    "scores",
    "--episodes",
    50,
)
RESULTS = ("episodes.csv", "predictions.parquet", "metrics.json")
REPORT = ("report", "run")
SWEEP = ("sweep", "grid.yaml", "--out", "sweep", "--workers", 1)
PREDICTION = "dastm.evaluation.evaluator:accuracy#5"
CELL_ENDED = "dastm.sweep.local:_close"
OLD_PAGE = b'<!doctype html><meta name="generator" content="dastm">'
NO_ROOM = "File too large; files of this size are not allowed there"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that is evaluated and reported, and a sweep of two cells, none of which was ever stopped."""
    shards = toy_shards(tmp_path_factory.mktemp("shards") / "toy", noise=1.0)  # some predictions are wrong
    folder = tmp_path_factory.mktemp("whole")
    train_toy(shards, folder / "run", tiny())
    shutil.copytree(folder / "run", folder / "trained")
    grid = toy_grid(shards={"toy": shards}, methods=["dtw"], set={**TINY, **EVERY_STEP, "optimise.epochs": 1})
    (folder / "grid.yaml").write_text(yaml.safe_dump(grid))
    for words in (EVAL, REPORT, SWEEP):
        dastm(folder, *words, begin=write_no_figure)
    return folder


@pytest.fixture
def place(whole, tmp_path):
    """The same grid, and the same run that is trained and no more."""
    shutil.copytree(whole / "trained", tmp_path / "run")
    shutil.copy2(whole / "grid.yaml", tmp_path)
    (tmp_path / "shards").symlink_to(yaml.safe_load((tmp_path / "grid.yaml").read_text())["shards"]["toy"])
    return tmp_path


def made(folder):
    """Every file but what tells of the way there: the log of a cell, and which of its commands were left to do."""
    return {name: digest for name, digest in tree(folder).items() if not name.endswith(("log.txt", "commands.json"))}


def test_eval_killed_again_and_again_ends_with_the_same_bytes(place, whole):
    for name in (PREDICTION, *RESULTS):
        dastm(place, *EVAL, kill=name)
        assert not list(place.rglob("metrics.json"))
    dastm(place, *EVAL)
    assert made(place / "run/eval") == made(whole / "run/eval")


@pytest.mark.parametrize("name", RESULTS)
def test_eval_killed_over_another_result_shows_the_old_one_or_none(place, name):
    dastm(place, *BASELINE)
    before, files = read_evaluation(place / "scores"), tree(place / "scores")
    dastm(place, *BASELINE, "--seed", 1, kill=name)
    if name == RESULTS[0]:
        assert read_evaluation(place / "scores") == before
    else:
        with pytest.raises(RunError, match=r"scores/(episodes|predictions).*: damaged.*; run `dastm eval` again"):
            read_evaluation(place / "scores")
    dastm(place, *BASELINE)
    assert tree(place / "scores") == files


def test_report_killed_leaves_the_old_page_and_ends_with_the_same_bytes(place, whole):
    shutil.copytree(whole / "run/eval", place / "run/eval")
    (place / "run/report.html").write_bytes(OLD_PAGE)
    for name in ("dastm.report.sections:explain#2", "report.html"):
        dastm(place, *REPORT, kill=name, begin=write_no_figure)
        assert (place / "run/report.html").read_bytes() == OLD_PAGE
    dastm(place, *REPORT, begin=write_no_figure)
    assert made(place / "run") == made(whole / "run")


def test_a_sweep_killed_again_and_again_ends_with_the_same_bytes(place, whole):
    for name in ("sweep.json", "cell.yaml", "commands.json#2", CELL_ENDED):
        dastm(place, *SWEEP, kill=name)
        assert not list((place / "sweep").glob("table.*"))
    for name in ("table.csv", "table.html"):
        dastm(place, *SWEEP, kill=name)
    dastm(place, *SWEEP)
    assert made(place / "sweep") == made(whole / "sweep")


def test_a_cell_that_is_killed_is_told_with_its_signal_and_goes_on(place, whole):
    ended = attempt(place, *SWEEP, kill="train/config.json")
    told = f"dastm: {place}/sweep: of 2 cells 2 failed; the same command tries them again\n"
    assert (ended.status, ended.err) == (1, told)
    assert ended.out.count(": killed by signal 9 (") == 2, ended
    assert "| failed" in (place / "sweep/table.md").read_text()
    dastm(place, *SWEEP)
    assert made(place / "sweep") == made(whole / "sweep")


def test_cells_killed_at_each_of_their_files_end_with_the_same_bytes(place, whole):
    for name in ("last.pt", "best.pt", "curves.csv", "metrics.json"):
        ended = attempt(place, *SWEEP, kill=name)
        assert (ended.status, ended.out.count(": killed by signal 9 (")) == (1, 2), ended
        assert not list((place / "sweep/cells").rglob(name))
    dastm(place, *SWEEP)
    assert made(place / "sweep") == made(whole / "sweep")


def one_line(place, *words, limit):
    """Run a command on a full disk: what its one line says."""
    ended = attempt(place, *words, limit=limit)
    assert (ended.status, ended.err.count("\n")) == (1, 1), ended
    assert NO_ROOM in ended.err
    return ended.err


def test_eval_on_a_full_disk_is_one_line_and_the_old_result_stays_whole(place):
    dastm(place, *BASELINE, "--seed", 1)
    sizes = {name: (place / "scores" / name).stat().st_size for name in RESULTS}
    dastm(place, *BASELINE)
    before = tree(place)
    for largest in sorted(sizes.values()):
        first = next(name for name, size in sizes.items() if size >= largest)
        said = one_line(place, *BASELINE, "--seed", 1, limit=largest - 1)
        assert said.startswith(f"dastm: scores/{first}: {NO_ROOM}")
        assert tree(place) == before


def test_report_on_a_full_disk_is_one_line_and_the_old_page_stays_whole(place):
    (place / "run/report.html").write_bytes(OLD_PAGE)
    before = tree(place)
    assert one_line(place, *REPORT, limit=5000).startswith(f"dastm: run/report.html: {NO_ROOM}")
    assert tree(place) == before


def test_a_sweep_on_a_full_disk_names_the_file_and_goes_on(place, whole):
    assert one_line(place, *SWEEP, limit=500).startswith(f"dastm: {place}/sweep/sweep.json: {NO_ROOM}")
    assert sorted(tree(place / "sweep")) == [".lock"]
    ended = attempt(place, *SWEEP, limit=20_000)
    assert (ended.status, len(re.findall(rf"failed: .*/train/seed-.*: {NO_ROOM}", ended.out))) == (1, 2), ended
    assert not list(place.rglob("*.new"))
    dastm(place, *SWEEP)
    assert made(place / "sweep") == made(whole / "sweep")


def test_tables_that_find_no_room_leave_the_old_ones_whole(place, whole):
    shutil.copytree(whole / "sweep", place / "sweep")
    grid = yaml.safe_load((place / "grid.yaml").read_text())
    (place / "grid.yaml").write_text(yaml.safe_dump({**grid, "title": "Another"}))
    dastm(place, *SWEEP, kill="table.csv")  # sweep.json has the title
    before = made(place / "sweep")
    size = (place / "sweep/table.html").stat().st_size
    said = one_line(place, "table", "sweep", limit=size // 2)
    assert said.startswith(f"dastm: sweep/table.html: {NO_ROOM}")
    left = tree(place / "sweep")
    assert {name: left[name] for name in left if "/table." in f"/{name}"} == {
        name: digest for name, digest in before.items() if "/table." in f"/{name}" and not name.startswith(".")
    }
    assert not list(place.rglob("*.new"))
