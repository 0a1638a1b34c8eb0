"""The record of a training on several shard folders: every folder, its digest and its classes.

In: the configuration, the folders as the user named them, and the source that `dastm.episodes.sources.open_several`
made of them. Out: the record, or an error that names the key in which two folders were prepared differently.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.contract.shard_format import checksum, encode_manifest
from dastm.episodes.several import Several
from dastm.episodes.urls import is_url
from dastm.runs.record import DataSeen, TrainingRecord, preparation_of, record_training, training_classes


def record_several(config: Config, shards: Sequence[str], source: Several) -> TrainingRecord:
    """The record of a training on several data sets that starts now.

    Raises: RunError unless all are prepared in the same way. Numbers of frames may differ if `augment.layout` and
    `augment.n_frames` are set.
    """
    _check_alike(config, source)
    places = [where if is_url(where) else str(Path(where).absolute()) for where in shards]
    sets = tuple(
        DataSeen(
            dataset=stored.dataset,
            classes=training_classes(stored),
            shards=place,
            digest=checksum(encode_manifest(stored)),
        )
        for place, stored in zip(places, source.stored, strict=True)
    )
    return replace(record_training(config, places[0], source.manifest), shards=" + ".join(places), sets=sets)


def _check_alike(config: Config, source: Several) -> None:
    first, *others = [(one.manifest.dataset, preparation_of(one.manifest)) for one in source.sources]
    counted = config.augment.layout is None or config.augment.n_frames is None
    for dataset, prepared in others:
        for key, value in prepared.items():
            if value != first[1].get(key) and (key != "n_frames" or counted):
                raise RunError(
                    f"split.{key} is {first[1].get(key)} in {first[0]} and {value} in {dataset}: split them alike, or"
                    " set augment.layout=standard19 (3-D) or pose15 (2-D) and augment.n_frames"
                )
