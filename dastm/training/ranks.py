"""Several processes train one network: what they say to each other. PyTorch's `torchrun` starts them, on any machines.

In: what torchrun tells each process of itself (RANK, WORLD_SIZE, ..). Out: `Ranks`. Rank 0 is the training: it alone
reads and writes the run folder, validates, pretrains and logs. The others compute their share of every epoch that it
begins. A rank that fails ends all of them, and rank 0 says why in one line.
"""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from dastm.contract.errors import DataError, RunError
from dastm.contract.os_errors import os_line
from dastm.contract.ownership import NotOurs
from dastm.contract.shard_format import ShardError

ANSWER = timedelta(minutes=10)
"""A rank that is silent for so long in the middle of an epoch is lost."""
PATIENCE = timedelta(days=7)
"""The others wait so long for the next epoch, while rank 0 validates or pretrains. If it dies they know at once."""
FAULTS = (DataError, RunError, NotOurs, ShardError, OSError, torch.OutOfMemoryError)
"""What ends a command in one line."""
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """The processes of one training; by default this one alone, and then nothing here does anything."""

    number: int = 0
    """Of this process."""
    count: int = 1
    patient: dist.ProcessGroup | None = None
    """All of them, for waiting between epochs."""

    @property
    def first(self) -> bool:
        """Whether this process is the one that reads, writes and speaks."""
        return self.number == 0

    def together(self, work: Callable[[], T]) -> T:
        """What `work` gives on this rank, if it fails on none.

        Raises: RunError on rank 0 that says which failed and why; the other ranks end.
        """
        if self.count == 1:
            return work()
        fault = ""
        try:
            result = work()
        except FAULTS as error:
            fault = os_line(error) if isinstance(error, OSError) else " ".join(str(error).split())
        with self._answered():
            failed = torch.tensor(float(bool(fault)))
            dist.all_reduce(failed)
            if not failed:
                return result
            faults = self._said(fault)
        number = next(rank for rank, text in enumerate(faults) if text)
        same = len(set(faults)) == 1
        raise self._ended(faults[number] if same else f"rank {number}: {faults[number]}")

    def check_alike(self, identity: str) -> None:
        """RunError on rank 0 if the ranks do not train the same: `identity` says what this one does."""
        if self.count == 1:
            return
        with self._answered():
            said = self._said(identity)
        other = next((rank for rank, text in enumerate(said) if text != said[0]), None)
        if other is not None:
            raise self._ended(f"rank {other} has other shards, configuration, versions or code than rank 0")

    def gathered(self, values: Tensor) -> list[Tensor]:
        """A tensor of every rank, all of one shape, in the order of the ranks."""
        if self.count == 1:
            return [values]
        every = [torch.empty_like(values) for _ in range(self.count)]
        with self._answered():
            dist.all_gather(every, values)
        return every

    def tell(self, state: Mapping[str, Any] | None) -> None:
        """Rank 0 begins an epoch at this state of the training; None: it has finished."""
        if self.count > 1:
            buffer = io.BytesIO()
            torch.save(None if state is None else dict(state), buffer)
            with self._answered():
                dist.broadcast_object_list([buffer.getvalue()], src=0, group=self.patient)

    def hear(self) -> dict[str, Any] | None:
        """What rank 0 tells next, on the CPU."""
        told: list[Any] = [None]
        with self._answered():
            dist.broadcast_object_list(told, src=0, group=self.patient)
        state: dict[str, Any] | None = torch.load(io.BytesIO(told[0]), map_location="cpu", weights_only=True)
        return state

    def _said(self, text: str) -> list[str]:
        """A text of every rank."""
        texts: list[Any] = [None] * self.count
        dist.all_gather_object(texts, text)
        return texts

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # of torch.distributed: a connection is closed, or nobody answers
            reason = str(error).strip().partition("\n")[0]
            raise self._ended(f"a rank has ended or did not answer in time ({reason})") from error

    def _ended(self, fault: str) -> BaseException:
        """How this rank ends: the first one says why, for all."""
        return RunError(fault) if self.first else SystemExit(1)


ALONE = Ranks()


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """The ranks that torchrun started, within the block; `ALONE` if it did not, or started one.

    Raises: RunError if they do not find each other.
    """
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=ANSWER)
        patient = dist.new_group(backend="gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RunError(f"the ranks did not find each other ({reason}); start them with torchrun") from error
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), patient)
    finally:
        dist.destroy_process_group()
