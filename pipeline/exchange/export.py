"""A parsed table or a shard folder -> one annotation pickle in PYSKL's format, for other tools.

Out: `{"annotations": [{"frame_dir", "label", "total_frames", "keypoint" float32 (M, T, V, C), ..}, ..], "split": {..},
"dastm": {..}}`, written clip by clip and byte-deterministic; `parse` with format pyskl_pickle reads it back.

Parsed clips are as their source has them, absent bodies zero: 3-D joints to the bit, those not measured zero with a
`joint_score` of 0 (PYSKL has no scores in 3-D, and passes over that name); 2-D fractions times `img_shape`,
to the bit too where its sides are powers of two (the default), else to a unit in the last place. Body ids and notes are
not part of the form. Clips of shards are moved, turned and sampled as training sees them. In 2-D the form knows pixels
only: what shards keep as x - 0.5 and 0.5 - y is put back, the middle of the image where shards have their origin, and
read again it is the same joints to a unit in the last place. Labels are the data set's class ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import DataError
from dastm.contract.progress import progress
from dastm.contract.shard_format import MANIFEST_NAME, SUBSETS, Clip, Manifest
from dastm.contract.shard_reading import has_manifest, read_manifest, read_shard
from dastm.contract.skeleton import Layout
from dastm.contract.wording import listed
from pipeline.definitions.definition import Definition
from pipeline.exchange.pickling import dict_of, encoded, end, list_of, start
from pipeline.kernels.frame_sampling import in_time
from pipeline.kernels.joints import measured
from pipeline.storage.table import ParsedClip, check_layout, read_clips
from pipeline.work.paths import clear_errors, single_file

IMG_SHAPE = (1024, 1024)
"""Height and width that fractions of the image are exported as pixels of."""
MAX_CLIP_BYTES = 512 * 2**20
PYSKL_BODIES = 2
"""PYSKL's preparation of 3-D clips stops at a clip of more bodies."""
EVERY = "all"
"""The name of the only split if no class split is known."""


@dataclass(frozen=True)
class ExportSummary:
    """Counts of what an export wrote."""

    clips: int
    splits: Mapping[str, int]
    n_bytes: int
    crowded: Sequence[str] = ()
    """Keys of the clips in 3-D with more bodies than PYSKL's own preparation takes."""

    def lines(self) -> list[str]:
        """The summary as lines for people."""
        splits = ", ".join(f"{name} {count}" for name, count in self.splits.items())
        limit = f"more than {PYSKL_BODIES} bodies, which PYSKL does not take in 3-D ({listed(self.crowded, 3)})"
        crowded = [f"{len(self.crowded)} clips have {limit}; export shards"] if self.crowded else []
        return [f"{self.clips} annotations ({splits}), {self.n_bytes / 1e6:.1f} MB", *crowded]


def export_parsed(
    parsed: Path, out: Path, definition: Definition | None = None, img_shape: tuple[int, int] = IMG_SHAPE
) -> ExportSummary:
    """Export a parsed table in its order, with the class split of a definition; clips outside it are in no split.

    Raises: DataError where the table or `out` cannot be used; `out` is replaced once the new file is whole.
    """
    splits: dict[str, list[str]] = {subset: [] for subset in SUBSETS} if definition else {EVERY: []}
    about: dict[str, Any] = {"coordinates": "as parsed"}
    if definition is not None:
        check_layout(parsed, definition.parse.layout)
        about |= {"dataset": definition.name, "layout": definition.parse.layout.to_dict()}

    def annotations() -> Iterator[dict[str, Any]]:
        for clip in read_clips(parsed):
            subset = definition.subset_of(clip.class_id) if definition else EVERY
            if subset is not None:
                splits[subset].append(clip.key)
            yield _parsed_annotation(clip, img_shape)

    return _write(out, annotations(), splits, about)


def export_shards(shards: Path, out: Path) -> ExportSummary:
    """Export a shard folder, subset after subset and class after class.

    Raises: ShardError or DataError where a shard is damaged or `out` cannot be written.
    """
    if not has_manifest(shards):
        raise DataError(f"{shards / MANIFEST_NAME}: not there; run `dastm-data split` first, or name another folder")
    manifest = read_manifest(shards)
    _check_form(manifest.layout, shards / MANIFEST_NAME)
    splits: dict[str, list[str]] = {subset: [] for subset in SUBSETS}
    put_back = ", put back into an image" if manifest.layout.is_image else ""
    about = {
        "coordinates": f"as in the shards{put_back}",
        "dataset": manifest.dataset,
        "layout": manifest.layout.to_dict(),
    }

    def annotations() -> Iterator[dict[str, Any]]:
        for subset, clip in read_shards(shards, manifest):
            splits[subset].append(clip.key)
            yield _shard_annotation(clip, manifest)

    return _write(out, annotations(), splits, about)


def _check_form(layout: Layout, path: Path) -> None:
    """DataError for coordinates that the form has no place for."""
    if len(layout.coordinates) != 3:
        named = f"{path}: layout {layout.name} has the coordinates {', '.join(layout.coordinates)}"
        raise DataError(f"{named}; PYSKL's form holds x, y, z or x, y, confidence")


