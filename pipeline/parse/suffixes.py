"""Suffixes of file names in any case: some systems write `.NPY` or `.Skeleton`."""

ARRAYS = (".npy", ".csv", ".npz", ".pkl", ".pickle")
"""Files of numbers, which do not say by themselves what these are."""


def has_suffix(name: str, *suffixes: str) -> bool:
    """Whether a name or path ends in one of these suffixes, each with its dot and in small letters."""
    return name.lower().endswith(suffixes)


def without_suffix(name: str, suffix: str) -> str:
    """The name without the suffix, if it ends so."""
    return name[: len(name) - len(suffix)] if suffix and has_suffix(name, suffix) else name
