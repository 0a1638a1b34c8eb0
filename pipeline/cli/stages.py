"""The commands that are stages of dvc.yaml: synth and raw, parse, split, audit."""

from pathlib import Path
from typing import Any

import click

from dastm.contract.errors import DataError
from dastm.contract.ownership import PAGE
from dastm.contract.wording import listed
from pipeline.cli.options import (
    DATA,
    LOCAL,
    PLACE,
    Output,
    dataset_option,
    definition_of,
    one_line_errors,
    params,
    parse_params,
    ray_option,
    set_option,
    workers_of,
    workers_option,
)
from pipeline.cli.outputs import AUDIT
from pipeline.definitions.definition import Definition


@click.command()
@dataset_option
@set_option
@click.option("--out", type=LOCAL, help="Default: data/raw/<name>")
@one_line_errors
def synth(dataset: str, settings: tuple[str, ...], out: Path | None) -> None:
    """Make the raw files of a demo (synthetic people in a real raw format), or of motion3d or motion2d (for training).

    \b
    Examples:
      dastm-data synth --dataset demo-kinetics --set synth.clips_per_class=50
      dastm-data synth --dataset motion3d --set synth.n_classes=3000
    """
    _synthesise(definition_of(dataset, settings), out)


def _synthesise(definition: Definition, out: Path | None) -> None:
    from pipeline.synthesis import synthesise

    folder = out or DATA / "raw" / definition.name
    count = synthesise(definition, folder)
    click.echo(f"{definition.name}: {count} raw files in {folder}")


@click.command()
@one_line_errors
def names() -> None:
    """Check the names in params.yaml, which become folder names and words in shell commands.

    Every stage of dvc.yaml runs this first, so that an unusable name stops it before anything else runs.
    """
    params("datasets")


@click.command()
@dataset_option
@one_line_errors
def raw(dataset: str) -> None:
    """Say what a data set holds and where to get it, check that its raw files exist, and make those of a demo.

    Example: dastm-data raw --dataset ntu-t
    """
    from pipeline.parse.run import find_raw

    definition = definition_of(dataset)
    if definition.synth is not None:
        _synthesise(definition, None)
        return
    if definition.download:
        click.echo("\n".join(explained(definition)))
    folder = DATA / "raw" / definition.name
    click.echo(f"{definition.name}: {len(find_raw(definition, [folder]))} raw files in {folder}")


def explained(definition: Definition) -> list[str]:
    """What a published data set contains, and how its classes are divided, as lines to print."""
    names, layout = definition.parse.class_names, definition.parse.layout
    subsets = ", ".join(f"{subset} {len(ids)}" for subset, ids in definition.split.class_split.items())
    return [
        f"{definition.name}: {definition.about}",
        f"  classes: {len(names)}, {listed(names, 8, rest=', ..')}",
        f"  class split: {subsets}; {definition.split.n_frames} frames a clip",
        f"  joints: {layout.n_joints}, layout {layout.name}; files: {definition.parse.format}",
    ]


@click.command()
@dataset_option
@set_option
@click.option(
    "--raw",
    multiple=True,
    type=PLACE,
    help="A folder or zip, given as a path or URL (s3://..); repeatable. Default: data/raw/<name>",
)
@click.option("--out", type=PLACE, help="Default: data/parsed/<name>")
@workers_option
@ray_option
@click.option(
    "--max-refused", type=click.IntRange(min=0), help="Stop when more files than this are refused. Default: never."
)
@one_line_errors
def parse(
    dataset: str,
    settings: tuple[str, ...],
    raw: tuple[Path, ...],
    out: Path | None,
    workers: int | None,
    ray: str | None,
    max_refused: int | None,
) -> None:
    """Read raw files into a parsed table (Parquet), and list refused files with the reason.

    \b
    Examples:
      dastm-data parse --dataset ntu-t --raw nturgbd_skeletons_s001_to_s017.zip --raw nturgbd_skeletons_s018_to_s032.zip
      dastm-data parse --dataset mine.yaml --raw recordings/
      dastm-data parse --dataset ntu-t --raw s3://lab/ntu/ --out s3://lab/parsed/ntu-t --ray 10.0.0.1:6379
    """
    from pipeline.parse.run import parse as run

    definition = definition_of(dataset, settings)
    given = parse_params()
    summary = run(
        definition,
        list(raw) or [DATA / "raw" / definition.name],
        out or DATA / "parsed" / definition.name,
        workers=workers_of(workers, ray),
        max_refused=max_refused if max_refused is not None else given.get("max_refused"),
        log=click.echo,
    )
    click.echo("\n".join(summary.lines()))


