"""Finds the shards of a training from any working folder.

In: the record of a run, and the run. Out: the folder or URL of its shards. It tries their absolute path and their path
relative to the run, so they are found from another working folder, and after the whole project was moved.
"""

import os
from pathlib import Path

from dastm.contract.errors import RunError
from dastm.contract.shard_format import MANIFEST_NAME, ShardError, checksum, encode_manifest
from dastm.contract.shard_reading import read_manifest
from dastm.episodes.urls import is_url
from dastm.runs.encoders import is_encoder
from dastm.runs.record import TrainingRecord


def shards_of(record: TrainingRecord, run: Path) -> str:
    """The shards of the training; if several places have shards, the ones with the same digest.

    Raises: RunError listing every place that was tried.
    """
    if is_encoder(run):
        raise RunError(f"{run}: an encoder comes without the shards of its training; name yours with --shards")
    if record.sets:
        raise RunError(f"{run}: was trained on several data sets ({record.shards}); name shards with --shards")
    if is_url(record.shards):
        return record.shards
    places = list(dict.fromkeys(_places(record, run.absolute())))
    there = [place for place in places if (place / MANIFEST_NAME).is_file()]
    if not there:
        looked = " or ".join(map(str, places[:2]))
        raise RunError(
            f"{run}: the shards that it was trained on are not in {looked}; put them there, make them again with"
            " `dastm-data split`, or name others with --shards"
        )
    return str(min(there, key=lambda place: _how_other(record, place)))


def _places(record: TrainingRecord, run: Path) -> list[Path]:
    shards = Path(record.shards)
    if record.beside is not None:
        return [shards, Path(os.path.normpath(run / record.beside))]
    # An older record has the path as it was typed, in a folder that it does not name.
    return [shards.absolute(), *(parent / shards for parent in run.parents)]


def _how_other(record: TrainingRecord, place: Path) -> int:
    """0: the very shards; 1: the same clips, made again; 2: others, or none that can be read."""
    try:
        manifest = read_manifest(place)
    except ShardError:
        return 2
    if checksum(encode_manifest(manifest)) == record.shards_digest:
        return 0
    return 1 if record.trained_on(manifest) else 2
