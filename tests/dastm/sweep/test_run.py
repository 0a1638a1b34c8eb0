"""`dastm sweep`: what is run again and what is not, whatever ended it; for real, and with a stand-in for the cells."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
import yaml

from dastm.cli.evaluation import evaluate
from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.shard_format import MANIFEST_NAME, checksum
from dastm.runs.locks import locked
from dastm.runs.record import code_digest, software
from dastm.sweep import run
from dastm.sweep.cells import read_sweep
from dastm.sweep.grid import evaluation_name
from dastm.sweep.process import environment
from dastm.sweep.run import Options, evaluation_words, run_sweep
from dastm.sweep.table import write_table
from tests import killing
from tests.command_line import call, done, failed, misused
from tests.dastm.sweep.grids import pretend, squeezed, toy_grid, toy_sweep
from tests.toy import EVERY_STEP, TINY, toy_shards

pytestmark = pytest.mark.slow

TABLES = ("table.md", "table.csv", "table.tex", "table.html")
LONG = {**TINY, "optimise.episodes": 12}


def tables(folder):
    return {name: Path(folder, name).read_bytes() for name in TABLES}


def times(folder, pattern):
    return {path: path.stat().st_mtime_ns for path in sorted(Path(folder).rglob(pattern))}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with noisy toy shards, the grid, and in whole/ the grid's sweep, never interrupted.

    The same grid as often.yaml has a checkpoint after each step, which changes no weight.
    """
    folder = tmp_path_factory.mktemp("sweep")
    toy_shards(folder / "shards" / "toy", noise=0.8)
    (folder / "toy.yaml").write_text(yaml.safe_dump(toy_grid(set=LONG)))
    (folder / "often.yaml").write_text(yaml.safe_dump(toy_grid(set=LONG | EVERY_STEP)))
    killing.run(folder, "sweep", "toy.yaml", "--out", "whole", "--workers", 2)
    return folder


@pytest.fixture
def at(place, monkeypatch):
    monkeypatch.chdir(place)


def test_the_table_is_of_the_metrics_that_the_cells_have(at):
    sweep = read_sweep(Path("whole"))
    lines = Path("whole/table.csv").read_text().splitlines()
    assert len(lines) == 1 + 2
    for line, row in zip(lines[1:], ("DTW", "DASTM"), strict=True):
        metrics = [
            json.loads(next(Path("whole/cells", cell.name, "eval").rglob("metrics.json")).read_text())
            for cell in sweep.cells
            if cell.row == row
        ]
        means = [of["rows"][row]["mean"] for of in metrics]
        assert len(means) == 2
        assert float(line.split(",")[8]) == pytest.approx(sum(means) / 2, abs=1e-3)
        assert 20 < sum(means) / 2 < 100  # the shards are noisy: there is something to tell apart


