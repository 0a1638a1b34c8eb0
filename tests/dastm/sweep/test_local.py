"""Cells as local processes: as many at a time as there are places, all of them to their end, none left behind."""

import json
import subprocess
import sys

import pytest
import torch

from dastm.sweep import local
from dastm.sweep.local import gpus_here, run_local

WAIT = "import sys, time; time.sleep(float(sys.argv[1])); sys.exit(int(sys.argv[2]))"


@pytest.fixture
def started(monkeypatch):
    """Sleepers in place of cells; (folder, its GPU, how many others were at work), in the order of their start."""
    history, processes = [], []

    def start(folder, variables):
        seconds, status = json.loads((folder / "plan").read_text())
        at_work = sum(process.poll() is None for process in processes)
        history.append((folder.name, variables["CUDA_VISIBLE_DEVICES"], variables["OMP_NUM_THREADS"], at_work))
        words = [sys.executable, "-c", WAIT, str(seconds), str(status)]
        processes.append(subprocess.Popen(words, stdin=subprocess.PIPE))
        return processes[-1]

    monkeypatch.setattr(local, "start", start)
    yield history, processes
    assert all(process.poll() is not None for process in processes)


@pytest.fixture
def cells(tmp_path):
    def planned(*plans):
        folders = [tmp_path / str(number) for number in range(len(plans))]
        for folder, plan in zip(folders, plans, strict=True):
            folder.mkdir()
            (folder / "plan").write_text(json.dumps(plan))
        return folders

    return planned


def test_every_cell_has_its_place_and_its_status_whatever_the_others_do(started, cells):
    folders = cells((0.5, 0), (0, 1), (0, 0), (0, 7), (0, 0))
    ended = dict(run_local(folders, ["gpu-a", "gpu-b"], 3))
    assert ended == dict(zip(folders, (0, 1, 0, 7, 0), strict=True))
    history, _ = started
    assert [name for name, *_ in history] == ["0", "1", "2", "3", "4"]
    assert [place for _, place, _, _ in history[:2]] == ["gpu-a", "gpu-b"]
    assert {place for _, place, _, _ in history} == {"gpu-a", "gpu-b"}
    assert {threads for _, _, threads, _ in history} == {"3"}
    assert max(at_work for *_, at_work in history) == 1


def test_cells_that_share_gpus_stay_as_many_on_each(started, cells):
    """The GPU of a cell that has ended is the next one's, though the other GPU has cells at work for longer."""
    folders = cells((60, 0), (0, 0), (60, 0), (0, 0), (0, 0), (0, 0))
    ended = run_local(folders, ["a", "b", "a", "b"], 1)
    for _ in range(4):
        next(ended)
    ended.close()
    assert [place for _, place, _, _ in started[0]] == ["a", "b", "a", "b", "b", "b"]


def test_what_is_at_work_ends_when_nobody_waits_for_it(started, cells):
    ended = run_local(cells((0, 0), (60, 0), (60, 0)), ["", ""], 1)
    assert next(ended)[1] == 0
    ended.close()
    assert len(started[1]) == 2
    assert started[1][1].poll() < 0


def test_gpus_are_those_that_are_left_to_us(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus_here() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-7")
    assert gpus_here() == ["3", "GPU-7"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert gpus_here() == []