def read_shards(shards: Path, manifest: Manifest) -> Iterator[tuple[str, Clip]]:
    """(subset, clip) in the order of the manifest, one clip in memory; ShardError or DataError where one is damaged."""
    for subset, entries in manifest.subsets.items():
        for class_id, entry in sorted(entries.items()):
            count = 0
            for name in entry.shards:
                for clip in read_shard(shards, name):
                    yield subset, clip
                    count += 1
            if count != entry.clips:
                raise DataError(f"{shards}: {count} clips of {subset} class {class_id}, the manifest has {entry.clips}")


def _parsed_annotation(clip: ParsedClip, img_shape: tuple[int, int]) -> dict[str, Any]:
    tracks = clip.tracks
    n_joints, n_coordinates = tracks.joints_PVC.shape[1:]
    shape = (len(tracks.ids), tracks.frames, n_joints, n_coordinates)
    if 4 * np.prod(shape, dtype=object) > MAX_CLIP_BYTES:
        raise DataError(f"clip {clip.key}: {shape[0]} bodies x {shape[1]} frames are too many for one array")
    at_P = (np.repeat(np.arange(shape[0]), tracks.lengths), tracks.frame_index)
    joints_MTVC = np.zeros(shape, np.float32)
    known_PV = measured(tracks.joints_PVC, tracks.scores_PV)
    is_image = n_coordinates == 2
    joints_MTVC[at_P] = tracks.joints_PVC if is_image else np.where(known_PV[..., None], tracks.joints_PVC, 0)
    annotation = _annotation(clip.key, clip.class_id, tracks.frames)
    if tracks.scores_PV is None and known_PV.all():
        return {**annotation, "keypoint": joints_MTVC}
    scores_MTV = np.zeros(shape[:3], np.float32)
    scores_MTV[at_P] = known_PV if tracks.scores_PV is None else tracks.scores_PV
    if not is_image:
        return {**annotation, "keypoint": joints_MTVC, "joint_score": scores_MTV}
    joints_MTVC *= np.array(img_shape[::-1], np.float32)
    return {**annotation, **_image(img_shape), "keypoint": joints_MTVC, "keypoint_score": scores_MTV}


def _shard_annotation(clip: Clip, manifest: Manifest) -> dict[str, Any]:
    joints_MTVC = in_time(clip.joints_MTVC, clip.facts.get("notes", ()))
    annotation = _annotation(clip.key, int(clip.facts["class_id"]), joints_MTVC.shape[1])
    if not manifest.layout.is_image:
        return {**annotation, "keypoint": joints_MTVC}
    scores_MTV = joints_MTVC[..., 2]
    pixels_MTVC = _pixels(joints_MTVC[..., :2], scores_MTV)
    return {**annotation, **_image(IMG_SHAPE), "keypoint": pixels_MTVC, "keypoint_score": scores_MTV}


def _pixels(centred_MTVC: NDArray[np.float32], scores_MTV: NDArray[np.float32]) -> NDArray[np.float32]:
    """x - 0.5 and 0.5 - y, as shards keep them -> pixels, y down; what was not measured and is at 0 stays there."""
    fractions_MTVC = centred_MTVC.astype(np.float64) * [1.0, -1.0] + 0.5
    lost_MTV = (scores_MTV == 0) & ~centred_MTVC.any(axis=3)
    pixels_MTVC = np.where(lost_MTV[..., None], 0.0, fractions_MTVC * IMG_SHAPE[::-1])
    return pixels_MTVC.astype(np.float32)


def _annotation(key: str, class_id: int, frames: int) -> dict[str, Any]:
    return {"frame_dir": key, "label": class_id, "total_frames": frames}


def _image(img_shape: tuple[int, int]) -> dict[str, Any]:
    return {"img_shape": img_shape, "original_shape": img_shape}


def _write(
    out: Path, annotations: Iterator[dict[str, Any]], splits: Mapping[str, list[str]], about: Mapping[str, Any]
) -> ExportSummary:
    """The file, there only when whole; the splits are complete when the annotations are written."""
    n_clips, crowded = 0, list[str]()

    def counted() -> Iterator[bytes]:
        nonlocal n_clips
        for annotation in progress(annotations, desc="export", unit="clip"):
            n_clips += 1
            shape = annotation["keypoint"].shape
            if shape[0] > PYSKL_BODIES and shape[3] == 3:
                crowded.append(annotation["frame_dir"])
            yield encoded(annotation)

    keys = (list_of(encoded(key) for key in keys) for keys in splits.values())
    document = dict_of(
        [
            ("annotations", list_of(counted())),
            ("split", dict_of(zip(splits, keys, strict=True))),
            ("dastm", [encoded(dict(about))]),
        ]
    )
    with clear_errors(out), single_file(out) as file:
        n_bytes = _write_all(file, document)
        if not n_clips:
            raise DataError("not a single clip to export")
    return ExportSummary(n_clips, {name: len(keys) for name, keys in splits.items()}, n_bytes, crowded)


def _write_all(file: IO[bytes], document: Iterator[bytes]) -> int:
    n_bytes = 0
    for piece in chain([start()], document, [end()]):
        n_bytes += file.write(piece)
    return n_bytes
