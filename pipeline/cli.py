"""`dastm-data`: raw files to audited shards. Only this file of this half knows click, params.yaml and exit codes."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from dastm.clip import ShardError
from dastm.skeleton import LAYOUTS
from pipeline.definitions import Definition, load_definition, shipped_names
from pipeline.errors import DataError

PARAMS = Path("params.yaml")
DATA = Path("data")
PARSE_PARAMS = {"workers": 1, "max_refused": 0}
"""Keys of the parse block of params.yaml, and the least that each may be."""
_TAKEN_OVER = ("n_frames", "frames", "seed", "clips_per_shard")
"""What `import` takes over from the split block of a definition."""
Command = TypeVar("Command", bound=Callable[..., Any])


def params(block: str) -> dict[str, Any]:
    """One block of ./params.yaml; empty where there is no such file or block."""
    if not PARAMS.is_file():
        return {}
    try:
        document = yaml.safe_load(PARAMS.read_text(encoding="utf-8")) or {}
        return dict(document.get(block) or {})
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{PARAMS}: block {block}: {' '.join(str(error).split())}") from error


def one_line_errors(command: Command) -> Command:
    """Data at fault: one line on standard error and exit status 1, never a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (DataError, ShardError, OSError) as error:
            click.echo(f"dastm-data: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("dastm-data: interrupted; the same command continues", err=True)
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
        return load_definition(dataset, overrides)
    try:
        return replace(load_definition(str(own), overrides), name=dataset)
    except ValueError as error:
        raise DataError(f"{PARAMS}: datasets: {dataset!r}: a name has letters, digits, _ and - only") from error


def _setting(pair: str) -> tuple[str, str, Any]:
    """`block.name=value`, the value read as YAML."""
    key, equals, text = pair.partition("=")
    block, _, name = key.partition(".")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        equals = ""
    if not (equals and name and block in ("synth", "parse", "split")):
        raise click.UsageError(f"--set {pair}: write split.name=value, e.g. split.n_frames=16")
    return block, name, value


def parse_params() -> dict[str, int | None]:
    """The parse block of params.yaml, checked."""
    given = params("parse")
    for name, value in given.items():
        if name not in PARSE_PARAMS:
            raise DataError(f"{PARAMS}: parse.{name}: no such key; known: {', '.join(PARSE_PARAMS)}")
        if value is not None and (type(value) is not int or value < PARSE_PARAMS[name]):
            raise DataError(f"{PARAMS}: parse.{name}: a whole number from {PARSE_PARAMS[name]} on, got {value!r}")
    return given


dataset_option = click.option(
    "--dataset",
    required=True,
    metavar="NAME|FILE.yaml",
    help=f"A shipped definition ({', '.join(shipped_names())}), one that params.yaml names, or your own file.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="BLOCK.KEY=VALUE",
    help="Change a knob of the definition, e.g. split.n_frames=16; repeatable.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dastm")
def main() -> None:
    """Raw skeleton files -> parsed table -> class-split shards.

    \b
    dastm-data synth --dataset demo-ntu
    dastm-data parse --dataset demo-ntu
    dastm-data split --dataset demo-ntu
    dastm-data audit --dataset demo-ntu
    dastm-data import arrays/ --out data/shards/imported
    """


@main.command()
@dataset_option
@set_option
@click.option("--out", type=click.Path(path_type=Path), help="Default: data/raw/<name>")
@one_line_errors
def synth(dataset: str, settings: tuple[str, ...], out: Path | None) -> None:
    """Make the raw files of a demo: synthetic people in a genuine raw format.

    Example: dastm-data synth --dataset demo-kinetics --set synth.clips_per_class=50
    """
    _synthesise(definition_of(dataset, settings), out)


def _synthesise(definition: Definition, out: Path | None) -> None:
    from pipeline.synthesis import synthesise

    folder = out or DATA / "raw" / definition.name
    count = synthesise(definition, folder)
    click.echo(f"{definition.name}: {count} raw files in {folder}")


@main.command()
@dataset_option
@one_line_errors
def raw(dataset: str) -> None:
    """Make sure that the raw files are there: a demo's are made, a recorded data set's are looked for.

    Example: dastm-data raw --dataset ntu-t
    """
    from pipeline.parse import find_raw

    definition = definition_of(dataset)
    if definition.synth is not None:
        _synthesise(definition, None)
        return
    folder = DATA / "raw" / definition.name
    click.echo(f"{definition.name}: {len(find_raw(definition, [folder]))} raw files in {folder}")


@main.command()
@dataset_option
@set_option
@click.option(
    "--raw",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder or a zip; repeatable. Default: data/raw/<name>",
)
@click.option("--out", type=click.Path(path_type=Path), help="Default: data/parsed/<name>")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: as many as cores.")
@click.option(
    "--max-refused", type=click.IntRange(min=0), help="Stop once more files than this cannot be used. Default: never."
)
@one_line_errors
def parse(
    dataset: str,
    settings: tuple[str, ...],
    raw: tuple[Path, ...],
    out: Path | None,
    workers: int | None,
    max_refused: int | None,
) -> None:
    """Raw files -> parsed table (Parquet) and a table of the files that cannot be used, with the reason.

    \b
    Examples:
      dastm-data parse --dataset ntu-t --raw nturgbd_skeletons_s001_to_s017.zip --raw nturgbd_skeletons_s018_to_s032.zip
      dastm-data parse --dataset mine.yaml --raw recordings/
    """
    from pipeline.parse import default_workers
    from pipeline.parse import parse as run

    definition = definition_of(dataset, settings)
    given = parse_params()
    summary = run(
        definition,
        list(raw) or [DATA / "raw" / definition.name],
        out or DATA / "parsed" / definition.name,
        workers=workers or given.get("workers") or default_workers(),
        max_refused=max_refused if max_refused is not None else given.get("max_refused"),
    )
    click.echo("\n".join(summary.lines()))


@main.command()
@dataset_option
@set_option
@click.option("--parsed", type=click.Path(path_type=Path), help="Default: data/parsed/<name>")
@click.option("--out", type=click.Path(path_type=Path), help="Default: data/shards/<name>")
@one_line_errors
def split(dataset: str, settings: tuple[str, ...], parsed: Path | None, out: Path | None) -> None:
    """Parsed table -> normalised, uniformly sampled, class-split shards.

    \b
    Examples:
      dastm-data split --dataset kinetics
      dastm-data split --dataset ntu-s --parsed data/parsed/ntu-t --set split.rotate=yaw
    """
    from pipeline.split import split as run

    definition = definition_of(dataset, settings)
    folder = out or DATA / "shards" / definition.name
    summary = run(definition, parsed or DATA / "parsed" / definition.name, folder)
    click.echo("\n".join(summary.lines()))


@main.command("import")
@click.argument("arrays", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Shard folder.")
@click.option(
    "--dataset",
    metavar="NAME|FILE.yaml",
    help="The data set that the arrays are: gives names, layout, frames; its class split must hold.",
)
@click.option(
    "--layout", type=click.Choice(list(LAYOUTS)), help="Default: that of --dataset, else by number of joints."
)
@click.option("--n-frames", type=click.IntRange(min=1), help="Frames a clip. Default: as --dataset says, else 30")
@click.option(
    "--frames",
    type=click.Choice(["center", "random", "release"]),
    help="The middle of each segment, one drawn, or one drawn as the released code does (a clip shorter than n-frames"
    " keeps its padding). Default: as --dataset says, else center",
)
@click.option("--seed", type=click.IntRange(min=0), help="Which frames are drawn. Default: as --dataset says, else 0")
@click.option("--renumber", is_flag=True, help="Each part numbers its own classes: give every class an id of its own.")
@click.option("--upright", is_flag=True, help="Bodies stand along z, not y (2s-AGCN's arrays): figures draw them so.")
@one_line_errors
def import_(arrays: Path, out: Path, dataset: str | None, layout: str | None, renumber: bool, **given: Any) -> None:
    """Arrays in the format of the paper's authors -> class-split shards.

    ARRAYS is a folder with train_data.npy (clips, 3, frames, joints, 2), train_label.npy (class ids from 0 on) and
    train_frame.npy (true frame counts), and the same for val and test; any number of clips a class. Coordinates are
    taken as they are: nothing is filled, moved, turned or scaled. A body slot that is all zero is an absent body.

    \b
    Examples:
      dastm-data import arrays/ --out data/shards/imported
      dastm-data import ntu-t-arrays/ --out data/shards/ntu-t-release --dataset ntu-t --frames release --upright
      dastm-data import mine/ --out data/shards/mine --renumber --n-frames 50 --frames random --seed 2022
    """
    from pipeline.importing import ImportSpec, import_arrays

    definition = definition_of(dataset) if dataset else None
    if renumber and definition is not None:
        raise click.UsageError("--renumber: class ids given anew are not those of --dataset; give one of the two")
    usual = {name: getattr(definition.split, name) for name in _TAKEN_OVER} if definition is not None else {}
    own = {name: value for name, value in given.items() if value is not None}
    named = LAYOUTS[layout] if layout is not None else None
    spec = ImportSpec(definition=definition, layout=named, renumber=renumber, **{**usual, **own})
    click.echo("\n".join(import_arrays(arrays, out, spec).lines()))


@main.command()
@click.option("--dataset", metavar="NAME|FILE.yaml", help="Audit data/shards/<name>.")
@click.option("--shards", type=click.Path(path_type=Path), help="Audit this folder.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the report here as JSON, too.")
@one_line_errors
def audit(dataset: str | None, shards: Path | None, out: Path | None) -> None:
    """Read shards a second time, independently: counts, checksums, overlap, NaN, ranges. Exit 1 if anything is wrong.

    Example: dastm-data audit --dataset demo-ntu
    """
    from pipeline.audit import audit as run
    from pipeline.audit import write_audit

    if (dataset is None) == (shards is None):
        raise click.UsageError("give --dataset or --shards")
    folder = shards if shards is not None else DATA / "shards" / definition_of(str(dataset)).name
    report = run(folder)
    if out is not None:
        write_audit(report, out)
    click.echo("\n".join(audit_lines(report)))
    if not report["ok"]:
        raise DataError(f"{folder}: the audit found {len(report['problems'])} problems")


def audit_lines(report: dict[str, Any]) -> list[str]:
    """The audit in a few lines; all of it goes to --out."""
    bodies = ", ".join(f"{clips} clips with {n}" for n, clips in report["bodies"].items())
    lines = [
        f"{report['dataset']}: {report['clips']} clips of {report['classes']} classes,"
        f" {report['frames']} frames, {report['joints']} joints; bodies: {bodies}"
    ]
    for part, counts in report["parts"].items():
        least, most = counts["clips_per_class"]["min"], counts["clips_per_class"]["max"]
        lines.append(f"  {part}: {counts['clips']} clips of {counts['classes']} classes ({least} to {most} a class)")
    for name, (low, high) in report["range"].items():
        lines.append(f"  {name}: {low:.3f} to {high:.3f}")
    found = [*(f"problem: {line}" for line in report["problems"]), *(f"warning: {line}" for line in report["warnings"])]
    return lines + [f"  {line}" for line in found[:20] or ["no problem found"]]
