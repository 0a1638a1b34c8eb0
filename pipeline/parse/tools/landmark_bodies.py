"""One frame of landmarks as JSON, in any of the shapes that `landmark_json` knows -> its bodies.

In: a value of a document. Out: places, confidences, names and ids of its bodies. A joint is {x, y, [z], [visibility |
score | confidence]} in small letters or capitals, {position | location | real: {x, y}, name | part | keypoint,
[score]}, or [x, y, [z], [score]]; joints that say their numbers may be in any order. A body may also be an object of
columns, {x: [..], y: [..]}, or a row of MediaPipe's numbers (132, 99, ..). What some joints of a body leave out is nan.
"""

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.json_documents import a_whole, numbers, shown
from pipeline.parse.tools.landmark_arrays import PIECES, divided

WORLD = ("pose_world_landmarks", "poseworldlandmarks", "world_landmarks", "worldlandmarks", "keypoints3d")
POSES = (
    *("pose_landmarks", "poselandmarks", "landmarks", "keypoints", "joints", "pose", "landmark", "hand_landmarks"),
    *("multihandlandmarks", "multi_hand_landmarks", "bodies", "people", "persons", "skeletons"),
)
_SCORES = ("visibility", "score", "confidence", "presence")
_NAMES = ("name", "part", "keypoint")
_POINTS = ("position", "location", "real")
_NUMBERS = ("id", "index", "landmark_id", "joint_id", "jointtype", "type")
_IDS = ("trackingid", "tracking_id", "body_id", "bodyid", "person_id", "personid", "track_id")
_CAMERA = "cameraX"
"""Where node-kinect2 has a joint's place in space, beside those in its two images."""
_PLAIN = frozenset((int, float, str, bool, type(None)))
"""What a number of a joint may be in a document."""
_HAND = re.compile(r"(?=.*hand)(?!.*handedness).*|left|right")
_SIDES = {"left": 0, "right": 1}
_WRITTEN = re.compile(rb'"(?:[XYZ]|Position|Location|Visibility|Score|Confidence|Name)"\s*:')


class Body(NamedTuple):
    """A body of a frame; hands are bodies where there are no others."""

    places_VC: NDArray[np.float64]
    scores_V: NDArray[np.float64] | None
    joints: tuple[str, ...]
    id: int | None = None
    bare: bool = False
    """Whether its joints are lists, so that nothing says what their third number is."""


def in_small_letters(data: bytes, value: Any) -> Any:
    """The value with the words of a joint's fields in small letters, where the document has them in capitals."""
    return _lowered(value) if _WRITTEN.search(data) is not None else value


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower() if _is_word(key) else key: _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _is_word(key: str) -> bool:
    return key.lower() in ("x", "y", "z", *_POINTS, *_SCORES, *_NAMES)


def is_joint(value: Any) -> bool:
    """Whether a value is one joint."""
    if isinstance(value, dict):
        if "x" in value:
            return type(value["x"]) in _PLAIN
        return _CAMERA in value or any(isinstance(value.get(name), dict) for name in _POINTS)
    return isinstance(value, list) and 2 <= len(value) <= 4 and not any(isinstance(n, list | dict) for n in value)


def bodies_of(frame: Any, world: bool, hands: bool) -> Iterator[Body]:
    """The bodies of a frame; RefusedError for what is no landmarks.

    Args:
        world: whether joints in space are preferred.
        hands: whether the hands beside a body are read, because no frame has a body.
    """
    if not frame or (isinstance(frame, list) and all(joint is None for joint in frame)):
        return
    if isinstance(frame, dict):
        yield from _of_object(frame, world, hands)
    elif not isinstance(frame, list):
        raise RefusedError(f"expected landmarks, found {shown(frame)}")
    elif all(joint is None or is_joint(joint) for joint in frame):
        yield _body(frame, ())
    elif _is_number(frame[0]):
        if len(frame) not in PIECES:
            raise RefusedError(f"{len(frame)} numbers, expected joints with x and y")
        row = numbers(frame, "the numbers")
        yield Body(*divided(row, row.shape, None), ())
    else:
        for body in frame:
            yield from bodies_of(body, world, hands)


def _of_object(frame: dict[str, Any], world: bool, hands: bool) -> Iterator[Body]:
    """The bodies of an object that holds landmarks under one of their names, or joints by name, or columns."""
    low = {key.casefold(): key for key in frame}
    wanted = (*WORLD, *POSES) if world else (*POSES, *WORLD)
    held = next((low[name] for name in wanted if name in low and not _is_number(frame[low[name]])), None)
    named = {key: value for key, value in frame.items() if is_joint(value)}
    own = [(name, frame[key]) for name, key in low.items() if _HAND.fullmatch(name) and name not in wanted]
    if isinstance(frame.get("x"), list) and isinstance(frame.get("y"), list):
        yield _columns(frame)
    elif held is not None:
        number = next((frame[low[name]] for name in _IDS if name in low), None)
        items = frame[held] if held == low.get("bodies") and isinstance(frame[held], list) else []
        each = not all(item is None or is_joint(item) for item in items)  # elsewhere an `id` may be the frame's
        for item in items if each else [frame[held]]:
            said = item.get("id", number) if each and isinstance(item, dict) else number
            for body in bodies_of(item, world, hands):
                yield body if isinstance(said, float | None) else body._replace(id=_id(said))
    elif own and not named:
        for name, hand in own if hands else []:
            side = next((at for word, at in _SIDES.items() if word in name), None)
            for body in bodies_of(hand, world, hands):
                yield body if side is None else body._replace(id=side)
    elif named:
        yield _body(list(named.values()), tuple(named))
    elif frame.get("tracked") is not False and not any(name in low and frame[low[name]] is None for name in wanted):
        raise RefusedError(f"no landmarks among {', '.join(map(repr, list(frame)[:5]))}")


