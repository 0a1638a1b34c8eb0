"""`dastm eval` and `dastm report`: a run in, accuracies and a page out."""

from pathlib import Path
from typing import Any, get_args

import click

from dastm.cli.options import (
    DATA,
    first_dataset,
    one_line_errors,
    params,
    said_by_params,
)
from dastm.config.evaluation import FIXED, OLD_SUBSET, Baseline, By, EvalConfig, Subset
from dastm.config.load import checked

BESIDE_A_RUN: tuple[Baseline, ...] = ("coordinates", "path")
"""The baselines that are scored with a run by default: what it has to beat."""
NONE = "none"


def _counts(text: str) -> tuple[int, ...]:
    """`1,2,5` as numbers."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r}: numbers with commas between, as 1,2,5") from None


@click.command("eval")
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    help="A run folder, or a shipped encoder by name. Default: data/runs/<first data set>",
)
@click.option("--shards", metavar="DIR|URL", help="Default: the shards that the run was trained on.")
@click.option(
    "--protocol",
    type=click.Choice(list(FIXED)),
    help="episodes: N-way K-shot. one-shot: all classes at once, with the exemplars of the shards. leave-one-out, with "
    "--by: the clips of each subject against examples of all others. Default: episodes",
)
@click.option("--subset", type=click.Choice(get_args(Subset)), help="Default: test")
@click.option("--part", "subset", type=click.Choice(get_args(Subset)), hidden=True)
@click.option("--n-way", type=click.IntRange(min=2), help="Default: 5")
@click.option("--k-shot", type=click.IntRange(min=1), help="Default: 1")
@click.option(
    "--n-query",
    type=click.IntRange(min=1),
    help="Queries per class. Default: that of the run's recipe, else 5",
)
@click.option(
    "--episodes", type=click.IntRange(min=2), help="Number of episodes. Default: that of the run's recipe, else 500"
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the episodes. Default: 0")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    type=click.Choice([*get_args(Baseline), NONE]),
    help="Also score a baseline on the same episodes; repeatable. `coordinates` and `path` need only --shards, no run. "
    "Default with a run: these two; `none` scores the run alone.",
)
@click.option(
    "--too-few",
    type=click.Choice(["error", "leave_out"]),
    help="Classes with fewer than k_shot + n_query clips: stop, or leave them out and name them. Default: error",
)
@click.option(
    "--allow-seen",
    is_flag=True,
    default=None,
    help="Also score classes and clips that the run was trained or validated on; the results say which.",
)
@click.option(
    "--convert",
    is_flag=True,
    default=None,
    help="Convert shards whose order of joints or number of frames differs from the run's; the results say so.",
)
@click.option(
    "--open-set",
    type=click.IntRange(min=0),
    metavar="N",
    help="Add queries of N unknown classes to each episode, and measure how well they are told from known ones. "
    "Default: 0",
)
@click.option(
    "--by",
    type=click.Choice(get_args(By)),
    help="Take examples and queries from different subjects (cameras, setups); the clips must name them.",
)
@click.option(
    "--shots",
    metavar="1,2,..",
    callback=lambda _context, _option, text: text and _counts(text),
    help="Also score the same queries with these numbers of examples per class: accuracy over the number of examples.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ..")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Default: a folder in <run>/eval, named after what is scored; without a run, only print.",
)
@one_line_errors
def evaluate(run_folder: Path | None, shards: str | None, device: str, out: Path | None, **options: Any) -> None:
    """Score a run: accuracy with its 95 % interval. Every episode's accuracy is kept.

    Defaults come from the eval block of params.yaml, then from the run's recipe, then from the list below. (A null in
    params.yaml counts as absent.)

    \b
    Examples:
      dastm eval --run data/runs/demo-ntu --k-shot 5
      dastm eval --shards data/shards/demo-ntu --baseline coordinates --baseline path
      dastm eval --run data/runs/ntu-one-shot --protocol one-shot
      dastm eval --run motion3d --shards data/shards/kard --open-set 5 --baseline path
      dastm eval --run motion3d --shards data/shards/kard --by subject --shots 1,2,3,5,10
      dastm eval --run motion3d --shards data/shards/kard --by subject --protocol leave-one-out
    """
    from dastm.evaluation.baselines import BASELINES
    from dastm.evaluation.evaluator import evaluate_and_write
    from dastm.evaluation.printed import table_lines
    from dastm.runs.encoders import run_of
    from dastm.runs.record import TrainingRecord

    given = {key: value for key, value in options.items() if value not in (None, ())}
    if NONE in (named := given.get("baselines", ())):
        if len(named) > 1:
            raise click.UsageError(f"--baseline {NONE}: cannot be combined with others")
        given["baselines"] = ()
    usual = {"subset" if key == OLD_SUBSET else key: value for key, value in params("eval").items()}
    asked = {**usual, **given}
    with said_by_params("eval", used=bool(usual)):
        config = checked(EvalConfig, asked, "eval")
    if idle := [key for key in FIXED[config.protocol] if key in given]:
        words = ", ".join("--" + key.replace("_", "-") for key in idle)
        raise click.UsageError(
            f"{words}: not with the {config.protocol} protocol, which takes all classes and all clips"
        )
    without_run = any(BASELINES[name].distances is not None for name in given.get("baselines", ()))
    if run_folder is None and (shards is None or not without_run):
        run_folder = DATA / "runs" / first_dataset()
    if run_folder is not None:
        run_folder = run_of(run_folder)
        recipe = TrainingRecord.read(run_folder).config.evaluation
        config = checked(EvalConfig, {"baselines": BESIDE_A_RUN, **vars(recipe), **asked}, "eval")
    metrics = evaluate_and_write(config, run_folder, shards, device, out, log=click.echo)
    click.echo("\n".join(table_lines(metrics)))


@click.command()
@click.option(
    "--run",
    "run_folder",
    required=True,
    type=click.Path(path_type=Path),
    help="A run folder, or a shipped encoder by name.",
)
@click.option("--shards", metavar="DIR|URL", help="Default: the shards that the run was trained on.")
@click.option(
    "--subset",
    type=click.Choice(get_args(Subset)),
    default="val",
    show_default=True,
    help="The classes to measure on. Do not use classes that you will report results for.",
)
@click.option(
    "--episodes",
    type=click.IntRange(min=2),
    default=300,
    show_default=True,
    help="Episodes for each number of examples.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ..")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Default: <run>/train/limits.json, which other commands read."
)
@one_line_errors
def calibrate(run_folder: Path, shards: str | None, subset: str, episodes: int, device: str, out: Path | None) -> None:
    """Measure the distance beyond which a clip is none of the classes, on classes that the run was not trained on.

    `dastm eval --open-set`, `enrol` and `predict` use the result.

    Example: dastm calibrate --run data/runs/demo-ntu
    """
    from dastm.evaluation.calibration import calibrate as measure
    from dastm.runs.encoders import run_of

    found, path = measure(run_of(run_folder), shards, subset, episodes, device, out)
    for seed, limits in found.items():
        click.echo(f"seed {seed}: {limits}")
    click.echo(f"limits: {path}")


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), required=True)
@click.option(
    "--shards",
    metavar="DIR|URL",
    help="Clips to draw. Default: the shards that each run was trained on; for an encoder, those of its evaluations.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Default: report.html in the (first) run folder; for an encoder data/runs/<encoder>-report.html.",
)
@one_line_errors
def report(runs: tuple[Path, ...], shards: str | None, out: Path | None) -> None:
    """Write one HTML page: accuracies, curves, and what the model looks at.

    RUNS are run folders, or shipped encoders by name. The page opens offline. The shards of a run must still exist;
    otherwise name others that fit with --shards.

    \b
    Examples:
      dastm report data/runs/demo-ntu
      dastm report motion3d --shards data/shards/mine
    """
    from dastm.report.page import write_report
    from dastm.runs.encoders import RUNS, is_encoder, run_of

    folders = [run_of(run) for run in runs]
    beside = RUNS / f"{folders[0].name}-report.html" if is_encoder(folders[0]) else folders[0] / "report.html"
    path = out or beside
    for line in write_report(folders, path, shards):
        click.echo(line)
    click.echo(f"report: {path}")
