"""What motion capture and depth cameras leave unsaid of places in space: the unit, the axis that points up, the names.

In: places of a whole clip. Out: metres of a unit, an axis. Only what geometry tells is told: nobody is taller than four
metres or smaller than four centimetres, and a head is above the feet for most of a clip.

Axes: P observations, V joints, C coordinates.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dastm.contract.layouts import plain, side_first, words_of

NOTE_UNIT = "unit_guessed"
NOTE_UP = "up_axis_guessed"
MOST_M, MOST_CM = 4.0, 400.0
"""A body whose extent is larger than this is not in metres, not in centimetres."""
HAND = 0.1
"""How large a hand is, as a share of its body."""
_HIGH = ("head", "nose", "neck", "shoulder centre", "spine shoulder", "left shoulder", "right shoulder")
_LOW = ("left ankle", "right ankle", "left foot", "right foot", "left knee", "right knee", "hip centre", "pelvis")
_KINECT = {
    "spine base": "hip centre",
    "hip center": "hip centre",
    "spine mid": "spine",
    "shoulder center": "shoulder centre",
}
_WORDS: dict[str, str] = {
    **dict.fromkeys(("up leg", "upper leg", "thigh"), "hip"),
    **dict.fromkeys(("leg", "lower leg", "low leg", "shin", "calf"), "knee"),
    **dict.fromkeys(("arm", "upper arm", "up arm", "uarm"), "shoulder"),
    **dict.fromkeys(("fore arm", "forearm", "lower arm", "low arm", "farm"), "elbow"),
    **dict.fromkeys(("shoulder", "collar"), "clavicle"),
    "foot": "ankle",
    "toe base": "toe",
    "hand": "wrist",
}
"""Parts between joints, as animators name them, and the joint at which they begin."""


def unit_of(places_PVC: NDArray[np.float64], joints: Sequence[str] = ()) -> tuple[float, tuple[str, ...]]:
    """Metres of a unit, and a note where it is no metre; joints that are a hand's alone are told by a hand's size."""
    names = " ".join(map(plain, joints))
    share = HAND if "thumb" in names and not any(part in names for part in ("hip", "shoulder", "knee")) else 1.0
    with np.errstate(invalid="ignore"):
        low_PC = np.where(np.isfinite(places_PVC), places_PVC, np.inf).min(axis=1)
        high_PC = np.where(np.isfinite(places_PVC), places_PVC, -np.inf).max(axis=1)
        extent_P = (high_PC - low_PC).max(axis=1)
    extent_P = extent_P[np.isfinite(extent_P)]
    extent = float(np.median(extent_P)) if len(extent_P) else 0.0
    unit_m = 1.0 if extent <= share * MOST_M else 0.01 if extent <= share * MOST_CM else 0.001
    return unit_m, (NOTE_UNIT,) if unit_m != 1.0 else ()


def up_of(places_PVC: NDArray[np.float64], joints: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The axis from the feet to the head, and a note where it is not y; y where no such joints are there."""
    at = {plain(joint): v for v, joint in enumerate(joints)}
    high, low = ([at[name] for name in names if name in at] for names in (_HIGH, _LOW))
    if not high or not low:
        return "y", ()
    rise_PC = places_PVC[:, high].mean(axis=1) - places_PVC[:, low].mean(axis=1)
    rise_PC = rise_PC[np.isfinite(rise_PC).all(axis=1)]
    if not len(rise_PC):
        return "y", ()
    rise_C = np.median(rise_PC, axis=0)
    axis = int(np.argmax(np.abs(rise_C)))
    up = ("-" if rise_C[axis] < 0 else "") + "xyz"[axis]
    return up, (NOTE_UP,) if up != "y" else ()


def joint_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of animation skeletons as layouts have them: `LeftForeArm` begins at the left elbow.

    Names that are joints already (`LeftElbow`) stay; two that would be the same stay as they are.

    >>> joint_names(["mixamorig:Hips", "LeftArm", "LeftForeArm", "LeftHand", "LeftShoulder", "LeftUpLeg"])
    ('hip centre', 'left shoulder', 'left elbow', 'left wrist', 'left clavicle', 'left hip')
    """
    words = [plain(_sided(re.sub(r"^[^:]*:", "", name))) for name in names]
    parts = any(word.endswith((" arm", "forearm", " uarm", " upper leg", " up leg")) for word in words)
    told = []
    for word in words:
        side, _, part = word.partition(" ")
        if word in ("hips", "pelvis", "hip"):
            word = "hip centre"
        elif parts and side in ("left", "right") and part in _WORDS:
            word = f"{side} {_WORDS[part]}"
        told.append(word)
    return tuple(told) if len(set(told)) == len(told) else tuple(names)


def of_animators(names: Sequence[str]) -> bool:
    """Whether joints are called as animators call the parts that begin there.

    >>> of_animators(["Hips", "LeftForeArm"]), of_animators(["hip", "left elbow"])
    (True, False)
    """
    return any(plain(_sided(name)).endswith(("fore arm", "forearm", "up leg", "thigh")) for name in names)


def spoken(name: str) -> str:
    """The name of a joint as layouts have it: a Kinect's `ShoulderLeft` is the left shoulder, its `SpineBase` the hip
    centre."""
    word = re.sub(r"^(?:joint|body) (?=[a-z])|(?: \d+)? joint$", "", words_of(name))
    word = side_first(word).replace("handtip", "hand tip")
    return _KINECT.get(word, word)


def _sided(name: str) -> str:
    """`LThigh`, `l_thigh` and `Thigh_L` as left thigh."""
    match = re.fullmatch(r"([lLrR])(?:_(?=.)|(?=[A-Z]))(.+)|(.+)[_.]([lLrR])", name)
    if match is None:
        return name
    side = "left" if (match[1] or match[4]).lower() == "l" else "right"
    return f"{side} {match[2] or match[3]}"
