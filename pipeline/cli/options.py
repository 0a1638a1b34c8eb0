"""What the commands share: params.yaml, the data set's definition, options, and errors as one line."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from dastm.contract.documents import DocumentError, yaml_value
from dastm.contract.errors import DataError
from dastm.contract.names import read_params
from dastm.contract.os_errors import os_line
from dastm.contract.ownership import FileKind, NotOurs, check_file
from dastm.contract.shard_format import ShardError
from dastm.contract.wording import one_line
from pipeline.definitions.definition import OVERRIDDEN, Definition, load_definition, shipped_names
from pipeline.work.paths import path_of
from pipeline.work.workers import Workers

PARAMS = Path("params.yaml")
DATA = Path("data")
PARSE_PARAMS = {"workers": 1, "max_refused": 0}
"""Keys of the parse block of params.yaml, and the least that each may be."""
CONTINUES = ("parse", "split")
"""Commands that go on where they were stopped."""
FOREIGN = "correct it, or work in another folder if that file is another project's"
"""What to do about a params.yaml with wrong values."""
Command = TypeVar("Command", bound=Callable[..., Any])


def params(block: str) -> dict[str, Any]:
    """One block of ./params.yaml; empty where there is no such file or block."""
    if not PARAMS.is_file():
        return {}
    try:
        return read_params(PARAMS, block)
    except DocumentError as error:
        raise DataError(f"{PARAMS.absolute()}: {error}; {FOREIGN}") from None


def one_line_errors(command: Command) -> Command:
    """Data at fault: one line on standard error and exit status 1, never a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:  # `| head` has read enough; click ends quietly
            raise
        except (DataError, NotOurs, ShardError) as error:
            click.echo(one_line(f"dastm-data: {error}"), err=True)
            sys.exit(1)
        except OSError as error:
            click.echo(one_line(f"dastm-data: {os_line(error, 'a file or standard output')}"), err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            on = "; the same command continues" if command.__name__ in CONTINUES else ""
            click.echo(f"dastm-data: interrupted{on}", err=True)
            sys.exit(130)

    return wrapped  # type: ignore[return-value]


def definition_of(dataset: str, settings: tuple[str, ...] = ()) -> Definition:
    """The definition, with the split block of params.yaml (null: as the definition says) and then --set over it.

    A name that params.yaml gives to a file is the data set's name, whatever the file is called: it names the folders.
    """
    overrides: dict[str, dict[str, Any]] = {
        "split": {key: value for key, value in params("split").items() if value is not None}
    }
    for pair in settings:
        block, name, value = _setting(pair)
        overrides.setdefault(block, {})[name] = value
    own = params("datasets").get(dataset)
    if own is None:
        return _loaded(dataset, overrides)
    try:
        return replace(_loaded(str(own), overrides), name=dataset)
    except ValueError as error:
        raise DataError(f"{PARAMS}: datasets: {dataset!r}: a name has letters, digits, _ and - only") from error


def _loaded(name: str, overrides: dict[str, dict[str, Any]]) -> Definition:
    """The definition; a wrong value that is in params.yaml names that file."""
    try:
        return load_definition(name, overrides)
    except DataError as error:
        if any(str(error).startswith(f"{OVERRIDDEN}: split.{key}:") for key in params("split")):
            raise DataError(f"{error} (see {PARAMS.absolute()}: {FOREIGN})") from error
        raise


def check_apart(*paths: Path | None) -> None:
    """Raise a UsageError if two outputs of a command have the same path: one would replace the other."""
    named = [path for path in paths if path is not None]
    for path in named:
        if named.count(path) > 1:
            raise click.UsageError(f"{path} is named for two outputs")


def _setting(pair: str) -> tuple[str, str, Any]:
    """`block.name=value`, the value read as YAML."""
    key, equals, text = pair.partition("=")
    block, _, name = key.partition(".")
    try:
        value = yaml_value(text)
    except DocumentError:
        equals = ""
    if not (equals and name and block in ("synth", "parse", "split")):
        raise click.UsageError(f"--set {pair}: write split.name=value, e.g. split.n_frames=16")
    return block, name, value


def parse_params() -> dict[str, int | None]:
    """The parse block of params.yaml, checked."""
    given = params("parse")
    for name, value in given.items():
        if name not in PARSE_PARAMS:
            known = ", ".join(PARSE_PARAMS)
            raise DataError(f"{PARAMS.absolute()}: parse.{name}: no such key; known: {known}; {FOREIGN}")
        if value is not None and (type(value) is not int or value < PARSE_PARAMS[name]):
            raise DataError(f"{PARAMS}: parse.{name}: a whole number from {PARSE_PARAMS[name]} on, got {value!r}")
    return given


def workers_of(count: int | None, ray: str | None) -> Workers:
    """The workers of `parse` and `split`, from the options, else from params.yaml."""
    return Workers(count=count or parse_params().get("workers"), ray=ray)


class _AtFault(click.ClickException):
    """A path or URL of the command line cannot be used: one line and exit status 1, as for other faulty data."""

    def show(self, file: Any = None) -> None:
        click.echo(one_line(f"dastm-data: {self.message}"), err=True)


class _Place(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click only
    """A local folder or file, or the URL of one in an object store (s3://bucket/folder)."""

    name = "path or URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Raises ClickException where the protocol is unknown or its package is not installed."""
        try:
            return path_of(str(value))
        except DataError as error:
            raise _AtFault(str(error)) from None


PLACE = _Place()


class _Local(click.Path):
    """A local path; URLs are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises BadParameter for a URL."""
        if "://" in str(value):
            self.fail(f"{value} is a URL; this takes a path of this machine (parse and split take URLs)", param, ctx)
        return super().convert(value, param, ctx)


class Output(_Local):
    """A local file to write: it must not exist, be empty, or have been written by such a command before."""

    def __init__(self, *kinds: FileKind) -> None:
        super().__init__(path_type=Path, dir_okay=False)
        self._kinds = kinds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises ClickException where another file lies there."""
        path = super().convert(value, param, ctx)
        try:
            check_file(path, *self._kinds)
        except NotOurs as error:
            raise _AtFault(str(error)) from None
        return path


LOCAL = _Local(path_type=Path)


dataset_option = click.option(
    "--dataset",
    required=True,
    metavar="NAME|FILE.yaml",
    help=f"A shipped definition ({', '.join(shipped_names())}), one named in params.yaml, or your own file.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="BLOCK.KEY=VALUE",
    help="Change a key of the definition, e.g. split.n_frames=16; repeatable.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of processes, or of tasks at a time on a cluster. Default: one per core.",
)
ray_option = click.option(
    "--ray",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="local",
    help="Work on a Ray cluster whose machines see the same files; without ADDRESS, start one on this machine.",
)
