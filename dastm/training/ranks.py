"""Communication of several processes (ranks) that train one network. PyTorch's `torchrun` starts them, on any machines.

In: the environment that torchrun sets (RANK, WORLD_SIZE, ..). Out: `Ranks`. Only rank 0 reads and writes the run
folder and logs. The others compute their share of the work that it announces: pretraining, epochs, validations. If a
rank fails, all end, and rank 0 says why in one line.
"""

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from dastm.contract.errors import DataError, RunError
from dastm.contract.os_errors import os_line
from dastm.contract.ownership import NotOurs
from dastm.contract.shard_format import ShardError

ANSWER = timedelta(minutes=10)
"""How long a rank may be silent during a shared work before it counts as lost."""
PATIENCE = timedelta(days=7)
"""How long the others wait for the next work while rank 0 reads, writes or pretrains alone. If it dies, they notice at
once."""
FAULTS = (DataError, RunError, NotOurs, ShardError, OSError, torch.OutOfMemoryError)
"""The errors that end a command with one line."""
Work = Literal["pretraining", "epoch", "validation"]
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """The processes of one training; by default only this one, and then all methods do nothing."""

    number: int = 0
    """The rank of this process."""
    count: int = 1
    patient: dist.ProcessGroup | None = None
    """The group of all ranks, with the long timeout for waiting between works."""

    @property
    def first(self) -> bool:
        """Whether this process is rank 0, which reads, writes and logs."""
        return self.number == 0

    def check_divide(self, setting: str, value: int) -> None:
        """Raise RunError, naming the setting, if its value cannot be divided among the ranks."""
        if value % self.count:
            raise RunError(
                f"{self.count} ranks, but {setting} is {value}: "
                f"start another number of ranks, or set it to a multiple of {self.count} (that is another training)"
            )

    def together(self, work: Callable[[], T]) -> T:
        """The result of `work` on this rank, if it fails on no rank.

        Raises: RunError on rank 0 that says which rank failed and why; the other ranks end.
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
        """Raise RunError on rank 0 if the ranks do not run the same training; `identity` describes that of this
        rank."""
        if self.count == 1:
            return
        with self._answered():
            said = self._said(identity)
        other = next((rank for rank, text in enumerate(said) if text != said[0]), None)
        if other is not None:
            raise self._ended(f"rank {other} has other shards, configuration, versions or code than rank 0")

    def gathered(self, values: Tensor) -> list[Tensor]:
        """The tensors of all ranks, which have the same shape, in the order of the ranks."""
        if self.count == 1:
            return [values]
        every = [torch.empty_like(values) for _ in range(self.count)]
        with self._answered():
            dist.all_gather(every, values)
        return every

    def in_turn(self, works: Sequence[Callable[[], Tensor]]) -> Iterator[Tensor]:
        """The results of `works`, all of one shape, in their order; rank r does work i if i mod R = r.

        Raises: as `together`.
        """
        for start in range(0, len(works), self.count):
            own = works[min(start + self.number, len(works) - 1)]  # a rank too many repeats the last one
            yield from self.gathered(self.together(own))[: len(works) - start]

    def announce(self, work: Work | None, state: Mapping[str, Any] | None = None) -> None:
        """On rank 0, announce the next work that all ranks share, and its state; None: there is no more work."""
        if self.count > 1:
            buffer = io.BytesIO()
            torch.save((work, dict(state or {})), buffer)
            with self._answered():
                dist.broadcast_object_list([buffer.getvalue()], src=0, group=self.patient)

    def announced(self) -> tuple[Work | None, dict[str, Any]]:
        """The next work that rank 0 begins, and its state on the CPU."""
        told: list[Any] = [None]
        with self._answered():
            dist.broadcast_object_list(told, src=0, group=self.patient)
        work, state = torch.load(io.BytesIO(told[0]), map_location="cpu", weights_only=True)
        return work, state

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
    """The ranks that torchrun started, within the block; `ALONE` without torchrun, or with a single process.

    Raises: RunError if they cannot connect.
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
