"""A folder that appears under its name only when it is whole.

In: the name of a folder. Out: a new, empty folder beside it to write into, which takes the name when the work is done.
A run that is killed leaves the old folder as it was; what it leaves beside it is cleared away by the next run.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import DataError


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out`; at the end of the block it replaces `out`, on an error it is removed.

    Behind a link, its target is replaced and the link stays. The caller checks first that `out` is its own to replace.
    """
    final = out.resolve()
    new, old = final.with_name(f".{final.name}.new"), final.with_name(f".{final.name}.old")
    final.parent.mkdir(parents=True, exist_ok=True)
    _clear(final, new, old)
    new.mkdir()
    try:
        yield new
        if final.exists():
            final.rename(old)
        new.rename(final)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_marked(out: Path, marker: str) -> None:
    """DataError where `out` is a file, or holds files but not the one that every folder of its kind holds."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file, a folder belongs here")
    if out.exists() and any(out.iterdir()) and not (out / marker).is_file():
        raise DataError(f"{out}: holds files but no {marker}, so it will not be replaced; empty it or name another")


def _clear(final: Path, new: Path, old: Path) -> None:
    """Undo what a killed run left: half a new folder, or the old one moved aside and not yet replaced."""
    if old.exists() and not final.exists():
        old.rename(final)
    for left_over in (new, old):
        if left_over.exists():
            shutil.rmtree(left_over)
