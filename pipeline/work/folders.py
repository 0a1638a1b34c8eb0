"""Writes a folder that appears under its name only when it is complete.

In: the name of a folder. Out: a new, empty folder beside it to write into, which gets the name when the work is done.
If a run is killed, the old folder is unchanged, and the next run removes what was left beside it. Only folders that are
wholly ours (`dastm.contract.ownership`) are replaced or removed; others are named and left alone.
A store that cannot rename is written in place: readers must wait for the file that is written last.
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dastm.contract.errors import DataError
from dastm.contract.ownership import NotOurs, check_listed, check_plain, inside, remove_all
from pipeline.work.paths import beside, can_rename, clear_errors, on_this_machine, remove_all_in, write_whole

UNFINISHED = ".unfinished"
"""The name of a file that lies in a folder until it is complete."""
_SAYS = b"dastm-data is at work in this folder\n"


@dataclass(frozen=True, kw_only=True)
class FolderKind:
    """A kind of folder that is replaced as a whole."""

    about: str
    marker: str
    """The file that describes a complete folder."""
    listed: Callable[[Path], Collection[str] | None]
    """Names of all files that a complete folder lists, its marker included; None if the marker is not valid."""
    names: re.Pattern[str]
    """Matches the names of files in an unfinished folder."""


@contextmanager
def replaced_folder(out: Path, kind: FolderKind, noted: Collection[str] = ()) -> Iterator[Path]:
    """Yield an empty folder beside `out`; at the end of the block it replaces `out`, on an error it is removed.

    Behind a link, its target is replaced and the link stays. In a store that cannot rename (`paths.can_rename`) it is
    `out` itself, emptied: its marker, which readers look for first, has to be written last.
    Raises: as `check_replaceable`, at the end too: what came into `out` meanwhile stays beside the new folder.
    """
    check_replaceable(out, kind, noted)
    if not can_rename(out):
        with clear_errors(out):
            _empty(out)
        yield out
        (out / UNFINISHED).unlink()
        return
    final = _final(out)
    new, old = beside(final, "new"), beside(final, "old")
    with clear_errors(out):
        final.parent.mkdir(parents=True, exist_ok=True)
        _clear(final, new, old, kind)
        new.mkdir()
        (new / UNFINISHED).write_bytes(_SAYS)
    try:
        yield new
        (new / UNFINISHED).unlink()
        if final.exists():
            final.rename(old)
        new.rename(final)
    except BaseException:
        _remove(new, UNFINISHED)
        if old.exists():
            old.rename(final)
        raise
    if old.exists():
        _remove_old(old, final, kind, noted)


def check_replaceable(out: Path, kind: FolderKind, noted: Collection[str] = ()) -> None:
    """Whether `out`, and what a killed run may have left beside it, is wholly ours, or is not there.

    Args:
        noted: further names of files that are known to have been written into `out`.

    Raises: DataError where `out` is a file or no such folder, NotOurs for whatever else in it or beside it is not ours.
    """
    final = _final(out)
    folders = [final, beside(final, "new"), beside(final, "old")] if can_rename(out) else [out]
    for folder in folders:
        check_plain(folder)
        if folder.exists() and not folder.is_dir():
            raise DataError(f"{folder}: is a file, a folder belongs here")
        _check_ours(folder, kind, noted)


def _check_ours(folder: Path, kind: FolderKind, noted: Collection[str]) -> None:
    if folder.exists() and next(inside(folder), None):
        check_listed(folder, _fits(folder, kind, noted), kind.about)


def _remove_old(old: Path, final: Path, kind: FolderKind, noted: Collection[str]) -> None:
    """Remove what was replaced; NotOurs where a file came into it while the command worked: then it stays, whole."""
    try:
        _check_ours(old, kind, noted)
    except (NotOurs, DataError) as error:
        raise NotOurs(
            f"{error} ({final} is new and whole; {old} is what lay there before, with what came in)"
        ) from None
    _remove(old, kind.marker)


def _final(out: Path) -> Path:
    """The folder itself, where `out` is a link."""
    return (on_this_machine(out) or out).resolve()


def _fits(folder: Path, kind: FolderKind, noted: Collection[str]) -> Callable[[str], object]:
    """Which names belong into a folder that is not empty; DataError where nothing says that it is ours."""
    marker = folder / UNFINISHED
    if marker.is_file() and _SAYS.startswith(marker.read_bytes()):  # it may be killed before the last letter
        return lambda name: name == UNFINISHED or kind.names.fullmatch(name)
    listed = kind.listed(folder)
    if listed is None and not noted:
        raise DataError(
            f"{folder}: holds files but no {kind.marker} that says they are {kind.about}, so it will not be replaced;"
            " empty it or name another"
        )
    own = {*(listed or ()), *noted}
    return own.__contains__


def _empty(out: Path) -> None:
    """Remove all from a folder of a store, the files that readers look for first before what those describe."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / UNFINISHED, _SAYS)
    remove_all_in(out, but=UNFINISHED)


def _clear(final: Path, new: Path, old: Path, kind: FolderKind) -> None:
    """Undo what a killed run left: half a new folder, or the old one moved aside and not yet replaced."""
    if old.exists() and not final.exists():
        old.rename(final)
    for left_over, last in ((new, UNFINISHED), (old, kind.marker)):
        if left_over.exists():
            remove_all(left_over, last)


def _remove(folder: Path, last: str) -> None:
    """Remove as much as possible; the next run clears away what remains."""
    with suppress(OSError, NotOurs):
        remove_all(folder, last)
