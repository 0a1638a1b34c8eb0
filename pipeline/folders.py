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
def replaced_folder(out: Path, marker: str) -> Iterator[Path]:
    """Yield an empty folder beside `out`; at the end of the block it replaces `out`, on an error it is removed.

    Args:
        marker: a file that every folder of this kind holds. A folder with other contents is not ours to replace.

    Raises DataError where `out` is a file, or holds files but not the marker.
    """
    final = out.resolve()
    new, old = final.with_name(f".{final.name}.new"), final.with_name(f".{final.name}.old")
    final.parent.mkdir(parents=True, exist_ok=True)
    _clear(final, new, old)
    _check_replaceable(final, marker)
    new.mkdir()
    try:
        yield new
        if final.exists():
            final.rename(old)
        new.rename(final)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _clear(final: Path, new: Path, old: Path) -> None:
    """Undo what a killed run left: half a new folder, or the old one moved aside and not yet replaced."""
    if old.exists() and not final.exists():
        old.rename(final)
    for left_over in (new, old):
        if left_over.exists():
            shutil.rmtree(left_over)


def _check_replaceable(final: Path, marker: str) -> None:
    if final.exists() and not final.is_dir():
        raise DataError(f"{final}: is a file, a folder belongs here")
    if final.exists() and any(final.iterdir()) and not (final / marker).is_file():
        raise DataError(f"{final}: holds files but no {marker}, so it will not be replaced; empty it or name another")
