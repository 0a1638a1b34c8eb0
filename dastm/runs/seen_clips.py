"""Refuses to score a model on clips that it was trained on, whatever their classes and their data set are called now.

In: the record of a training, its run, and shards to score on. Out: a line on such clips, or an error. Clips are the
same if their arrays are, so they are found only among shards that were prepared in the same way, and only while the
shards of the training are still where they were; `seen_classes` compares names, which a record always has.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest, ShardError, checksum, encode_manifest
from dastm.contract.shard_reading import read_index
from dastm.episodes.urls import is_url
from dastm.runs.encoders import is_encoder
from dastm.runs.record import TrainingRecord
from dastm.runs.whereabouts import shards_of

SUBSETS = ("train", "val")
"""The subsets that a training sees."""


def check_unseen_clips(
    record: TrainingRecord, run: Path, scored: str, manifest: Manifest, subset: str, *, allow: bool
) -> str:
    """A line if clips of `subset` were in the training, which is allowed; else empty.

    Raises: RunError with their number, unless `allow`.
    """
    own = record.trained_on(manifest)
    others = [] if is_url(scored) or (own and subset != "test") else list(_trained(record, run, manifest))
    if not others:
        return ""
    asked = _checksums(Path(scored), (subset,))
    seen = pc.sum(pc.is_in(asked, value_set=pa.concat_arrays(others))).as_py()
    if not seen:
        return ""
    told = f"{seen} of the {len(asked)} clips of {manifest.dataset} {subset} under other names of their classes"
    if not allow:
        raise RunError(f"the run was trained or validated on {told}; score it on others, or add --allow-seen")
    return f"the run has seen {told}"


def _trained(record: TrainingRecord, run: Path, but: Manifest) -> Iterator[pa.Array]:
    """The checksums of the clips of each data set of a training but one, as far as its shards are there."""
    places = [one.shards for one in record.sets if one.digest != checksum(encode_manifest(but))]
    if not record.sets and not record.trained_on(but) and not is_encoder(run):
        with suppress(RunError):
            places = [shards_of(record, run)]
    for place in places:
        if place and not is_url(place):
            with suppress(ShardError):
                yield _checksums(Path(place), SUBSETS)


def _checksums(shards: Path, subsets: tuple[str, ...]) -> pa.Array:
    index = read_index(shards, ["part", "checksum"])
    return index.filter(pc.is_in(index["part"], value_set=pa.array(subsets)))["checksum"].combine_chunks()
