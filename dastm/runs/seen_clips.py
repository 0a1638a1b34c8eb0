"""Refuses to score a model on clips that it was trained on, whatever their classes and their data set are called now.

In: the record of a training, its run, and shards to score on. Out: a line on such clips, or an error. Clips are the
same if their arrays are, so they are found only among shards that were prepared in the same way, and only while the
shards of the training are still where they were, unchanged and on this machine; `seen_classes` compares names, which a
record always has.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest, ShardError, checksum, encode_manifest
from dastm.contract.shard_reading import read_index, read_manifest
from dastm.episodes.urls import is_url
from dastm.runs.record import TrainingRecord
from dastm.runs.whereabouts import shards_of


def check_unseen_clips(
    record: TrainingRecord, run: Path, scored: str, manifest: Manifest, subset: str, *, allow: bool
) -> str:
    """A line if clips of `subset` were in the training, which is allowed; else empty.

    Clips of the training's own shards are told by `seen_classes`. Raises: RunError with their number, unless `allow`.
    """
    if is_url(scored) or (subset != "test" and record.trained_on(manifest)):
        return ""
    trained = list(_trained(record, run, manifest))
    if not trained:
        return ""
    asked = _checksums(Path(scored), {subset: manifest.subsets[subset]})
    seen = pc.sum(pc.is_in(asked, value_set=pa.concat_arrays(trained))).as_py()
    if not seen:
        return ""
    told = f"{seen} of the {len(asked)} clips of {manifest.dataset} {subset}"
    if not allow:
        raise RunError(
            f"the run was trained or validated on {told}, whatever their classes are called here; score it on others,"
            " or add --allow-seen"
        )
    return f"the run has seen {told}"


def _trained(record: TrainingRecord, run: Path, scored: Manifest) -> Iterator[pa.Array]:
    """The checksums of the clips that were trained on, of each data set but the scored one, if its shards are there."""
    for one in record.all_seen():
        is_single = not record.sets and one.digest == record.shards_digest
        is_of = record.trained_on if is_single else partial(_has_digest, one.digest)
        if is_of(scored):
            continue
        with suppress(RunError, ShardError):
            place = shards_of(record, run) if is_single else one.shards
            if place and not is_url(place) and is_of(read_manifest(Path(place))):
                yield _checksums(Path(place), one.classes)


def _has_digest(digest: str, manifest: Manifest) -> bool:
    return checksum(encode_manifest(manifest)) == digest


def _checksums(shards: Path, classes: Mapping[str, Collection[int]]) -> pa.Array:
    """The checksums of all clips of these classes; subset -> class ids."""
    index = read_index(shards, ["part", "class_id", "checksum"])
    wanted = [
        pc.and_(pc.equal(index["part"], subset), pc.is_in(index["class_id"], value_set=pa.array(list(ids), pa.int64())))
        for subset, ids in classes.items()
    ]
    found = [index.filter(mask)["checksum"].combine_chunks() for mask in wanted]
    return pa.concat_arrays(found) if found else pa.array([], pa.string())
