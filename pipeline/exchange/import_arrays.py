"""Arrays as the paper's authors keep them -> class-split shards: the same folder that `split` writes from raw files.

In: a folder of arrays (see `pipeline.exchange.arrays`). Out: a shard folder (see `dastm.contract.shard_format`), any
number of clips per class. Coordinates are not changed: frames are sampled, nothing is filled, moved, turned or scaled.
A body that is zero in all sampled frames is absent. If slots are kept, an empty slot before a body stays as zeros,
because networks with a separate norm for each slot (as in the released code) distinguish the two. The arrays are read
twice, one clip at a
time: once to check every clip, once to write.

Class ids are the labels as stored, which in the authors' arrays are the 0-based ids of the data set. Where each subset
numbers its own classes from 0 on, `renumber` gives every class a unique id, subset after subset.

Axes: M bodies, T frames, V joints, C coordinates.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dastm.contract.clips import segment_frames
from dastm.contract.errors import DataError, RefusedError
from dastm.contract.progress import Bar, progress
from dastm.contract.shard_format import SUBSETS, Clip
from dastm.contract.skeleton import Layout
from dastm.contract.wording import listed
from pipeline.definitions.definition import Definition
from pipeline.exchange.arrays import SLOTS, ArraySubset, check_layout, read_arrays, usual_layout
from pipeline.kernels.frame_sampling import NOTE_SCRAMBLED, clip_rng, release_frames, scramble
from pipeline.split.run import SplitSummary
from pipeline.storage.shard_writing import SHARDS, ShardClass, write_shards
from pipeline.work.folders import check_replaceable, replaced_folder

AS_STORED = "as stored"
NOTE_AS_STORED = "coordinates as stored: not filled, moved, turned or scaled"
NOTE_DROPPED = "body dropped: zero in all frames taken"
NOTE_PADDED = "shorter than the frames taken, padded as stored"


@dataclass(frozen=True, kw_only=True)
class ImportSpec:
    """What must be known about the arrays and is not in them."""

    definition: Definition | None = None
    """The data set that these arrays are: its name, class names and layout, and its class split, which must hold."""
    layout: Layout | None = None
    """None: the definition's, else by the number of joints (25: ntu25, 18: openpose18)."""
    n_frames: int = 30
    frame_sampling: Literal["center", "random", "release"] = "center"
    """The middle frame of each segment, a random one (drawn once), or as released (`frame_sampling.release_frames`)."""
    frame_order: Literal["time", "scrambled"] = "time"
    """Order of frames, as in `SplitSpec`: `release` with `scrambled` is exactly what the released code trains on."""
    seed: int = 0
    """Seed of the frames that are drawn."""
    renumber: bool = False
    keep_slots: bool | None = None
    """An empty first slot stays before the body in the second; None: where frames are drawn as in the released code."""
    upright: bool = False
    """The coordinates stand along z (2s-AGCN's pre-normalisation): figures draw z upwards; nothing is turned."""
    clips_per_shard: int = 1000

    def __post_init__(self) -> None:
        if min(self.n_frames, self.clips_per_shard) < 1 or self.seed < 0:
            raise ValueError("n_frames and clips_per_shard must be at least 1, seed at least 0")
        if self.renumber and self.definition is not None:
            raise ValueError(f"renumber: new class ids are not those of {self.definition.name}")


@dataclass(frozen=True, kw_only=True)
class _Source:
    """The arrays with all that has been resolved about them."""

    dataset: str
    layout: Layout
    spec: ImportSpec
    subsets: Mapping[str, ArraySubset]
    labels: Mapping[str, Mapping[int, int]]
    """subset -> class id -> label as stored, ascending."""


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """The frames of one clip that the shards hold."""

    joints_MTVC: NDArray[np.float32]
    at_T: NDArray[np.int64]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Class:
    """One class and the rows of its part's arrays that are usable clips, ascending; at least one."""

    subset: ArraySubset
    class_id: int
    name: str
    rows: Sequence[int]


