"""Does a skeleton look like a person? What a sample of clips says of its joint order, its axes and its units.

In: joints of single clips and the names of the layout's joints. Out: a few numbers a clip, and of all clips together
the doubts, a line each. One clip may show somebody who lies down or turns a cartwheel; the medians over many may not.
numpy only, and nothing of the writers: the audit, which reads a second time, and the doctor both use it.

Limits: recorded sets of six kinds of sensors (Kinect v1 and v2, motion capture; noisy ones among them) stay far within
them, as the reasons below say. Lengths are compared with the torso's, from the middle of the hips to that of the
shoulders, so that normalised clips are judged as well.

Axes: T frames, V joints, C coordinates.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Pair = tuple[int, int]

FEWEST = 3
"""Clips below which nothing is said."""
SAMPLE = 100
"""About how many clips are looked at, at most."""
MOST_FRAMES = 0.5
"""Share of frames in which the head is above the hips and so on, median over clips: recorded sets have 1.0."""
LIKE = 1.3
"""Longer by the shorter of a left and a right limb: recorded sets stay below 1.08."""
LIKE_2D = 1.6
"""The same in an image, where limbs are seen from every side."""
CHAIN = {"arm": 1.8, "leg": 1.75}
"""Longer by the shorter of a limb's two bones: recorded arms stay below 1.35, legs below 1.27."""
STEADY = 0.2
"""Median departure of a bone from its median length, as a share of it: recorded sets stay below 0.08."""
HAND = 0.7
"""Length of a hand by the width of the shoulders: recorded sets stay below 0.36."""
TORSO_M = (0.2, 0.9)
"""Metres; recorded sets have 0.36 to 0.51."""
BY_TORSO = {
    "shoulders": (0.25, 1.5),
    "upper arm": (0.25, 1.1),
    "forearm": (0.25, 1.1),
    "thigh": (0.4, 1.8),
    "shin": (0.4, 1.7),
}
"""Lengths by the torso's; recorded: 0.49 to 1.02, 0.47 to 0.78, 0.46 to 0.83, 0.66 to 1.51, 0.80 to 1.20."""
LIMBS = {"upper arm": "arm", "forearm": "arm", "thigh": "leg", "shin": "leg"}

_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_ENDS = {
    "upper arm": (("shoulder",), ("elbow",)),
    "forearm": (("elbow",), ("wrist", "hand")),
    "thigh": (("hip",), ("knee",)),
    "shin": (("knee",), ("ankle", "foot")),
    "hand": (("wrist",), ("hand",)),
}


class Landmarks(NamedTuple):
    """The joints that a person is known by; None or left out where the layout has no joint of that name."""

    head: int | None
    hips: Pair
    shoulders: Pair
    feet: Pair | None
    bones: Mapping[str, tuple[Pair, Pair]]
    """Bone -> its ends on the left, and on the right."""


def landmarks(names: Sequence[str]) -> Landmarks | None:
    """From names such as `left shoulder`, `l_shoulder` or `LeftShoulder`; None without both hips and shoulders.

    >>> landmarks(["left hip", "right hip", "LShoulder", "RShoulder", "nose"]).head
    4
    """
    found = {_words(name): at for at, name in reversed(list(enumerate(names)))}

    def pair(*parts: str) -> Pair | None:
        both = ((found.get(("left", part)), found.get(("right", part))) for part in parts)
        return next(((left, right) for left, right in both if left is not None and right is not None), None)

    hips, shoulders = pair("hip"), pair("shoulder")
    if hips is None or shoulders is None:
        return None
    bones = {}
    for bone, (starts, ends) in _ENDS.items():
        start, end = pair(*starts), pair(*ends)
        if start is not None and end is not None:
            bones[bone] = ((start[0], end[0]), (start[1], end[1]))
    head = next((found[word,] for word in ("head", "nose") if (word,) in found), None)
    return Landmarks(head, hips, shoulders, pair("ankle", "foot"), bones)


