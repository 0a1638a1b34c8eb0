"""Parts as Ray tasks. A real cluster of one machine is in test_stores.py; here, Ray is a stand-in."""

import builtins
import socket
import sys
from types import SimpleNamespace

import pytest

from dastm.contract.errors import DataError
from pipeline.work.workers import Workers, at_work


class RayError(Exception):
    pass


class WorkerCrashedError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause):
        self.cause = cause


class Stand:
    """What `cluster` uses of Ray: tasks run when they are waited for, the last one first."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, error=None, crashed=()):
        self.error, self.crashed = error, crashed
        self.begun, self.asked, self.ended, self.most = {}, {}, 0, 0

    def init(self, **options):
        if self.error:
            raise self.error
        self.begun = options

    def cluster_resources(self):
        return {"CPU": 3.0}

    def remote(self, **options):
        self.asked = options
        return lambda function: SimpleNamespace(remote=lambda part: (function, part))

    def wait(self, tasks, num_returns):
        self.most = max(self.most, len(tasks))
        return [tasks[-1]], tasks[:-1]

    def get(self, task):
        function, part = task
        if part in self.crashed:
            raise WorkerCrashedError
        try:
            return function(part)
        except Exception as error:
            raise RayTaskError(error) from error

    def shutdown(self):
        self.ended += 1


@pytest.fixture
def ray(monkeypatch):
    def stand(**facts):
        found = Stand(**facts)
        monkeypatch.setitem(sys.modules, "ray", found)
        return found

    return stand


def results(parts, address="10.0.0.1:6379", workers=None, do=abs):
    with at_work(Workers(count=workers, ray=address), 1) as run:
        return dict(run(do, parts))


def test_every_task_comes_with_its_result(ray):
    cluster = ray()
    assert results(range(-9, 9)) == {part: abs(part) for part in range(-9, 9)}
    assert (cluster.begun["address"], "num_cpus" in cluster.begun) == ("10.0.0.1:6379", False)
    assert (cluster.asked["num_cpus"], cluster.ended) == (1, 1)


@pytest.mark.parametrize(("workers", "most"), [(None, 6), (2, 2), (3, 6), (9, 6)])
def test_two_tasks_a_core_are_handed_out_and_no_more_at_a_time_than_asked_for(ray, workers, most):
    cluster = ray()
    results(range(30), workers=workers)
    assert cluster.most == most


def test_a_cluster_that_is_started_here_has_a_core_a_worker(ray):
    cluster = ray()
    results([1], address="local", workers=2)
    assert cluster.begun["num_cpus"] == 2


def test_what_a_task_raises_is_raised_here_and_the_cluster_left(ray):
    cluster = ray()

    def refuse(part):
        raise DataError(f"part {part}: damaged")

    with pytest.raises(DataError, match=r"^part 1: damaged$"):
        results([1], do=refuse)
    assert cluster.ended == 1


def test_a_worker_that_is_killed_is_one_clear_line(ray):
    ray(crashed=(2,))
    with pytest.raises(DataError, match=r"^a worker of the cluster was killed, .*fewer workers \(Ray says: .*\)$"):
        results([1, 2, 3])


def test_an_address_where_nobody_answers_is_one_line(ray):
    ray(error=ConnectionError("no\ncluster"))
    with pytest.raises(DataError, match=r"^--ray ray://x: no cluster$"):
        results([1], address="ray://x")


def test_a_port_where_nobody_listens_is_told_before_ray_waits_for_it(ray):
    ray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(DataError, match=rf"^--ray {address}: .*Connection refused"):
        results([1], address=address)


def test_without_ray_it_is_one_line_that_says_how_to_get_it(monkeypatch):
    genuine = builtins.__import__

    def without(name, *rest):
        if name == "ray":
            raise ImportError(name)
        return genuine(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match=r"^--ray: Ray is not installed here: pip install ray$"):
        results([1])
