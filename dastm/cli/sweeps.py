"""`dastm sweep` and `dastm table`: a grid in, its trainings and their table out."""

from pathlib import Path
from typing import Any

import click

from dastm.cli.options import (
    DATA,
    known_presets,
    one_line_errors,
)
from dastm.config.load import parse_settings


@click.command()
@click.argument("grid")
@click.option("--out", type=click.Path(path_type=Path), help="Default: data/sweeps/<name of the grid>")
@click.option(
    "--preset",
    "presets",
    multiple=True,
    metavar="NAME|FILE",
    callback=known_presets,
    help="A recipe instead of the grid's.",
)
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Change a key of all trainings.")
@click.option("--workers", type=click.IntRange(min=1), help="Cells at a time. Default: one per GPU, else one per core.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads per cell. Default: 1; with GPUs, an equal share of the cores.",
)
@click.option(
    "--ray",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="local",
    help="Work on a Ray cluster that sees OUT and the shards under the same paths; without ADDRESS, start one here.",
)
@click.option("--replace", is_flag=True, help="Train cells again that were finished with other code or versions.")
@one_line_errors
def sweep(grid: str, out: Path | None, presets: tuple[str, ...], settings: tuple[str, ...], **options: Any) -> None:
    """Run all trainings and evaluations of a GRID, then write its table. Run it again to continue.

    GRID is a YAML file, or one of the shipped grids: table-1, table-2, appendix-blocks, appendix-backbones, lambda,
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


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@one_line_errors
def table(folder: Path) -> None:
    """Print the table of a sweep as far as it is finished, and write it.

    The files are table.md, .csv, .tex and .html in FOLDER, and curve.svg for a sweep along an axis.

    Example: dastm table data/sweeps/demo
    """
    from dastm.sweep.table import write_table

    click.echo(write_table(folder), nl=False)
