"""Paths of data: local ones, or URLs of any store that fsspec reaches (s3://, gs://, memory://).

In: what a user types. Out: a `pathlib.Path`, or a path of universal-pathlib with the same interface, so that the rest
of the code knows one kind of path. Files appear under their name only when they are complete.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from dastm.contract.errors import DataError
from dastm.contract.os_errors import naming, os_line
from dastm.contract.ownership import check_plain, remove_unfinished, unfinished_name
from dastm.contract.wording import reason_of


def path_of(text: str) -> Path:
    """The path that a text names: a URL if it contains `://`, else a local path.

    Raises: DataError if the protocol is unknown, or its package is not installed.
    """
    protocol, found, rest = text.partition("://")
    if not found:
        return Path(text)
    import fsspec
    from upath import UPath

    try:
        fsspec.get_filesystem_class(protocol.partition("::")[0])
        # what other machines write must be seen at once, so no listing is remembered
        place = UPath(text, use_listings_cache=False)
        if rest.strip("/"):
            place.fs  # noqa: B018  # made now, so that what it lacks is told now
    except ImportError as error:
        raise DataError(f"{text}: a package is missing for {protocol}:// ({error}); pip install it") from None
    except Exception as error:  # stores raise what they like: a server is away, an argument is missing
        raise DataError(f"{text}: cannot be used as a place: {reason_of(error)}") from None
    if not rest.strip("/"):
        raise DataError(f"{text}: name a folder in it")
    return cast(Path, place)


def is_local(path: Path) -> bool:
    """Whether this is a plain local path, without fsspec."""
    return isinstance(path, Path)


def on_this_machine(path: Path) -> Path | None:
    """The plain local path, also if it was typed as file://..; None for a path in a store."""
    if is_local(path):
        return path
    from fsspec.implementations.local import LocalFileSystem

    store, name = store_of(path)
    return Path(name) if isinstance(store, LocalFileSystem) else None


def can_rename(path: Path) -> bool:
    """Whether files and folders there can be renamed in one step; object stores only copy and delete."""
    return on_this_machine(path) is not None


def store_of(place: Path) -> tuple[Any, str]:
    """The fsspec file system of a URL's place, and its path there."""
    url = cast(Any, place)
    return url.fs, url.path


def beside(out: Path, suffix: str) -> Path:
    """The hidden neighbour `.<name>.<suffix>` of a folder; where `out` is a link, of its target."""
    final = out.resolve()
    if not final.name:
        raise DataError(f"{out}: the root of a file system, nothing can lie beside it; name a folder in it")
    return final.with_name(f".{final.name}.{suffix}")


def move(path: Path, target: Path) -> None:
    """Give a file or folder another name, in one step; only where `can_rename`."""
    path.replace(target) if is_local(path) else path.rename(target)


def all_in(folder: Path) -> list[Path]:
    """The entries of a folder; in a store, a folder without files does not exist and has none."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_folder(folder: Path) -> None:
    """Remove a folder with its contents; it is no error if it does not exist."""
    if folder.exists():
        if is_local(folder):
            import shutil

            shutil.rmtree(folder)
        else:
            store, path = store_of(folder)
            store.rm(path, recursive=True)


def remove_all_in(folder: Path, but: str) -> None:
    """Remove all from a folder but the one of that name: files, which say what a folder is, before folders."""
    others = [path for path in all_in(folder) if path.name != but]
    for path in sorted(others, key=lambda path: path.is_dir()):
        remove_folder(path) if path.is_dir() else path.unlink()


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets its name when the block ends; after an error nothing is left.

    The unfinished file has a unique name, so that two machines that do the same task never write into one file. If
    nothing can be renamed, it is kept on this machine and sent as a whole. A link is kept, and its target is written; a
    pipe or a device (/dev/stdout) is written directly.
    """
    if not can_rename(path):
        with tempfile.NamedTemporaryFile() as waiting:
            with naming(Path(waiting.name)):
                yield cast(IO[bytes], waiting)
                waiting.flush()
            store, name = store_of(path)
            store.put_file(waiting.name, name)
        return
    if is_local(path) and path.exists() and not path.is_file():
        with naming(path), path.open("wb") as file:
            yield file
        return
    final = _behind(path) if is_local(path) else path
    unfinished = unfinished_name(final)
    try:
        with unfinished.open("xb") as file:
            yield file
        move(unfinished, final)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(unfinished)):
            error.filename = str(path)  # the name that a user knows
        unfinished.unlink(missing_ok=True)
        raise
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def single_file(path: Path) -> Iterator[IO[bytes]]:
    """`whole_file` for a command that writes only this file: its folder is created, and unfinished files of killed
    commands are removed. Not for files that several workers may write at the same time."""
    final = _behind(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(final.parent, final.name.__eq__)
    with whole_file(path) as file:
        yield file


def _behind(path: Path) -> Path:
    """The file that a link leads to, else the path itself.

    Raises: NotOurs where nobody may write to that file: so are those of DVC's cache, which other versions share.
    """
    if not path.is_symlink():
        return path
    final = path.resolve()
    if final.is_file() and not final.stat().st_mode & 0o222:
        check_plain(path)
    return final


def write_whole(path: Path, data: bytes) -> None:
    """Write a file completely or not at all."""
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def readable(path: Path) -> Iterator[Any]:
    """The source from which pyarrow reads a file: its local path, or an open file in a store."""
    if is_local(path):
        yield path.absolute()  # it would take a relative one that begins with `s3:` for a URL
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def ranges(path: Path) -> Iterator[Callable[[int, int], bytes]]:
    """A function that reads `length` bytes from `start`; from a store it fetches only these."""
    if is_local(path):
        with path.open("rb") as file:

            def read(start: int, length: int) -> bytes:
                file.seek(start)
                return file.read(length)

            yield read
    else:
        store, name = store_of(path)
        yield lambda start, length: bytes(store.cat_file(name, start=start, end=start + length))


@contextmanager
def clear_errors(out: Path) -> Iterator[None]:
    """Turn errors of writing (the disk is full, the folder is read-only) into a one-line DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(os_line(error, out, "cannot be written")) from None
