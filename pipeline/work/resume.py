"""Remembers finished work: small notes in a hidden folder beside the result.

In: digests of everything that a result depends on. Out: whether the same work was finished before. The notes are beside
the result and not in it, because they hold times of files, and the result must be the same bytes on every machine.
"""

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dastm.contract.documents import DocumentError, read_json
from dastm.contract.errors import DataError
from dastm.contract.ownership import NotOurs, check_listed, check_plain
from pipeline.work.paths import beside, clear_errors, on_this_machine, remove_all_in, write_whole

PACKAGES = Path(__file__).resolve().parents[2]
_CODE = (
    "dastm/contract",
    "pipeline/definitions",
    "pipeline/kernels",
    "pipeline/parse",
    "pipeline/split",
    "pipeline/storage",
    "pipeline/tracks.py",
    "pipeline/work",
)
"""The code that `parse` and `split` use."""
_END = 2**16
_LOCK = "lock"
_NAMES = re.compile(rf"{_LOCK}|work\.json|whole\.json|\d{{5,}}\.json|prepared-\d{{3,}}-\d{{5,}}\.(clips|json)")
"""Matches the names of all files in a folder of notes."""


def notes_folder(out: Path) -> Path:
    """The folder with the notes on the folder `out`."""
    return beside(out, "done")


def check_notes(out: Path) -> None:
    """NotOurs where the folder of the notes on `out` is a link, or holds anything but such notes."""
    folder = notes_folder(out)
    check_plain(folder)
    if folder.exists():
        check_listed(folder, _NAMES.fullmatch, "what is done already")
        lock = folder / _LOCK
        is_known = lock.is_file() and lock.stat().st_size == 0  # stores have none
        if not is_known and on_this_machine(out) is not None and any(folder.iterdir()):
            raise NotOurs(f"{folder}: holds files, but not those that a command here keeps; move it away")


def read_note(path: Path) -> Any:
    """Read a note that `write_note` wrote; None if it does not exist or is damaged."""
    try:
        return read_json(path)
    except DocumentError:
        return None


def write_note(path: Path, document: Any) -> None:
    """Write a note; its folder is created if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(document, ensure_ascii=False) + "\n").encode(errors="surrogatepass"))


def keep_for(folder: Path, digest: str) -> None:
    """Reserve the folder for the work with this digest: notes of other work are removed."""
    note = folder / "work.json"
    if read_note(note) != digest:
        remove_all_in(folder, but=_LOCK)
        write_note(note, digest)


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Be the only command that works on `out` until the block or the process ends.

    Raises: DataError if another command works on it; NotOurs as `check_notes`.

    Stores and some file systems have no locks; there the user must make sure of it.
    """
    check_notes(out)
    final = on_this_machine(out)
    if final is None:
        yield
        return
    lock = notes_folder(final) / _LOCK
    with clear_errors(out):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{out}: another command is at work there; wait for it, or name another folder") from None
        except OSError:
            pass
        yield


def digest_of(*documents: Any) -> str:
    """One digest of several JSON documents."""
    return blake2b(json.dumps(documents, sort_keys=True).encode(), digest_size=16).hexdigest()


def digest_of_end(path: Path) -> str | None:
    """Size and last bytes of a file, which in a file of a table hold a digest of it all; None where it is not there."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _END))
            return digest_of(size, file.read().hex())
    except (FileNotFoundError, NotADirectoryError):
        return None


def digest_of_whole(path: Path) -> str | None:
    """Digest of all bytes of a table file; None if the file does not exist.

    In a store, only of size and end: objects there are complete or absent, and reading them costs as much as making
    them.
    """
    if on_this_machine(path) is None:
        return digest_of_end(path)
    try:
        return digest_of_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def digest_of_file(path: Path) -> str:
    """Digest of all bytes of a file."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Digest of the code that makes the results, and of the libraries that write them."""
    files = [
        path
        for name in _CODE
        for path in ([PACKAGES / name] if name.endswith(".py") else sorted((PACKAGES / name).rglob("*.py")))
    ]
    texts = {path.relative_to(PACKAGES).as_posix(): path.read_text(encoding="utf-8") for path in files}
    return digest_of(texts, np.__version__, pa.__version__)
