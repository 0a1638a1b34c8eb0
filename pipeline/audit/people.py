"""Checks the people in the arrays for the audit: frozen clips, joints always at the origin, impossible skeletons.

In: the manifest as JSON, then the arrays of clips one by one. Out: warnings. Like the audit itself it shares no code
with the
writers: `posture` uses only arrays and names.

Axes: M bodies, T frames, V joints, C coordinates.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audit.landmarks import landmarks
from pipeline.audit.origin import AT_TIMES, NEARLY_ALL, share_at
from pipeline.audit.posture import FEWEST, doubts, measure, not_checked, step_of

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
ORIGIN = "(0, 0, 0)"
IMAGE_ORIGIN = "(0, 0)"
CORNER = (-0.5, 0.5)
"""Where `split` puts what a source has at (0, 0) of an image, if it moves nothing."""
ALWAYS = "centred on it, or never measured"
IMAGE_CORNER = "in the corner of the image"


class People:
    """What is known from the clips so far; nothing is checked if the manifest lacks the layout.

    Raises: ValueError if a landmark of the manifest's layout is not one of its joints.
    """

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        layout, split = ({}, {}) if document is None else (document["layout"], document["definition"]["split"])
        self._joints = [str(name) for name in layout.get("joints", ())]
        self._layout = str(layout.get("name", "")) if document is not None else ""
        self._is_image = list(layout.get("coordinates", ()))[-1:] == ["confidence"]
        self._in_metres = split.get("scale") == "none"
        self._origin = split.get("origin")
        self._centre = int(layout.get("centre", 0))
        self._zero_is_missing = split.get("missing_joints") == "zero"
        self._up = (
            2 if split.get("rotate") == "upright" and len(layout["coordinates"]) == 3 and not self._is_image else 1
        )
        parts = {} if document is None else document["parts"]
        self._step = step_of(sum(int(of["clips"]) for part in parts.values() for of in part.values()))
        self._marks = landmarks(self._joints, **_given(layout, len(self._joints)))
        self._n_seen = 0
        self._postures: list[dict[str, float]] = []
        self._at_origin: Counter[tuple[int, str, str]] = Counter()

    def see(self, joints_MTVC: NDArray[np.float32]) -> Iterator[str]:
        """Check a clip of the manifest's shape -> warnings about it alone."""
        if joints_MTVC.shape[1] > 1 and (joints_MTVC == joints_MTVC[:, :1]).all():
            yield "frozen, all frames are the same"
        n_places = joints_MTVC.shape[3] - self._is_image
        places_MTVC = np.nan_to_num(joints_MTVC[..., :n_places].astype(np.float64), posinf=0.0, neginf=0.0)
        known_MTV = np.asarray(joints_MTVC[..., -1] > 0 if self._is_image else places_MTVC.any(axis=3))
        self._at_origin.update(set(self._origins(places_MTVC, known_MTV)))
        if self._marks.is_enough and self._n_seen % self._step == 0:
            self._postures.append(measure(places_MTVC[0], known_MTV[0], self._marks, (self._up, 1)))
        self._n_seen += 1

    def _origins(self, places_MTVC: Floats, known_MTV: Mask) -> Iterator[tuple[int, str, str]]:
        """Joint, place and how often, of the joints that are exactly at the origin too often."""
        wanted: list[tuple[str, Sequence[float] | float]] = [(IMAGE_ORIGIN if self._is_image else ORIGIN, 0.0)]
        if self._is_image and self._origin == "none":
            wanted.append((IMAGE_CORNER, CORNER))
        for body, (places_TVC, known_TV) in enumerate(zip(places_MTVC, known_MTV, strict=True)):
            if not self._is_image:  # a joint at the origin is known there, in frames that show the body
                known_TV = np.broadcast_to(known_TV.any(axis=1)[:, None], known_TV.shape)
            for where, place in wanted:
                share_V = share_at(places_TVC, known_TV, place)
                for joint in np.flatnonzero(share_V >= AT_TIMES).tolist():
                    often = "nearly always" if share_V[joint] >= NEARLY_ALL else "at times"
                    if not self._is_meant(joint, body, often):
                        yield joint, where, often

    def _is_meant(self, joint: int, body: int, often: str) -> bool:
        """Whether the definition put the joint there: the centre of the first body, or joints that are missing."""
        moved = {"every_frame": ("nearly always", "at times"), "first_frame": ("at times",)}.get(str(self._origin), ())
        is_missing = self._zero_is_missing and not self._is_image and often == "at times"
        return is_missing or (body == 0 and joint == self._centre and often in moved)

    def warnings(self) -> Iterator[str]:
        """Warnings about all clips together."""
        for (joint, where, often), count in sorted(self._at_origin.items()):
            clips = f"{count} of {self._n_seen} clips"
            if often == "at times":
                yield f"joint {self._joints[joint]!r} is {where} at times in {clips}: lost there, most likely"
                continue
            yield f"joint {self._joints[joint]!r} is {where} in nearly all frames of {clips}: {ALWAYS}"
        if self._layout and self._n_seen >= FEWEST and (line := not_checked(self._marks, self._layout)):
            yield line
        for doubt in doubts(self._postures, self._is_image, self._in_metres):
            yield f"skeleton: {doubt} (a sample of {len(self._postures)} clips)"


def _given(layout: Mapping[str, Any], n_joints: int) -> dict[str, Any]:
    """The landmarks that a layout gives itself, as `landmarks` takes them."""

    def joints(numbers: Sequence[Any]) -> tuple[int, ...]:
        found = tuple(map(int, numbers))
        if not all(0 <= joint < n_joints for joint in found):
            raise ValueError(f"a landmark {list(found)} of the layout, there are {n_joints} joints")
        return found

    given: dict[str, Any] = {}
    for name in ("shoulders", "spine"):
        if layout.get(name) is not None:
            left, right = joints(layout[name])
            given[name] = (left, right)
    if layout.get("torso") is not None:
        low, high = map(joints, layout["torso"])
        given["torso"] = (low, high)
    return given
