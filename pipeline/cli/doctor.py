"""`dastm-data doctor`: looks at data and changes nothing."""

from dataclasses import fields
from pathlib import Path

import click

from dastm.contract.errors import DataError
from pipeline.cli.options import LOCAL, Output, check_apart, definition_of, one_line_errors
from pipeline.cli.outputs import FINDINGS_CSV, FINDINGS_JSON
from pipeline.doctor.limits import Limits

LIMIT_NAMES = ", ".join(f"{field.name} {field.default:g}" for field in fields(Limits))
"""The doctor's default thresholds."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=LOCAL, metavar="PATH...")
@click.option(
    "--dataset",
    metavar="NAME|FILE.yaml",
    help="The data set of these files: its layout, class names, missing list and expected contents.",
)
@click.option(
    "--limit",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help=f"Change a threshold; repeatable. Reasons and units: pipeline/doctor/limits.py. Defaults: {LIMIT_NAMES}.",
)
@click.option("--csv", "csv_path", type=Output(FINDINGS_CSV), help="Write all findings to this file, one per row.")
@click.option("--json", "json_path", type=Output(FINDINGS_JSON), help="Write all findings and counts to this file.")
@click.option("--workers", type=click.IntRange(min=1), help="Number of processes. Default: one per core.")
@one_line_errors
def doctor(
    paths: tuple[Path, ...],
    dataset: str | None,
    pairs: tuple[str, ...],
    csv_path: Path | None,
    json_path: Path | None,
    workers: int | None,
) -> None:
    """Find what is damaged, odd or suspicious. Exits with 1 if anything is unusable, with 0 if there are only doubts.

    PATH is a raw file, a folder, a zip, a parsed table or a shard folder. Nothing is changed. The output shows the
    first findings of each check; --csv and --json hold all of them.

    \b
    Examples:
      dastm-data doctor recordings.zip
      dastm-data doctor data/raw/ntu-t --dataset ntu-t --csv doubts.csv
      dastm-data doctor S001C001P001R001A001.skeleton --limit jump_body=0.8 --limit frozen_frames=20
      dastm-data doctor data/parsed/kinetics data/shards/kinetics --json doubts.json
    """
    from pipeline.doctor.findings import Totals
    from pipeline.doctor.limits import limits_from
    from pipeline.doctor.report import Report, open_files
    from pipeline.doctor.run import doctor as run
    from pipeline.work.workers import default_workers

    try:
        limits = limits_from(pairs)
    except ValueError as error:
        raise click.UsageError(f"--limit {error}") from None
    check_apart(csv_path, json_path)
    definition = definition_of(dataset) if dataset else None
    report, totals = Report(), Totals()
    with open_files(csv_path, json_path) as files:
        for finding in run(paths, totals, definition, limits, workers or default_workers()):
            report.add(finding)
            files.add(finding)
        files.finish(report.summary(totals))
    click.echo("\n".join(report.lines(totals)))
    unusable = report.by_severity["unusable"]
    if unusable:
        raise DataError(f"{paths[0]}{' and others' * (len(paths) > 1)}: {unusable} unusable, see above")
