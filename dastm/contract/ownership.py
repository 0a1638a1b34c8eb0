"""What a command may replace or remove: only files and folders that it recognises as entirely its own.

In: a path that a command is about to write or remove. Out: nothing, or `NotOurs` that names what else is there.
A folder is ours if the file that describes it can be decoded and lists everything in it; a file is ours if its content
looks like ours, or if it is empty. A link is followed if the user names it, never if we chose the name. Both halves use
this.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile

from dastm.contract.documents import read_json

_UNFINISHED = re.compile(r"\.(.+)\.[0-9a-f]{12}\.new")
_HEAD = 2**16


class NotOurs(Exception):
    """A command would overwrite something that is not its own. The message says in one line what, where and what to
    do."""


def unfinished_name(path: Path) -> Path:
    """A unique name beside `path`, under which the file is written until it is complete."""
    return path.with_name(f".{path.name}.{uuid4().hex[:12]}.new")


def finished_name(name: str) -> str:
    """The final name of an unfinished file, with its folders; any other name is returned unchanged."""
    folder, slash, own = name.rpartition("/")
    unfinished = _UNFINISHED.fullmatch(own)
    return f"{folder}{slash}{unfinished[1] if unfinished else own}"


def remove_unfinished(folder: Path, fits: Callable[[str], object]) -> None:
    """Remove unfinished files of killed commands directly in a folder, if `fits` accepts their final names."""
    if folder.is_dir() and not folder.is_symlink():
        for path in list(folder.iterdir()):
            name = finished_name(path.name)
            if name != path.name and fits(name) and path.is_file() and not path.is_symlink():
                path.unlink(missing_ok=True)


def check_plain(*paths: Path, of: Path | None = None) -> None:
    """Raise NotOurs if a path of ours is a link, or neither a file nor a folder. It need not exist.

    Args:
        of: the folder that they lie in, at any depth, if DVC links it as a whole.
    """
    for path in paths:
        if path.is_symlink():
            dvc = f"`dvc unprotect {of or path}` if DVC linked it, else " if path.is_file() else ""
            raise NotOurs(f"{path}: is a link, which is not followed here; {dvc}move it away, or name another place")
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise NotOurs(f"{path}: is neither a file nor a folder; move it away, or name another place")


def inside(folder: Path, below: str = "", of: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Every file of a folder, at any depth, with its name there; NotOurs at the first that `check_plain` refuses."""
    of = of or folder
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        check_plain(path, of=of)
        if path.is_dir():
            yield from inside(path, f"{below}{path.name}/", of)
        else:
            yield f"{below}{path.name}", path


def check_listed(folder: Path, fits: Callable[[str], object], about: str) -> None:
    """Raise NotOurs for the first file of a folder whose final name `fits` does not accept: it is not part of
    `about`."""
    for name, path in inside(folder):
        if not fits(finished_name(name)):
            raise NotOurs(
                f"{path}: is not part of {about}, so nothing there is replaced; move it away, or name another"
            )


def remove_all(folder: Path, last: str) -> None:
    """Remove a folder of ours: its describing file last, so that a half-removed folder is still recognised."""
    paths = [path for _, path in inside(folder)]
    for path in sorted(paths, key=lambda path: path == folder / last):
        path.unlink()
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        path.rmdir()
    folder.rmdir()


@dataclass(frozen=True)
class FileKind:
    """A kind of file that commands write."""

    about: str
    is_ours: Callable[[Path], bool]
    """Whether a file is of this kind; OSError, ValueError and BadZipFile mean no."""


def check_file(path: Path, *kinds: FileKind) -> None:
    """Raise NotOurs for a folder, or a file that is neither empty nor of these kinds; pipes and devices are allowed."""
    if path.is_dir():
        raise NotOurs(f"{path}: a folder is there; move it away, or name a file")
    if not path.is_file() or path.stat().st_size == 0 or any(is_a(path, kind) for kind in kinds):
        return
    about = " or ".join(dict.fromkeys(kind.about for kind in kinds))
    raise NotOurs(f"{path}: is not {about}, so it is not replaced; move it away, or name another")


def check_described(plan: Path, files: Iterable[Path]) -> None:
    """Raise NotOurs if files are there without the file that describes them: then nothing is known about them."""
    there = [path for path in files if path.exists()]
    if there and not plan.is_file():
        raise NotOurs(f"{there[0]}: there is no {plan.name} that says whose it is; move it away, or name another")


def is_a(path: Path, kind: FileKind) -> bool:
    """Whether a file reads as one of this kind."""
    try:
        return kind.is_ours(path)
    except (OSError, ValueError, RecursionError, BadZipFile):
        return False


def head_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(_HEAD)


def json_with(*keys: str) -> Callable[[Path], bool]:
    """A check whether a file is a JSON document with these keys, or a list of such documents."""

    def is_ours(path: Path) -> bool:
        document = read_json(path)
        documents = document if isinstance(document, list) else [document]
        return bool(documents) and all(isinstance(one, dict) and set(keys) <= set(one) for one in documents)

    return is_ours


def csv_with(*columns: str) -> Callable[[Path], bool]:
    """A check whether the first line of a file names these columns, among others."""
    return lambda path: set(columns) <= set(head_of(path).partition(b"\n")[0].decode().strip("\r\ufeff").split(","))


def begins_with(start: bytes, word: bytes = b"") -> Callable[[Path], bool]:
    """A check whether a file begins with these bytes and has the word in its first 64 KiB."""
    return lambda path: head_of(path).startswith(start) and word in head_of(path)


PAGE = FileKind("a page of DASTM", begins_with(b"<!doctype html>", b'<meta name="generator" content="dastm">'))
