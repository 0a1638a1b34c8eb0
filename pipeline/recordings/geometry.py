"""Guesses what recordings do not say: their units, which way is up, and bones if no layout is known.

In: tracks of a few recordings with unchanged numbers. Out: keys of `parse.source`, a layout made from distances, and
lines that say what was guessed and what could not be found out.

Axes: P observations, V joints, C coordinates.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.layouts import IMAGE, SPACE
from dastm.contract.skeleton import Layout
from pipeline.recordings.layout_choice import distances
from pipeline.tracks import Tracks

UNITS = ((0.5, 3.0, "metres", 1.0), (50.0, 300.0, "centimetres", 0.01), (500.0, 3000.0, "millimetres", 0.001))
"""The sizes of a body in each unit: people are 0.5 (crouching, or the upper half) to 3 metres."""
IMAGE_SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160), (7680, 4320))
_CLEAR = 0.8
"""Share of the trunk's length that must lie along one axis to call it up."""

Said = tuple[dict[str, Any], list[str], list[str]]
"""Keys of `parse.source`; what was guessed; what could not be found out."""


def space_of(clips: Sequence[Tracks], layout: Layout) -> Said:
    """Unit and upward axis of 3-D recordings."""
    source: dict[str, Any] = {}
    guessed, unknown = [], []
    extents = [np.nanmax(_whole(clip), axis=1) - np.nanmin(_whole(clip), axis=1) for clip in clips]
    size = float(np.median(np.concatenate(extents).max(axis=1)))
    unit = next((unit for unit in UNITS if unit[0] <= size <= unit[1]), None)
    if unit is None:
        unknown.append(f"the unit: bodies have a size of {size:.3g}; say parse.source.unit_m, metres of one unit")
    else:
        guessed.append(f"{unit[2]}, as bodies have a size of {size:.3g}")
        source |= {} if unit[3] == 1 else {"unit_m": unit[3]}
    up = _up(clips, layout)
    if up is None:
        unknown.append("which way is up: taken for y; say parse.source.up")
    else:
        guessed.append(f"{up} is up, as trunks stand")
        source |= {} if up == "y" else {"up": up}
    return source, guessed, unknown


def _whole(clip: Tracks) -> NDArray[np.float64]:
    joints_PVC = clip.joints_PVC.astype(np.float64)
    return joints_PVC[np.isfinite(joints_PVC).any(axis=(1, 2))]


def _up(clips: Sequence[Tracks], layout: Layout) -> str | None:
    if layout.torso is None:
        return None
    low, high = (list(group) for group in layout.torso)
    trunks = [(c.joints_PVC[:, high].mean(axis=1) - c.joints_PVC[:, low].mean(axis=1)) for c in clips]
    trunks_PC = np.concatenate(trunks).astype(np.float64)
    trunks_PC = trunks_PC[np.isfinite(trunks_PC).all(axis=1)]
    if not len(trunks_PC):
        return None
    trunk_C = np.median(trunks_PC, axis=0)
    axis = int(np.argmax(np.abs(trunk_C)))
    if not np.abs(trunk_C[axis]) > _CLEAR * np.linalg.norm(trunk_C):
        return None
    return ("-" if trunk_C[axis] < 0 else "") + "xyz"[axis]


def image_of(clips: Sequence[Tracks]) -> Said:
    """How positions in images are written."""
    places = [clip.joints_PVC[_shown(clip)] for clip in clips]
    low, high = float(min(one.min() for one in places)), float(max(one.max() for one in places))
    if low >= -0.5 and high <= 1.5:
        is_centred = low < -0.1 and high <= 0.6
        kind = "centred" if is_centred else "fractions"
        return {"image": kind}, [f"{kind} of the image, as places are {low:.2f} to {high:.2f}"], []
    width = float(max(one[:, 0].max() for one in places))
    height = float(max(one[:, 1].max() for one in places))
    size = next((size for size in IMAGE_SIZES if size[0] >= width and size[1] >= height), None)
    size = size or (int(width) + 1, int(height) + 1)
    told = f"pixels of an image of {size[0]} x {size[1]}, as places reach {width:.0f}, {height:.0f}; see image_size"
    return {"image": "pixels", "image_size": list(size)}, [told], []


def _shown(clip: Tracks) -> NDArray[np.bool_]:
    return np.ones(clip.joints_PVC.shape[:2], np.bool_) if clip.scores_PV is None else clip.scores_PV > 0


def layout_by_distance(clips: Sequence[Tracks], n_joints: int, *, image: bool) -> Layout:
    """A layout of unnamed joints, each connected to its nearest neighbour (a minimum spanning tree, Prim 1957)."""
    apart_VV = np.full((n_joints, n_joints), 1.0)
    found = [distances(clip.joints_PVC) for clip in clips]
    if any(len(one) for one in found):
        apart_PVV = np.concatenate(found)
        apart_VV = apart_PVV.mean(axis=0) + apart_PVV.std(axis=0)  # a bone keeps its length
    hub = int(np.argmin(apart_VV.sum(axis=1)))
    reached, bones = [hub], []
    while len(reached) < n_joints:
        others = [v for v in range(n_joints) if v not in reached]
        near = apart_VV[np.ix_(others, reached)]
        at, old = np.unravel_index(int(np.argmin(near)), near.shape)
        bones.append((others[at], reached[old]))
        reached.append(others[at])
    return Layout(
        name=f"joints{n_joints}",
        joints=tuple(f"joint {v}" for v in range(n_joints)),
        bones=tuple(bones),
        coordinates=IMAGE if image else SPACE,
        centre=hub,
        hub=hub,
    )
