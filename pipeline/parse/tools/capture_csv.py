"""Motion capture as CSV: OptiTrack Motive's bones and markers, and Vicon Nexus's trajectories.

`motive_csv`: `Format Version,1.23,..,Length Units,Meters,Coordinate Space,Global`, lines that say of each column its
type (Bone, Marker, Rigid Body, ..), name, ID and, from 1.25 on, parent, whether it is Position or Rotation, and its
axis beside `Frame,Time (Seconds)` (OptiTrack's documentation, "Data Export: CSV"). The bones' positions are read, or
else those of the markers that have a name; what stands before the colon of a name is the body. Blank cells were not
seen; y is up. `vicon_csv`: after `Trajectories` and the rate come the markers' names, each over its X, Y and Z, then
`Frame,Sub Frame,X,Y,Z,..`, the units and the frames, until the next block (Vicon Nexus's ASCII export). z points up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import dropwhile, islice, takewhile

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.bodypart_tables import poses_of_table
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.markers import UNITS, rate_of
from pipeline.parse.tools.poses import NamedBytes, Poses
from pipeline.parse.tools.quick_tables import after_lines, numbered_columns
from pipeline.parse.tools.space import joint_names
from pipeline.parse.tools.tables import Numbers, delimiter_of, rows_of_text

_Rows = Iterator[tuple[int, list[str]]]
_MOST_HEADS = 12
RIGID = "OptiTrack Motive's CSV of rigid bodies alone; export the skeleton's bones or its labelled markers"
LOCAL = "bones in the coordinates of the bones before them; export them with Coordinate Space: Global"


def read_motive(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`motive_csv`: one file; RefusedError with the line for anything else."""
    (file,) = files
    rows = rows_of_text(file.data)
    heads: list[tuple[int, list[str]]] = []
    while not heads or (heads[-1][1][0] != "Frame" and len(heads) < _MOST_HEADS):
        heads.append(next(rows, (0, ["Frame"])))
    if len(heads) < 5 or heads[-1][1][0] != "Frame" or not heads[-1][0]:
        raise RefusedError("not Motive's lines of facts, types, names and axes before the first frame", line=1)
    (_, first), (_, types), (_, names), *_, (_, kinds), (line, axes) = heads
    facts = dict(zip(first[::2], first[1::2], strict=False))
    width = min(map(len, (types, names, kinds, axes)))
    placed = [k for k in range(2, width) if kinds[k] == "Position" and axes[k] in ("X", "Y", "Z")]
    chosen = [k for k in placed if types[k] == "Bone"]
    if chosen and facts.get("Coordinate Space", "Global") != "Global":
        raise RefusedError(LOCAL)
    chosen = chosen or [k for k in placed if types[k] == "Marker" and not names[k].startswith("Unlabeled")]
    if not chosen:
        raise RefusedError(RIGID)
    unit_m = UNITS.get(facts.get("Length Units", "").lower())
    stated, values_NK = _frames(file.data, line, rows, chosen)
    poses = _poses(stated, values_NK, [names[k] for k in chosen], [axes[k] for k in chosen], unit_m, "y")
    return replace(poses, fps=rate_of(facts.get("Export Frame Rate") or facts.get("Capture Frame Rate", "")))


def read_vicon(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`vicon_csv`: one file; RefusedError with the line for anything else."""
    (file,) = files
    rows = dropwhile(lambda row: row[1][0] != "Trajectories", rows_of_text(file.data))
    heads = list(islice(rows, 5))
    if len(heads) < 5 or heads[3][1][0] != "Frame":
        raise RefusedError("no block 'Trajectories' with its rate, names, axes and units")
    (_, rate), (_, names), (line, axes), (last, units) = heads[1:]
    told = ""
    of = [told := name or told for name in names + [""] * (len(axes) - len(names))]
    chosen = [k for k, axis in enumerate(axes) if k >= 2 and axis in ("X", "Y", "Z") and of[k]]
    if not chosen:
        raise RefusedError("no columns X, Y and Z of a marker", line=line)
    unit_m = UNITS.get(units[chosen[0]].lower()) if chosen[0] < len(units) else None
    own = takewhile(lambda row: row[1][0].isdecimal(), rows)
    stated, values_NK = _frames(file.data, last, own, chosen)
    poses = _poses(stated, values_NK, [of[k] for k in chosen], [axes[k] for k in chosen], unit_m, "z")
    return replace(poses, fps=rate_of(rate[0]))


def _frames(data: bytes, line: int, rows: _Rows, chosen: Sequence[int]) -> tuple[list[int], NDArray[np.float64]]:
    """The number of each frame below a line, and the chosen columns."""
    quick = numbered_columns(data, after_lines(data, line), delimiter_of(data), 0, chosen)
    if quick is not None:
        return quick
    numbers, stated, most = Numbers(), [], max(chosen)
    for line, row in rows:
        if not row[0].isdecimal() or len(row[0]) > 9:
            raise RefusedError(f"{row[0][:40]!r} is not the number of a frame", line=line)
        stated.append(int(row[0]))
        padded = row + [""] * (most + 1 - len(row))
        numbers.add([padded[k] for k in chosen], line)
    if not stated:
        raise RefusedError("no line of motion")
    return stated, numbers.rows(len(chosen))


def _poses(
    stated: Sequence[int],
    values_NK: NDArray[np.float64],
    told: Sequence[str],
    axes: Sequence[str],
    unit_m: float | None,
    up: str,
) -> Poses:
    """The columns as the bodies that stand before the colons of their names."""
    parts = [name.rpartition(":") for name in told]
    heads = {
        "individuals": [body for body, _, _ in parts],
        "bodyparts": [part for _, _, part in parts],
        "coords": [axis.lower() for axis in axes],
    }
    poses = poses_of_table(heads, values_NK, stated, unit_m, up)
    names = joint_names(tuple(dict.fromkeys(heads["bodyparts"])))
    return replace(poses, layout=own_layout("capture", names, image=False))
