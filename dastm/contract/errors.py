"""The errors of both halves: one raw file is at fault (the run goes on), or the whole run (one line, exit 1)."""

from dataclasses import dataclass


@dataclass(eq=False)
class RefusedError(Exception):
    """One raw file cannot be used: why, and the 1-based line or 0-based byte where that shows.

    It becomes a row of the refused table; it never stops a run.
    """

    reason: str
    line: int | None = None
    byte: int | None = None

    def __str__(self) -> str:
        if self.line is not None:
            return f"line {self.line}: {self.reason}"
        return f"byte {self.byte}: {self.reason}" if self.byte is not None else self.reason


class DataError(Exception):
    """The data of a whole run is at fault: what, where and what to do, in one line. The command line exits with 1."""


class RunError(Exception):
    """The shards, the run folder or the configuration are at fault: what, where and what to do, in one line."""
