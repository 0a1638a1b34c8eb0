"""PYSKL annotation pickles (Duan et al., ACM MM 2022): one file of many GB -> its clips, and one clip -> tracks.

In: `{"split": {name: [frame_dir, ..]}, "annotations": [{"frame_dir", "label", "total_frames", "keypoint" (M, T, V, C),
"keypoint_score" (M, T, V), "img_shape" (height, width), ..}, ..]}`, or the list of annotations alone. Nothing in it is
executed (see `pipeline.parse.sources.pickles`). Out: one `Member` for each annotation; its numbers stay in the file
until `read`.

Bodies are zero-padded to the same frames, 2-D joints are pixels of img_shape. The splits of the file are not used: they
divide subjects or cameras; the definition divides classes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dastm.contract.errors import DataError, RefusedError
from pipeline.definitions.definition import ParseSpec
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.labels import Label
from pipeline.parse.raw_files import RawFile
from pipeline.parse.sources.dense import dense_tracks
from pipeline.parse.sources.members import MAX_CLIPS, Member, Source, named
from pipeline.parse.sources.pickled import Array, numbers, shown
from pipeline.parse.sources.pickles import load
from pipeline.parse.sources.seekable import reading
from pipeline.tracks import Tracks

SUFFIXES = (".pkl", ".pickle")
SCORES = ("keypoint_score", "joint_score")
"""The keys of confidences. The second one is ours, for 3-D: PYSKL allows no scores there, and ignores unknown keys."""
MAX_CLASSES = 1_000_000
NOTE_FRAMES = "total_frames_differs"


class Place(NamedTuple):
    """Where the numbers of a clip are, and the width and height of its image in pixels."""

    joints: Array
    scores: Array | None
    size: tuple[int, int] | None
    frames_stated: bool
    """Whether the annotation has `total_frames`, equal to the number of frames of the array."""


def members(files: Sequence[RawFile], spec: ParseSpec) -> Iterator[Member]:
    """Every annotation of every file; DataError (file, byte) where a file is no pickle of annotations."""
    for file in files:
        try:
            with reading(file) as opened:
                annotations = annotations_of(load(opened, file.size))
        except RefusedError as why:
            raise DataError(f"{file.root}: {file.source}: {why}") from None
        for row, annotation in enumerate(annotations):
            yield _member(file, row, annotation)


def annotations_of(document: Any) -> list[Any]:
    """The list of annotations; RefusedError where the pickle holds something else."""
    found = document.get("annotations") if isinstance(document, dict) else document
    if not isinstance(found, list) or not found:
        raise RefusedError(f"{shown(document)} that holds no list of annotations as PYSKL writes them")
    if len(found) > MAX_CLIPS:
        raise RefusedError(f"{len(found)} annotations, more than the {MAX_CLIPS} that a file may have")
    return found


def read(member: Member, spec: ParseSpec) -> Tracks:
    """One clip; RefusedError where its numbers do not fit each other or the layout."""
    place: Place = member.place
    with reading(member.raw, verified=True) as opened:
        clip_MTVC = numbers(opened, place.joints)
        scores_MTV = None if place.scores is None else numbers(opened, place.scores)
    return dense_tracks(
        clip_MTVC,
        scores_MTV,
        spec.layout,
        spec.source or SourceSpec(),
        zero_is_missing=spec.zero_is_missing,
        image="pixels",
        size=place.size,
        frames_stated=place.frames_stated,
        notes=member.notes,
    )


def _member(file: RawFile, row: int, annotation: Any) -> Member:
    name, stated, size = None, None, 0
    try:
        if not isinstance(annotation, dict):
            raise RefusedError(f"annotation {row}: {shown(annotation)}, expected a dict")
        stated = annotation.get("frame_dir")
        name, notes = named(stated)
        label = _label(annotation.get("label"))
        place = _place(annotation)
        size = place.joints.n_bytes + (place.scores.n_bytes if place.scores else 0)
        if annotation.get("total_frames", place.joints.shape[1]) != place.joints.shape[1]:
            notes += (NOTE_FRAMES,)
    except RefusedError as why:
        return Member(raw=file, within=f"[{row}]", name=name, size=size, problem=why.reason)
    labels = (Label("annotation", class_id=label),) if label is not None else ()
    return Member(
        raw=file, within=f"[{row}]", name=name, stated=stated, labels=labels, size=size, place=place, notes=notes
    )


def _label(label: Any) -> int | None:
    if label is None or (type(label) is int and 0 <= label < MAX_CLASSES):
        return label
    raise RefusedError(f"label {shown(label)} is not a class id")


def _place(annotation: dict[Any, Any]) -> Place:
    joints = annotation.get("keypoint")
    name = next((name for name in SCORES if annotation.get(name) is not None), SCORES[0])
    scores = annotation.get(name)
    odd = next((array.odd for array in (joints, scores) if isinstance(array, Array) and array.odd), None)
    if odd is not None:
        raise RefusedError(odd)
    if not isinstance(joints, Array) or len(joints.shape) != 4:
        raise RefusedError("no 'keypoint' array of bodies, frames, joints and coordinates")
    if scores is not None and not isinstance(scores, Array):
        raise RefusedError(f"'{name}' is not an array")
    size = _size(annotation.get("img_shape") or annotation.get("original_shape"))
    return Place(joints, scores, size, annotation.get("total_frames") == joints.shape[1])


def _size(shape: Any) -> tuple[int, int] | None:
    """(height, width) -> (width, height)."""
    match shape:
        case None:
            return None
        case (int() as height, int() as width, *_) if 0 < height < 10**6 and 0 < width < 10**6:
            return width, height
    raise RefusedError("'img_shape' is not a height and a width in pixels")


PYSKL = Source(suffixes=SUFFIXES, members=members, read=read)
