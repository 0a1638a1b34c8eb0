"""The audit's look at the people in the arrays: frozen clips, joints always at the origin, skeletons that are none.

In: the manifest as JSON, then the arrays of clips one by one. Out: warnings. Like the audit itself it shares nothing
with the writers: `posture` looks at arrays and names alone.

Axes: M bodies, T frames, V joints, C coordinates.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audit.posture import doubts, landmarks, measure, step_of

NEARLY_ALL = 0.9
"""Share of a body's frames; as the doctor's limit `origin_share`."""


class People:
    """What has been seen of the clips so far; nothing is looked at where the manifest does not say how to."""

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        layout, split = ({}, {}) if document is None else (document["layout"], document["definition"]["split"])
        self._joints = [str(name) for name in layout.get("joints", ())]
        self._is_image = list(layout.get("coordinates", ()))[-1:] == ["confidence"]
        self._in_metres = split.get("scale") == "none"
        self._centred = int(layout.get("centre", 0)) if split.get("origin") == "every_frame" else None
        self._up = (
            2 if split.get("rotate") == "upright" and len(layout["coordinates"]) == 3 and not self._is_image else 1
        )
        parts = {} if document is None else document["parts"]
        self._step = step_of(sum(int(of["clips"]) for part in parts.values() for of in part.values()))
        self._marks = landmarks(self._joints)
        self._n_seen = 0
        self._postures: list[dict[str, float]] = []
        self._at_origin: Counter[int] = Counter()

    def see(self, joints_MTVC: NDArray[np.float32]) -> Iterator[str]:
        """Look at a clip of the manifest's shape; what is to say of it alone."""
        if joints_MTVC.shape[1] > 1 and (joints_MTVC == joints_MTVC[:, :1]).all():
            yield "frozen, all frames are the same"
        n_places = joints_MTVC.shape[3] - self._is_image
        places_MTVC = np.nan_to_num(joints_MTVC[..., :n_places].astype(np.float64), posinf=0.0, neginf=0.0)
        known_MTV = np.asarray(joints_MTVC[..., -1] > 0 if self._is_image else places_MTVC.any(axis=3))
        if not self._is_image:
            zero_MV = np.asarray((joints_MTVC == 0).all(axis=3).mean(axis=1) >= NEARLY_ALL)
            zero_MV[zero_MV.all(axis=1)] = False  # a body that is all zero is a problem of its own
            if self._centred in range(len(self._joints)):
                zero_MV[0, self._centred] = False
            self._at_origin.update(np.flatnonzero(zero_MV.any(axis=0)).tolist())
        if self._marks is not None and self._n_seen % self._step == 0:
            self._postures.append(measure(places_MTVC[0], known_MTV[0], self._marks, (self._up, 1)))
        self._n_seen += 1

    def warnings(self) -> Iterator[str]:
        """What all clips together show."""
        for joint, count in sorted(self._at_origin.items()):
            where = f"in nearly all frames of {count} of {self._n_seen} clips"
            yield f"joint {self._joints[joint]!r} is (0, 0, 0) {where}: centred on it, or never measured"
        for doubt in doubts(self._postures, self._is_image, self._in_metres):
            yield f"skeleton: {doubt} (a sample of {len(self._postures)} clips)"
