"""DeepLabCut's and SLEAP's tables: named body parts with x and y in pixels, of one animal or several.

`deeplabcut_csv`: two to four lines of names (scorer, [individuals,] bodyparts, coords), then a line a frame; the first
column, or the first three, say the frame: its number, or the path of its picture (DeepLabCut's docs, "output files",
and its convertcsv2h5 for the three columns of 2.2 and later). coords are x, y and, of networks, likelihood, or x, y and
z of a triangulation; an empty field is a part that was not labelled, and so is one that is left out at the end of a
line. Parts of the individual `single` are of no animal, and are left out where there are others. `sleap_csv`: `track,
frame_idx, instance.score, A.x, A.y, A.score, ..` as `sleap-convert --format analysis.csv` writes it; a line an animal
and frame, track empty where it is not tracked.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import plain
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of, last_number
from pipeline.parse.tools.quick_tables import after_lines, numbered_columns, quick_columns, text_column
from pipeline.parse.tools.space import unit_of, up_of
from pipeline.parse.tools.tables import (
    Numbers,
    check_given_once,
    delimiter_of,
    first_row,
    floats,
    of_width,
    rows_of_text,
)

_HEADS = ("scorer", "individuals", "bodyparts", "coords")
_COORDS = {"x": 0, "y": 1, "likelihood": 2, "z": 3}
NOTE_SINGLE = "parts_of_no_individual_left_out"
Places = dict[str, dict[str, dict[int, int]]]
"""Individual -> part -> coordinate -> column."""


def read_deeplabcut(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`deeplabcut_csv`: one file; RefusedError with the line for anything else."""
    (file,) = files
    heads: dict[str, list[str]] = {}
    rows = rows_of_text(file.data)
    first = next(rows, None)
    while first is not None and first[1][0].lower() in _HEADS:
        heads[first[1][0].lower()] = first[1]
        first = next(rows, None)
    if "coords" in heads:
        heads["coords"] = [name.lower() for name in heads["coords"]]
    n_index = next((at for at, name in enumerate(heads.get("coords", ())) if name in _COORDS), 0)
    width = max(map(len, heads.values()), default=0)
    own = {name: row[n_index:] for name, row in heads.items()}
    _places(own)
    quick = None if first is None else _at_once(file.data, after_lines(file.data, first[0] - 1), n_index, width)
    if quick is not None:
        return poses_of_table(own, quick[1], quick[0])
    numbers = Numbers()
    stated: list[int] = []
    for line, row in chain([] if first is None else [first], rows):
        numbers.add(of_width(row + [""] * (width - len(row)), width, line)[n_index:], line)
        stated.append(frame_number(row[:n_index], len(stated)))
    return poses_of_table(own, numbers.rows(width - n_index), stated)


def _at_once(data: bytes, start: int, n_index: int, width: int) -> tuple[list[int], NDArray[np.float64]] | None:
    """The number of each frame and the other columns, of a plain table."""
    delimiter = delimiter_of(data)
    quick = numbered_columns(data, start, delimiter, 0, range(1, width), width) if n_index == 1 else None
    if quick is not None:
        return quick
    values_NK = quick_columns(data, start, delimiter, range(n_index, width), width)
    texts = [text_column(data, start, delimiter, at) for at in range(n_index)] if values_NK is not None else [None]
    if values_NK is None or None in texts:
        return None
    rows = zip(*(column for column in texts if column is not None), strict=True)
    return [frame_number(row, at) for at, row in enumerate(rows)], values_NK


def poses_of_table(
    heads: Mapping[str, Sequence[str]],
    values_NK: NDArray[np.float64],
    stated: Sequence[int],
    unit_m: float | None = None,
    up: str | None = None,
) -> Poses:
    """Poses of a table of DeepLabCut's.

    Args:
        heads: `bodyparts`, `coords` and perhaps `individuals`: what each column is; with z the parts are in space.
        values_NK: (frames, columns), nan for what is not there.
        stated: the number of each frame.
        unit_m, up: as `Poses` has them, of parts in space; None: guessed.
    """
    places = _places(heads)
    notes: tuple[str, ...] = ()
    if len(places) > 1 and places.pop("single", None) is not None:
        notes = (NOTE_SINGLE,)
    parts = tuple(dict.fromkeys(part for own in places.values() for part in own))
    frames, n_frames, said = frames_of(stated)
    padded_NK = np.pad(values_NK, ((0, 0), (0, 1)), constant_values=np.nan)
    has = {k for individual in places.values() for own in individual.values() for k in own}
    axes = [0, 1, 3] if 3 in has else [0, 1]
    seen = []
    for place, individual in enumerate(places.values()):
        columns_VK = [[individual.get(part, {}).get(k, -1) for k in range(4)] for part in parts]
        values_NVK = padded_NK[:, np.array(columns_VK, np.int64)]
        shown_N = np.asarray(np.isfinite(values_NVK[..., axes]).all(axis=2)).any(axis=1)
        seen.append((np.array(frames, np.int32)[shown_N], values_NVK[shown_N], np.full(shown_N.sum(), place)))
    frame_P, values_PVK, id_P = (np.concatenate(pieces) for pieces in zip(*seen, strict=True))
    if not len(frame_P):
        raise RefusedError(f"no body in any of {n_frames} frames")
    order_P = np.argsort(frame_P, kind="stable")
    places_PVC = values_PVK[order_P][..., axes]
    names = joint_names(parts)
    unit_m, by_size = unit_of(places_PVC, names) if 3 in has and unit_m is None else (unit_m or 1.0, ())
    up, by_head = up_of(places_PVC, names) if 3 in has and up is None else (up or "y", ())
    return Poses(
        layout=own_layout("deeplabcut", names, image=3 not in has),
        named=True,
        n_frames=n_frames,
        frame_P=frame_P[order_P],
        places_PVC=places_PVC,
        scores_PV=values_PVK[order_P, :, 2] if 2 in has else None,
        id_P=id_P[order_P],
        unit_m=unit_m,
        up=up,
        notes=(*notes, *said, *by_size, *by_head),
    )


