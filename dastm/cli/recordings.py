"""What a user names -> recordings, each of one or more bodies: the one module of `dastm` that imports `pipeline`.

In: files, folders and zips of any form that `pipeline/parse` reads, lists of files as CSV, parsed tables, shards. Out:
`Recording`s of `Clip`s in a stable order, one in memory at a time, and an `Unread` for each that cannot be read.
`pipeline` is imported only when it is needed, so that `dastm --help` is quick.
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
from dastm.recogniser.examples import OTHER

if TYPE_CHECKING:
    from pipeline.recordings.arrays import Terms
    from pipeline.recordings.reading import Taken
    from pipeline.recordings.walk import Refused

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user says about files that do not say it themselves."""

    layout: str | Path | None = None
    """The name of a layout, or a YAML file that describes one."""
    fps: float | None = None
    """Frames per second."""
    unit: str | float | None = None
    """The unit of 3-D coordinates: m, cm, mm, or its length in metres."""
    dataset: str | Path | None = None
    """A data set definition, by name or file, that says how to read files of its format."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One file, or one clip of a file that holds many."""

    source: str
    """The path as the user would write it, with the place in the file if that holds many recordings."""
    key: str
    action: str | None
    """The action that its folder or list names, else the file itself; None if nothing names one, or if it shows none of
    the actions."""
    is_other: bool = False
    """Whether its folder or list says that it shows none of the actions."""
    bodies: tuple[Clip, ...]
    """At least one, the one that moves most first. Ghosts come last."""
    guessed: str | None = None
    """The layout that was chosen by shape and numbers, in words; None if the file or the user says which it is."""


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A file or clip that cannot be read, and why."""

    source: str
    reason: str
    line: int | None = None
    """The line where reading failed, from 1."""
    byte: int | None = None
    """The byte where reading failed, from 0."""
    is_foreign: bool = False
    """Whether it is a file of another kind, which is skipped without a message."""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        place = f"byte {self.byte}: " if self.line is None and self.byte is not None else place
        return f"{self.source}: {place}{self.reason}"


def recordings(paths: Sequence[str | Path], options: Options | None = None) -> Iterator[Recording | Unread]:
    """Everything that the paths lead to, in their order; folders and zips by name.

    In a folder or zip, the name of the folder directly below is the action; `other` holds recordings that show none of
    the actions. A CSV of `file,action` names the action of each file or folder.

    Raises: DataError, at once, for options that cannot be used. Faulty files never raise; they become `Unread`s.
    """
    terms = _terms(options or Options())
    return _read(list(paths), terms)


def layout_called(named: str) -> Layout:
    """The layout with this name, or the one that a YAML file describes. Raises: DataError in one line."""
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

    if options.dataset is not None and options.layout is not None:
        raise DataError(f"layout {options.layout}: the definition {options.dataset} says the layout; give one of them")
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
    from pipeline.recordings.arrays import GUESSED

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
                subject=found.subject,
                notes=found.notes,
            )
            for body in found.bodies
        )
    except ValueError as error:  # Clip names the source itself
        return Unread(source=found.source, reason=str(error).removeprefix(f"{found.source}: "))
    guessed = next((note for note in found.notes if note.startswith(GUESSED)), None)
    return Recording(
        source=found.source, key=found.key, action=action, is_other=is_other, bodies=clips, guessed=guessed
    )


def _unread(found: "Refused") -> Unread:
    why = found.why
    return Unread(source=found.source, reason=why.reason, line=why.line, byte=why.byte, is_foreign=found.is_foreign)
