"""Functions that numba compiles, kept in a folder that is named by a digest of all their code.

numba looks at a function's own file only, but what it keeps has the code of other files' functions in it. If one of
those changed, numba would go on using the old code. So every change in one of `KERNELS`, or in the versions that
compile them, gives a new folder: in NUMBA_CACHE_DIR if that is set, else beside the code, else in the user's cache,
else in the temporary folder. If none of them can be written, or the disk is full, every process compiles the kernels
that it needs.
"""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import caching

PACKAGES = Path(__file__).resolve().parents[2]
KERNELS = (
    "dastm/contract/compiled.py",
    "dastm/model/matching/eigen.py",
    "dastm/model/matching/soft_dtw_cpu.py",
    "pipeline/kernels/*.py",
)
"""Every file with a function that is compiled, of both halves; tests/dastm/contract/test_compiled.py holds it."""
_SETTINGS: Any = numba.config
_CacheLocator: Any = caching._CacheLocator
_DECORATING = Lock()


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` of a function, kept on disk: `@compiled()`, `@compiled(parallel=True)`.

    With NUMBA_DISABLE_JIT=1 the function is not compiled. numba's own setting, which other programs' kernels in this
    process share, is restored afterwards.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if _SETTINGS.DISABLE_JIT:
            return function
        folder = cache_folder()
        if folder is None:
            return numba.njit(**options)(function)
        with _DECORATING, _kept_in(folder):
            dispatcher = numba.njit(cache=True, **options)(function)
        dispatcher._cache.save_overload = _if_there_is_room(dispatcher._cache.save_overload)
        return dispatcher

    return decorate


def _if_there_is_room(keep: Callable[..., None]) -> Callable[..., None]:
    """As `keep`, but a full disk only means that the next process compiles the kernel again."""

    def kept(*overload: Any) -> None:
        with suppress(OSError):
            keep(*overload)

    return kept


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Within the block numba keeps what it decorates in `folder`, in one folder a package.

    By itself it adds a digest of the file's whole path, so that every copy of the same code would be compiled again.
    """
    theirs, path_of = _SETTINGS.CACHE_DIR, vars(_CacheLocator)["get_suitable_cache_subpath"]
    _SETTINGS.CACHE_DIR = str(folder)
    _CacheLocator.get_suitable_cache_subpath = staticmethod(lambda path: Path(path).parent.name)
    try:
        yield
    finally:
        _SETTINGS.CACHE_DIR, _CacheLocator.get_suitable_cache_subpath = theirs, path_of


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """Where the kernels of this code are kept, made where it is not there; None where nothing can be written."""
    name = f"dastm-kernels-{kernels_digest()}"
    return next((folder / name for folder in _places() if _writable(folder / name)), None)


def kernels_digest() -> str:
    """Digest of the code of all kernels and of the versions that compile them."""
    digest = blake2b(repr((numba.__version__, llvmlite.__version__, np.__version__)).encode(), digest_size=16)
    for path in sorted(path for pattern in KERNELS for path in PACKAGES.glob(pattern)):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(PACKAGES).as_posix()} {len(data)} ".encode() + data)
    return digest.hexdigest()


def _places() -> Iterator[Path]:
    """Folders to keep kernels in, the best first."""
    if _SETTINGS.CACHE_DIR:
        yield Path(_SETTINGS.CACHE_DIR).absolute()
    yield PACKAGES / "dastm" / "__pycache__"
    with suppress(RuntimeError):  # a user without a home
        users = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        if users.is_absolute():
            yield users / "dastm"
    with suppress(OSError):  # no temporary folder either
        own = Path(tempfile.gettempdir()) / f"dastm-{os.getuid()}"
        own.mkdir(mode=0o700, exist_ok=True)
        if _only_ours(own):
            yield own


def _only_ours(folder: Path) -> bool:
    """Whether nobody else can have put a file there: kernels run, and all users share the temporary folder."""
    about = folder.lstat()
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o022


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
