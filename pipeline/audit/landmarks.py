"""Names of joints -> the joints that a person is known by, for `posture`.

In: the names of a layout's joints and the landmarks that it gives itself. Out: `Landmarks`, and what no joint is known
as. Names are taken apart, so that `left hip`, `LHip`, `hip_l`, `lhip` and `LeftUpLeg` are one. Where there is no elbow,
names are those of motion capture (BVH), where a joint has the name of the bone that begins there: `LeftArm` is the
shoulder, `LeftShoulder` the inner end of the collarbone. Standard library only.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Pair = tuple[int, int]

_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_HEAD = ("head", "nose", "headtop")
_MIDDLE_OF_HIPS = ("hips", "hip", "pelvis", "hipcentre", "hipcenter")
_MIDDLE_OF_SHOULDERS = ("spineshoulder", "shouldercentre", "shouldercenter", "neck", "thorax")
_HIPS = ("hip", "upleg", "upperleg", "thigh")
_SHOULDERS = ("shoulder", "upperarm", "arm")
_ELBOWS = ("elbow", "forearm", "lowerarm")
_KNEES = ("knee", "leg", "lowerleg", "calf", "shin")
_ANKLES = ("ankle", "foot")
_TOES = ("toebase", "toes", "toe", "bigtoe", "footindex", "ball")
_WRISTS = ("wrist", "hand")
_KNOWN = {*_HIPS, *_SHOULDERS, *_ELBOWS, *_WRISTS, *_KNEES, *_ANKLES, *_TOES}
_BONES = {
    "upper arm": ("shoulders", "elbows"),
    "forearm": ("elbows", "wrists"),
    "thigh": ("hips", "knees"),
    "shin": ("knees", "feet"),
    "hand": ("wrists", "hands"),
}
EXAMPLES = {
    "head": "head",
    "hips": "left hip",
    "shoulders": "left shoulder",
    "elbows": "left elbow",
    "wrists": "left wrist",
    "knees": "left knee",
    "feet": "left ankle",
}
"""What a joint must be known as -> a name that is known."""

Name = tuple[str, str]
"""Side, empty in the middle, and part."""


class Landmarks(NamedTuple):
    """The joints that a person is known by; None, empty or left out where the layout has no such joint."""

    head: int | None
    hips: tuple[int, ...]
    """Left and right; or the joints whose middle they have."""
    top: tuple[int, ...]
    """The upper end of the torso: the shoulders, or the joints whose middle they have."""
    shoulders: Pair | None
    feet: Pair | None
    toes: Pair | None
    """The front ends of the feet, where they are joints of their own."""
    bones: Mapping[str, tuple[Pair, Pair]]
    """Bone -> its ends on the left, and on the right."""
    unknown: tuple[str, ...]
    """The parts, as in EXAMPLES, that no joint is known as."""

    @property
    def is_enough(self) -> bool:
        """Whether there is a torso, by which all else is measured."""
        return bool(self.hips and self.top)


def landmarks(
    names: Sequence[str],
    shoulders: Pair | None = None,
    torso: tuple[Sequence[int], Sequence[int]] | None = None,
    spine: Pair | None = None,
) -> Landmarks:
    """What is known by name, or given by the layout itself.

    Args:
        shoulders: left and right, as the layout has them; they go before names.
        torso: joints in the middle of the hips and of the shoulders, for a layout whose names tell neither.
        spine: (hip, spine above it), likewise.

    >>> landmarks(["left hip", "right hip", "LShoulder", "RShoulder", "nose"]).head
    4
    """
    found = {_name(name): at for at, name in reversed(list(enumerate(names)))}
    pairs = _pairs(found, shoulders)
    low, high = torso or ((), ())
    hips = pairs.get("hips") or tuple(low) or (spine or ())[:1] or _middle(found, _MIDDLE_OF_HIPS)
    top = pairs.get("shoulders") or tuple(high) or _middle(found, _MIDDLE_OF_SHOULDERS)
    head = _middle(found, _HEAD)
    bones = {}
    for bone, (start, end) in _BONES.items():
        if start in pairs and end in pairs and pairs[start] != pairs[end]:
            (left, right), (left_end, right_end) = pairs[start], pairs[end]
            bones[bone] = ((left, left_end), (right, right_end))
    there = {*pairs, *(["head"] if head else []), *(["hips"] if hips else [])}
    return Landmarks(
        head=head[0] if head else None,
        hips=hips,
        top=top,
        shoulders=pairs.get("shoulders"),
        feet=pairs.get("feet"),
        toes=pairs.get("toes"),
        bones=bones,
        unknown=tuple(part for part in EXAMPLES if part not in there),
    )


def _middle(found: Mapping[Name, int], parts: Sequence[str]) -> tuple[int, ...]:
    """The first of these that is a joint of neither side."""
    return tuple(found["", part] for part in parts if ("", part) in found)[:1]


def _name(name: str) -> Name:
    """The side, then the rest in one word: `RShoulder`, `shoulder_r`, `rshoulder` and `right shoulder` are the same."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name.rpartition(":")[2])]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    part = "".join(word for word in words if word not in _SIDES)
    for prefix, side in _SIDES.items():
        if not sides and part.startswith(prefix) and part.removeprefix(prefix) in _KNOWN:
            return side, part.removeprefix(prefix)
    return "".join(sides), part


def _pairs(found: Mapping[Name, int], shoulders: Pair | None) -> dict[str, Pair]:
    """Left and right of each part that has both."""

    def pair(*parts: str) -> Pair | None:
        both = ((found.get(("left", part)), found.get(("right", part))) for part in parts)
        return next(((left, right) for left, right in both if left is not None and right is not None), None)

    is_captured = pair("elbow") is None and pair(*_ELBOWS) is not None
    wanted = {
        "hips": pair(*_HIPS),
        "shoulders": shoulders or pair(*(_SHOULDERS[1:] + _SHOULDERS[:1] if is_captured else _SHOULDERS)),
        "elbows": pair(*_ELBOWS),
        "wrists": pair(*_WRISTS),
        "hands": pair("hand"),
        "knees": pair(*_KNEES),
        "feet": pair(*_ANKLES),
        "toes": (pair("foot") if pair("ankle") else None) or pair(*_TOES),
    }
    return {part: joints for part, joints in wanted.items() if joints is not None}
