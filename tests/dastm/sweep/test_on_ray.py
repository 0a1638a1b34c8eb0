"""Cells as Ray tasks. A sweep through a real cluster of one machine is in test_run.py; here, Ray is a stand-in."""

import builtins
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dastm.contract.errors import RunError
from dastm.sweep import on_ray
from dastm.sweep.on_ray import run_ray


class RayError(Exception):
    pass


class Stand:
    """What `run_ray` uses of Ray: tasks run when they are waited for, the last one first."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, gpus=0, lost=(), error=None):
        self.gpus, self.lost, self.error = gpus, lost, error
        self.begun, self.asked, self.ended = {}, {}, 0

    def init(self, **options):
        if self.error:
            raise self.error
        self.begun = options

    def cluster_resources(self):
        return {"CPU": 4.0, **({"GPU": self.gpus} if self.gpus else {})}

    def remote(self, **options):
        self.asked = options
        return lambda function: SimpleNamespace(remote=lambda *words: (function, words))

    def wait(self, tasks, num_returns):
        assert num_returns == 1
        return [tasks[-1]], tasks[:-1]

    def get(self, task):
        function, (folder, *words) = task
        if folder.name in self.lost:
            raise RayError("its node is gone")
        return function(folder, *words)

    def shutdown(self):
        self.ended += 1


@pytest.fixture
def ray(monkeypatch):
    def stand(**facts):
        found = Stand(**facts)
        monkeypatch.setitem(sys.modules, "ray", found)
        return found

    monkeypatch.setattr(on_ray, "run", lambda folder, threads, gpus: (int(folder.name), threads, gpus)[0])
    return stand


FOLDERS = [Path("0"), Path("1"), Path("5")]


def test_every_cell_ends_with_its_status_and_a_lost_one_has_failed(ray):
    cluster = ray(lost=("0",))
    assert dict(run_ray(FOLDERS, "10.0.0.1:6379", 2, gpus=True, cores=None)) == {
        Path("5"): 5,
        Path("1"): 1,
        Path("0"): on_ray.LOST,
    }
    assert (cluster.begun["address"], "num_cpus" in cluster.begun, cluster.ended) == ("10.0.0.1:6379", False, 1)
    assert (cluster.asked["num_cpus"], cluster.asked["num_gpus"]) == (2, 0)


@pytest.mark.parametrize(
    ("there", "wanted", "asked", "seen"), [(2, True, 1, None), (2, False, 0, ""), (0, True, 0, "")]
)
def test_a_cell_asks_for_a_gpu_where_there_is_one_and_it_is_wanted(ray, monkeypatch, there, wanted, asked, seen):
    cluster, told = ray(gpus=there), []
    monkeypatch.setattr(on_ray, "run", lambda folder, threads, gpus: told.append((threads, gpus)) or 0)
    assert list(run_ray(FOLDERS[:1], "local", 1, gpus=wanted, cores=3)) == [(FOLDERS[0], 0)]
    assert (cluster.asked["num_gpus"], told) == (asked, [(1, seen)])
    assert cluster.begun["num_cpus"] == 3


def test_the_cluster_is_left_when_nobody_waits_any_more(ray):
    cluster = ray()
    ended = run_ray(FOLDERS, "local", 1, gpus=False, cores=None)
    assert next(ended) == (Path("5"), 5)
    ended.close()
    assert cluster.ended == 1


def test_an_address_where_nobody_answers_is_one_line(ray):
    ray(error=ConnectionError("no\ncluster"))
    with pytest.raises(RunError, match=r"^--ray ray://x: no cluster$"):
        next(run_ray(FOLDERS, "ray://x", 1, gpus=False, cores=None))


def test_a_port_where_nobody_listens_is_told_before_ray_waits_for_it(ray):
    ray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(RunError, match=rf"^--ray {address}: .*Connection refused"):
        next(run_ray(FOLDERS, address, 1, gpus=False, cores=None))


def test_without_ray_it_is_one_line_that_says_how_to_get_it(monkeypatch):
    genuine = builtins.__import__

    def without(name, *rest):
        if name == "ray":
            raise ImportError(name)
        return genuine(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RunError, match=r"^--ray: Ray is not installed here: pip install ray$"):
        next(run_ray(FOLDERS, "local", 1, gpus=False, cores=None))
