"""Whether a name of shards is a path or a URL, and which URLs may be opened because a file names them."""

from urllib.parse import urlsplit

FETCHING = ("file", "ftps", "gs", "hf", "http", "https", "scp", "sftp")
"""Protocols of webdataset's that fetch a file and do nothing else."""


def is_url(source: str) -> bool:
    """Whether webdataset would open this as anything but a local path."""
    return "://" in source or source.startswith(("pipe:", "file:"))


def may_come_from_a_file(source: str) -> bool:
    """Whether opening this runs no command of its writer's: a path, or a URL of a protocol that only fetches.

    What webdataset does with any other scheme is not known here; `pipe:`, in whatever spelling, runs a shell.
    """
    try:
        scheme = urlsplit(source).scheme  # as webdataset finds it: in lower case, without blanks in front
    except ValueError:
        return False
    return scheme in FETCHING if is_url(source) else scheme != "pipe"