def _id(value: Any) -> int | None:
    if isinstance(value, str) and not re.fullmatch(r"\s*-?\d+\s*", value):
        return crc32(value.encode("utf-8", "surrogatepass"))  # a name: any number that is its own
    number = a_whole(value, "the body's id") if value is not None else -1
    return number if number >= 0 else None


def _is_number(value: Any) -> bool:
    return type(value) in _PLAIN


def _columns(frame: dict[str, Any]) -> Body:
    """The body of columns."""
    axes = [axis for axis in "xyz" if isinstance(frame.get(axis), list)]
    score = next((name for name in _SCORES if isinstance(frame.get(name), list)), None)
    lengths = {len(frame[name]) for name in (*axes, *([score] if score else []))}
    if len(lengths) > 1 or 0 in lengths:
        raise RefusedError("columns x and y that are empty or not equally long")
    places_VC = np.column_stack([_row(frame[axis]) for axis in axes])
    return Body(places_VC, _row(frame[score]) if score else None, ())


def _row(values: list[Any]) -> NDArray[np.float64]:
    row = numbers(values, "a column")
    if row.ndim != 1:
        raise RefusedError("a column that is no list of numbers")
    return row


def _body(joints: list[Any], names: tuple[str, ...]) -> Body:
    first = next(joint for joint in joints if joint is not None)
    if isinstance(first, list):
        array = numbers([[None] * len(first) if joint is None else joint for joint in joints], "the joints")
        return Body(array[:, :3], array[:, 3] if array.shape[1] == 4 else None, names, bare=True)
    empty = {key: dict.fromkeys(value) if isinstance(value, dict) else None for key, value in first.items()}
    joints = [empty if joint is None else joint for joint in joints]
    if not all(isinstance(joint, dict) for joint in joints):
        raise RefusedError("joints as objects and as lists in one body")
    point = next((name for name in _POINTS if isinstance(joints[0].get(name), dict)), None)
    flat = joints if point is None else [{**joint, **_point(joint, point)} for joint in joints]
    held = set(flat[0])  # what some joints have
    if any(joint.keys() != held for joint in flat):
        held = held.union(*flat[1:])
    if _CAMERA in held:
        flat = [{axis: joint.get(f"camera{axis.upper()}") for axis in "xyz"} for joint in flat]
        held = set("xyz")
    flat, names = _in_order(flat, held, names)
    axes = ("x", "y", "z") if "z" in held else ("x", "y")
    score = next((name for name in _SCORES if name in held), None)
    try:
        places_VC = numbers(list(map(itemgetter(*axes), flat)), "the joints")
    except KeyError:
        lacking = next((axis for axis in "xy" if any(axis not in joint for joint in flat)), None)
        if lacking is not None:
            raise RefusedError(f"a joint without {lacking!r}") from None
        places_VC = numbers([[joint.get(axis) for axis in axes] for joint in flat], "the joints")
    scores_V = numbers([joint.get(score) for joint in flat], f"{score!r}") if score is not None else None
    return Body(places_VC, scores_V, names)


def _point(joint: dict[str, Any], name: str) -> dict[str, Any]:
    point = joint.get(name)
    return point if isinstance(point, dict) else {}


def _in_order(
    flat: list[dict[str, Any]], held: set[str], names: tuple[str, ...]
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The joints in the order of the numbers that all of them say, and the names that they say."""
    said = next((name for name in _NAMES if name in held and all(isinstance(j.get(name), str) for j in flat)), None)
    if said is not None and not names:
        names = tuple(joint[said] for joint in flat)
    if names:
        return flat, names if len(set(names)) == len(names) else ()
    number = next((key for key in held if key.casefold() in _NUMBERS), None)
    told = [joint.get(number) for joint in flat] if number is not None else []
    if told and sorted(map(str, told)) == sorted(map(str, range(len(flat)))) and told != list(range(len(flat))):
        places = {str(place): joint for place, joint in zip(told, flat, strict=True)}
        return [places[str(v)] for v in range(len(flat))], ()
    return flat, ()


def has_parts(frame: Any) -> bool:
    """Whether a frame has hands or a face beside its body."""
    return isinstance(frame, dict) and any(
        bool(value) and isinstance(value, list) and ("hand" in key.casefold() or "face" in key.casefold())
        for key, value in frame.items()
    )


def of_lists(frames: Sequence[Any]) -> list[Body] | None:
    """The bodies of frames that are lists of lists of numbers throughout, all at once; None where they are not."""
    if not frames or not all(isinstance(frame, list) and frame and isinstance(frame[0], list) for frame in frames):
        return None
    try:
        array = numbers(list(frames), "the joints")
    except RefusedError:
        return None
    if array.ndim != 3 or not 2 <= array.shape[2] <= 4:
        return None
    scored = array.shape[2] == 4
    return [Body(rows_VK[:, :3], rows_VK[:, 3] if scored else None, (), bare=True) for rows_VK in array]
