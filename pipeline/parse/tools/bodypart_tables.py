"""DeepLabCut's and SLEAP's tables: named body parts with x and y in pixels, of one animal or several.

`deeplabcut_csv`: two to four lines of names (scorer, [individuals,] bodyparts, coords), then a line a frame; the first
column, or the first three, say the frame: its number, or the path of its picture (DeepLabCut's docs, "output files",
and its convertcsv2h5 for the three columns of 2.2 and later). coords are x, y and, of networks, likelihood; an empty
field is a part that was not labelled, and so is one that is left out at the end of a line. Parts of the individual
`single` are of no animal, and are left out where there are others. `sleap_csv`: `track, frame_idx, instance.score, A.x,
A.y, A.score, ..` as `sleap-convert --format analysis.csv` writes it; a line an animal and frame, track empty where it
is not tracked.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import plain
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered, last_number
from pipeline.parse.tools.tables import Numbers, first_row, floats, of_width, rows_of_text

_HEADS = ("scorer", "individuals", "bodyparts", "coords")
_COORDS = {"x": 0, "y": 1, "likelihood": 2}
NOTE_SINGLE = "parts_of_no_individual_left_out"
Places = dict[str, dict[str, dict[int, int]]]
"""Individual -> part -> coordinate -> column."""


def read_deeplabcut(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`deeplabcut_csv`: one file; RefusedError with the line for anything else."""
    (file,) = files
    heads: dict[str, list[str]] = {}
    rows: list[tuple[int, list[str]]] = []
    for line, row in rows_of_text(file.data):
        if not rows and row[0] in _HEADS:
            heads[row[0]] = row
        else:
            rows.append((line, row))
    n_index = next((at for at, name in enumerate(heads.get("coords", ())) if name in _COORDS), 0)
    width = max(map(len, heads.values()), default=0)
    numbers = Numbers()
    for line, row in rows:
        numbers.add(of_width(row + [""] * (width - len(row)), width, line)[n_index:], line)
    stated = [frame_number(row[:n_index], at) for at, (_, row) in enumerate(rows)]
    own = {name: row[n_index:] for name, row in heads.items()}
    return poses_of_table(own, numbers.rows(width - n_index), stated)


def poses_of_table(heads: Mapping[str, Sequence[str]], values_NK: NDArray[np.float64], stated: Sequence[int]) -> Poses:
    """Poses of a table of DeepLabCut's.

    Args:
        heads: `bodyparts`, `coords` and perhaps `individuals`: what each column is.
        values_NK: (frames, columns), nan for what is not there.
        stated: the number of each frame.
    """
    places = _places(heads)
    notes: tuple[str, ...] = ()
    if len(places) > 1 and places.pop("single", None) is not None:
        notes = (NOTE_SINGLE,)
    parts = tuple(dict.fromkeys(part for own in places.values() for part in own))
    frames, n_frames, said = frames_of(stated)
    padded_NK = np.pad(values_NK, ((0, 0), (0, 1)), constant_values=np.nan)
    scored = any(2 in own for individual in places.values() for own in individual.values())
    seen = []
    for place, individual in enumerate(places.values()):
        columns_VK = [[individual.get(part, {}).get(k, -1) for k in range(3)] for part in parts]
        values_NVK = padded_NK[:, np.array(columns_VK, np.int64)]
        shown_N = np.asarray(np.isfinite(values_NVK[..., :2]).all(axis=2)).any(axis=1)
        seen.append((np.array(frames, np.int32)[shown_N], values_NVK[shown_N], np.full(shown_N.sum(), place)))
    frame_P, values_PVK, id_P = (np.concatenate(pieces) for pieces in zip(*seen, strict=True))
    if not len(frame_P):
        raise RefusedError(f"no body in any of {n_frames} frames")
    order_P = np.argsort(frame_P, kind="stable")
    return Poses(
        layout=own_layout("deeplabcut", joint_names(parts), image=True),
        named=True,
        n_frames=n_frames,
        frame_P=frame_P[order_P],
        places_PVC=values_PVK[order_P, :, :2],
        scores_PV=values_PVK[order_P, :, 2] if scored else None,
        id_P=id_P[order_P],
        notes=(*notes, *said),
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
            raise RefusedError(f"coords {coord[:40]!r}, expected x, y or likelihood", line=len(heads))
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
    pick, numbers = itemgetter(*columns), Numbers()
    tracks: dict[str, int] = {}
    stated: list[int] = []
    own: list[int | None] = []
    for line, fields in rows:
        row = of_width(fields, len(header), line)
        (number,) = floats([row[at["frame_idx"]]], line)
        if not 0 <= number < 2**31 or number % 1:
            raise RefusedError(f"frame_idx {row[at['frame_idx']][:40]!r} is not a whole number", line=line)
        track = row[at["track"]] if "track" in at else ""
        own.append(tracks.setdefault(track, len(tracks)) if track else None)
        stated.append(int(number))
        numbers.add(pick([*row, ""]), line)
    frames, n_frames, notes = frames_of(stated)
    values_PVK = numbers.rows(len(columns)).reshape(-1, len(parts), 3)
    scores_PV = np.where(np.isnan(values_PVK[..., 2]), 1.0, values_PVK[..., 2])
    seen = sorted(map(Seen, frames, values_PVK[..., :2], scores_PV, own), key=lambda one: one.frame)
    return gathered(seen, n_frames, own_layout("sleap", joint_names(parts), image=True), named=True, notes=notes)