def _words(name: str) -> tuple[str, ...]:
    """The side first, then the rest: `RShoulder`, `shoulder_r` and `right shoulder` are the same."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    return (*sides, *(word for word in words if word not in _SIDES))


def measure(joints_TVC: Floats, known_TV: Mask, marks: Landmarks, up: tuple[int, int] = (1, 1)) -> dict[str, float]:
    """What one body of one clip says; only what it shows.

    Shapes: (T, V, C), (T, V). Args: up: the axis that points upwards, and 1, or -1 where it points down.
    """
    clip = _Clip(joints_TVC, known_TV, up)
    found = dict(_heights(clip, marks))
    torso_T = clip.distance(marks.hips, marks.shoulders)
    torso = _median(torso_T)
    found |= {"torso": torso, "shoulders": _median(clip.distance(marks.shoulders[:1], marks.shoulders[1:])) / torso}
    for bone, (left, right) in marks.bones.items():
        lengths = [clip.distance(ends[:1], ends[1:]) for ends in (left, right)]
        long, short = (choose(map(_median, lengths)) for choose in (max, min))
        found[bone] = (long + short) / 2 / torso
        found[f"{bone}, sides"] = long / short
        found[f"{bone}, steady"] = max(_median(np.abs(of_T - _median(of_T))) / _median(of_T) for of_T in lengths)
        across = [clip.distance((left[0],), (right[1],)), clip.distance((right[0],), (left[1],))]
        found[f"{bone}, own"] = float(np.mean([_share(a - b) for a, b in zip(across, lengths, strict=True)]))
    return {name: value for name, value in found.items() if np.isfinite(value)}


class _Clip(NamedTuple):
    joints_TVC: Floats
    known_TV: Mask
    up: tuple[int, int]

    def place(self, joints: Sequence[int]) -> Floats:
        """(T, C) the middle of some joints; nan where one of them is not known."""
        known_T = np.asarray(self.known_TV[:, list(joints)].all(axis=1))
        return np.where(known_T[:, None], self.joints_TVC[:, list(joints)].mean(axis=1), np.nan)

    def distance(self, some: Sequence[int], others: Sequence[int]) -> Floats:
        return np.asarray(np.linalg.norm(self.place(some) - self.place(others), axis=1))

    def above(self, some: Sequence[int], others: Sequence[int]) -> Floats:
        axis, sign = self.up
        return np.asarray(sign * (self.place(some) - self.place(others))[:, axis])


def _heights(clip: _Clip, marks: Landmarks) -> Iterator[tuple[str, float]]:
    """Shares of frames."""
    if marks.head is not None:
        yield "the head is above the hips", _share(clip.above((marks.head,), marks.hips))
    if marks.feet is not None:
        yield "the hips are above the feet", _share(clip.above(marks.hips, marks.feet))
    leaning_T = clip.above(marks.shoulders, marks.hips) - 0.5 * clip.distance(marks.shoulders, marks.hips)
    yield "the torso is within 60 degrees of upright", _share(leaning_T)


def _median(values: Floats) -> float:
    """Of the values that are known; nan where there is none, or where it is 0, by which nothing can be divided."""
    known = values[np.isfinite(values)]
    return (float(np.median(known)) or np.nan) if len(known) else np.nan


def _share(values: Floats) -> float:
    """How many of the known values are positive."""
    known = values[np.isfinite(values)]
    return float((known > 0).mean()) if len(known) else np.nan


def doubts(clips: Sequence[Mapping[str, float]], is_image: bool, in_metres: bool) -> list[str]:
    """What speaks against these clips being people with the joints in the layout's order, a line each.

    Args:
        clips: of each what `measure` gave.
        in_metres: whether the torso must be as long as a person's.
    """
    if len(clips) < FEWEST:
        return []
    names = sorted({name for clip in clips for name in clip})
    typical = {name: float(np.median([clip[name] for clip in clips if name in clip])) for name in names}
    found = list(_of_heights(typical))
    found += _of_sides(typical, LIKE_2D if is_image else LIKE)
    if not is_image:
        found += _of_lengths(typical)
    torso = typical.get("torso", 0.4)
    if in_metres and not is_image and not TORSO_M[0] <= torso <= TORSO_M[1]:
        found.append(f"the torso is {torso:.3g} m long, a person's {TORSO_M[0]} to {TORSO_M[1]} m: other units?")
    return found


def _of_heights(typical: Mapping[str, float]) -> Iterator[str]:
    for name, share in typical.items():
        if name.startswith("the ") and share < MOST_FRAMES:
            yield f"{name} in {share:.0%} of the frames only: another axis upwards, or another order of joints?"


def _of_sides(typical: Mapping[str, float], like: float) -> Iterator[str]:
    for name, value in typical.items():
        bone, _, kind = name.partition(", ")
        if kind == "sides" and value > like and bone in LIMBS:
            yield f"one {bone} is {value:.2f} times as long as the other: another order of joints?"
        if kind == "own" and value < MOST_FRAMES and bone in LIMBS:
            yield f"the {bone} begins on one side and ends on the other in most frames: left and right mixed up?"


def _of_lengths(typical: Mapping[str, float]) -> Iterator[str]:
    for name, value in typical.items():
        bone, _, kind = name.partition(", ")
        low, high = BY_TORSO.get(name, (0.0, np.inf))
        if not low <= value <= high:
            what = "the shoulders are" if name == "shoulders" else f"the {name} is"
            yield f"{what} {value:.2f} torsos long, a person's {low} to {high}: another order of joints?"
        if kind == "steady" and value > STEADY and bone in LIMBS:
            yield f"the {bone} changes its length by {value:.0%}: another order of joints?"
    for limb, most in CHAIN.items():
        pair = [typical[bone] for bone, of in LIMBS.items() if of == limb and bone in typical]
        if len(pair) == 2 and max(pair) > most * min(pair):
            yield f"one of the {limb}'s two bones is {max(pair) / min(pair):.2f} times the other: another order?"
    if typical.get("hand", 0.0) > HAND * typical.get("shoulders", np.inf):
        yield "a hand is nearly as long as the shoulders are wide: another order of joints?"


def step_of(n_clips: int) -> int:
    """Every how many-th clip of a set is looked at."""
    return max(1, -(-n_clips // SAMPLE))
