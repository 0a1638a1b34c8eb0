"""Does a skeleton look like a person? What a sample of clips says of its joint order, its axes and its units.

In: joints of single clips and the names of the layout's joints. Out: a few numbers a clip, and of all clips together
the doubts, a line each. One clip may show somebody who lies down or turns a cartwheel; the medians over many may not.
numpy only, and nothing of the writers: the audit, which reads a second time, and the doctor both use it.

Limits: recorded sets of six kinds of sensors (Kinect v1 and v2, motion capture; noisy ones among them) stay far within
them, as the reasons below say. Lengths are compared with the torso's, from the middle of the hips to that of the
shoulders, so that normalised clips are judged as well.

Axes: T frames, V joints, C coordinates.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.audit.landmarks import EXAMPLES, Landmarks

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

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
FEET_AHEAD = 0.3
"""Share of frames in which the feet point to the person's front, median over clips. Recorded sets have 0.96 to 1.0, ten
clips of one class 0.69 at least; the same mirrored 0.0 to 0.04, and 0.31 at most."""
FEWEST_FEET = 10
"""Clips below which nothing is said of the feet: one or two of a hundred have them in noise."""
STICKS_OUT = 0.5
"""Sine of the angle between foot and shin in frames that count: feet that were made up along the shin say nothing."""
LIMBS = {"upper arm": "arm", "forearm": "arm", "thigh": "leg", "shin": "leg"}


def measure(joints_TVC: Floats, known_TV: Mask, marks: Landmarks, up: tuple[int, int] = (1, 1)) -> dict[str, float]:
    """The measures of one body of one clip, without those that it does not show.

    Shapes: (T, V, C), (T, V). Args: up: the axis that points upwards, and 1, or -1 where it points down.
    """
    clip = _Clip(joints_TVC, known_TV, up)
    found = dict(_heights(clip, marks))
    torso = _median(clip.distance(marks.hips, marks.top))
    found["torso"] = torso
    if marks.shoulders is not None:
        found["shoulders"] = _median(clip.distance(marks.shoulders[:1], marks.shoulders[1:])) / torso
    for bone, (left, right) in marks.bones.items():
        lengths = [clip.distance(ends[:1], ends[1:]) for ends in (left, right)]
        long, short = (choose(map(_median, lengths)) for choose in (max, min))
        found[bone] = (long + short) / 2 / torso
        found[f"{bone}, sides"] = long / short
        found[f"{bone}, steady"] = max(_median(np.abs(of_T - _median(of_T))) / _median(of_T) for of_T in lengths)
        across = [clip.distance((left[0],), (right[1],)), clip.distance((right[0],), (left[1],))]
        found[f"{bone}, own"] = float(np.mean([_share(a - b) for a, b in zip(across, lengths, strict=True)]))
    found["feet ahead"] = _feet_ahead(clip, marks)
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
        yield "the head is above the shoulders", _share(clip.above((marks.head,), marks.top))
    if marks.feet is not None:
        yield "the hips are above the feet", _share(clip.above(marks.hips, marks.feet))
    leaning_T = clip.above(marks.top, marks.hips) - 0.5 * clip.distance(marks.top, marks.hips)
    yield "the torso is within 60 degrees of upright", _share(leaning_T)


def _feet_ahead(clip: _Clip, marks: Landmarks) -> float:
    """Share of frames in which the feet point to where a person looks who has the left hip on the left; nan unknown.

    The front is what is right-handed to the way upwards and the way to the right; a person whose left and right are
    swapped, or a mirrored axis, has the toes at the back.
    """
    is_known = marks.toes is not None and {"thigh", "shin"} <= marks.bones.keys()
    if marks.toes is None or marks.feet is None or not is_known or clip.joints_TVC.shape[2] != 3:
        return np.nan
    shins, hips = marks.bones["shin"], marks.bones["thigh"]
    up_TC = clip.place(marks.top) - clip.place(marks.hips)
    right_TC = clip.place((hips[1][0],)) - clip.place((hips[0][0],))
    ahead_TC = clip.place(marks.toes) - clip.place(marks.feet)
    front_T = np.einsum("tc,tc->t", np.cross(ahead_TC, up_TC), right_TC)
    for (knee, ankle), toe in zip(shins, marks.toes, strict=True):
        foot_TC, shin_TC = clip.place((toe,)) - clip.place((ankle,)), clip.place((ankle,)) - clip.place((knee,))
        across_T = np.linalg.norm(np.cross(foot_TC, shin_TC), axis=1)
        least_T = STICKS_OUT * np.linalg.norm(foot_TC, axis=1) * np.linalg.norm(shin_TC, axis=1)
        front_T[~(across_T > least_T)] = np.nan
    return _share(front_T)


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
    n_feet = sum("feet ahead" in clip for clip in clips)
    if n_feet >= FEWEST_FEET and typical["feet ahead"] < FEET_AHEAD:
        share = f"{1 - typical['feet ahead']:.0%}"
        found.append(
            f"the feet point backwards in {share} of the frames: left and right swapped, or parse.source.mirrored?"
        )
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


def not_checked(marks: Landmarks, layout: str) -> str:
    """A line that names the parts that no joint is known as, so that posture is not fully checked; or empty."""
    if not marks.unknown:
        return ""
    parts = " / ".join(marks.unknown)
    words = ", ".join(f"`{EXAMPLES[part]}`" for part in marks.unknown)
    landmarks = "" if marks.is_enough else " or give the layout `torso` and `shoulders`"
    checked = "checked in part only" if marks.is_enough else "not checked"
    return f"posture {checked}: no joint of layout {layout} is known as {parts}; name them ({words}){landmarks}"


def step_of(n_clips: int) -> int:
    """The step n for a set of this size: every n-th clip is looked at."""
    return max(1, -(-n_clips // SAMPLE))