@click.command()
@dataset_option
@set_option
@click.option("--parsed", type=PLACE, help="Default: data/parsed/<name>")
@click.option("--out", type=PLACE, help="Default: data/shards/<name>")
@click.option(
    "--by",
    type=click.Choice(["subject", "camera", "setup"]),
    help="No subject (camera, setup) is in two of train, val and test; the same as --set split.by=subject.",
)
@workers_option
@ray_option
@one_line_errors
def split(
    dataset: str,
    settings: tuple[str, ...],
    parsed: Path | None,
    out: Path | None,
    by: str | None,
    workers: int | None,
    ray: str | None,
) -> None:
    """Choose, normalise and sample the clips of a parsed table, and write them as class-split shards.

    \b
    Examples:
      dastm-data split --dataset kinetics
      dastm-data split --dataset ntu-s --parsed data/parsed/ntu-t --set split.rotate=yaw
      dastm-data split --dataset ntu-t --by subject --out data/shards/ntu-t-people
    """
    from pipeline.split.run import split as run

    definition = definition_of(dataset, (*settings, f"split.by={by}") if by else settings)
    folder = out or DATA / "shards" / definition.name
    table = parsed or DATA / "parsed" / definition.name
    summary = run(definition, table, folder, workers=workers_of(workers, ray), log=click.echo)
    click.echo("\n".join(summary.lines()))


@click.command()
@click.option("--dataset", metavar="NAME|FILE.yaml", help="Audit data/shards/<name>.")
@click.option("--shards", type=LOCAL, help="Audit this folder.")
@click.option("--out", type=Output(AUDIT), help="Also write the report to this file, as JSON.")
@click.option(
    "--report",
    "page",
    type=Output(PAGE),
    help="Write an HTML page with the verdict, counts, plots, and clips to play.",
)
@click.option(
    "--parsed",
    type=LOCAL,
    help="The parsed table, for --report. Default with --dataset: data/parsed/<name>, if it exists.",
)
@one_line_errors
def audit(dataset: str | None, shards: Path | None, out: Path | None, page: Path | None, parsed: Path | None) -> None:
    """Check shards independently: counts, checksums, overlap, NaN, ranges. Exits with 1 if anything is wrong.

    Example: dastm-data audit --dataset demo-ntu --report audit.html
    """
    from pipeline.audit.run import audit as run
    from pipeline.audit.run import audit_json
    from pipeline.inspect.page import write_whole

    if (dataset is None) == (shards is None):
        raise click.UsageError("give either --dataset or --shards")
    name = definition_of(dataset).name if dataset is not None else ""
    folder = shards if shards is not None else DATA / "shards" / name
    if not folder.is_dir():
        raise DataError(f"{folder}: no shards there; run `dastm-data split` first, or name another folder")
    report = run(folder)
    if out is not None:
        write_whole(out, audit_json(report))
    if page is not None:
        usual = DATA / "parsed" / name
        _write_page(report, folder, parsed or (usual if name and usual.is_dir() else None), page)
    click.echo("\n".join(audit_lines(report)))
    if not report["ok"]:
        raise DataError(f"{folder}: the audit found {len(report['problems'])} problems")


def _write_page(report: dict[str, Any], shards: Path, parsed: Path | None, path: Path) -> None:
    from pipeline.inspect.page import write_whole
    from pipeline.inspect.report import audit_page

    write_whole(path, audit_page(report, shards, parsed))


def audit_lines(report: dict[str, Any]) -> list[str]:
    """The audit in a few lines; all of it goes to --out."""
    bodies = ", ".join(f"{clips} clips with {n}" for n, clips in report["bodies"].items())
    lines = [
        f"{report['dataset']}: {report['clips']} clips of {report['classes']} classes,"
        f" {report['frames']} frames, {report['joints']} joints; bodies: {bodies}"
    ]
    for subset, counts in report["parts"].items():
        least, most = counts["clips_per_class"]["min"], counts["clips_per_class"]["max"]
        lines.append(f"  {subset}: {counts['clips']} clips of {counts['classes']} classes ({least} to {most} a class)")
    for name, (low, high) in report["range"].items():
        lines.append(f"  {name}: {low:.3f} to {high:.3f}")
    found = [*(f"problem: {line}" for line in report["problems"]), *(f"warning: {line}" for line in report["warnings"])]
    return lines + [f"  {line}" for line in found[:20] or ["no problem found"]]
