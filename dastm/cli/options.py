"""What the commands of `dastm` share: the blocks of params.yaml, presets, options, and errors that end in one line."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from dastm.config.load import preset_names
from dastm.contract.documents import DocumentError, shown
from dastm.contract.errors import DataError, RunError
from dastm.contract.names import read_params
from dastm.contract.os_errors import os_line
from dastm.contract.ownership import NotOurs
from dastm.contract.shard_format import ShardError
from dastm.contract.wording import one_line

PARAMS = Path("params.yaml")
DATA = Path("data")
FOREIGN = "correct it, or work in another folder if that file is another project's"
"""What to do about a params.yaml with wrong values."""
PRESET_HELP = (
    "A recipe, a method, or your own YAML file; repeatable, later ones override earlier ones: "
    f"{', '.join(preset_names())}. Default: the train block of params.yaml, else paper."
)
SET_HELP = "Change a key; repeatable. <run>/train/config.json holds every key with its value."
Command = TypeVar("Command", bound=Callable[..., Any])


def params(block: str) -> dict[str, Any]:
    """One block of ./params.yaml, without what is null; empty where there is no such file or block."""
    if not PARAMS.is_file():
        return {}
    try:
        return {key: value for key, value in read_params(PARAMS, block).items() if value is not None}
    except DocumentError as error:
        raise RunError(f"{PARAMS.absolute()}: {error}; {FOREIGN}") from None


@contextmanager
def said_by_params(block: str, *, used: bool) -> Iterator[None]:
    """Errors inside the `with` block also name params.yaml if its values are `used`: it may be another project's."""
    try:
        yield
    except RunError as error:
        if not used:
            raise
        raise RunError(f"{error} (with the {block} block of {PARAMS.absolute()}: {FOREIGN})") from error


def one_line_errors(command: Command) -> Command:
    """Errors end the command with one line on standard error and exit status 1, never with a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:  # `| head` has read enough; click ends quietly
            raise
        except (DataError, RunError, NotOurs, ShardError) as error:
            click.echo(one_line(f"dastm: {error}"), err=True)
            sys.exit(1)
        except OSError as error:
            click.echo(one_line(f"dastm: {os_line(error, 'a file or standard output')}"), err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            continues = command.__name__ in ("train", "sweep")
            on = "; the same command continues from the last checkpoint" if continues else ""
            click.echo(f"dastm: interrupted{on}", err=True)
            sys.exit(130)

    return wrapped  # type: ignore[return-value]


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn a ValueError about clips or names into the one line that a command ends with."""
    try:
        yield
    except ValueError as error:
        raise RunError(str(error)) from None


def first_dataset() -> str:
    """The first data set of params.yaml, which commands use by default."""
    names = list(params("datasets"))
    if not names:
        raise RunError("no params.yaml here that names data sets: give --shards (or --run)")
    return str(names[0])


def train_params() -> tuple[list[str], dict[str, Any]]:
    """The train block of params.yaml, checked: presets and settings."""
    given = params("train")
    unknown = [str(key) for key in given if key not in ("preset", "set")]
    if unknown:
        raise RunError(f"{PARAMS.absolute()}: train.{unknown[0]}: no such key; known: preset, set; {FOREIGN}")
    settings = given.get("set", {})
    if not isinstance(settings, dict):
        raise RunError(f"{PARAMS}: train.set: expected a mapping, e.g. {{matching.gamma: 0.05}}, got {shown(settings)}")
    presets = given.get("preset", [])
    presets = [str(preset) for preset in (presets if isinstance(presets, list) else [presets])]
    return presets, {str(key): value for key, value in settings.items()}


def known_presets(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Check the presets of the command line; an unknown name is a usage error."""
    for name in names:
        if name not in preset_names() and not name.lower().endswith((".yaml", ".yml")):
            raise click.BadParameter(f"{name!r} is not one of {', '.join(preset_names())}, nor a YAML file")
    return names


def said_of_recordings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add to a command the options for facts that recordings do not state themselves."""
    for option in reversed(
        (
            click.option("--layout", help="The joints of arrays: the name of a layout, or a YAML file with one."),
            click.option("--fps", type=float, help="Frames per second, if the files do not say it."),
            click.option("--unit", help="The unit of 3-D coordinates: m, cm, mm, or its length in metres."),
            click.option("--dataset", help="A data set definition (name or file) that says how to read the files."),
        )
    ):
        command = option(command)
    return command


with_recogniser = click.option(
    "--with", "recogniser", type=click.Path(path_type=Path), required=True, help="A file that `dastm enrol` wrote."
)
