"""`dastm train`: shards and a configuration in, a run folder out."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dastm.cli.options import (
    DATA,
    PRESET_HELP,
    SET_HELP,
    first_dataset,
    known_presets,
    one_line_errors,
    said_by_params,
    train_params,
)
from dastm.config.load import load_config, parse_settings
from dastm.config.schema import Config

if TYPE_CHECKING:
    from dastm.episodes.fetch import EpisodeSource
    from dastm.runs.record import TrainingRecord


@click.command()
@click.option(
    "--shards",
    multiple=True,
    metavar="DIR|URL",
    help="Repeatable: train on several together. Default: data/shards/<first data set of params.yaml>",
)
@click.option("--merge-classes", is_flag=True, help="With several shards: classes with the same name are one class.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder. Default: data/runs/<name of the shards>")
@click.option("--preset", "presets", multiple=True, metavar="NAME|FILE", callback=known_presets, help=PRESET_HELP)
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help=SET_HELP)
@click.option("--replace", is_flag=True, help="Replace another training in the run folder, with its results.")
@click.option(
    "--pretrained",
    type=click.Path(path_type=Path),
    help="A folder of pretrained backbones that several trainings share. Default: each run has its own.",
)
@click.option(
    "--from",
    "begin",
    metavar="RUN|ENCODER",
    help="Start from the weights of a run or a shipped encoder. Unless presets are given, its backbone, matching and"
    " augmentation are used as well (without matching.path_power), and preset best for the rest.",
)
@one_line_errors
def train(
    shards: tuple[str, ...],
    merge_classes: bool,
    out: Path | None,
    presets: tuple[str, ...],
    settings: tuple[str, ...],
    replace: bool,
    pretrained: Path | None,
    begin: str | None,
) -> None:
    """Train on shards. Run it again to continue where it was stopped.

    `torchrun --nproc-per-node R -m dastm train ..` divides the episodes of each step (optimise.episodes_per_step)
    and the batches of pretraining (pretrain.batches_per_step) among R processes; see docs/cluster.md.

    \b
    Examples:
      dastm train
      dastm train --shards data/shards/ntu-t --out data/runs/t1 --preset paper --set optimise.seeds=[0,1,2]
      dastm train --preset release --preset ngm --out data/runs/ngm
      dastm train --set matching.rank_weight=0 --out data/runs/no-rank
      dastm train --shards data/shards/a --shards data/shards/b --set augment.layout=standard19
      dastm train --shards data/shards/mine --from data/runs/others --out data/runs/tuned
    """
    from dastm.runs.device import pick_device
    from dastm.runs.encoders import run_of
    from dastm.training.beginning import Beginning
    from dastm.training.ranks import joined
    from dastm.training.trainer import train as run

    began = None if begin is None else Beginning.read(run_of(begin), begin)
    merging = ("episode.merge_classes=true",) if merge_classes else ()
    config = _configured(presets, (*settings, *merging), began.sections() if began else None)
    with joined(pick_device(config.optimise.device)) as ranks:
        source, record = ranks.together(lambda: _opened(config, shards))
        with closing(source):
            folder = out or DATA / "runs" / source.manifest.dataset
            record = began.of(record, source.manifest) if began else record
            if began and ranks.first and (note := began.note(config)):
                click.echo(note)
            weights = began.weights if began else None
            options: dict[str, Any] = {"replace": replace, "pretrained": pretrained, "begun": weights}
            run(source, record, folder, **options, ranks=ranks, log=click.echo)
        if ranks.first:
            name_shards = " --shards .." if record.sets else ""
            click.echo(f"trained: {folder}; next: dastm eval --run {folder}{name_shards}")


def _opened(config: Config, shards: tuple[str, ...]) -> tuple["EpisodeSource", "TrainingRecord"]:
    """The shards to train on, one folder or several, and the record of the training."""
    from dastm.episodes.several import Several
    from dastm.episodes.sources import open_several, open_source
    from dastm.runs.device import pick_device
    from dastm.runs.record import record_training
    from dastm.runs.record_sets import record_several

    device, subsets = pick_device(config.optimise.device), ["train", "val"]
    options: dict[str, Any] = {"mode": config.optimise.source, "device": device, "subsets": subsets}
    where = shards[0] if shards else str(DATA / "shards" / first_dataset())
    source: EpisodeSource
    if len(shards) < 2:
        source = open_source(where, **options, commands=bool(shards))
    else:
        shape, layout = config.episode, config.augment.layout
        merge, balance = shape.merge_classes, shape.balance == "sets"
        source = open_several(shards, layout=layout, merge=merge, balance=balance, **options, commands=True)
    try:
        if isinstance(source, Several):
            return source, record_several(config, shards, source)
        return source, record_training(config, where, source.manifest)
    except BaseException:
        source.close()
        raise


def _configured(presets: tuple[str, ...], settings: tuple[str, ...], sections: dict[str, Any] | None) -> Config:
    """The configuration of the options; `sections` of a run to start from are used unless presets are given.

    If presets are given, the settings of params.yaml, which belong to other presets, are not used.
    """
    if sections is not None:
        return load_config(presets or "best", parse_settings(settings), None if presets else sections)
    usual_presets, usual = (presets, {}) if presets else train_params()
    with said_by_params("train", used=bool(not presets and (usual or usual_presets))):
        return load_config(usual_presets, {**usual, **parse_settings(settings)})
