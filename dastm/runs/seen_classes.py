"""Refuses to score a model on classes that it was trained or validated on, in whatever data set they occur.

In: the record of a training, and the manifest of the shards to score on. Out: the names of the classes seen, or an
error that lists them. Two classes are the same if their names are equal (regardless of case, spaces, `_` and `-`), or
if they have the same id in the same data set. A class without a name is called `class <id>`, which means nothing
outside its data set: it never equals a class of another data set, and `unnamed_note` says that this cannot be known.

The run's own shards are an exception: there the subsets `train` and `val` may be scored on purpose.
"""

from collections.abc import Sequence
from dataclasses import replace

from dastm.contract.errors import RunError
from dastm.contract.names import class_key, is_unnamed
from dastm.contract.shard_format import Manifest
from dastm.contract.wording import listed
from dastm.runs.record import DataSeen, TrainingRecord, training_classes


def check_unseen(record: TrainingRecord, manifest: Manifest, subset: str, *, allow: bool) -> list[str] | None:
    """Names of the classes of `subset` that the training has seen, by ascending id; None: the record does not say.

    Raises: RunError listing them, unless `allow`, or `subset` is train or val of the run's own shards. Also if the
    record does not say which classes the training has seen, and the shards are not its own.
    """
    own, seen = record.trained_on(manifest), _seen_by(record, manifest, subset)
    if seen is None and not allow:
        raise RunError(
            "the run's record does not say which classes it was trained on (an older version wrote it), so these may be"
            " among them; train again, or add --allow-seen"
        )
    if seen is None:
        return None
    if seen and not allow and not (own and subset != "test"):
        names = listed([f"{name} ({where})" for name, where in seen])
        raise RunError(
            f"the run was trained or validated on {len(seen)} of the {len(manifest.subsets[subset])} classes of"
            f" {manifest.dataset} {subset}: {names}; score it on others, or add --allow-seen"
        )
    return [name for name, _ in seen]


def trained_classes(record: TrainingRecord, manifest: Manifest, subset: str) -> list[str]:
    """Names of the classes of `subset` that the training learned from; empty if the record does not say."""
    return [name for name, where in _seen_by(record, manifest, subset) or [] if where == "train"]


def unnamed_note(record: TrainingRecord, manifest: Manifest, subset: str) -> str:
    """A line if classes of two data sets cannot be told apart because they have no names; else empty."""
    others = [one for one in record.all_seen() if one.dataset != manifest.dataset]
    if record.classes is None or not others:
        return ""
    sides = {one.dataset: [name for ids in one.classes.values() for name in ids.values()] for one in others}
    sides[manifest.dataset] = [entry.name for entry in manifest.subsets[subset].values()]
    nameless = [dataset for dataset, names in sides.items() if any(map(is_unnamed, names))]
    if not nameless:
        return ""
    return f"classes of {' and '.join(nameless)} have no names: whether the run has seen them cannot be told"


def _seen_by(record: TrainingRecord, manifest: Manifest, subset: str) -> list[tuple[str, str]] | None:
    """`_seen` by a training; None if its record does not say."""
    classes = record.classes or (training_classes(manifest) if record.trained_on(manifest) else None)
    return None if classes is None else _seen(replace(record, classes=classes).all_seen(), manifest, subset)


def _seen(data_seen: Sequence[DataSeen], manifest: Manifest, subset: str) -> list[tuple[str, str]]:
    """(name, subset of the training) of every class of `subset` that the training has seen in any of its data sets."""
    by_name: dict[str, str] = {}
    by_id: dict[int, str] = {}
    for data in data_seen:
        same_set = data.dataset == manifest.dataset
        for where, ids in data.classes.items():
            by_name |= {class_key(name): where for name in ids.values() if same_set or not is_unnamed(name)}
            by_id |= dict.fromkeys(ids, where) if same_set else {}
    found = []
    for class_id, entry in sorted(manifest.subsets[subset].items()):
        where = by_id.get(class_id) or by_name.get(class_key(entry.name), "")
        if where:
            found.append((entry.name, where))
    return found