def test_a_sweep_killed_in_the_middle_ends_with_the_table_of_one_never_stopped(at):
    words = [sys.executable, "-m", "dastm", "sweep", "often.yaml", "--out", "killed", "--workers", "1"]
    sweep = subprocess.Popen(words, env=environment(1, ""), stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    # One cell is finished at least, and another has begun to train.
    while not (done_before := times("killed", "metrics.json")) or len(times("killed", "last.pt")) < 2:
        assert time.monotonic() < end
        assert sweep.poll() is None
        time.sleep(0.1)
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    assert not Path("killed/table.md").exists()
    assert len(done_before) < 4
    said = killing.run(Path.cwd(), "sweep", "often.yaml", "--out", "killed", "--workers", 2)
    assert "toy: 4 cells, " in said
    assert tables("killed") == tables("whole")
    after = times("killed", "metrics.json")
    assert {name: after[name] for name in done_before} == done_before
    logs = [path.read_text() for path in Path("killed/cells").glob("*/log.txt")]
    assert any("continuing at epoch" in log for log in logs)


@pytest.mark.parametrize("name", ["metrics.json", "episodes.csv", "predictions.parquet", "best.pt", "config.json"])
def test_damaged_results_of_a_cell_are_refused_by_the_table_and_made_again_by_the_sweep(at, tmp_path, name):
    """With their weights damaged as well, they come of a training that is done again."""
    shutil.copytree("whole", tmp_path / "out")
    before = read_cells(tmp_path / "out")
    cell = sorted((tmp_path / "out" / "cells").iterdir())[0]
    for damaged in {name, "metrics.json"} if name == "best.pt" else {name}:
        (path,) = cell.rglob(damaged)
        data = bytearray(path.read_bytes())
        data[min(len(data) // 2, 300)] ^= 1  # inside a record: between those of a checkpoint is padding
        path.write_bytes(data)
    told = done("dastm", "table", tmp_path / "out")
    assert told != Path("whole/table.md").read_text()
    killing.run(Path.cwd(), "sweep", "toy.yaml", "--out", tmp_path / "out", "--workers", 1)
    assert tables(tmp_path / "out") == tables("whole")
    assert read_cells(tmp_path / "out") == before


def read_cells(out):
    """What cells have of results, by name."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for pattern in ("metrics.json", "episodes.csv", "predictions.parquet", "best.pt", "curves.csv")
        for path in (out / "cells").rglob(pattern)
        if ".damaged" not in str(path)
    }


def test_through_ray_the_table_is_the_same(at):
    pytest.importorskip("ray")
    shutil.copytree("whole", "ray")
    shutil.rmtree(next(Path("ray/cells").iterdir()))
    said = done("dastm", "sweep", "toy.yaml", "--out", "ray", "--workers", 1, "--ray")
    assert "1 of them to do, on Ray (local), 1 thread each" in said
    assert tables("ray") == tables("whole")


def test_a_cell_that_fails_is_told_with_its_reason_and_its_log(at):
    Path("fails.yaml").write_text(
        yaml.safe_dump(toy_grid(name="fails", methods=["dtw"], seeds=[0], set={**TINY, "episode.n_way": 9}))
    )
    result = call("dastm", "sweep", "fails.yaml")
    assert result.exit_code == 1
    assert result.stderr.endswith("data/sweeps/fails: of 1 cell 1 failed; the same command tries them again\n")
    (told,) = [line for line in result.stdout.splitlines() if line.startswith("failed: ")]
    assert "has 6 classes, 9-way needs 9" in told
    log = Path(told.rpartition("(")[2].rstrip(")"))
    assert log.read_text().startswith("$ dastm train --shards ")
    assert "| DTW | failed |" in squeezed(result.stdout)


class Cells:
    """In place of processes: a cell is pretended to have run, or to have failed."""

    def __init__(self, sweep, shards, failing=()):
        self.by_name = {cell.name: cell for cell in sweep.cells}
        self.sweep, self.failing = sweep, failing
        self.digest = checksum((Path(shards) / MANIFEST_NAME).read_bytes())
        self.ran, self.places = {}, None

    def __call__(self, folders, places, threads):
        self.places, self.ran = (places, threads), {}
        for folder in folders:
            self.ran[folder.name] = json.loads((folder / "commands.json").read_text())
            if folder.name.startswith(self.failing or "?"):
                (folder / "log.txt").write_text("dastm: out of luck\n")
                yield folder, 1
            else:
                self.finish(folder.parents[1], folder.name)
                yield folder, 0

    def finish(self, out, name, **record):
        facts = {"shards_digest": self.digest, "code": code_digest(), "versions": software(), **record}
        shares = [0.5, 0.75, 1.0, 0.5, 0.25, 1.0]
        pretend(out, self.by_name[name], [shares] * len(self.sweep.grid.evaluate), self.sweep, **facts)


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """The toy grid with pretended cells: `cells(failing="dtw")` -> the stand-in and how to run it -> lines logged."""
    monkeypatch.chdir(tmp_path)
    toy_shards(tmp_path / "shards" / "toy")

    def prepare(failing=(), **changed):
        sweep = toy_sweep(**changed)
        stand_in = Cells(sweep, "shards/toy", failing)
        monkeypatch.setattr(run, "run_local", stand_in)

        def go(**options):
            lines = []
            run_sweep(sweep, Path("out"), Options(**options), lines.append)
            return lines

        return stand_in, go

    return prepare


def verbs(stand_in):
    return [[words[0] for words in commands] for commands in stand_in.ran.values()]


def test_what_is_finished_is_never_run_again(cells):
    stand_in, go = cells()
    assert go()[0] == "toy: 4 cells, 4 of them to do, " + go_words()
    assert verbs(stand_in) == [["train", "eval"]] * 4
    before = tables("out")
    stand_in.ran = None
    assert [line[:5] for line in go()] == ["# Toy"]
    assert stand_in.ran is None
    assert tables("out") == before


def go_words():
    workers = run._cores()
    return f"{workers} at a time on the CPU, 1 thread each"


def test_a_changed_grid_runs_only_what_changed(cells):
    _, go = cells()
    go()
    more, go = cells(seeds=[0, 1, 2])
    go()
    assert sorted(name.split("_")[3] for name in more.ran) == ["seed-2", "seed-2"]
    another = [{"n_way": 3, "n_query": 2, "episodes": 6}, {"n_way": 3, "episodes": 6, "k_shot": 2}]
    scored, go = cells(evaluate=another)
    go()
    assert verbs(scored) == [["eval"]] * 4
    assert all("--k-shot 2" in " ".join(commands[0]) for commands in scored.ran.values())


def test_shards_made_again_are_trained_on_again(cells, tmp_path):
    _, go = cells()
    go()
    toy_shards(tmp_path / "shards" / "toy", seed=1)
    again, go = cells()
    go()
    assert verbs(again) == [["train", "eval"]] * 4


@pytest.mark.parametrize("scored", [False, True])
def test_damaged_weights_of_a_cell_are_made_again_where_something_is_still_to_be_scored(cells, scored):
    stand_in, go = cells()
    go()
    name = next(iter(stand_in.by_name))
    (best,) = Path("out/cells", name).rglob("best.pt")
    best.write_bytes(b"damaged")
    if not scored:
        (next(Path("out/cells", name).rglob("episodes.csv"))).write_text("damaged")
    again, go = cells()
    lines = go()
    assert verbs(again) == ([] if scored else [["train", "eval"]])
    assert any(name in str(folder) for folder in again.ran) or scored
    assert lines[-1].startswith("# Toy")


def test_damaged_results_are_told_in_the_table_and_made_again(cells):
    _, go = cells()
    go()
    (path, *_) = sorted(Path("out").rglob("episodes.csv"))
    path.write_text(path.read_text().replace("0.750000", "9.500000"))
    page = write_table(Path("out"))
    assert f"Left out: {path}: damaged, or another than was written; `dastm sweep` makes it again." in page.replace(
        "\\", ""
    )
    assert "9.5" not in page
    again, go = cells()
    go()
    assert verbs(again) == [["eval"]]


def test_a_cell_with_a_damaged_record_is_moved_aside_and_trained_again(cells):
    _, go = cells()
    go()
    for aside in (".damaged", ".damaged-2"):
        path = min(path for path in Path("out/cells").rglob("config.json") if "damaged" not in str(path))
        path.write_bytes(path.read_bytes()[:-40])
        again, go = cells()
        lines = go()
        assert verbs(again) == [["train", "eval"]]
        cell = path.parents[1]
        assert cell.with_name(cell.name + aside).is_dir()
        assert any("the record of its training is damaged; moved" in line for line in lines)


def test_a_failed_cell_leaves_the_others_be_and_is_tried_again(cells):
    _, go = cells(failing="dtw")
    lines = []
    with pytest.raises(RunError, match=r"out: of 4 cells 2 failed; the same command tries them again$"):
        lines += run_sweep(toy_sweep(), Path("out"), Options(), lines.append) or []
    told = [line for line in lines if line.startswith("failed: dtw_st-gcn_toy_seed-0_")]
    assert len(told) == 1
    assert told[0].partition(": ")[2].partition(": ")[2].startswith("dastm: out of luck (")
    assert "| DTW | failed |" in squeezed(Path("out/table.md").read_text())
    assert "| DASTM | 66.67 ± 0.00 |" in squeezed(Path("out/table.md").read_text())
    (marked, _) = sorted(Path("out").rglob("failed.json"))
    assert json.loads(marked.read_text()) == {"status": 1, "reason": "dastm: out of luck"}
    retried, go = cells()
    go()
    assert {name.split("_")[0] for name in retried.ran} == {"dtw"}
    assert not list(Path("out").rglob("failed.json"))
    assert "| DTW | 66.67 ± 0.00 |" in squeezed(Path("out/table.md").read_text())


def test_a_killed_cell_is_told_as_killed_and_one_that_leaves_nothing_by_its_last_words(cells, monkeypatch):
    _, go = cells()

    def run_local(folders, places, threads):
        for folder, status in zip(folders, (-9, 0, 0, 0), strict=True):
            (folder / "log.txt").write_text("seed 0 epoch 1/2: all is well\n")
            yield folder, status

    monkeypatch.setattr(run, "run_local", run_local)
    with pytest.raises(RunError, match="of 4 cells 4 failed"):
        go()
    reasons = sorted(json.loads(path.read_text())["reason"] for path in Path("out").rglob("failed.json"))
    assert reasons == ["killed by signal 9", *["seed 0 epoch 1/2: all is well"] * 3]


def test_cells_of_other_code_stay_unless_they_are_to_be_replaced(cells):
    stand_in, go = cells()
    go()
    old = next(iter(stand_in.by_name))
    stand_in.finish(Path("out"), old, code="older")
    stand_in.ran = None
    assert go()[0] == "kept: 1 finished cell of other code or versions (--replace trains them again)"
    assert stand_in.ran is None
    go(replace=True)
    assert list(stand_in.ran) == [old]
    assert verbs(stand_in) == [["train", "eval"]]
    stand_in.finish(Path("out"), old, versions={**software(), "torch": "1.0"})
    go(replace=True)
    assert list(stand_in.ran) == [old]


def test_data_sets_without_shards_are_left_out_and_told(cells):
    stand_in, _ = cells(shards={"toy": "shards/toy", "gone": "shards/gone", "bad": "shards/bad"})
    Path("shards/bad").mkdir()
    Path("shards/bad/manifest.json").write_text("{}")
    lines = []
    with pytest.raises(RunError, match=r"of 12 cells 8 without shards; the same command tries them again"):
        run_sweep(stand_in.sweep, Path("out"), Options(), lines.append)
    assert len(stand_in.ran) == 4
    assert [line.rpartition("; ")[2] for line in lines if "gone: no shards in" in line] == [
        "`dastm-data split` makes them"
    ]
    assert any(line.startswith("left out: bad: ") and "not a manifest" in line for line in lines)
    with pytest.raises(RunError, match=r"no data set of this grid has shards; left out: gone: no shards in"):
        run_sweep(toy_sweep(shards={"gone": "shards/gone"}), Path("none"), Options(), lines.append)


def test_two_sweeps_never_work_in_one_folder(cells):
    _, go = cells()
    Path("out").mkdir()
    with locked(Path("out/.lock"), wait=False), pytest.raises(RunError, match="out: another sweep is at work in this"):
        go()
    go()


def test_sigterm_ends_it_as_ctrl_c_does(cells, monkeypatch):
    _, _ = cells()
    Path("toy.yaml").write_text(yaml.safe_dump(toy_grid()))
    ended = []

    def interrupted(folders, places, threads):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
            yield folders[0], 0
        finally:
            ended.append(True)

    monkeypatch.setattr(run, "run_local", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    assert failed("dastm", "sweep", "toy.yaml", status=130) == (
        "interrupted; the same command continues from the last checkpoint"
    )
    assert ended == [True]
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(Path("data/sweeps/toy").rglob("failed.json"))


@pytest.mark.parametrize(
    ("gpus", "settings", "options", "places", "threads", "words"),
    [
        ([], {}, {}, [""] * 8, 1, "8 at a time on the CPU, 1 thread each"),
        ([], {}, {"threads": 3}, [""] * 2, 3, "2 at a time on the CPU, 3 threads each"),
        ([], {}, {"workers": 3}, [""] * 3, 1, "3 at a time on the CPU, 1 thread each"),
        (["0", "1"], {"optimise.device": "cpu"}, {"threads": 9}, [""], 9, "1 at a time on the CPU, 9 threads each"),
        (["0", "1"], {}, {}, ["0", "1"], 4, "2 at a time on 2 GPUs, 4 threads each"),
        (["4"], {"optimise.device": "cuda"}, {"workers": 3}, ["4"] * 3, 2, "3 at a time on 1 GPU, 2 threads each"),
        (["0", "1"], {}, {"workers": 4}, ["0", "1"] * 2, 2, "4 at a time on 2 GPUs, 2 threads each"),
    ],
)
def test_cells_get_the_gpus_or_cores_there_are(cells, monkeypatch, gpus, settings, options, places, threads, words):
    monkeypatch.setattr(run, "gpus_here", lambda: gpus)
    monkeypatch.setattr(run, "_cores", lambda: 8)
    stand_in, go = cells(set={**TINY, "optimise.device": "auto", **settings})
    assert go(**options)[0].endswith(words)
    assert stand_in.places == (places, threads)


def test_on_ray_a_cluster_started_here_has_cores_for_the_workers(cells, monkeypatch):
    stand_in, go = cells()
    asked = []

    def run_ray(folders, address, threads, **options):
        asked.append((address, threads, options))
        yield from stand_in(folders, [], threads)

    monkeypatch.setattr(run, "run_ray", run_ray)
    assert go(ray="local", workers=2, threads=3)[0].endswith("on Ray (local), 3 threads each")
    assert asked == [("local", 3, {"gpus": False, "cores": 6})]
    _, go = cells(seeds=[7])
    with pytest.raises(RunError, match="--workers: the cluster decides"):
        go(ray="auto", workers=2)


@pytest.mark.parametrize("allow_seen", [True, False])
@pytest.mark.parametrize("for_people", [{}, {"by": "subject", "shots": (1, 2)}])
def test_a_cells_evaluation_is_one_that_the_command_takes(tmp_path, allow_seen, for_people):
    asked = EvalConfig(
        subset="val", n_way=4, k_shot=3, n_query=2, episodes=9, seed=8, baselines=("coordinates", "path", "untrained")
    )
    asked = dataclasses.replace(asked, allow_seen=allow_seen, **for_people)
    cell = toy_sweep().cells[0]
    verb, *words = evaluation_words(cell, asked, tmp_path)
    with evaluate.make_context(verb, words) as context:
        given = context.params
    assert isinstance(evaluate, click.Command)
    assert EvalConfig(**{name: given[name] for name in vars(asked) if given[name] is not None}) == asked
    assert (given["run_folder"], given["device"]) == (tmp_path, "cpu")
    assert given["out"] == tmp_path / "eval" / evaluation_name(asked)


def test_a_cell_has_the_baselines_that_its_grid_names_and_no_other(tmp_path):
    words = evaluation_words(toy_sweep().cells[0], EvalConfig(), tmp_path)
    assert words.count("--baseline") == 1
    assert words[words.index("--baseline") + 1] == "none"


def test_a_grid_or_recipe_that_is_wrong_is_one_line(cells, tmp_path):
    assert failed("dastm", "sweep", "table1").startswith("no grid 'table1'; known: appendix-backbones")
    Path("toy.yaml").write_text(yaml.safe_dump(toy_grid(methods=["dtv"])))
    assert failed("dastm", "sweep", "toy.yaml").startswith("toy.yaml: methods: no preset 'dtv'; known: ")
    assert "'papers' is not one of best, dastm, " in misused("dastm", "sweep", "demo", "--preset", "papers")
    line = failed("dastm", "sweep", "demo", "--set", "matching.gama=1")
    assert "demo.yaml: set: matching.gama: no such setting; known: " in line
    assert not Path("data").exists()