def joint_names(parts: Sequence[str]) -> Sequence[str]:
    """The parts' names in words, by which people's joints are known: `leftelbow` is left elbow."""
    words = [plain(part) for part in parts]
    return words if len(set(words)) == len(words) else parts


def _places(heads: Mapping[str, Sequence[str]]) -> Places:
    """The columns of each individual's parts."""
    missing = next((name for name in ("bodyparts", "coords") if name not in heads), None)
    if missing is not None:
        raise RefusedError(f"no line {missing!r} among the first ones", line=1)
    coords, parts = heads["coords"], heads["bodyparts"]
    individuals = heads.get("individuals", ["one"] * len(coords))
    if not len(coords) == len(parts) == len(individuals) or not set(coords) & set(_COORDS):
        raise RefusedError("lines of names that are not equally long, or without x and y", line=len(heads))
    places: Places = {}
    for at, coord in enumerate(coords):
        if coord not in _COORDS:
            raise RefusedError(f"coords {coord[:40]!r}, expected x, y, z or likelihood", line=len(heads))
        part = places.setdefault(individuals[at], {}).setdefault(parts[at], {})
        if part.setdefault(_COORDS[coord], at) != at:
            raise RefusedError(f"{parts[at][:40]!r} is there twice", line=len(heads))
    if any(not {0, 1} <= set(own) for individual in places.values() for own in individual.values()):
        raise RefusedError("a body part without x or y", line=len(heads))
    return places


def frame_number(index: Sequence[str], at: int) -> int:
    """The number of a frame: the last one in the last column that has any."""
    return next((number for text in reversed(index) if (number := last_number(text)) is not None), at)


def read_sleap(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`sleap_csv`: one file; RefusedError with the line for anything else."""
    (file,) = files
    rows = rows_of_text(file.data)
    header = first_row(rows)
    at = {name: column for column, name in enumerate(header)}
    parts = [name.removesuffix(".x") for name in header if name.endswith(".x")]
    lacking = next((part for part in parts if f"{part}.y" not in at), None)
    if not parts or lacking is not None or "frame_idx" not in at:
        raise RefusedError("not the columns track, frame_idx, PART.x, PART.y, PART.score", line=1)
    columns = [at.get(f"{part}.{c}", -1) for part in parts for c in ("x", "y", "score")]
    check_given_once(header, [at["frame_idx"], *columns])
    start, delimiter = after_lines(file.data, 1), delimiter_of(file.data)
    quick = numbered_columns(file.data, start, delimiter, at["frame_idx"], columns, len(header))
    texts = text_column(file.data, start, delimiter, at["track"]) if quick and "track" in at else []
    if quick is None or texts is None:
        stated, texts, values_PK = _sleap_rows(rows, at, columns, len(header))
    else:
        stated, values_PK = quick
    frames, n_frames, notes = frames_of(stated)
    if not frames:
        raise RefusedError(f"no body in any of {n_frames} frames")
    order_P = np.argsort(frames, kind="stable")
    values_PVK = values_PK.reshape(-1, len(parts), 3)[order_P]
    return Poses(
        layout=own_layout("sleap", joint_names(parts), image=True),
        named=True,
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32)[order_P],
        places_PVC=values_PVK[..., :2],
        scores_PV=np.where(np.isnan(values_PVK[..., 2]), 1.0, values_PVK[..., 2]),
        id_P=_track_ids(texts)[order_P] if texts and all(texts) else None,
        notes=notes,
    )


def _sleap_rows(
    rows: Iterator[tuple[int, list[str]]], at: Mapping[str, int], columns: Sequence[int], width: int
) -> tuple[list[int], list[str], NDArray[np.float64]]:
    """Frame, track and numbers of each line."""
    pick, numbers = itemgetter(*columns), Numbers()
    stated: list[int] = []
    tracks: list[str] = []
    for line, fields in rows:
        row = of_width(fields, width, line)
        (number,) = floats([row[at["frame_idx"]]], line)
        if not 0 <= number < 2**31 or number % 1:
            raise RefusedError(f"frame_idx {row[at['frame_idx']][:40]!r} is not a whole number from 0", line=line)
        tracks.append(row[at["track"]] if "track" in at else "")
        stated.append(int(number))
        numbers.add(pick([*row, ""]), line)
    return stated, tracks, numbers.rows(len(columns))


def _track_ids(tracks: Sequence[str]) -> NDArray[np.int64]:
    """Tracks as numbers, in the order in which they appear."""
    places = {track: at for at, track in enumerate(dict.fromkeys(tracks))}
    return np.array([places[track] for track in tracks], np.int64)
