"""`dastm-data import` and `export`: arrays and annotation files of other programs."""

from pathlib import Path
from typing import Any

import click

from dastm.contract.skeleton import LAYOUTS
from pipeline.cli.options import DATA, LOCAL, Output, definition_of, one_line_errors
from pipeline.cli.outputs import CLIP_FILES, EXPORT
from pipeline.definitions.definition import Definition

_TAKEN_OVER = ("n_frames", "frame_sampling", "frame_order", "seed", "clips_per_shard")
"""Keys of a definition's split block that `import` uses."""


@click.command("import")
@click.argument("arrays", type=LOCAL)
@click.option("--out", required=True, type=LOCAL, help="The shard folder to write.")
@click.option(
    "--dataset",
    metavar="NAME|FILE.yaml",
    help="The data set of the arrays: its names, layout and frames are used, and its class split must match.",
)
@click.option(
    "--layout",
    type=click.Choice(list(LAYOUTS)),
    help="Default: that of --dataset, else chosen by the number of joints.",
)
@click.option("--n-frames", type=click.IntRange(min=1), help="Frames per clip. Default: that of --dataset, else 30.")
@click.option(
    "--frame-sampling",
    "--frames",
    "frame_sampling",
    type=click.Choice(["center", "random", "release"]),
    help="The frame of each segment: its middle, one at random, or one drawn as in the released code (a clip shorter"
    " than n-frames keeps its padding). Default: that of --dataset, else center.",
)
@click.option(
    "--frame-order",
    type=click.Choice(["time", "scrambled"]),
    help="In time order, or with frames and coordinates mixed up as in the released code (docs/methods.md)."
    " Default: that of --dataset, else time.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed for drawing frames. Default: that of --dataset, else 0.")
@click.option(
    "--renumber",
    is_flag=True,
    help="If train, val and test each number their classes from 0: give every class a different id.",
)
@click.option(
    "--keep-slots/--no-keep-slots",
    default=None,
    help="Keep an empty first body slot, for networks with a norm for each slot. Default: only with"
    " --frame-sampling release.",
)
@click.option("--upright", is_flag=True, help="z points up, not y (as in 2s-AGCN's arrays); used for figures only.")
@one_line_errors
def import_(arrays: Path, out: Path, dataset: str | None, layout: str | None, renumber: bool, **given: Any) -> None:
    """Turn arrays in the format of the paper's authors into class-split shards.

    ARRAYS is a folder with train_data.npy (clips, 3, frames, joints, 2), train_label.npy (class ids from 0 on) and
    train_frame.npy (true frame counts), and the same for val and test; any number of clips a class. Coordinates are
    not changed: nothing is filled, moved, turned or scaled. A body slot of zeros is an absent body; --keep-slots keeps
    an absent first body, which matters to the recipe `release` (body_slots 2).

    \b
    Examples:
      dastm-data import arrays/ --out data/shards/imported
      dastm-data import ntu-t-arrays/ --out data/shards/ntu-t-release --dataset ntu-t --frame-sampling release --upright
      dastm-data import ntu-t-arrays/ --out data/shards/mixed --frame-sampling release --frame-order scrambled --upright
      dastm-data import mine/ --out data/shards/mine --renumber --n-frames 50 --frame-sampling random --seed 2022
    """
    from pipeline.exchange.import_arrays import ImportSpec, import_arrays

    definition = definition_of(dataset) if dataset else None
    if renumber and definition is not None:
        raise click.UsageError("--renumber: new class ids are not those of --dataset; give one of the two")
    usual = {name: getattr(definition.split, name) for name in _TAKEN_OVER} if definition is not None else {}
    own = {name: value for name, value in given.items() if value is not None}
    named = LAYOUTS[layout] if layout is not None else None
    spec = ImportSpec(definition=definition, layout=named, renumber=renumber, **{**usual, **own})
    click.echo("\n".join(import_arrays(arrays, out, spec).lines()))


@click.command()
@click.option(
    "--dataset", metavar="NAME|FILE.yaml", help="Export data/shards/<name>; with --parsed, use its class split."
)
@click.option("--parsed", type=LOCAL, help="Export this parsed table (clips as recorded).")
@click.option("--shards", type=LOCAL, help="Export this shard folder (clips as training sees them).")
@click.option("--out", required=True, type=Output(EXPORT, CLIP_FILES), help="The pickle or zip to write.")
@click.option(
    "--to",
    "form",
    type=click.Choice(["pyskl", "csv", "coco"]),
    default="pyskl",
    show_default=True,
    help="pyskl: one pickle of all clips. csv: a zip with a CSV per clip. coco: the same with COCO's keypoint results.",
)
@click.option(
    "--img-shape",
    nargs=2,
    type=click.IntRange(min=1, max=100_000),
    metavar="HEIGHT WIDTH",
    help="With --parsed: image size in pixels for 2-D joints. Powers of two lose no bit. Default: 1024 1024.",
)
@one_line_errors
def export(
    dataset: str | None,
    parsed: Path | None,
    shards: Path | None,
    out: Path,
    form: str,
    img_shape: tuple[int, int] | None,
) -> None:
    """Write a parsed table or shards as one PYSKL annotation file (a pickle), or a parsed table as one file per clip.

    The pickle holds "annotations" (frame_dir, label, total_frames, keypoint; for 2-D also keypoint_score and img_shape)
    and "split" (train, val, test of the class split; "all" for a parsed table without --dataset). Labels are class ids.

    \b
    Examples:
      dastm-data export --dataset ntu-t --out ntu-t.pkl
      dastm-data export --parsed data/parsed/kinetics --dataset kinetics --out kinetics.pkl --img-shape 256 512
      dastm-data export --to csv --parsed data/parsed/mine --dataset mine.yaml --out mine.zip
    """
    from pipeline.exchange.export import IMG_SHAPE, export_parsed, export_shards

    given = tuple(value is not None for value in (dataset, parsed, shards))
    if given not in ((True, False, False), (False, False, True), (False, True, False), (True, True, False)):
        raise click.UsageError("give one of --dataset, --shards and --parsed; --parsed may have --dataset beside it")
    if img_shape is not None and parsed is None:
        raise click.UsageError("--img-shape goes with --parsed: shards get an image of 1024 x 1024")
    definition = definition_of(dataset) if dataset is not None else None
    if form != "pyskl":
        _export_clips(parsed, out, form, definition, img_shape)
        return
    if parsed is not None:
        summary = export_parsed(parsed, out, definition, img_shape or IMG_SHAPE)
    else:
        name = definition.name if definition is not None else ""
        summary = export_shards(shards or DATA / "shards" / name, out)
    click.echo("\n".join(summary.lines()))


def _export_clips(
    parsed: Path | None, out: Path, form: str, definition: Definition | None, img_shape: tuple[int, int] | None
) -> None:
    from pipeline.exchange.clip_files import export_clips

    if parsed is None:
        raise click.UsageError(f"--to {form} is of a parsed table: give --parsed")
    if img_shape is not None:
        raise click.UsageError("--img-shape goes with --to pyskl")
    click.echo("\n".join(export_clips(parsed, out, form, definition)))
