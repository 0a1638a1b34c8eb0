"""Chooses the layout of an array: the one that the user names, or the only known one that fits.

In: the name of a layout, or a YAML file that describes one; or the shape of an array and its numbers. Out: a `Layout`,
or an error that says which option to add. A layout does not fit if its bones would be long in comparison with the body.
The known layouts are in `dastm.contract.layouts`.

Axes: P observations, V joints, C coordinates, B bones.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.documents import DocumentError, read_yaml, shown
from dastm.contract.errors import DataError, RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import COMMON, Layout
from pipeline.tracks import Tracks

NAMED = {**KNOWN_LAYOUTS, **COMMON}
"""The layouts that a user may name. Those of `COMMON` are our own, so they are never guessed."""
MOST_BONE = 0.75
"""Mean length of a layout's bones, as a share of the mean distance of two joints. People have 0.3 to 0.5; joints in the
order of another layout 0.6 to 1.1."""
LEAST_LEAD = 1.1
"""How much longer the bones of every other layout must be; otherwise the choice would not be clear."""
MOST_CONFIDENCE = 1.5
"""Largest confidence: if the third number of a joint is larger, or below 0, it is none (OpenPose's reach 1.29)."""
SAY = "say which joints these are: --layout NAME or FILE.yaml"
_MOST_POSES = 8


class Guess(NamedTuple):
    """The only layout that fits a clip, and the clip read with it."""

    layout: Layout
    tracks: Tracks


def layout_named(text: str) -> Layout:
    """The known layout of this name, or that of a YAML file: its key `layout` (or `parse.layout`), a name or a mapping.

    Raises: DataError in one line.
    """
    if text in NAMED:
        return NAMED[text]
    path = Path(text)
    if path.suffix not in (".yaml", ".yml"):
        raise DataError(f"no layout {text!r}: one of {', '.join(NAMED)}, or a .yaml file with a block layout")
    try:
        document = read_yaml(path)
        blocks = document if isinstance(document, Mapping) else {}
        parse = blocks.get("parse")
        value = blocks.get("layout") or (parse.get("layout") if isinstance(parse, Mapping) else None)
        if isinstance(value, Mapping):
            return Layout.from_dict(value)
        if isinstance(value, str) and value in NAMED:
            return NAMED[value]
        raise ValueError(
            f"layout: one of {', '.join(NAMED)}, or a mapping with name, joints, bones; got {shown(value)}"
        )
    except (DocumentError, ValueError, TypeError) as error:
        raise DataError(f"{path}: {error}") from None


def coordinates_of(layout: Layout) -> tuple[int, int]:
    """The numbers of values that a joint of an array may have: its coordinates, and one more for a confidence."""
    return layout.n_space, layout.n_space + 1


def guess(n_joints: int, n_coordinates: int, read: Callable[[Layout], Tracks]) -> Guess:
    """The only known layout that fits a clip of this shape.

    Of layouts with the same bones the first one is used. Numbers that can be confidences are not a third dimension.

    Args:
        read: reads the clip with a given layout; RefusedError if it cannot.

    Raises: RefusedError if no layout fits, or more than one.
    """
    named = [layout for layout in KNOWN_LAYOUTS.values() if layout.n_joints == n_joints]
    shaped = [layout for layout in named if n_coordinates in coordinates_of(layout)]
    if not shaped:
        what = f"{n_joints} joints of {n_coordinates} numbers"
        raise RefusedError(f"{what}; known layouts with this number of joints: {_names(named) or 'none'}; {SAY}")
    found = [
        (bone_share(_places(tracks), layout), layout, tracks)
        for tracks, layouts in _read(shaped, read)
        for layout in layouts
    ]
    different = {frozenset(one[1].bones): one for one in reversed(found) if not one[0] > MOST_BONE}
    bodies = sorted(different.values(), key=lambda one: one[0])
    if not bodies:
        raise RefusedError(f"{n_joints} joints, as many as {_names(shaped)}; in that order they are no body; {SAY}")
    if len(bodies) > 1 and not bodies[1][0] >= LEAST_LEAD * bodies[0][0]:
        raise RefusedError(f"{n_joints} joints that may be {_names([one[1] for one in bodies])}; {SAY}")
    return Guess(*bodies[0][1:])


def _names(layouts: Sequence[Layout]) -> str:
    return " or ".join(layout.name for layout in layouts)


def _read(layouts: Sequence[Layout], read: Callable[[Layout], Tracks]) -> Iterator[tuple[Tracks, list[Layout]]]:
    """The clip read as poses in images, if it can be, and in space; layouts of a kind differ in names and bones."""
    images = [layout for layout in layouts if layout.is_image]
    spatial = [layout for layout in layouts if not layout.is_image]
    in_space = read(spatial[0]) if spatial else None
    if images and (in_space is None or _is_confidence(in_space.joints_PVC[..., 2])):
        in_image = read(images[0])
        if in_image.scores_PV is None or _is_confidence(in_image.scores_PV):
            yield in_image, images
    if in_space is not None:
        yield in_space, spatial


def _is_confidence(values: NDArray[np.float32]) -> bool:
    """nan is no confidence, but may stand for a joint that was not measured."""
    return not ((values < 0) | (values > MOST_CONFIDENCE)).any()


def _places(tracks: Tracks) -> NDArray[np.float64]:
    """The places of all joints; nan where not measured."""
    places_PVC = tracks.joints_PVC.astype(np.float64)
    if tracks.scores_PV is not None:
        places_PVC[tracks.scores_PV <= 0] = np.nan
    return places_PVC


def bone_share(places_PVC: NDArray[Any], layout: Layout) -> float:
    """Mean bone length divided by the mean distance of two joints, median over some poses; nan if there are no poses.

    Args:
        places_PVC: nan where not measured; only poses with all joints measured count.
    """
    apart_PVV = distances(places_PVC)
    usual_P = apart_PVV.sum(axis=(1, 2)) / max(1, layout.n_joints * (layout.n_joints - 1))
    a_B, b_B = np.array(layout.bones, np.int64).reshape(-1, 2).T
    moved = usual_P > 0
    shares_P = apart_PVV[moved][:, a_B, b_B].mean(axis=1) / usual_P[moved] if len(a_B) else usual_P[:0]
    return float(np.median(shares_P)) if len(shares_P) else float("nan")


def distances(places_PVC: NDArray[Any]) -> NDArray[np.float64]:
    """Distances between all pairs of joints, in some of the poses with all joints measured -> (P, V, V)."""
    whole_P = np.flatnonzero(np.isfinite(places_PVC).all(axis=(1, 2)))
    poses_PVC = places_PVC[whole_P[:: -(-len(whole_P) // _MOST_POSES) or 1]].astype(np.float64)
    result: NDArray[np.float64] = np.linalg.norm(poses_PVC[:, :, None] - poses_PVC[:, None], axis=3)
    return result
