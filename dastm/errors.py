"""The errors that a command line turns into one line and exit status 1."""


class RunError(Exception):
    """The shards, the run folder or the configuration are at fault: what, where and what to do, in one line."""
