"""A folder that appears under its name only when it is whole.

In: the name of a folder. Out: a new, empty folder beside it to write into, which takes the name when the work is done.
A run that is killed leaves the old folder as it was; what it leaves beside it is cleared away by the next run.
A store that cannot rename is written in place: whoever reads there waits for the file that is written last.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import DataError
from pipeline.places import all_in, beside, can_rename, clear_errors, remove_all_in, remove_folder, write_whole

UNFINISHED = ".unfinished"
"""Lies in a folder of a store as long as it is written."""


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out`; at the end of the block it replaces `out`, on an error it is removed.

    Behind a link, its target is replaced and the link stays. The caller checks first that `out` is its own to replace.
    In a store that cannot rename (`places.can_rename`) it is `out` itself, emptied: its marker, which readers look for
    first, has to be written last.
    """
    if not can_rename(out):
        with clear_errors(out):
            _empty(out)
        yield out
        (out / UNFINISHED).unlink()
        return
    final = out.resolve()
    new, old = beside(out, "new"), beside(out, "old")
    with clear_errors(out):
        final.parent.mkdir(parents=True, exist_ok=True)
        _clear(final, new, old)
        new.mkdir()
    try:
        yield new
        if final.exists():
            final.rename(old)
        new.rename(final)
    except BaseException:
        _remove(new)
        if old.exists():
            old.rename(final)
        raise
    _remove(old)


def check_marked(out: Path, marker: str) -> None:
    """DataError where `out` is a file, or holds files but not the one that every folder of its kind holds."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file, a folder belongs here")
    ours = (out / marker).is_file() or (out / UNFINISHED).is_file()
    if out.exists() and any(all_in(out)) and not ours:
        raise DataError(f"{out}: holds files but no {marker}, so it will not be replaced; empty it or name another")


def _empty(out: Path) -> None:
    """Remove all from a folder of a store, the files that readers look for first before what those describe."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / UNFINISHED, b"")
    remove_all_in(out, but=UNFINISHED)


def _clear(final: Path, new: Path, old: Path) -> None:
    """Undo what a killed run left: half a new folder, or the old one moved aside and not yet replaced."""
    if old.exists() and not final.exists():
        old.rename(final)
    for left_over in (new, old):
        remove_folder(left_over)


def _remove(folder: Path) -> None:
    """As far as it goes: what stays is cleared away by the next run."""
    with suppress(OSError):
        remove_folder(folder)
