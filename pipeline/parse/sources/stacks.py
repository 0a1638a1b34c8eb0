"""Stacks: all clips of a subset in one array, as ST-GCN, 2s-AGCN and CTR-GCN keep them -> clips, read one at a time.

In: `<part>_data.npy` or `<part>_data_joint.npy` (N, C, T, V, M) with `<part>_label.pkl` (names and labels, Yan et al.,
AAAI 2018; Shi et al., CVPR 2019) or `<part>_label.npy`, and `<part>_frame.npy` (frame counts) if present; or
.npz archives with `x_<part>` (N, T, M * V * C) and `y_<part>` one-hot (Chen et al., ICCV 2021). Out: a `Member` a row.
Frames that are zero at the end, or repeat the clip to its end, are padding, unless frame counts say otherwise; a body
slot of zeros is an absent body.
A compressed .npz is decompressed in order.

Axes: N clips, C coordinates, T frames, V joints, M bodies.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import DataError, RefusedError
from pipeline.definitions.definition import ParseSpec
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.labels import Label
from pipeline.parse.raw_files import RawFile
from pipeline.parse.sources.dense import dense_tracks
from pipeline.parse.sources.members import MAX_CLIPS, Member, Source, named
from pipeline.parse.sources.npy import NpyHeader, read_chunks, read_header, read_row
from pipeline.parse.sources.pickled import Array, numbers
from pipeline.parse.sources.pickles import load
from pipeline.parse.sources.seekable import members as archive_members
from pipeline.parse.sources.seekable import reading
from pipeline.parse.suffixes import has_suffix
from pipeline.tracks import ClipName, Tracks

SUFFIXES = (".npy", ".npz", ".pkl")
MAX_CLASSES = 1_000_000
MAX_SLOTS = 64

_DATA = re.compile(r"(?P<part>.+?)_data(_joint)?\.npy", re.IGNORECASE)
_ARRAYS = re.compile(r"x_(?P<part>.+)\.npy")


class Place(NamedTuple):
    """The place of a row: its file, its member and its number."""

    inner: str | None
    header: NpyHeader
    row: int
    frames: int | None


class _Labels(NamedTuple):
    names: list[Any] | None
    class_ids: NDArray[np.int64] | None
    """None where nobody asks for them."""


def members(files: Sequence[RawFile], spec: ParseSpec) -> Iterator[Member]:
    """Every row of every stack; DataError (file) where labels are missing or do not fit, or there is no stack."""
    beside = {_place(file.root, PurePosixPath(file.source)): file for file in files}
    found = False
    for file in files:
        try:
            if has_suffix(file.name, ".npz"):
                for subset, inner in _subsets_of_archive(file):
                    found = True
                    yield from _archive_rows(file, subset, inner)
            elif match := _DATA.fullmatch(file.name):
                found = True
                yield from _rows(file, match["part"], beside)
        except RefusedError as why:
            raise DataError(f"{file.root}: {file.source}: {why}") from None
    if not found:
        raise DataError(f"{files[0].root}: no <part>_data.npy, <part>_data_joint.npy, or .npz with x_<part>")


def read(member: Member, spec: ParseSpec) -> Tracks:
    """One row; RefusedError where it is cut off or does not fit the layout."""
    place: Place = member.place
    with reading(member.raw, place.inner, verified=True) as opened:
        row = read_row(opened, place.header, place.row)
    clip_MTVC = _by_frame(row, spec) if row.ndim == 2 else row.transpose(3, 1, 2, 0)
    shown = np.flatnonzero((clip_MTVC != 0).any(axis=(0, 2, 3)))  # nan counts as shown
    frames = place.frames if place.frames is not None else int(shown[-1]) + 1 if len(shown) else 0
    if not frames:
        raise RefusedError("all of it is zero, or of no frame")
    return dense_tracks(
        clip_MTVC[:, :frames],
        None,
        spec.layout,
        spec.source or SourceSpec(),
        zero_is_missing=spec.zero_is_missing,
        image="centred",
        frames_stated=place.frames is not None,
        notes=member.notes,
    )


def _by_frame(row_TK: NDArray[Any], spec: ParseSpec) -> NDArray[Any]:
    """(T, M * V * C) -> (M, T, V, C)."""
    n_joints, n_coordinates = spec.layout.n_joints, len(spec.layout.coordinates)
    slots, rest = divmod(row_TK.shape[1], n_joints * n_coordinates)
    if rest or not 1 <= slots <= MAX_SLOTS:
        raise RefusedError(f"{row_TK.shape[1]} numbers a frame, expected bodies x {n_joints} joints x {n_coordinates}")
    return row_TK.reshape(len(row_TK), slots, n_joints, n_coordinates).transpose(1, 0, 2, 3)


def _rows(file: RawFile, subset: str, beside: dict[Any, RawFile]) -> Iterator[Member]:
    """The rows of a `<part>_data.npy`, with the labels and frame counts that lie beside it."""
    with reading(file) as opened:
        header = read_header(opened)
    if len(header.shape) != 5:
        raise RefusedError(f"an array of shape {header.shape}, expected (clips, coordinates, frames, joints, bodies)")
    folder = PurePosixPath(file.source).parent
    near = {
        suffix: beside.get(_place(file.root, folder / f"{subset}_{suffix}"))
        for suffix in ("label.pkl", "label.npy", "frame.npy")
    }
    label_file = near["label.pkl"] or near["label.npy"]
    if label_file is None:
        raise RefusedError(f"neither {subset}_label.pkl nor {subset}_label.npy beside it")
    labels = _pickled_labels(label_file) if near["label.pkl"] else _Labels(None, _whole(label_file, None, MAX_CLASSES))
    frames_N = _whole(near["frame.npy"], None, header.shape[2]) if near["frame.npy"] else None
    yield from _members(file, None, header, subset, labels, frames_N)


def unlabelled(file: RawFile) -> Iterator[Member]:
    """The rows of a `<part>_data.npy` without labels, which `parse` would refuse; RefusedError as in `members`."""
    with reading(file) as opened:
        header = read_header(opened)
    if len(header.shape) != 5:
        raise RefusedError(f"an array of shape {header.shape}, expected (clips, coordinates, frames, joints, bodies)")
    yield from _members(file, None, header, PurePosixPath(file.source).stem, _Labels(None, None), None)


def _place(root: Path, source: PurePosixPath) -> tuple[Path, str, str]:
    """By what a file is found: its folder, and its name in capitals or not."""
    return root, source.parent.as_posix(), source.name.lower()


def _subsets_of_archive(file: RawFile) -> list[tuple[str, str]]:
    """(subset, member) of every x_ array; RefusedError where an x_ has no y_."""
    names = archive_members(file)
    subsets = [(match["part"], name) for name in sorted(names) if (match := _ARRAYS.fullmatch(name))]
    for subset, _ in subsets:
        if f"y_{subset}.npy" not in names:
            raise RefusedError(f"x_{subset} without y_{subset}")
    return subsets


def _archive_rows(file: RawFile, subset: str, inner: str) -> Iterator[Member]:
    with reading(file, inner) as opened:
        header = read_header(opened)
    if len(header.shape) not in (3, 5):
        raise RefusedError(
            f"x_{subset} of shape {header.shape}, expected (clips, frames, bodies x joints x coordinates)"
        )
    yield from _members(file, inner, header, subset, _Labels(None, _whole(file, f"y_{subset}.npy", MAX_CLASSES)), None)


def _members(
    file: RawFile,
    inner: str | None,
    header: NpyHeader,
    subset: str,
    labels: _Labels,
    frames_N: NDArray[np.int64] | None,
) -> Iterator[Member]:
    """A member a row. Labels that have been read are real; the rows are claimed, and read later."""
    n_clips = header.shape[0]
    if n_clips > MAX_CLIPS:
        raise RefusedError(f"{n_clips} clips, more than the {MAX_CLIPS} that a file may have")
    for what, some in (("labels", labels.class_ids), ("names", labels.names)):
        if some is not None and len(some) != n_clips:
            raise RefusedError(f"{len(some)} {what} for {n_clips} clips")
    if frames_N is not None and len(frames_N) != n_clips:
        raise RefusedError(f"{len(frames_N)} frame counts for {n_clips} clips")
    prefix = "_".join([*PurePosixPath(file.source).parent.parts, f"{file.name[:-4]}-{subset}" if inner else subset])
    for row in range(n_clips):
        name: ClipName | None = None
        stated: str | None = None
        problem: str | None = None
        notes: tuple[str, ...] = ()
        try:
            stated = labels.names[row] if labels.names is not None else None
            name, notes = named(f"{prefix}-{row:06d}" if labels.names is None else stated)
        except RefusedError as why:
            problem = why.reason
        frames = None if frames_N is None else int(frames_N[row])
        yield Member(
            raw=file,
            within=f"[{row}]" if inner is None else f"[x_{subset}][{row}]",
            name=name,
            stated=stated,
            labels=_label(labels, row),
            size=header.row_bytes,
            place=Place(inner, header, row, frames),
            problem=problem,
            notes=notes,
        )


def _label(labels: _Labels, row: int) -> tuple[Label, ...]:
    return () if labels.class_ids is None else (Label("labels of the stack", class_id=int(labels.class_ids[row])),)


def _pickled_labels(file: RawFile) -> _Labels:
    """(names, labels), as lists or arrays."""
    with reading(file) as opened:
        document = load(opened, file.size)
        if not isinstance(document, tuple | list) or len(document) != 2:
            raise RefusedError(f"{file.name}: not a pair of names and labels")
        names, labels = (numbers(opened, piece).tolist() if isinstance(piece, Array) else piece for piece in document)
    if not (isinstance(names, list | tuple) and isinstance(labels, list | tuple) and len(names) == len(labels)):
        raise RefusedError(f"{file.name}: not a list of names and one of as many labels")
    wrong = next((row for row, i in enumerate(labels) if type(i) is not int or not 0 <= i < MAX_CLASSES), None)
    if wrong is not None:
        raise RefusedError(f"{file.name}: label {wrong} is not a class id")
    return _Labels(list(names), np.array(labels, np.int64))


def _whole(file: RawFile, inner: str | None, most: int) -> NDArray[np.int64]:
    """Whole numbers (N,), or the place of the one in each row of (N, K); RefusedError where it is neither."""
    found: list[NDArray[np.int64]] = []
    what = inner or file.name
    with reading(file, inner) as opened:
        header = read_header(opened)
        if len(header.shape) not in (1, 2) or header.shape[0] > MAX_CLIPS:
            raise RefusedError(f"{what}: an array of shape {header.shape}, expected (clips,) or (clips, classes)")
        for values in read_chunks(opened, header):
            if values.ndim == 2:
                if not (((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all()):
                    raise RefusedError(f"{what}: rows that are not zeros and a one")
                values = values.argmax(axis=1)
            if not ((values >= 0) & (values <= most) & (values == np.floor(values))).all():
                raise RefusedError(f"{what}: a number that is not whole, or not from 0 to {most}")
            found.append(values.astype(np.int64))
    return np.concatenate([np.zeros(0, np.int64), *found])


STACKS = Source(suffixes=SUFFIXES, members=members, read=read)
