"""`dastm bench`: time and memory of the parts of a training."""

from pathlib import Path

import click

from dastm.cli.options import (
    one_line_errors,
)


@click.command("bench")
@click.argument("words", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A folder for bench.json, bench.md and, with --growth, growth.svg. Default: only print.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ..")
@click.option(
    "--precision",
    type=click.Choice(["float32", "tf32", "bf16"]),
    default="float32",
    show_default=True,
    help="Number format; bf16 is for the backbone only, tf32 for CUDA only.",
)
@click.option("--growth", is_flag=True, help="Also measure how the cost grows with queries, ways, frames and joints.")
@click.pass_obj
@one_line_errors
def measure(
    source: str | None, words: tuple[str, ...], out: Path | None, device: str, precision: str, growth: bool
) -> None:
    """Measure time and memory of each part and of whole episodes. Ratios are measured within one run.

    WORDS select the cases whose name contains one of them; without words all are measured, which takes minutes.

    \b
    Examples:
      dastm bench
      dastm bench soft-DTW activation
      dastm bench --growth --out build/bench
    """
    from dastm.bench.case import Setting
    from dastm.bench.run import INSTALLED, bench, write
    from dastm.bench.table import table
    from dastm.runs.device import pick_device
    from dastm.runs.run_folder import check_bench

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
