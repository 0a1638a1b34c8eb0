"""Finds and reads raw files: folders and zips -> a sorted list of files -> the bytes of one of them.

In: folders, which are searched, and zips, named or in those folders, on this machine or in a store that fsspec reaches
(`pipeline.work.paths`). Out: `RawFile`s. Nothing is unpacked to disk; from a zip in a store only the wanted members are
fetched. Raw files are never written. Hidden files and `__MACOSX` are ignored.
"""

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.os_errors import os_line
from dastm.contract.wording import reason_of
from pipeline.parse.suffixes import has_suffix
from pipeline.work.paths import is_local, store_of

MAX_BYTES = 512 * 2**20
"""Largest accepted size of a file; larger ones are refused unread. Genuine clips have at most a few MB."""

_BAD_ZIP = (zipfile.BadZipFile, struct.error, OSError, ValueError, RuntimeError)
BAD_MEMBER = (*_BAD_ZIP, zlib.error, lzma.LZMAError, EOFError, KeyError)
_STAMPS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
"""The fields of a store's listing that change with the contents, the most reliable first."""
PUT_THERE = "; put the raw files there, or name their place with `dastm-data parse --raw`"
"""The advice if there are no raw files."""


class UnreadableError(RefusedError):
    """A file could not be read for reasons outside the file: it has been removed, or its disk is not mounted."""


@dataclass(frozen=True)
class RawFile:
    """One raw file. It travels to worker processes, which open it themselves."""

    source: str
    """POSIX path below the root; for a member of a zip inside a folder it begins with the path of the zip."""
    root: Path
    """The folder, or the zip that holds `member`."""
    member: str | None
    size: int
    """Uncompressed size in bytes, as the folder or zip states."""
    stamp: int | str = 0
    """A value that changes with the contents: times in ns, the CRC of the zip member, or the equivalent in a store."""

    @property
    def name(self) -> str:
        """File name without folders."""
        return PurePosixPath(self.source).name


@dataclass(frozen=True)
class RawListing:
    """The files that were found: `files` with a wanted suffix, sorted by source, and the number of others."""

    files: list[RawFile]
    ignored: int


def list_raw(roots: Sequence[Path], suffixes: Sequence[str], download: str = "") -> RawListing:
    """Every file with one of `suffixes`, in capitals or not, below the roots.

    Raises: DataError for a root that does not exist (with `download`: what to fetch, from whom), cannot be listed, is
    a damaged zip, or holds no such file.
    """
    files: list[RawFile] = []
    ignored = 0
    for root in roots:
        found = list(_below(root, suffixes, download))
        wanted = [file for file in found if has_suffix(file.source, *suffixes)]
        if not wanted:
            raise DataError(f"{root}: no {' or '.join(suffixes)} file in it{_advice(download)}")
        files += wanted
        ignored += len(found) - len(wanted)
    return RawListing(sorted(files, key=lambda file: file.source), ignored)


def read(file: RawFile) -> bytes:
    """The bytes of one file. Raises: RefusedError if it is missing, larger than MAX_BYTES, damaged or encrypted."""
    try:
        return _read_member(file) if file.member is not None else _read_file(file)
    except zipfile.BadZipFile as error:
        raise RefusedError(f"damaged in the zip: {reason_of(error)}") from None
    except FileNotFoundError:
        raise UnreadableError("the file is no longer there") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or reason_of(error)}") from None
    except BAD_MEMBER as error:
        raise RefusedError(f"cannot be taken from the zip: {reason_of(error)}") from None


