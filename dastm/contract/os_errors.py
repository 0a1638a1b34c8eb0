"""Errors of the operating system in one line: which file, what is wrong, and what to do. Both halves use it.

In: an OSError. Out: `runs/a/last.pt: No space left on device; make room there, or ..`. Needs no torch.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dastm.contract.ownership import finished_name
from dastm.contract.wording import reason_of

_ROOM = "make room there or name another place, then run the same command again"
_RIGHTS = "change its permissions or name another place"
_AWAY = "check its disk or network share, then run the same command again"
_NAME = "check the name"
ADVICE = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "files of this size are not allowed there (a limit of the disk or of `ulimit -f`); name another place",
    errno.EROFS: "nothing can be written there; name another place",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EIO: _AWAY,
    errno.ESTALE: _AWAY,
    errno.ETIMEDOUT: _AWAY,
    errno.ENOTCONN: _AWAY,
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), or use fewer workers",
    errno.ENFILE: "this machine has too many files open; use fewer workers",
    errno.ENOMEM: "use fewer workers, or a machine with more memory",
    errno.EAGAIN: "this machine allows no more processes or locks; use fewer workers, or wait",
    errno.ENOENT: _NAME,
    errno.ENOTDIR: "a file stands where a folder belongs; check the name",
    errno.EISDIR: "it is a folder, a file belongs there; check the name",
    errno.EEXIST: "something of this name is in the way; move it, or name another place",
    errno.ENOTEMPTY: "something else writes there; wait for it, or name another place",
    errno.EBUSY: "something else uses it; wait for it, or name another place",
    errno.ETXTBSY: "something else uses it; wait for it, or name another place",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "its links go round in a circle; mend them, or name another place",
    errno.EINVAL: "no file can have this name there; name another place",
}
"""Kind of error -> what to do about it."""


def os_line(error: OSError, place: object = None, what: str = "") -> str:
    """The error in one line: file, `what` (`cannot be written`, say), reason, advice. A file that is being written has
    its final name.

    Args:
        place: the file or folder, where the error does not say it itself.
    """
    where = error.filename if isinstance(error.filename, str | bytes) and error.filename else place
    name = finished_name(where.decode(errors="backslashreplace") if isinstance(where, bytes) else str(where or ""))
    reason = error.strerror or reason_of(error)
    advice = ADVICE.get(error.errno or 0)
    said = ": ".join([*([name] if name else []), *([what] if what else []), " ".join(reason.split())])
    return f"{said}; {advice}" if advice else said


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an OSError of this block the name of this file if it names none, as when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise
