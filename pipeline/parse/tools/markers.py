"""Markers of motion capture: TRC of OpenSim and Motion Analysis, C3D through the package `c3d`.

`trc`: lines `PathFileType ..`, names of facts, their values, `Frame# Time M1  M2  ..` and `X1 Y1 Z1 ..`, then a line a
frame, all parted by tabs (OpenSim's documentation, "Marker (.trc) files"). NaN in any letters and an empty field are a
marker that was not seen; NumFrames is often wrong and not used. Users also have blanks for tabs, names one column
apart, and no line `X1 Y1 Z1`. y points up.
`c3d`: https://www.c3d.org; the package `c3d` (MIT, pure Python), an optional dependency, reads header and parameters.
The points are read here, all at once: frame by frame, as the package reads them, takes ten times as long. A point whose
fourth word is negative was not seen. The 256th label and those behind it are in POINT:LABELS2; points that are listed
as ANGLES, FORCES, MOMENTS, POWERS or SCALARS are computed (Vicon's Plug-in Gait) and no places. z points up.

A layout of markers has a star of bones; a definition that names its markers as joints picks them.
"""

import io
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of
from pipeline.parse.tools.quick_tables import after_lines, numbered_columns
from pipeline.parse.tools.space import unit_of
from pipeline.parse.tools.tables import Numbers, lines_of, text_of
from pipeline.tracks import MAX_FRAMES

UNITS: Mapping[str, float] = {
    **dict.fromkeys(("mm", "millimeters"), 0.001),
    **dict.fromkeys(("cm", "centimeters"), 0.01),
    **dict.fromkeys(("m", "meters"), 1.0),
    "dm": 0.1,
    "inches": 0.0254,
}
_COMPUTED = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
NOTE_COMPUTED = "computed_points_left_out"
INSTALL = "reading C3D needs the package c3d: pip install c3d"


def read_trc(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`trc`: one file; RefusedError with the line for anything else."""
    (file,) = files
    data = _with_tabs(file.data)
    lines = lines_of(text_of(data))
    heads = [at for at, line in enumerate(lines[:12]) if line.lower().startswith("frame#")]
    if not lines[0].startswith("PathFileType") or not heads or heads[0] < 2:
        raise RefusedError("not the head of a TRC file: PathFileType, facts, Frame#", line=1)
    facts = dict(zip(lines[heads[0] - 2].lower().split("\t"), lines[heads[0] - 1].split("\t"), strict=False))
    names = [name.strip() for name in lines[heads[0]].rstrip().split("\t")[2:]]
    markers = unlike([name for name in names if name])
    together = len(names) == len(markers) > 1
    if not markers or (not together and any(name and at % 3 for at, name in enumerate(names))):
        raise RefusedError("names of markers that are not three columns apart", line=heads[0] + 1)
    width = 2 + 3 * len(markers)
    n_heads = heads[0] + (1 if lines[heads[0] + 1 : heads[0] + 2] and lines[heads[0] + 1][:1].isdecimal() else 2)
    quick = numbered_columns(data, after_lines(data, n_heads), "\t", 0, range(2, width), width)
    numbered_lines = enumerate(lines[n_heads:], n_heads + 1)
    stated, values_NK = quick if quick is not None else _frames(numbered_lines, len(markers))
    if not stated:
        raise RefusedError("no line of motion")
    if len(set(stated)) < len(stated):
        raise RefusedError("a number of a frame twice")
    ordered = sorted(range(len(stated)), key=stated.__getitem__)
    stated, values_NK = [stated[at] for at in ordered], values_NK[ordered]
    frames, n_frames, notes = frames_of(stated)
    unit_m = UNITS.get(facts.get("units", "").strip().lower())
    places_PVC = values_NK.reshape(-1, len(markers), 3)
    guessed_m, said = (unit_m, ()) if unit_m is not None else unit_of(places_PVC)
    return Poses(
        layout=own_layout("trc", markers, image=False),
        named=True,
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32),
        places_PVC=places_PVC,
        id_P=np.zeros(len(stated), np.int64),
        unit_m=guessed_m,
        fps=rate_of(facts.get("datarate", "")),
        notes=(*notes, *said),
    )


def _with_tabs(data: bytes) -> bytes:
    """The file with tabs between its columns, where blanks part even the line of the names."""
    head = next((line for line in data[:65536].splitlines() if line.lower().startswith(b"frame#")), b"\t")
    return data if b"\t" in head else re.sub(rb"(?<=\S)[ \t]+(?=\S)", b"\t", data)


def unlike(names: Sequence[str]) -> list[str]:
    """The names, with a number behind one that was there before, and `point` for one that is empty."""
    return [name if name and names.index(name) == v else f"{name or 'point'} {v}" for v, name in enumerate(names)]


def _frames(lines: Iterable[tuple[int, str]], n_markers: int) -> tuple[list[int], NDArray[np.float64]]:
    """The number of each frame, and its coordinates, line by line."""
    stated, numbers, width = [], Numbers(), 2 + 3 * n_markers
    for at, line in lines:
        fields = line.split("\t")
        if line.strip():
            own = (fields + [""] * (width - len(fields)))[:width]
            if any(map(str.strip, fields[width:])) or not own[0].strip().isdecimal() or len(own[0]) > 15:
                raise RefusedError(f"not a frame's number and {3 * n_markers} coordinates", line=at)
            stated.append(int(own[0]))
            numbers.add(own[2:], at)
    return stated, numbers.rows(3 * n_markers)


def rate_of(text: str) -> float | None:
    """Frames a second as a file states them; None for what is no such number."""
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if 0 < rate < 1e6 else None


def read_c3d(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`c3d`: one file; RefusedError where it is damaged, or the package is not installed."""
    (file,) = files
    try:
        import c3d
    except ImportError:
        raise RefusedError(INSTALL) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on headers that most programs write
            reader = c3d.Reader(io.BytesIO(file.data))
            lists = [reader.get(f"POINT:LABELS{number}") for number in ("", "2", "3", "4")]
            labels = [label.strip() for held in lists if held is not None for label in held.string_array]
            computed = {
                label.strip()
                for kind in _COMPUTED
                if (held := reader.get(f"POINT:{kind}")) is not None
                for label in held.string_array
            }
            rate, unit = float(reader.point_rate), reader.get("POINT:UNITS")
            places_PVC = points_of(reader, file.data)
    except Exception as error:  # whatever a damaged file makes of a foreign package
        raise RefusedError(f"not a C3D file: {' '.join(str(error).split())[:100]}") from None
    kept = [v for v in range(places_PVC.shape[1]) if v >= len(labels) or labels[v] not in computed or not labels[v]]
    labels += [""] * (places_PVC.shape[1] - len(labels))
    poses = _of_points(
        [labels[v] for v in kept],
        places_PVC[:, kept],
        rate,
        None if unit is None else str(unit.string_value).strip().lower(),
    )
    return poses if len(kept) == places_PVC.shape[1] else replace(poses, notes=(*poses.notes, NOTE_COMPUTED))


def points_of(reader: Any, data: bytes) -> NDArray[np.float64]:
    """The places of all points in all frames that are there, nan where a point was not seen -> (P, V, 3).

    A frame has four words a point, then its analog samples. Words have two bytes, to be scaled, or four where the scale
    is negative; on a DEC (VAX) a number of four bytes has its halves exchanged and is four times as large.
    """
    scale, n_points, whose = float(reader.point_scale), int(reader.point_used), str(reader.proc_type)
    word = np.dtype((">" if whose == "MIPS" else "<") + ("f4" if scale < 0 else "i2"))
    width = 4 * n_points + int(reader.analog_used) * int(reader.analog_per_frame)
    start = (int(reader.header.data_block) - 1) * 512
    n_there = max(0, len(data) - start) // max(1, width * word.itemsize)
    n_frames = max(0, min(int(reader.last_frame) - int(reader.first_frame) + 1, n_there))
    words_PK = np.frombuffer(data, word, n_frames * width, start if n_frames else 0).reshape(n_frames, width)
    words_PVK = np.ascontiguousarray(words_PK[:, : 4 * n_points]).reshape(n_frames, n_points, 4)
    if whose == "DEC" and scale < 0:
        halves = words_PVK.view("<u2").reshape(n_frames, n_points, 4, 2)
        words_PVK = np.ascontiguousarray(halves[..., ::-1]).view("<f4")[..., 0] / 4
    places_PVC = words_PVK[..., :3].astype(np.float64) * (1.0 if scale < 0 else scale)
    lost_PV = ~np.isfinite(words_PVK).all(axis=2) | (words_PVK[..., 3] <= -1)
    return np.where(lost_PV[..., None], np.nan, places_PVC)


def _of_points(labels: Sequence[str], places_PVC: NDArray[np.float64], rate: float, unit: str | None) -> Poses:
    n_frames, n_points, _ = places_PVC.shape
    if not n_points or not 0 < n_frames <= MAX_FRAMES:
        raise RefusedError(f"{n_frames} frames of {n_points} points")
    unit_m = UNITS.get(unit or "")
    guessed_m, said = (unit_m, ()) if unit_m is not None else unit_of(places_PVC)
    return Poses(
        layout=own_layout("c3d", unlike(labels), image=False),
        named=True,
        n_frames=n_frames,
        frame_P=np.arange(n_frames, dtype=np.int32),
        places_PVC=places_PVC,
        id_P=np.zeros(n_frames, np.int64),
        unit_m=guessed_m,
        up="z",
        fps=rate if rate > 0 else None,
        notes=said,
    )