def import_arrays(arrays: Path, out: Path, spec: ImportSpec) -> SplitSummary:
    """Write the shards of a folder of arrays; `out` is replaced as a whole, once the new one is complete.

    Raises: DataError (one line: file, what was found, what was expected) for what `read_arrays` refuses, joints or
    coordinates unlike the layout, values that are not finite, a class in two subsets or in another subset than the
    definition has it in, a subset without a usable clip, and an `out` that holds anything but shards.
    """
    check_replaceable(out, SHARDS)
    source = _open_source(arrays, spec)
    classes, bodies, notes = _check_clips(source)
    with (
        replaced_folder(out, SHARDS) as folder,
        progress(total=bodies.total(), desc="import", unit="clip") as bar,
    ):
        write_shards(
            folder,
            {
                subset: {i: ShardClass(name=c.name, clips=_clips(source, c, bar)) for i, c in of_subset.items()}
                for subset, of_subset in classes.items()
            },
            dataset=source.dataset,
            layout=source.layout,
            frames=spec.n_frames,
            definition=_described(source, classes),
            clips_per_shard=spec.clips_per_shard,
        )
    return SplitSummary(
        clips={subset: sum(len(c.rows) for c in of_subset.values()) for subset, of_subset in classes.items()},
        classes={subset: len(of_subset) for subset, of_subset in classes.items()},
        bodies=dict(sorted(bodies.items())),
        outside=0,
        notes=(NOTE_AS_STORED, *notes),
    )


def _open_source(arrays: Path, spec: ImportSpec) -> _Source:
    """Everything that can be refused without looking at a coordinate is refused here."""
    subsets = read_arrays(arrays)
    given = spec.layout or (spec.definition.parse.layout if spec.definition else None)
    layout = given or usual_layout(subsets[SUBSETS[0]])
    for subset in subsets.values():
        check_layout(subset, layout)
        n_stored = subset.data_NCTVM.shape[2]
        if spec.frame_sampling == "release" and n_stored < spec.n_frames:
            raise DataError(
                f"{subset.path}: {n_stored} frames a clip, expected {spec.n_frames} for frame_sampling: release"
            )
    folder = re.sub(r"[^A-Za-z0-9_-]+", "-", arrays.resolve().name)
    name = spec.definition.name if spec.definition else folder or "arrays"
    return _Source(dataset=name, layout=layout, spec=spec, subsets=subsets, labels=_labels(subsets, spec))


def _labels(subsets: Mapping[str, ArraySubset], spec: ImportSpec) -> dict[str, dict[int, int]]:
    """subset -> class id -> label; DataError unless each class is in one subset, that of the definition."""
    stored: dict[str, list[int]] = {name: np.unique(subset.labels_N).tolist() for name, subset in subsets.items()}
    if spec.renumber:
        ids = iter(range(sum(map(len, stored.values()))))
        return {name: {next(ids): label for label in labels} for name, labels in stored.items()}
    if spec.definition is not None:
        for name, labels in stored.items():
            _check_split(subsets[name], labels, spec.definition)
    for one, other in combinations(SUBSETS, 2):
        shared = sorted(set(stored[one]) & set(stored[other]))
        if shared:
            raise DataError(
                f"{subsets[other].label_path}: class ids that {one} has as well ({listed(shared, 10)}),"
                " expected each class in one part; if every part numbers its own classes from 0 on, give --renumber"
            )
    return {name: {label: label for label in labels} for name, labels in stored.items()}


def _check_split(subset: ArraySubset, labels: Sequence[int], definition: Definition) -> None:
    for label in labels:
        place = definition.subset_of(label)
        if place != subset.name:
            raise DataError(
                f"{subset.label_path}: class {label}, expected {subset.name} classes of {definition.name}, which has it"
                f" in {place or 'no part'}; for classes divided otherwise leave --dataset away"
            )


def _check_clips(source: _Source) -> tuple[dict[str, dict[int, _Class]], Counter[int], list[str]]:
    """Read everything once: the classes by subset and id, how many clips have how many bodies, the notes."""
    classes: dict[str, dict[int, _Class]] = {}
    bodies: Counter[int] = Counter()
    noted: Counter[str] = Counter()
    left_out: list[str] = []
    total = sum(map(len, source.subsets.values()))
    with progress(total=total, desc="check", unit="clip") as bar:
        for name, subset in source.subsets.items():
            rows: dict[int, list[int]] = {}
            for row, label in enumerate(subset.labels_N.tolist()):
                bar.update()
                try:
                    taken = _take(source, subset, row)
                except RefusedError as refusal:
                    left_out.append(f"{subset.path.name}: clip {row} (class {label}) left out, {refusal}")
                    continue
                rows.setdefault(label, []).append(row)
                bodies[len(taken.joints_MTVC)] += 1
                noted.update(taken.notes)
            if not rows:
                raise DataError(f"{subset.path}: no clip shows a body, expected at least one that does")
            classes[name] = {
                i: _Class(subset=subset, class_id=i, name=_class_name(name, i, label, source.spec), rows=rows[label])
                for i, label in source.labels[name].items()
                if label in rows
            }
    notes = [f"{count} clips: {note}" for note, count in sorted(noted.items())]
    return classes, bodies, [*_missing(source, classes), *left_out, *notes]