def folders_below(root: Path, cannot_list: Callable[[OSError], None]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder below `root` once: (folder, its folders, its files), names sorted, none hidden.

    Links are followed, but never in a circle. If the caller removes a name from the folders, that folder is skipped.
    """
    visited: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=cannot_list):
        real = os.path.realpath(folder)
        subfolders[:] = [] if real in visited else sorted(filter(_is_seen, subfolders))
        if real not in visited:
            visited.add(real)
            yield Path(folder), subfolders, sorted(filter(_is_seen, names))


def members_of(path: Path, prefix: str = "") -> Iterator[RawFile]:
    """The files in a zip, `prefix` before their sources; RefusedError where it is damaged."""
    try:
        with _open_zip(path) as archive:
            members = archive.infolist()
    except _BAD_ZIP as error:
        raise RefusedError(f"not a whole zip file ({reason_of(error)}); download it again") from None
    for member in reversed(members):  # of one name the last one counts, as for whoever unpacks the zip
        if not member.is_dir() and all(map(_is_seen, PurePosixPath(member.filename).parts)):
            yield RawFile(prefix + member.filename, path, member.filename, member.file_size, member.CRC)


def as_text(path: Path | str) -> str:
    """A path as valid UTF-8, whatever bytes its name has in the file system."""
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _below(root: Path, suffixes: Sequence[str], download: str) -> Iterator[RawFile]:
    if root.is_dir():
        yield from _in_folder(root) if is_local(root) else _in_store(root)
    elif root.is_file() and has_suffix(root.name, *filter(None, suffixes)):
        yield _alone(root)
    elif root.exists():
        yield from _in_zip(root, "")
    else:
        raise DataError(f"{root}: not there{_advice(download)}")


def _alone(path: Path) -> RawFile:
    """A file that was given by itself, not through its folder."""
    if is_local(path):
        facts = path.stat()
        return RawFile(path.name, path.parent, None, facts.st_size, _times(facts))
    store, name = store_of(path)
    info: dict[str, Any] = store.info(name)
    return RawFile(path.name, path.parent, None, int(info["size"] or 0), _stamp(info))


def _times(facts: os.stat_result) -> str:
    """Times of the last change of the contents (which copying may set back) and of the last change of any kind."""
    return f"{facts.st_mtime_ns} {facts.st_ctime_ns}"


def _stamp(info: Mapping[str, Any]) -> str:
    """A property of a file in a store that changes with its contents."""
    return next((str(info[name]) for name in _STAMPS if info.get(name)), "")


def _advice(download: str) -> str:
    if not download:
        return PUT_THERE
    return f". Put this there, or name its place with --raw: {' '.join(download.split())}"


def _in_folder(root: Path) -> Iterator[RawFile]:
    """Files below `root`, those of its zips among them."""

    def stop(error: OSError) -> None:
        raise DataError(os_line(error, root, "cannot be listed"))

    for folder, _, names in folders_below(root, stop):
        for name in names:
            path = folder / name
            source = path.relative_to(root).as_posix()
            if has_suffix(name, ".zip"):
                yield from _in_zip(path, f"{source}/")
            elif path.is_file():
                facts = path.stat()
                yield RawFile(source, root, None, facts.st_size, _times(facts))
            else:  # a link to nowhere, a pipe: listed all the same, and refused by `read`
                yield RawFile(source, root, None, 0)


def _in_store(root: Path) -> Iterator[RawFile]:
    """Files below a folder of a store; one listing gives their sizes and stamps."""
    store, top = store_of(root)
    try:
        found: dict[str, dict[str, Any]] = store.find(top, detail=True)
    except OSError as error:
        raise DataError(f"{root}: cannot be listed: {reason_of(error)}") from None
    for name, facts in sorted(found.items()):
        source = name.removeprefix(top.rstrip("/")).lstrip("/")
        if not all(map(_is_seen, PurePosixPath(source).parts)):
            continue
        if has_suffix(source, ".zip"):
            yield from _in_zip(root / source, f"{source}/")
        else:
            yield RawFile(source, root, None, int(facts["size"] or 0), _stamp(facts))


def _open_zip(path: Path) -> zipfile.ZipFile:
    """Names of members are UTF-8 if all are: many programs write them so without saying it. Else the zip says it."""
    # a file of a store is read at random: the central directory, then members
    file = path if is_local(path) else path.open("rb")
    try:
        return zipfile.ZipFile(file, metadata_encoding="utf-8")
    except UnicodeDecodeError:
        return zipfile.ZipFile(file)


def _in_zip(path: Path, prefix: str) -> Iterator[RawFile]:
    try:
        yield from members_of(path, prefix)
    except RefusedError as why:
        raise DataError(f"{path}: {why.reason}") from None


def _is_seen(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _read_file(file: RawFile) -> bytes:
    path = file.root / file.source
    if not is_local(path):
        _check_size(file.size)
        return path.read_bytes()
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise RefusedError("not a regular file")
    _check_size(facts.st_size)
    return path.read_bytes()


def _read_member(file: RawFile) -> bytes:
    archive = _archive(file.root, *version(file.root))
    member = archive.getinfo(file.member or "")
    if file.stamp not in (0, member.CRC):
        raise RefusedError("the zip has changed, or holds a later member of this name, which is the one that counts")
    _check_size(member.file_size)
    if member.flag_bits & 1:
        raise RefusedError("encrypted in the zip")
    with archive.open(member) as opened:
        # asking for a number keeps a small member that swells endlessly from filling the memory
        data = opened.read(member.file_size)
    if len(data) != member.file_size:
        raise RefusedError(f"damaged in the zip: {len(data)} bytes of {member.file_size}")
    return data


@lru_cache(maxsize=8)
def _archive(path: Path, mtime_ns: int, size: int) -> zipfile.ZipFile:
    """Kept open in each process: a data set's zip has a hundred thousand members, listed only once that way."""
    return _open_zip(path)


def version(path: Path) -> tuple[int, int]:
    """A value that changes with the zip; in a store, where asking costs a request, only CRCs are compared."""
    if not is_local(path):
        return 0, 0
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise RefusedError(f"{size} bytes, more than the {MAX_BYTES} that a clip may have")
