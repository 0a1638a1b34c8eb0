"""Counts a whole data set: clips, their lengths, bodies, missing joints.

In: a parsed table or a shard folder, read once, one clip at a time. Out: `Stats`, as plain values; memory grows with
the number of classes, lengths and subjects, not of clips.
Axes: P observations, M bodies, T frames, V joints.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import DataError
from dastm.contract.progress import progress
from dastm.contract.shard_format import SUBSETS, Clip, Manifest
from dastm.contract.shard_reading import read_shard
from dastm.contract.skeleton import LAYOUTS, Layout
from pipeline.inspect.stored import read_index, read_manifest, setting_of, source_frames
from pipeline.kernels import joints
from pipeline.kernels.frame_sampling import in_time
from pipeline.parse.summary import count_kinds, ordered
from pipeline.storage.table import ParsedClip, check_layout, read_clips, read_facts, read_layout, read_refused

OUTSIDE = "outside"
"""Where a class is that is in no subset."""
PEOPLE_AND_PLACES = ("subject", "camera", "setup")
QUANTILES = {"min": 0.0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "max": 1.0}
PATIENCE_S = 2.0
"""A bar appears after this number of seconds."""


@dataclass(kw_only=True)
class ClassCount:
    """The counts of one class."""

    class_id: int
    name: str
    subset: str
    clips: int = 0
    frames: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, which calls the subset `part`, as the manifest does."""
        document = asdict(self)
        return {"part" if name == "subset" else name: value for name, value in document.items()}


