"""Cells as tasks of a Ray cluster (Moritz et al., OSDI 2018), whose scheduler finds them cores and GPUs.

In: folders of cells, which every node sees under the same path. Out: each one's exit status as it ends.
Ray is optional and is imported here only.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dastm.contract.errors import RunError
from dastm.sweep.process import PACKAGES, run

LOCAL = "local"
KNOCK_SECONDS = 5.0
LOST = 1
"""Exit status of a cell whose task Ray could not bring to an end."""


def run_ray(
    folders: Sequence[Path], address: str, threads: int, *, gpus: bool, cores: int | None
) -> Iterator[tuple[Path, int]]:
    """Run all cells; closing the iterator ends those that are at work.

    Args:
        address: of a cluster, as `ray.init` takes it; `local` starts one on this machine.
        threads: of every cell, and the cores that it asks for.
        gpus: every cell asks for a GPU, where the cluster has any.
        cores: of a cluster that is started here; None: all.

    Raises: RunError where Ray is not installed or no cluster answers.
    """
    ray = _ray()
    options: dict[str, Any] = {"num_cpus": cores} if address == LOCAL and cores else {}
    try:
        _knock(address)
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": {"PYTHONPATH": str(PACKAGES)}},
            **options,
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise RunError(f"--ray {address}: {' '.join(str(error).split())}") from error
    try:
        has_gpus = gpus and ray.cluster_resources().get("GPU", 0) > 0
        # A node may be lost: its cells begin again from their checkpoints.
        task = ray.remote(num_cpus=threads, num_gpus=int(has_gpus), max_retries=3)(run)
        waiting = {task.remote(folder, threads, None if has_gpus else ""): folder for folder in folders}
        while waiting:
            (ended,), _ = ray.wait(list(waiting), num_returns=1)
            yield waiting.pop(ended), _status(ray, ended)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """OSError where nobody listens at host:port, for which Ray itself would wait for minutes."""
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.hostname and place.port:
        socket.create_connection((place.hostname, place.port), timeout=KNOCK_SECONDS).close()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray
    except ImportError as error:
        raise RunError("--ray: Ray is not installed here: pip install ray") from error
    return ray


def _status(ray: Any, task: Any) -> int:
    try:
        return int(ray.get(task))
    except ray.exceptions.RayError:
        return LOST
