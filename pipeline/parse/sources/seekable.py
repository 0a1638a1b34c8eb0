"""Reading a part of a raw file: its bytes from an offset on, be it in a folder, in a zip, or a zip itself.

In: a `RawFile` and, for archives of arrays (.npz), the member. Out: a seekable binary file. A compressed member can
only be read in order; it is kept open between calls, so that clips read one after the other are decompressed once.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO, cast
from weakref import finalize

from dastm.contract.errors import RefusedError
from dastm.contract.wording import reason_of
from pipeline.parse.raw_files import BAD_MEMBER, RawFile, UnreadableError, version

_BLOCK = 2**20


@contextmanager
def reading(file: RawFile, member: str | None = None, *, verified: bool = False) -> Iterator[BinaryIO]:
    """The file opened, or one member of it; whatever fails while it is read is one RefusedError.

    Args:
        verified: a member of an archive is first read to its end, once in each process. Its checksum covers the whole
        member, so a reader of single clips would not notice damaged ones.
    """
    archive = file.root if file.member is not None else file.root / file.source
    inner = member if file.member is None else file.member
    if member is not None and file.member is not None:
        raise RefusedError("an archive in a zip; unpack the zip")
    try:
        if inner is not None:
            if verified:
                _read_through(archive, inner, *version(archive))
            yield cast(BinaryIO, _member(archive, inner, *version(archive)))
        else:
            with archive.open("rb") as opened:
                yield opened
    except FileNotFoundError:
        raise UnreadableError("the file is no longer there") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from None
    except BAD_MEMBER as error:
        raise RefusedError(f"cannot be taken from the archive: {reason_of(error)}") from None


def members(file: RawFile) -> dict[str, int]:
    """Name -> claimed size of every member of a file that is an archive; RefusedError where it is none."""
    with reading(file) as opened, zipfile.ZipFile(opened) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}


@lru_cache(maxsize=64)
def _read_through(path: Path, member: str, mtime_ns: int, size: int) -> None:
    """Raises BadZipFile where the member's bytes are not those that its checksum is of."""
    with path.open("rb") as file, zipfile.ZipFile(file) as archive, archive.open(member) as opened:
        while opened.read(_BLOCK):
            pass


@lru_cache(maxsize=4)
def _member(path: Path, member: str, mtime_ns: int, size: int) -> IO[bytes]:
    """The archive's own file is closed with the member, when that leaves the cache."""
    file = path.open("rb")
    try:
        archive = zipfile.ZipFile(file)
        if archive.getinfo(member).flag_bits & 1:
            raise RefusedError("encrypted in the zip")
        opened = archive.open(member)
    except BaseException:
        file.close()
        raise
    finalize(opened, file.close)
    return opened
