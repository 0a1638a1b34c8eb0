"""Inner loops, compiled by numba and kept on disk. A kernel is compiled anew once any file here is younger than it.

numba itself looks at a kernel's own file only, but what it keeps has the code of other files' kernels in it.
"""

from contextlib import suppress
from pathlib import Path


def forget_older(folder: Path) -> None:
    """Remove the index of every kernel, kept in `folder`'s `__pycache__`, that is older than a source file there.

    Where that is not allowed, numba keeps its kernels elsewhere, and nothing is done.
    """
    with suppress(OSError):
        newest = max(path.stat().st_mtime_ns for path in folder.glob("*.py"))
        for index in folder.glob("__pycache__/*.nbi"):
            if index.stat().st_mtime_ns < newest:
                index.unlink(missing_ok=True)


forget_older(Path(__file__).parent)
