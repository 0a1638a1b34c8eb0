"""Which joints an array holds: as the user says, or the only known layout that it can be.

In: the name of a layout, or a YAML file that describes one; or the shape of an array and its numbers. Out: a `Layout`,
or a refusal that says what to add. Nothing is taken for a layout whose bones would lie all over the body.

Axes: P observations, V joints, C coordinates.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.documents import DocumentError, read_yaml, shown
from dastm.contract.errors import DataError, RefusedError
from dastm.contract.skeleton import COMMON, LAYOUTS, Layout

KNOWN = {**LAYOUTS, **COMMON}
MOST_BONE = 0.75
"""Mean length of a layout's bones, as a share of the mean distance of any two joints. People have 0.4 to 0.5 (NTU, COCO
and OpenPose layouts, 2-D and 3-D); joints in another order about 1."""
SAY = "say which joints these are: --layout NAME or FILE.yaml"
_MOST_POSES = 8


def layout_named(text: str) -> Layout:
    """A known layout, or that of a YAML file: its key `layout` (or `parse.layout`), a name or a mapping.

    Raises: DataError in one line.
    """
    if text in KNOWN:
        return KNOWN[text]
    path = Path(text)
    if path.suffix not in (".yaml", ".yml"):
        raise DataError(f"no layout {text!r}: one of {', '.join(KNOWN)}, or a .yaml file with a block layout")
    try:
        document = read_yaml(path)
        blocks = document if isinstance(document, Mapping) else {}
        parse = blocks.get("parse")
        value = blocks.get("layout") or (parse.get("layout") if isinstance(parse, Mapping) else None)
        if isinstance(value, Mapping):
            return Layout.from_dict(value)
        if isinstance(value, str) and value in KNOWN:
            return KNOWN[value]
        raise ValueError(
            f"layout: one of {', '.join(KNOWN)}, or a mapping with name, joints, bones; got {shown(value)}"
        )
    except (DocumentError, ValueError, TypeError) as error:
        raise DataError(f"{path}: {error}") from None


def only_layout(n_joints: int, n_coordinates: int) -> Layout:
    """The only known layout of so many joints; RefusedError where there is none, or it has other coordinates."""
    found = [layout for layout in LAYOUTS.values() if layout.n_joints == n_joints]
    fitting = [layout for layout in found if n_coordinates in coordinates_of(layout)]
    if len(fitting) == 1:
        return fitting[0]
    has = " or ".join(f"{one.name} of {one.n_joints}" for one in found) or "none"
    why = f"{n_joints} joints of {n_coordinates} numbers; known layouts of so many joints: {has}"
    raise RefusedError(f"{why}; {SAY}")


def coordinates_of(layout: Layout) -> tuple[int, int]:
    """How many numbers a joint of an array may have: its places, and one more where there are confidences."""
    return layout.n_space, layout.n_space + 1


def bone_share(joints_PVC: NDArray[Any], layout: Layout) -> float:
    """Mean bone length by the mean distance of two joints, median over poses; nan where there is nothing to measure.

    Args:
        joints_PVC: places alone; what was not measured is nan.
    """
    whole_P = np.flatnonzero(np.isfinite(joints_PVC).all(axis=(1, 2)))
    poses_PVC = joints_PVC[whole_P[:: -(-len(whole_P) // _MOST_POSES) or 1]].astype(np.float64)
    apart_PVV = np.linalg.norm(poses_PVC[:, :, None] - poses_PVC[:, None], axis=3)
    usual_P = apart_PVV.sum(axis=(1, 2)) / max(1, layout.n_joints * (layout.n_joints - 1))
    a_B, b_B = np.array(layout.bones, np.int64).reshape(-1, 2).T
    shares_P = apart_PVV[:, a_B, b_B].mean(axis=1)[usual_P > 0] / usual_P[usual_P > 0] if len(a_B) else usual_P[:0]
    return float(np.median(shares_P)) if len(shares_P) else float("nan")


def check_bones(joints_PVC: NDArray[Any], layout: Layout) -> None:
    """RefusedError for joints that are no body in the order of a layout that nobody has named."""
    if bone_share(joints_PVC, layout) > MOST_BONE:
        raise RefusedError(
            f"{layout.n_joints} joints, as many as {layout.name} has, but in its order they are no body; {SAY}"
        )
