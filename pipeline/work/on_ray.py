"""Tasks on a Ray cluster (Moritz et al., OSDI 2018), one core each.

In: the address of a cluster whose machines all see the same files, under one path or URL. Out: a `Run` for them.
Ray is optional and is imported here only.
"""

import os
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dastm.contract.documents import cut
from dastm.contract.errors import DataError
from dastm.contract.wording import reason_of
from pipeline.work.tasks import AHEAD, KILLED, P, R, Run, as_finished

LOCAL = "local"
KNOCK_SECONDS = 5.0
RETRIES = 3
"""How often a task is restarted after its machine or process was lost, before the run stops."""
PACKAGES = Path(__file__).resolve().parents[2]


@contextmanager
def cluster(address: str, workers: int | None) -> Iterator[Run]:
    """Join a cluster, or start one here for `local`; it is left at the end of the block.

    Args:
        workers: number of tasks that run at a time; None: the number of the cluster's cores.

    Raises: DataError if Ray is not installed, no cluster answers, or a task is lost for good.
    """
    ray = _ray()
    options: dict[str, Any] = {"num_cpus": workers} if address == LOCAL and workers else {}
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
        raise DataError(f"--ray {address}: {reason_of(error)}") from None
    try:
        cores = int(ray.cluster_resources().get("CPU", 1))
        # a cluster begins whatever it has cores for, so nothing is handed out ahead where fewer are asked for
        yield _on_cluster(ray, workers if workers is not None and workers < cores else AHEAD * cores)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """OSError where nobody listens at host:port, for which Ray itself would wait for minutes."""
    server = urlsplit(address if "://" in address else f"//{address}")
    if server.hostname and server.port:
        socket.create_connection((server.hostname, server.port), timeout=KNOCK_SECONDS).close()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray
    except ImportError:
        raise DataError("--ray: Ray is not installed here: pip install ray") from None
    return ray


def _on_cluster(ray: Any, at_once: int) -> Run:
    def run(do: Callable[[P], R], tasks: Iterable[P], /) -> Generator[tuple[P, R], None, None]:
        remote = ray.remote(num_cpus=1, max_retries=RETRIES)(do)
        return as_finished(remote.remote, partial(_finished, ray), partial(_result, ray), tasks, at_once)

    return run


def _finished(ray: Any, handles: Sequence[Any]) -> Iterable[Any]:
    return list(ray.wait(list(handles), num_returns=1)[0])


def _result(ray: Any, handle: Any) -> Any:
    try:
        return ray.get(handle)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise DataError(f"a worker of the cluster {KILLED} (Ray says: {cut(error)})") from None
