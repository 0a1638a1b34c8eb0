"""The thresholds of the doctor, each with its unit and its reason. `--limit NAME=VALUE` changes one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pipeline.audit.origin import AT_TIMES, NEARLY_ALL


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Lengths are metres where the source is 3-D, fractions of the image where it is 2-D.

    Lengths assume metric 3-D sources with 15 frames per second or more. Recorded walks, runs and kicks at 15 Hz stay
    below every limit. The demo's short clips do not: a joint that is lost in eight of 26 frames is reported.
    """

    frozen_frames: int = 10
    """Frames at the end equal to the one before to the bit: a sensor's noise never repeats, a stuck buffer does."""
    zero_share: float = 0.25
    """Share of a 3-D body's frames in which a joint is marked as lost: more than a hidden hand explains."""
    origin_share: float = NEARLY_ALL
    """Share of a body's frames in which a joint is measured at exactly (0, 0, 0): no sensor measures that place,
    but data that is centred on the joint has it there, and so has data that marks lost joints by it."""
    origin_least: float = AT_TIMES
    """The least share of frames at exactly (0, 0, 0) that is told: a joint that is there at times was lost then."""
    never_found: float = 0.5
    """Share of a 2-D body's joints that no frame shows: a close-up still shows the upper half."""
    empty_share: float = 0.5
    """Share of frames without any body; 30 % is usual in Kinetics."""
    short_frames: int = 5
    """Frames that show a body: fewer are no movement."""
    bodies: int = 2
    """Bodies at once, or ids in all: NTU and its users know two."""
    bone_max: float = 1.0
    """Metres, median over the clip; a tall man's thigh or shin is below 0.55."""
    bone_min: float = 0.1
    """Metres, median of the main body's longest bone; a small child's is above 0.2."""
    bone_change: float = 0.5
    """A bone is off where its length differs from its median by this share of it and by `bone_change_m`."""
    bone_change_m: float = 0.15
    """Metres: Kinect's noise at hands and feet, whose bones are a few centimetres, is no change of a bone."""
    bone_share: float = 0.25
    """Share of frames in which one bone is off: single lost joints are usual, a quarter of the clip is not."""
    jump_body: float = 0.6
    """Metres a frame of the median joint: 9 m/s at 15 Hz, 18 m/s at 30 Hz; a sprinter's hip reaches 12 m/s."""
    jump_joint: float = 1.5
    """Metres a frame of one joint: 22 m/s at 15 Hz, 45 m/s at 30 Hz; a boxer's fist reaches 12 m/s."""
    far: float = 30.0
    """Metres from the origin: a Kinect sees 8, a hall for motion capture has about 20."""
    outside: float = 0.5
    """Image fractions beyond its edges; OpenPose reaches 0.16 there."""
    score_max: float = 3.0
    """OpenPose's confidences reach 1.3, Azure Kinect's levels go from 0 to 3."""
    ghost_frames: int = 11
    """A second body seen in fewer frames, and in less than half of the clip, comes and goes too fast for a person."""
    ghost_size: float = 0.8
    """Metres, longest side of a second body's box, median over frames: an adult who crouches is above 0.85, furniture
    taken for a person is not."""
    ghost_width: float = 1.0
    """Width by height of a second body's box, median over frames: nobody who stands or sits is wider than tall."""
    same_frames: int = 10
    """A body that begins at most this number of frames after another has ended may be the same one under a new id."""
    same_place: float = 0.4
    """Metres of the median joint between the two: below it they are one; two people stand farther apart."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{field.name}: a number from 0 on, got {value}")


def limits_from(pairs: Sequence[str]) -> Limits:
    """Limits with some changed by `name=value`; ValueError naming what is wrong with a pair."""
    changed: dict[str, Any] = {}
    kinds = {name: type(value) for name, value in asdict(Limits()).items()}
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in kinds:
            raise ValueError(f"no limit {name!r}; known: {', '.join(kinds)}")
        try:
            changed[name] = kinds[name](text)
        except ValueError:
            raise ValueError(f"{name}: a {'whole ' if kinds[name] is int else ''}number, got {text!r}") from None
    return replace(Limits(), **changed)
