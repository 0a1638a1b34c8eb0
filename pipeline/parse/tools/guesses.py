"""What numbers without names are, by how many joints there are and where they lie.

In: the joints of a whole clip. Out: their layout, and whether they are pixels, fractions of an image or places in
space. Only what geometry tells is told: pixels are beyond 2.5, MediaPipe's world landmarks have the middle of the hips
at the origin (its guide, "pose world landmarks"), and 3 coordinates of 20, 25 or 32 joints are a Kinect's.

Axes: P observations, V joints, C coordinates.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS, layout_of, plain
from dastm.contract.skeleton import Layout

FLAT_BY_COUNT = {
    17: "coco17",
    18: "openpose18",
    21: "hands21",
    25: "body25",
    26: "halpe26",
    33: "blazepose33",
    42: "hands42",
    75: "holistic75",
    133: "wholebody133",
}
SPACE_BY_COUNT = {15: "openni15", 17: "h36m17", 20: "kinect20", 24: "smpl24", 25: "ntu25", 32: "kinect32"}
_HANDS = (21, 42)
_MEDIAPIPE = (*_HANDS, 33, 75)
"""Numbers of joints whose z is a depth in the image, unless the hips are the origin."""
MOST_FRACTION = 2.5
"""Fractions of an image may lie outside of it, but not so far."""
_HIPS = (23, 24)
_LEAST_DISTANCE = 0.4
"""Metres: depth cameras see nothing that is nearer."""
LEAST_CENTRED = 0.02
"""Metres, or fractions: the middle of the hips is the origin if it is nowhere further from it."""


def own_layout(name: str, joints: Sequence[str], *, image: bool) -> Layout:
    """A layout of a file's own joints; RefusedError for names that repeat, or too many."""
    try:
        return layout_of(name, joints, image=image)
    except ValueError as error:
        raise RefusedError(str(error)) from None


def layout_by_count(n_joints: int, *, image: bool) -> Layout:
    """The layout that this number of joints usually means; else one of joints with numbers for names."""
    name = (FLAT_BY_COUNT if image else SPACE_BY_COUNT).get(n_joints)
    if name is not None:
        return KNOWN_LAYOUTS[name]
    return own_layout(f"joints{n_joints}", [f"joint {v}" for v in range(n_joints)], image=image)


def is_flat(n_joints: int, layout: Layout | None, names: Sequence[str] = ()) -> bool:
    """Whether x and y in fractions of an image come with a confidence, where a third number is from 0 to 1.

    By the layout that is said; else by their names, for no camera of depth sees eyes and ears; else by the number of
    joints. MediaPipe's own third number is a depth, that of its hands whatever is said. Raises: RefusedError if so many
    joints without names may be either.
    """
    if layout is not None:
        return layout.is_image and n_joints not in _HANDS
    if names:
        return any(name.endswith((" eye", " ear")) for name in map(plain, names))
    flat, space = FLAT_BY_COUNT.get(n_joints), SPACE_BY_COUNT.get(n_joints)
    if flat is not None and space is not None:
        raise RefusedError(
            f"{n_joints} joints of three numbers from 0 to 1: in an image with a confidence ({flat}), or in space"
            f" ({space})? say --layout {flat} or --layout {space} (in a definition: parse.layout)"
        )
    return flat is not None and n_joints not in _MEDIAPIPE


def is_mediapipe(places_PVC: NDArray[np.float64], joints: Sequence[str]) -> bool:
    """Whether named joints with x y z are MediaPipe's in an image: its names, fractions of the image, the hips not the
    origin, and a z that is not the distance of a camera."""
    known = places_PVC[np.isfinite(places_PVC).all(axis=2)]
    are_its = bool(joints) and set(joints) <= set(KNOWN_LAYOUTS["holistic75"].joints)
    if places_PVC.shape[2] != 3 or not len(known) or not are_its:
        return False
    hips = [v for v, joint in enumerate(joints) if joint in ("left hip", "right hip")]
    centred = len(hips) == 2 and bool((np.abs(np.nanmean(places_PVC[:, hips], axis=1)) <= LEAST_CENTRED).all())
    inside = bool((np.abs(known - [0.5, 0.5, 0.0]) <= [1, 1, MOST_FRACTION]).all())
    return inside and not centred and bool(known[:, 2].min() < _LEAST_DISTANCE)


def guessed(places_PVC: NDArray[np.float64], wanted: Layout | None, joints: Sequence[str] = ()) -> dict[str, Any]:
    """`layout`, `pixels` and `up` as `Poses` has them, of joints with 2 or 3 coordinates.

    Args:
        wanted: the definition's layout, which decides between an image and space.
        joints: their names, where the file says them.
    """
    n_joints, n_places = places_PVC.shape[1:]
    known = places_PVC[np.isfinite(places_PVC).all(axis=2)]
    largest = float(np.abs(known[:, :2]).max(initial=0.0))
    world = n_places == 3 and n_joints in (33, 75) and _is_centred(places_PVC)
    image = n_places == 2 or (n_joints in _MEDIAPIPE and not world)
    if wanted is not None and n_places == 3:
        image = wanted.is_image
        world = not image and n_joints in _MEDIAPIPE
    image = image or (wanted is None and is_mediapipe(places_PVC, joints))
    pixels = largest > MOST_FRACTION
    up = "-y" if world else "y"
    if joints:
        return {"layout": own_layout("own", joints, image=image), "named": True, "pixels": pixels, "up": up}
    if n_joints == 33 and not image:
        return {"layout": KNOWN_LAYOUTS["blazepose33_world"], "pixels": pixels, "up": up}
    if n_joints == 21 and not image:
        return {"layout": KNOWN_LAYOUTS["hands21_world"], "pixels": pixels, "up": up}
    return {"layout": layout_by_count(n_joints, image=image), "pixels": pixels, "up": up}


def _is_centred(places_PVC: NDArray[np.float64]) -> bool:
    hips_PC = places_PVC[:, _HIPS].mean(axis=1)
    hips_PC = hips_PC[np.isfinite(hips_PC).all(axis=1)]
    shown = np.abs(places_PVC).max(initial=0.0, where=np.isfinite(places_PVC)) > LEAST_CENTRED
    return bool(len(hips_PC) and shown and (np.abs(hips_PC) <= LEAST_CENTRED).all())
