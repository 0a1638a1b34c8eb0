"""The errors of both halves: one raw file is faulty (the run goes on), or the whole run fails (one line, exit 1)."""

from dataclasses import dataclass


@dataclass(eq=False)
class RefusedError(Exception):
    """One raw file cannot be used. It has the reason and, if known, the line (from 1) or byte (from 0).

    It becomes a row of the table of refused files; it never stops a run.
    """

    reason: str
    line: int | None = None
    byte: int | None = None

    def __str__(self) -> str:
        if self.line is not None:
            return f"line {self.line}: {self.reason}"
        return f"byte {self.byte}: {self.reason}" if self.byte is not None else self.reason


class DataError(Exception):
    """The data of a whole run cannot be used. The message says in one line what, where and what to do."""


class RunError(Exception):
    """Shards, a run folder or a configuration cannot be used. The message says in one line what, where and what to
    do."""
