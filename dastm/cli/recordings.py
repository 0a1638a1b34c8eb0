"""What a user names -> recordings, each of one or more bodies: the one module of `dastm` that knows `pipeline`.

In: files, folders and zips of any form that `pipeline/parse` reads, lists of files as CSV, parsed tables, shards. Out:
`Recording`s of `Clip`s in a stable order, one in memory at a time, and an `Unread` for each that cannot be read. All
of `pipeline` is imported when it is needed, so that `dastm --help` is quick.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dastm.contract.errors import DataError
from dastm.contract.names import folded
from dastm.contract.skeleton import Layout
from dastm.recogniser.clips import Clip

if TYPE_CHECKING:
    from pipeline.recordings.arrays import Terms
    from pipeline.recordings.reading import Taken
    from pipeline.recordings.walk import Refused

OTHER = "other"
"""The folder of recordings that show none of the actions."""
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is said of files that do not say it themselves."""

    layout: str | Path | None = None
    """The name of a layout, or a YAML file that describes one."""
    fps: float | None = None
    """Frames a second."""
    unit: str | float | None = None
    """Of 3-D coordinates: m, cm, mm, or how many metres it is."""
    dataset: str | Path | None = None
    """A data set definition by name or file: it says how files of its format are read."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One file, or one clip of a file that holds many."""

    source: str
    """As the user would name it; with its place in the file, where that holds many."""
    key: str
    action: str | None
    """What its folder or list says that it shows, else what the file itself says; None if nobody says, and for those
    that show none of the actions."""
    is_other: bool = False
    """Whether it is said to show none of the actions."""
    bodies: tuple[Clip, ...]
    """At least one, the one that moves most first. Ghosts come last."""


@dataclass(frozen=True, kw_only=True)
class Unread:
    """What cannot be read, as one line."""

    source: str
    reason: str
    line: int | None = None
    """1-based."""
    byte: int | None = None
    """0-based."""
    is_foreign: bool = False
    """Whether these are files of another kind, which are passed over: nothing to worry about."""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        place = f"byte {self.byte}: " if self.line is None and self.byte is not None else place
        return f"{self.source}: {place}{self.reason}"


def recordings(paths: Sequence[str | Path], options: Options | None = None) -> Iterator[Recording | Unread]:
    """Everything that the paths lead to, in their order; folders and zips by name.

    In a folder or zip, the folder directly below it says what a recording shows; `other` holds what is none of the
    actions. A CSV of `file,action` says it of each file or folder that it names.

    Raises: DataError, at once, for options that cannot be used. What is wrong with files is never raised.
    """
    terms = _terms(options or Options())
    return _read(list(paths), terms)


def layout_called(named: str) -> Layout:
    """A layout by its name, or that of a YAML file. Raises: DataError in one line."""
    from pipeline.recordings.layout_choice import layout_named

    return layout_named(named)


def _read(paths: Sequence[str | Path], terms: "Terms") -> Iterator[Recording | Unread]:
    from pipeline.recordings.reading import Taken, take

    for found in take(paths, terms):
        yield _recording(found) if isinstance(found, Taken) else _unread(found)


def _terms(options: Options) -> "Terms":
    from pipeline.definitions.definition import load_definition
    from pipeline.recordings.arrays import Terms
    from pipeline.recordings.layout_choice import layout_named

    return Terms(
        layout=layout_named(str(options.layout)) if options.layout is not None else None,
        fps=_positive("fps", options.fps),
        unit_m=_unit(options.unit),
        definition=load_definition(options.dataset) if options.dataset is not None else None,
    )


def _unit(unit: str | float | None) -> float:
    if unit is None or unit in UNITS:
        return UNITS[str(unit)] if unit is not None else 1.0
    try:
        return _positive("unit", float(unit)) or 1.0
    except ValueError:
        raise DataError(f"unit {unit!r}: one of {', '.join(UNITS)}, or a number of metres") from None


def _positive(what: str, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise DataError(f"{what}: a number above 0, got {value}")
    return value


def _recording(found: "Taken") -> Recording | Unread:
    is_other = found.action is not None and folded(found.action) == OTHER
    action = None if is_other else found.action
    try:
        clips = tuple(
            Clip(
                key=found.key,
                source=found.source,
                layout=found.layout,
                joints_TVC=body.joints_TVC,
                body=body.number,
                fps=found.fps,
                first_frame=body.first_frame,
                action=action,
                notes=found.notes,
            )
            for body in found.bodies
        )
    except ValueError as error:  # Clip names the source itself
        return Unread(source=found.source, reason=str(error).removeprefix(f"{found.source}: "))
    return Recording(source=found.source, key=found.key, action=action, is_other=is_other, bodies=clips)


def _unread(found: "Refused") -> Unread:
    why = found.why
    return Unread(source=found.source, reason=why.reason, line=why.line, byte=why.byte, is_foreign=found.is_foreign)
