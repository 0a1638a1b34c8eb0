"""Commands that show data: one clip, or a whole data set."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dastm.contract.errors import DataError
from dastm.contract.ownership import PAGE
from pipeline.cli.options import DATA, LOCAL, Output, check_apart, definition_of, one_line_errors, set_option
from pipeline.cli.outputs import ANIMATIONS, STATS_CSV, STATS_JSON

if TYPE_CHECKING:
    from pipeline.inspect.find import SearchFolders

dataset_option = click.option(
    "--dataset", metavar="NAME|FILE.yaml", help="Look in data/raw, data/parsed and data/shards for this data set."
)

parsed_option = click.option("--parsed", type=LOCAL, help="Look in this parsed table.")
shards_option = click.option("--shards", type=LOCAL, help="Look in this shard folder.")


def places_of(
    dataset: str | None, settings: tuple[str, ...], parsed: Path | None, shards: Path | None
) -> "SearchFolders":
    """Where to look: what was named, and of a named data set the folders that are there.

    Raises: DataError where a folder that was named is not there.
    """
    from pipeline.inspect.find import SearchFolders

    if settings and dataset is None:
        raise click.UsageError("--set changes a definition; give --dataset as well")
    for folder in (parsed, shards):
        if folder is not None and not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
    if dataset is None:
        return SearchFolders(parsed=parsed, shards=shards)
    definition = definition_of(dataset, settings)
    usual = {kind: DATA / kind / definition.name for kind in ("raw", "parsed", "shards")}
    there = {kind: folder if folder.is_dir() else None for kind, folder in usual.items()}
    named = parsed is not None or shards is not None
    return SearchFolders(
        definition=definition,
        raw=there["raw"] if not named else None,
        parsed=parsed or (there["parsed"] if not named else None),
        shards=shards or (there["shards"] if not named else None),
    )


@click.command()
@click.argument("clip")
@dataset_option
@set_option
@parsed_option
@shards_option
@click.option(
    "--out",
    type=Output(*ANIMATIONS),
    help="Write an animation: .html (plays in a browser without a network) or .gif.",
)
@one_line_errors
def show(
    clip: str,
    dataset: str | None,
    settings: tuple[str, ...],
    parsed: Path | None,
    shards: Path | None,
    out: Path | None,
) -> None:
    """Show one clip as recorded, beside what training sees of it.

    CLIP is a raw file, a file in a zip (folder/x.zip/S001C001P001R001A001.skeleton), or the key of a clip in
    --dataset, --parsed or --shards. A clip that is not in shards is normalised by the definition of --dataset (a raw
    file alone: by that of ntu-t or kinetics). Put -- before a key that begins with -.

    \b
    Examples:
      dastm-data show S001C001P001R001A001 --dataset demo-ntu --out clip.html
      dastm-data show data/raw/ntu-t/nturgbd_skeletons_s001_to_s017.zip/S001C001P001R001A001.skeleton --out clip.gif
      dastm-data show --dataset kinetics -- -0aFw7V6xIE
    """
    from pipeline.inspect.find import find_clip
    from pipeline.inspect.show import summary_of, write_animation

    if out is not None and out.suffix.lower() not in (".html", ".gif"):
        raise click.UsageError(f"--out {out}: name it .html or .gif")
    found = find_clip(clip, places_of(dataset, settings, parsed, shards))
    click.echo("\n".join(summary_of(found)))
    if out is not None:
        write_animation(found, out)
        click.echo(f"animation: {out}")


@click.command()
@dataset_option
@set_option
@parsed_option
@shards_option
@click.option("--csv", "csv_path", type=Output(STATS_CSV), help="Write the numbers to this file, one a row.")
@click.option("--json", "json_path", type=Output(STATS_JSON), help="Write all numbers to this file.")
@click.option("--out", type=Output(PAGE), help="Write an HTML page with plots.")
@one_line_errors
def stats(
    dataset: str | None,
    settings: tuple[str, ...],
    parsed: Path | None,
    shards: Path | None,
    csv_path: Path | None,
    json_path: Path | None,
    out: Path | None,
) -> None:
    """Count clips by class, their lengths, bodies, missing joints, subjects and cameras.

    Counts the parsed table and the shards that you name; --dataset alone takes those that exist.

    \b
    Examples:
      dastm-data stats --dataset demo-ntu --out stats.html
      dastm-data stats --parsed data/parsed/ntu-t --csv stats.csv --json stats.json
    """
    from pipeline.inspect import numbers
    from pipeline.inspect.page import write_whole
    from pipeline.inspect.stats import parsed_stats, shard_stats
    from pipeline.inspect.stats_page import stats_page

    check_apart(csv_path, json_path, out)
    if out is not None and out.suffix.lower() != ".html":
        raise click.UsageError(f"--out {out}: name it .html")
    folders = places_of(dataset, settings, parsed, shards)
    if folders.parsed is None and folders.shards is None:
        if dataset is None:
            raise click.UsageError("give --dataset, --parsed or --shards")
        raise DataError(f"{dataset}: neither a parsed table nor shards in {DATA}; run `dastm-data parse` first")
    of, several = folders.definition, []
    if folders.parsed is not None:
        layout, class_split = (of.parse.layout, of.split.class_split) if of is not None else (None, None)
        several.append(parsed_stats(folders.parsed, layout, class_split))
    if folders.shards is not None:
        several.append(shard_stats(folders.shards))
    click.echo("\n".join(line for one in several for line in numbers.lines_of(one)))
    for path, make in ((csv_path, numbers.to_csv), (json_path, numbers.to_json), (out, stats_page)):
        if path is not None:
            write_whole(path, make(several))
