"""Draws poses of an arm: from everything that the joints allow, those whose hand is in a possible position.

In: a generator. Out: degrees of the channels of one arm, `flex` to `wrist`. `REGIONS` says how often each kind of pose
is drawn, `is_possible` which poses are kept.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipeline.synthesis.body import Array, draw_subject, pose
from pipeline.synthesis.moves import angles

ArmPose = Mapping[str, float]
"""`flex`, `out`, `across`, `roll`, `elbow`, `wrist` in degrees, without their side."""


class Region(NamedTuple):
    """A kind of pose: how often it is drawn, and from where to where each angle goes, degrees."""

    share: float
    flex: tuple[float, float]
    out: tuple[float, float]
    across: tuple[float, float]
    roll: tuple[float, float]
    elbow: tuple[float, float]


REGIONS = {
    "in front": Region(0.35, (-35, 170), (-5, 50), (-25, 55), (-50, 40), (0, 140)),
    "beside": Region(0.25, (-10, 40), (30, 165), (-10, 40), (-80, 95), (0, 130)),
    "at head or chest": Region(0.2, (10, 80), (0, 40), (-10, 40), (-70, 40), (40, 145)),
    "reaching": Region(0.2, (40, 120), (-10, 20), (-25, 45), (-20, 20), (0, 40)),
}
WRIST = (-20.0, 40.0)
HAND, NECK_BASE = 11, 20
_SOMEBODY = draw_subject(np.random.default_rng(5))
"""On whom a pose is tried; all people are near enough to each other for this."""


def draw_arm_pose(rng: np.random.Generator) -> ArmPose:
    """One pose of the right arm whose hand is neither in the trunk nor far behind the back nor across the body."""
    shares = [region.share for region in REGIONS.values()]
    while True:
        region = tuple(REGIONS.values())[rng.choice(len(REGIONS), p=shares)]
        drawn = {name: float(rng.uniform(*getattr(region, name))) for name in Region._fields[1:]}
        drawn["wrist"] = float(rng.uniform(*WRIST))
        if is_possible(hand_of(drawn)):
            return drawn


def is_possible(hand_C: Array) -> bool:
    """Whether a right hand can be here: x to the right, y up, z to the back of the neck's base, in body heights."""
    x, y, z = hand_C
    behind = z > 0.12 and y > -0.25
    in_trunk = abs(x) < 0.07 and -0.5 < y < 0.0 and z > -0.06
    return bool(x > -0.25 and not behind and not in_trunk)


def beside(arm: ArmPose, spread: float, rng: np.random.Generator) -> ArmPose:
    """A pose near another one; `spread` is a standard deviation in degrees."""
    return {name: value + float(rng.normal(0.0, spread)) for name, value in arm.items()}


def of_sides(arm: ArmPose, sides: str) -> Array:
    """(D,) the pose of the arms `r`, `l` or `rl`."""
    return angles({f"{side}_{name}": value for side in sides for name, value in arm.items()})


def hand_of(arm: ArmPose) -> Array:
    """Where the right hand of a body that stands is: right, up and back of the neck's base, in body heights."""
    points, _ = pose(of_sides(arm, "r")[None], _SOMEBODY)
    hand: Array = (points[0, HAND] - points[0, NECK_BASE]) / _SOMEBODY.height
    return hand