@dataclass(kw_only=True)
class Stats:
    """The counts of a table or a shard folder."""

    of: str
    """What was counted: `parsed` or `shards`."""
    dataset: str
    layout: Layout
    clips: int = 0
    frames: int = 0
    """Frames of the sources, those without a body included."""
    classes: list[ClassCount] = field(default_factory=list)
    """In order of class ids."""
    lengths: Counter[int] = field(default_factory=Counter)
    """Frames of a source -> clips."""
    bodies: Counter[int] = field(default_factory=Counter)
    """Body tracks (parsed) or kept bodies (shards) -> clips."""
    empty_frames: int = 0
    """Frames that show nobody; of a parsed table only."""
    empty_clips: int = 0
    """Clips with such frames."""
    missing_V: list[float] | None = None
    """Share of each joint's places that hold no measurement; None where the shards do not tell, being interpolated."""
    people_and_places: dict[str, Counter[int]] = field(default_factory=dict)
    """subject, camera, setup -> number -> clips, where the data set says."""
    notes: Counter[str] = field(default_factory=Counter)
    """Oddity (a note on clips) -> number of clips that have it."""
    dropped: Counter[str] = field(default_factory=Counter)
    """The step of the choice of bodies that dropped a track -> tracks; of shards only, where their index says."""
    refused: Counter[str] = field(default_factory=Counter)
    """Kind of reason -> raw files; of a parsed table only."""
    refused_examples: dict[str, str] = field(default_factory=dict)
    """A kind that says less than the reasons -> the first of its files with its whole reason."""

    @property
    def missing(self) -> float | None:
        """Share of all joints without a measurement."""
        return None if self.missing_V is None else float(np.mean(self.missing_V))

    def worst_joints(self, most: int) -> list[tuple[str, float]]:
        """The joints that are missing most, of those that are missing at all."""
        shares = list(zip(self.layout.joints, self.missing_V or (), strict=False))
        return sorted((s for s in shares if s[1] > 0), key=lambda share: -share[1])[:most]

    def subsets(self) -> dict[str, dict[str, int]]:
        """subset -> classes with clips, clips, fewest and most clips a class, frames."""
        return {
            subset: self._subset(subset)
            for subset in (*SUBSETS, OUTSIDE)
            if any(c.subset == subset for c in self.classes)
        }

    def _subset(self, subset: str) -> dict[str, int]:
        of = [c for c in self.classes if c.subset == subset]
        counts = [c.clips for c in of]
        return {
            "classes": len(of),
            "clips": sum(counts),
            "fewest": min(counts),
            "most": max(counts),
            "frames": sum(c.frames for c in of),
        }

    def length_quantiles(self) -> dict[str, float]:
        """Lengths of clips, in frames; the smallest length that this share of clips does not exceed, and the mean."""
        if not self.clips:
            return {}
        lengths = sorted(self.lengths)
        below = np.cumsum([self.lengths[n] for n in lengths])
        at = {name: int(np.searchsorted(below, max(1, np.ceil(q * self.clips)))) for name, q in QUANTILES.items()}
        return {**{name: lengths[i] for name, i in at.items()}, "mean": round(self.frames / self.clips, 2)}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; equal stats give equal documents."""
        return {
            "of": self.of,
            "dataset": self.dataset,
            "clips": self.clips,
            "frames": self.frames,
            "parts": self.subsets(),
            "classes": [c.to_dict() for c in self.classes],
            "lengths": self.length_quantiles(),
            "length_counts": _plain(self.lengths),
            "bodies": _plain(self.bodies),
            "frames_without_body": {"frames": self.empty_frames, "clips": self.empty_clips},
            "missing_joints": None if self.missing_V is None else round(float(np.mean(self.missing_V)), 6),
            "missing_by_joint": None
            if self.missing_V is None
            else {name: round(share, 6) for name, share in zip(self.layout.joints, self.missing_V, strict=True)},
            **{f"{name}s": _plain(counts) for name, counts in self.people_and_places.items()},
            "notes": ordered(self.notes),
            "dropped": ordered(self.dropped),
            "refused": ordered(self.refused),
            "refused_examples": self.refused_examples,
        }


def _plain(counts: Counter[int]) -> dict[str, int]:
    return {str(value): counts[value] for value in sorted(counts)}


def parsed_stats(
    folder: Path, layout: Layout | None = None, class_split: Mapping[str, Collection[int]] | None = None
) -> Stats:
    """Count a parsed table.

    Args:
        layout: without one it follows from the number of joints.
        class_split: subset -> class ids; without one all classes are outside.

    Raises: DataError where the table is not finished or damaged, or its joints are not those of the layout.
    """
    total = read_facts(folder, ("class_id",)).num_rows
    if layout is not None:
        check_layout(folder, layout)
    stats: Stats | None = None
    classes: dict[int, ClassCount] = {}
    missing_V: NDArray[np.int64] | None = None
    observations = 0
    for clip in _progress(read_clips(folder), total):
        if stats is None or missing_V is None:
            stats = Stats(
                of="parsed", dataset=clip.dataset, layout=layout or read_layout(folder) or _known_layout(clip, folder)
            )
            missing_V = np.zeros(stats.layout.n_joints, np.int64)
        _check_layout(clip, stats.layout, folder)
        tracks = clip.tracks
        measured_PV = joints.measured(tracks.joints_PVC, tracks.scores_PV)
        missing_V += len(measured_PV) - measured_PV.sum(axis=0)
        observations += len(measured_PV)
        shown = len(np.unique(tracks.frame_index[measured_PV.any(axis=1)]))
        stats.empty_frames += tracks.frames - shown
        stats.empty_clips += shown < tracks.frames
        subset = next((subset for subset, ids in (class_split or {}).items() if clip.class_id in ids), OUTSIDE)
        of = ClassCount(class_id=clip.class_id, name=clip.class_name, subset=subset)
        numbers = {name: getattr(clip, name) for name in PEOPLE_AND_PLACES}
        _count(stats, classes.setdefault(clip.class_id, of), tracks.frames, len(tracks.ids), numbers, tracks.notes)
    if stats is None or missing_V is None:
        raise DataError(f"{folder}: the parsed table holds no clip")
    stats.classes = [classes[class_id] for class_id in sorted(classes)]
    stats.missing_V = (missing_V / max(1, observations)).tolist()
    if any(folder.glob("refused-*.parquet")):
        count_kinds(read_refused(folder), stats.refused, stats.refused_examples)
    return stats


def shard_stats(folder: Path) -> Stats:
    """Count a shard folder: its arrays and the facts beside them.

    Raises: DataError where there are no shards, ShardError where they are damaged.
    """
    manifest = read_manifest(folder)
    stats = Stats(of="shards", dataset=manifest.dataset, layout=manifest.layout)
    total = sum(entry.clips for classes in manifest.subsets.values() for entry in classes.values())
    missing_V, places = np.zeros(manifest.layout.n_joints, np.int64), 0
    tells = _tells_missing(manifest)
    centred = {"every_frame": slice(None), "first_frame": slice(1)}.get(str(setting_of(manifest, "origin")), slice(0))
    for of, clip in _progress(_clips_of(folder, manifest, stats), total):
        if tells:
            missing_MTV = _missing(clip, manifest.layout, centred)
            missing_V += missing_MTV.sum(axis=(0, 1))
            places += missing_MTV.shape[0] * missing_MTV.shape[1]
        facts = clip.facts
        numbers = {name: facts.get(name) for name in PEOPLE_AND_PLACES}
        notes = tuple(facts.get("notes", ()))
        _count(stats, of, source_frames(clip), len(clip.joints_MTVC), numbers, notes)
    stats.classes.sort(key=lambda of: of.class_id)
    stats.dropped = Counter(_dropping_steps(folder))
    stats.missing_V = (missing_V / max(1, places)).tolist() if tells else None
    return stats


def _dropping_steps(folder: Path) -> Iterator[str]:
    """The step that dropped a track, for every one that the index lists."""
    index = read_index(folder)
    for tracks in index["dropped"].to_pylist() if "dropped" in index.column_names else ():
        yield from (str(track["reason"]).partition(":")[0] for track in tracks or ())


def _clips_of(folder: Path, manifest: Manifest, stats: Stats) -> Iterator[tuple[ClassCount, Clip]]:
    """Every clip with the count of its class, which is added to `stats`."""
    for subset in SUBSETS:
        for class_id, entry in sorted(manifest.subsets.get(subset, {}).items()):
            of = ClassCount(class_id=class_id, name=entry.name, subset=subset)
            stats.classes.append(of)
            for shard in entry.shards:
                for clip in read_shard(folder, shard):
                    yield of, clip


def _count(
    stats: Stats,
    of: ClassCount,
    frames: int,
    bodies: int,
    numbers: dict[str, int | None],
    notes: tuple[str, ...],
) -> None:
    """Add one clip to the counts."""
    stats.clips += 1
    stats.frames += frames
    of.clips += 1
    of.frames += frames
    stats.lengths[frames] += 1
    stats.bodies[bodies] += 1
    stats.notes.update(set(notes))
    for name, number in numbers.items():
        if number is not None:
            stats.people_and_places.setdefault(name, Counter())[int(number)] += 1


def _progress(clips: Iterator[Any], total: int) -> Iterator[Any]:
    return iter(progress(clips, total=total, desc="stats", unit="clip", delay=PATIENCE_S))


def _known_layout(clip: ParsedClip, folder: Path) -> Layout:
    shape = (clip.tracks.joints_PVC.shape[1], clip.tracks.joints_PVC.shape[2] == 2)
    for layout in LAYOUTS.values():
        if (layout.n_joints, layout.is_image) == shape:
            return layout
    raise DataError(f"{folder}: no known layout has {shape[0]} joints; name the data set with --dataset")


def _check_layout(clip: ParsedClip, layout: Layout, folder: Path) -> None:
    n_joints, is_image = clip.tracks.joints_PVC.shape[1], clip.tracks.joints_PVC.shape[2] == 2
    if (n_joints, is_image) != (layout.n_joints, layout.is_image):
        kind = "2-D" if is_image else "3-D"
        raise DataError(
            f"{folder}: clip {clip.key} has {n_joints} {kind} joints, not those of layout {layout.name};"
            " name the data set that it is with --dataset"
        )


def _tells_missing(manifest: Manifest) -> bool:
    """Whether a shard shows which joints were missing: by confidence, or because they were left at zero.

    Where nothing was moved, a joint at zero may have been there in the source.
    """
    moved = setting_of(manifest, "origin") in ("first_frame", "every_frame")
    return manifest.layout.is_image or (moved and setting_of(manifest, "missing_joints") == "zero")


def _missing(clip: Clip, layout: Layout, centred: slice) -> NDArray[np.bool_]:
    """(M, T, V); the centre that normalisation moved into the origin, in frames `centred`, is not missing."""
    joints_MTVC = in_time(clip.joints_MTVC, clip.facts.get("notes", ()))
    if layout.is_image:
        return np.asarray(joints_MTVC[..., -1] <= 0)
    missing_MTV = np.asarray(~joints_MTVC.any(axis=3))
    missing_MTV[0, centred, layout.centre] = False
    return missing_MTV
