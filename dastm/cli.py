"""`dastm`: shards to answers. The only file of this half that knows click, params.yaml and exit codes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from dastm.clip import ShardError
from dastm.config import EPISODES_ONLY, EvalConfig, checked, load_config, parse_settings, preset_names
from dastm.documents import DocumentError, shown
from dastm.errors import RunError
from dastm.names import read_params
from dastm.os_errors import os_line
from dastm.ours import NotOurs

PARAMS = Path("params.yaml")
DATA = Path("data")
FOREIGN = "correct it, or work in another folder if that file is another project's"
"""What to do about a params.yaml that says what cannot be."""
PRESET_HELP = (
    "A recipe, a method, or a YAML file of yours; repeatable, each over the one before it: "
    f"{', '.join(preset_names())}. Default: the train block of params.yaml, else paper."
)
SET_HELP = "Change a knob; repeatable. Every knob with its value is in <run>/train/config.json."
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
    """What is wrong with values that came from params.yaml names that file: it may be another project's."""
    try:
        yield
    except RunError as error:
        if not used:
            raise
        raise RunError(f"{error} (with the {block} block of {PARAMS.absolute()}: {FOREIGN})") from error


def one_line_errors(command: Command) -> Command:
    """A run at fault: one line on standard error and exit status 1, never a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:  # `| head` has read enough; click ends quietly
            raise
        except (RunError, NotOurs, ShardError) as error:
            click.echo(f"dastm: {error}", err=True)
            sys.exit(1)
        except OSError as error:
            click.echo(f"dastm: {os_line(error, 'a file or standard output')}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            continues = command.__name__ in ("train", "sweep")
            on = "; the same command continues from the last checkpoint" if continues else ""
            click.echo(f"dastm: interrupted{on}", err=True)
            sys.exit(130)

    return wrapped  # type: ignore[return-value]


def first_dataset() -> str:
    """The first data set of params.yaml: what the commands work on when told nothing."""
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
    """Presets asked for on the command line; a name that there is none of is wrong usage."""
    for name in names:
        if name not in preset_names() and not name.endswith((".yaml", ".yml")):
            raise click.BadParameter(f"{name!r} is neither of {', '.join(preset_names())} nor a YAML file")
    return names


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dastm")
def main() -> None:
    """Few-shot skeleton action recognition (DASTM): train on shards, evaluate, explain.

    \b
    dastm train --shards data/shards/demo-ntu --out data/runs/demo-ntu
    dastm eval  --run data/runs/demo-ntu --baseline coordinates
    dastm report data/runs/demo-ntu
    dastm sweep demo
    dastm bench
    """


@main.command()
@click.option("--shards", metavar="DIR|URL", help="Default: data/shards/<first data set of params.yaml>")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder. Default: data/runs/<name of the shards>")
@click.option("--preset", "presets", multiple=True, metavar="NAME|FILE", callback=known_presets, help=PRESET_HELP)
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help=SET_HELP)
@click.option("--replace", is_flag=True, help="Remove another training, with its results, from the run folder.")
@click.option(
    "--pretrained",
    type=click.Path(path_type=Path),
    help="Folder of pretrained backbones that trainings share. Default: each run has its own.",
)
@one_line_errors
def train(
    shards: str | None,
    out: Path | None,
    presets: tuple[str, ...],
    settings: tuple[str, ...],
    replace: bool,
    pretrained: Path | None,
) -> None:
    """Train on shards; started again, it continues where it was stopped.

    \b
    Examples:
      dastm train
      dastm train --shards data/shards/ntu-t --out data/runs/t1 --preset paper --set optimise.seeds=[0,1,2]
      dastm train --preset release --preset ngm --out data/runs/ngm
      dastm train --set matching.rank_weight=0 --out data/runs/no-rank
    """
    from dastm.checkpoint import record_training
    from dastm.device import pick_device
    from dastm.episodes.sources import open_source
    from dastm.trainer import train as run

    # A preset that is asked for is meant as it is, not with what params.yaml sets for another.
    usual_presets, usual = (presets, {}) if presets else train_params()
    with said_by_params("train", used=bool(not presets and (usual or usual_presets))):
        config = load_config(usual_presets, {**usual, **parse_settings(settings)})
    where = shards or str(DATA / "shards" / first_dataset())
    device = pick_device(config.optimise.device)
    parts = ["train", "val"]
    with closing(
        open_source(where, mode=config.optimise.source, device=device, parts=parts, commands=shards is not None)
    ) as source:
        folder = out or DATA / "runs" / source.manifest.dataset
        record = record_training(config, where, source.manifest)
        run(source, record, folder, replace=replace, pretrained=pretrained, log=click.echo)
    click.echo(f"trained: {folder}; next: dastm eval --run {folder}")


@main.command("eval")
@click.option("--run", "run_folder", type=click.Path(path_type=Path), help="Default: data/runs/<first data set>")
@click.option("--shards", metavar="DIR|URL", help="Default: the shards that the run was trained on.")
@click.option(
    "--protocol",
    type=click.Choice(["episodes", "one-shot"]),
    help="N-way K-shot episodes, or all classes at once with the exemplars that the shards give. Default: episodes",
)
@click.option("--part", type=click.Choice(["train", "val", "test"]), help="Default: test")
@click.option("--n-way", type=click.IntRange(min=2), help="Default: 5")
@click.option("--k-shot", type=click.IntRange(min=1), help="Default: 1")
@click.option(
    "--n-query",
    type=click.IntRange(min=1),
    help="Queries a class. Default: as the run's recipe says, else 5",
)
@click.option("--episodes", type=click.IntRange(min=2), help="Default: as the run's recipe says, else 500")
@click.option("--seed", type=click.IntRange(min=0), help="Which episodes. Default: 0")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    type=click.Choice(["coordinates", "untrained"]),
    help="A further row on the same episodes; repeatable. `coordinates` needs no run, only --shards.",
)
@click.option(
    "--too-few",
    type=click.Choice(["error", "leave_out"]),
    help="Classes with fewer clips than k_shot + n_query: stop, or leave them out and say so. Default: error",
)
@click.option(
    "--allow-seen",
    is_flag=True,
    default=None,
    help="Score classes, too, that the run was trained or validated on; the results say which.",
)
@click.option(
    "--convert",
    is_flag=True,
    default=None,
    help="Convert shards that differ from the run's in the order of the joints or in the frames; the results say so.",
)
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Default: a folder under <run>/eval named by what is scored; without a run: print only.",
)
@one_line_errors
def evaluate(run_folder: Path | None, shards: str | None, device: str, out: Path | None, **options: Any) -> None:
    """Accuracy with its 95 % interval; every episode's accuracy is kept.

    What is not given is as the eval block of params.yaml says, or as below where that says nothing. (null there: as the
    recipe that the run was trained by says.)

    \b
    Examples:
      dastm eval --run data/runs/demo-ntu --k-shot 5
      dastm eval --shards data/shards/demo-ntu --baseline coordinates
      dastm eval --run data/runs/ntu-one-shot --protocol one-shot
    """
    from dastm.checkpoint import TrainingRecord
    from dastm.evaluator import evaluate_and_write, table_lines

    given = {key: value for key, value in options.items() if value not in (None, ())}
    usual = params("eval")
    asked = {**usual, **given}
    with said_by_params("eval", used=bool(usual)):
        config = checked(EvalConfig, asked, "eval")
    if config.protocol == "one-shot" and (idle := [key for key in EPISODES_ONLY if key in given]):
        words = ", ".join("--" + key.replace("_", "-") for key in idle)
        raise click.UsageError(f"{words}: not with the one-shot protocol, which takes all classes and all clips")
    if run_folder is None and (shards is None or "coordinates" not in given.get("baselines", ())):
        run_folder = DATA / "runs" / first_dataset()
    if run_folder is not None:
        recipe = TrainingRecord.read(run_folder).config.evaluation
        config = checked(EvalConfig, {**vars(recipe), **asked}, "eval")
    metrics = evaluate_and_write(config, run_folder, shards, device, out, log=click.echo)
    click.echo("\n".join(table_lines(metrics)))


@main.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), help="Default: report.html in the (first) run folder.")
@one_line_errors
def report(runs: tuple[Path, ...], out: Path | None) -> None:
    """One HTML page: accuracies, curves, what the model looks at.

    It opens from disk without a network. The shards must still be where the run was trained on them.

    Example: dastm report data/runs/demo-ntu
    """
    from dastm.report import write_report

    path = out or runs[0] / "report.html"
    for line in write_report(list(runs), path):
        click.echo(line)
    click.echo(f"report: {path}")


@main.command("bench")
@click.argument("words", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for bench.json, bench.md and, with --growth, growth.svg. Default: print only.",
)
@click.option("--device", default="auto", show_default=True)
@click.option("--precision", type=click.Choice(["float32", "tf32", "bf16"]), default="float32", show_default=True)
@click.option("--growth", is_flag=True, help="Also how the cost grows with queries, ways, frames and joints.")
@click.pass_obj
@one_line_errors
def measure(
    source: str | None, words: tuple[str, ...], out: Path | None, device: str, precision: str, growth: bool
) -> None:
    """Time and memory of each part and of whole episodes, as ratios within this run.

    WORDS choose the cases with any of them in their name; without words all are measured, which takes minutes.

    \b
    Examples:
      dastm bench
      dastm bench soft-DTW activation
      dastm bench --growth --out build/bench
    """
    from dastm.bench.case import Setting
    from dastm.bench.run import INSTALLED, bench, write
    from dastm.bench.table import table
    from dastm.device import pick_device
    from dastm.run_folder import check_bench

    setting = Setting(device=pick_device(device), precision=precision)
    if out is not None:
        check_bench(out)
        out.mkdir(parents=True, exist_ok=True)  # before the minutes that it takes, not after
    document = bench(
        words, setting, growth=growth, source=source or INSTALLED, log=lambda line: click.echo(line, err=True)
    )
    if out is not None:
        write(document, out)
    click.echo(table(document), nl=False)


@main.command()
@click.argument("grid")
@click.option("--out", type=click.Path(path_type=Path), help="Default: data/sweeps/<name of the grid>")
@click.option(
    "--preset",
    "presets",
    multiple=True,
    metavar="NAME|FILE",
    callback=known_presets,
    help="A recipe in place of the grid's.",
)
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Change a knob of all trainings.")
@click.option("--workers", type=click.IntRange(min=1), help="Cells at a time. Default: the GPUs, else the cores.")
@click.option("--threads", type=click.IntRange(min=1), help="Of a cell. Default: 1; beside GPUs a share of the cores.")
@click.option(
    "--ray",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="local",
    help="On a Ray cluster, which must see OUT and the shards under the same paths; without ADDRESS on this machine.",
)
@click.option("--replace", is_flag=True, help="Train anew what other code or other versions have finished.")
@one_line_errors
def sweep(grid: str, out: Path | None, presets: tuple[str, ...], settings: tuple[str, ...], **options: Any) -> None:
    """All trainings and evaluations of a GRID, many at a time, then its table; started again, it continues.

    GRID is a YAML file or one of those shipped: table-1, table-2, appendix-blocks, appendix-backbones, lambda,
    pairnorm-scale, dropedge-rate, demo.

    \b
    Examples:
      dastm sweep demo
      dastm sweep table-1 --preset release --out data/sweeps/release-1
      dastm sweep lambda --set optimise.epochs=10 --workers 4
      dastm sweep mine.yaml --ray ray://head:10001
    """
    from dastm.sweep.cells import expand
    from dastm.sweep.grid import load_grid
    from dastm.sweep.run import Options, run_sweep

    loaded = load_grid(grid, presets, parse_settings(settings))
    run_sweep(expand(loaded, grid), out or DATA / "sweeps" / loaded.name, Options(**options), click.echo)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@one_line_errors
def table(folder: Path) -> None:
    """Print and write the table of a sweep as far as it is: FOLDER/table.md, .csv, .tex, .html, of an axis curve.svg.

    Example: dastm table data/sweeps/demo
    """
    from dastm.sweep.table import write_table

    click.echo(write_table(folder), nl=False)