def _take(source: _Source, subset: ArraySubset, row: int) -> _Taken:
    """The frames that stand for a clip; RefusedError where they show no body."""
    clip_MTVC, n_source = subset.clip(row), int(subset.frames_N[row])
    at_T = _frames(source.spec, n_source, _key(subset, row))
    n_places = source.layout.n_space
    places_MTVC = clip_MTVC[..., :n_places]
    shown_M = np.asarray(places_MTVC[:, at_T].any(axis=(1, 2, 3)))
    if not shown_M.any():
        raise RefusedError("no body: zero in all frames taken")
    if _keeps_slots(source.spec):
        shown_M[: np.flatnonzero(shown_M)[-1]] = True
    dropped_M = places_MTVC[:, :n_source].any(axis=(1, 2, 3)) & ~shown_M
    padded = at_T[-1] >= n_source
    notes = (*([NOTE_DROPPED] if dropped_M.any() else []), *([NOTE_PADDED] if padded else []))
    joints_MTVC = clip_MTVC[shown_M][:, at_T]
    if source.spec.frame_order == "scrambled" and n_source >= source.spec.n_frames:
        joints_MTVC, notes = scramble(joints_MTVC), (*notes, NOTE_SCRAMBLED)
    return _Taken(joints_MTVC=joints_MTVC, at_T=at_T, notes=notes)


def _keeps_slots(spec: ImportSpec) -> bool:
    return spec.frame_sampling not in ("center", "random") if spec.keep_slots is None else spec.keep_slots


def _frames(spec: ImportSpec, n_source: int, key: str) -> NDArray[np.int64]:
    if spec.frame_sampling == "center":
        return segment_frames(n_source, spec.n_frames)
    draw = release_frames if spec.frame_sampling == "release" else segment_frames
    return draw(n_source, spec.n_frames, clip_rng(spec.seed, key))


def _key(subset: ArraySubset, row: int) -> str:
    """Keys sort like the rows."""
    return f"{subset.name}-{row:0{max(6, len(str(len(subset) - 1)))}d}"


def _clips(source: _Source, of: _Class, bar: "Bar[Any]") -> Iterator[Clip]:
    """The clips of one class with the facts that `split` gives them, and their label as stored."""
    for row in of.rows:
        taken = _take(source, of.subset, row)
        facts = {
            "class_id": of.class_id,
            "class_name": of.name,
            "part": of.subset.name,
            "dataset": source.dataset,
            **dict.fromkeys(("subject", "camera", "setup", "replication")),
            "source": f"{of.subset.path.name}[{row}]",
            "source_label": int(of.subset.labels_N[row]),
            "source_frames": max(int(of.subset.frames_N[row]), int(taken.at_T[-1]) + 1),  # padding that is taken counts
            "frame_index": taken.at_T.tolist(),
            "notes": list(taken.notes),
        }
        yield Clip(key=_key(of.subset, row), joints_MTVC=taken.joints_MTVC, facts=facts)
        bar.update()


def _class_name(subset: str, class_id: int, label: int, spec: ImportSpec) -> str:
    if spec.renumber:
        return f"{subset} class {label}"
    return (spec.definition and spec.definition.class_name(class_id)) or f"class {class_id}"


def _missing(source: _Source, classes: Mapping[str, Mapping[int, _Class]]) -> list[str]:
    """A note a subset on the classes that labels or the definition name and no usable clip shows."""
    notes = []
    for name, of_subset in classes.items():
        definition = source.spec.definition
        expected = {*source.labels[name], *(definition.split.class_split[name] if definition else ())}
        missing = sorted(expected - set(of_subset))
        notes += [f"{name}: no usable clip of class {listed(missing, 10)}"] if missing else []
    return notes


def _described(source: _Source, classes: Mapping[str, Mapping[int, _Class]]) -> dict[str, Any]:
    """What the manifest keeps as the definition; its split block has the keys that other shard folders' have."""
    spec = source.spec
    stored = {
        name: {"shape": list(subset.data_NCTVM.shape), "dtype": subset.data_NCTVM.dtype.name}
        for name, subset in source.subsets.items()
    }
    return {
        "name": source.dataset,
        "about": spec.definition.about if spec.definition else "",
        "arrays": {**stored, "renumber": spec.renumber, "keep_slots": _keeps_slots(spec)},
        "split": {
            "class_split": {name: list(of_subset) for name, of_subset in classes.items()},
            "n_frames": spec.n_frames,
            "frame_sampling": spec.frame_sampling,
            "frame_order": spec.frame_order,
            "bodies": SLOTS,
            "origin": AS_STORED,
            "rotate": "upright" if spec.upright else AS_STORED,
            "scale": AS_STORED,
            "seed": spec.seed,
            "clips_per_shard": spec.clips_per_shard,
        },
    }
