"""Frames as lines of JSON, as pose estimators print them -> joints of the bodies in each frame.

In: one line and the layout of its joints. Out: a `Frame`. docs/use.md describes the format: `{"frame": 17, "time":
0.57, "bodies": [{"id": 1, "joints": [[x, y, z], ..]}]}`. Only `bodies` is required, or `joints` for a single body.

Axes: V joints, C coordinates.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.documents import DocumentError, keyed, shown
from dastm.contract.skeleton import Layout

MOST_BYTES = 1 << 20
"""Longest accepted line; more than any number of people needs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One frame, as a line describes it."""

    number: int | None
    """The number of the frame; None: one more than the last."""
    time: float | None
    """The time in seconds; None: it follows from the number."""
    bodies: Mapping[int | str, NDArray[np.float64]]
    """Id of a body -> its joints (V, C), nan where a joint was not measured."""


def frame_of(line: bytes, layout: Layout) -> Frame:
    """Read one line as a frame. Raises: ValueError in one line that says what is wrong with it."""
    said = _document(line)
    if not isinstance(said, dict) or not ("bodies" in said or "joints" in said):
        raise ValueError('expected an object with "bodies" (or "joints"), e.g. {"bodies": [{"id": 1, "joints": [..]}]}')
    number, time = said.get("frame"), said.get("time")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**53):
        raise ValueError(f"frame: expected a whole number from 0, got {shown(number)}")
    if time is not None and not _is_number(time):
        raise ValueError(f"time: expected seconds, got {shown(time)}")
    listed = said.get("bodies", [said])
    if not isinstance(listed, list):
        raise ValueError(f"bodies: expected a list, got {shown(listed)}")
    bodies: dict[int | str, NDArray[np.float64]] = {}
    for place, body in enumerate(listed):
        name = _name(body, place)
        if name in bodies:
            raise ValueError(f"two bodies with the id {name!r}")
        bodies[name] = _joints(body, layout, f"body {name}")
    return Frame(number=number, time=None if time is None else float(time), bodies=bodies)


def _document(line: bytes) -> Any:
    if len(line) > MOST_BYTES:
        raise ValueError(f"longer than {MOST_BYTES} bytes")
    try:
        return json.loads(line, object_pairs_hook=keyed)
    except RecursionError:
        raise ValueError("not JSON: nested too deeply") from None
    except DocumentError:
        raise
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None


def _name(body: Any, place: int) -> int | str:
    if not isinstance(body, dict):
        raise ValueError(f"bodies: expected objects, got {shown(body)[:40]}")
    name = body.get("id", place)
    if isinstance(name, bool) or not isinstance(name, (int, str)):
        raise ValueError(f"id: expected a number or a name, got {shown(name)}")
    return name


def _joints(body: Mapping[str, Any], layout: Layout, who: str) -> NDArray[np.float64]:
    """The joints of a body; all are nan if it was found and none was measured (null, or an empty list)."""
    joints = body.get("joints")
    if "joints" in body and joints in (None, []):
        joints = [None] * layout.n_joints
    if not isinstance(joints, list):
        expected = f"a list of {layout.n_joints} joints in the order of {layout.name}"
        raise ValueError(f"{who}: expected {expected}, got {shown(joints)}")
    if len(joints) != layout.n_joints:
        raise ValueError(f"{who}: {layout.name} has {layout.n_joints} joints, got {len(joints)}")
    return np.array(
        [_joint(joint, layout, f"{who}, {name}") for joint, name in zip(joints, layout.joints, strict=True)]
    )


def _joint(joint: Any, layout: Layout, which: str) -> list[float]:
    """Its coordinates; nan if it was not measured. In an image, one without a confidence was measured."""
    n_coordinates = len(layout.coordinates)
    if joint is None:
        return [np.nan] * n_coordinates
    if isinstance(joint, list) and layout.is_image and len(joint) == n_coordinates - 1:
        joint = [*joint, 1.0]
    if not isinstance(joint, list) or len(joint) != n_coordinates:
        raise ValueError(f"{which}: expected {', '.join(layout.coordinates)}, or null, got {shown(joint)}")
    if all(value is None or _is_number(value) or value != value for value in joint):
        return [np.nan if value is None else float(value) for value in joint]
    raise ValueError(f"{which}: expected numbers or null, got {shown(joint)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30
