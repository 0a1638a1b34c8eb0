"""Small made-up actions of one standing person, for tests of recognisers: a few joints move, the rest stands."""

import numpy as np

from dastm.contract.skeleton import NTU25, Layout
from dastm.recogniser.clips import Clip

STANDING = {
    "hip centre": (0, 1.0), "spine": (0, 1.25), "spine shoulder": (0, 1.5), "neck": (0, 1.55), "head": (0, 1.7),
    "shoulder": (0.2, 1.48), "elbow": (0.25, 1.2), "wrist": (0.27, 0.95), "hand": (0.28, 0.9), "hand tip": (0.28, 0.82),
    "thumb": (0.25, 0.88), "hip": (0.1, 1.0), "knee": (0.11, 0.55), "ankle": (0.12, 0.1), "foot": (0.13, 0.05),
    "nose": (0, 1.68), "eye": (0.03, 1.72), "ear": (0.07, 1.7),
}  # fmt: skip
MOVES = {
    "wave": {"right wrist": (0.25, 0.9), "right hand": (0.3, 1.0), "right elbow": (0.1, 0.4)},
    "push": {
        "left wrist": (-0.1, 0.5),
        "left hand": (-0.1, 0.55),
        "right wrist": (0.1, 0.5),
        "right hand": (0.1, 0.55),
    },
    "kick": {"right ankle": (0.1, 0.6), "right foot": (0.15, 0.7), "right knee": (0.05, 0.3)},
    "bow": {"head": (0.0, -0.4), "neck": (0.0, -0.3), "spine shoulder": (0.0, -0.28), "nose": (0.0, -0.4)},
}
"""Joint -> how far it goes sideways and up, in metres, and a third of the way up forward as well."""


def standing(layout: Layout) -> np.ndarray:
    """(V, 3) metres, y up; a person who faces the camera has the left side at lower x."""
    return np.array([_place(name) for name in layout.joints])


def _place(name: str) -> tuple[float, float, float]:
    side, _, part = name.partition(" ")
    if side not in ("left", "right"):
        return (*STANDING[name], 2.0)
    x, y = STANDING[part]
    return (-x if side == "left" else x, y, 2.0)


def joints_of(action: str, rng: np.random.Generator, n_frames: int = 40, layout: Layout = NTU25) -> np.ndarray:
    """(T, V, C): the action done once and back, by a person of some size, with a sensor's noise."""
    way_T = np.sin(np.linspace(0, np.pi, n_frames)) ** rng.uniform(0.7, 1.4)
    joints_TVC = np.repeat(standing(layout)[None], n_frames, axis=0)
    for name, (sideways, up) in MOVES[action].items():
        if name in layout.joints:
            joints_TVC[:, layout.joints.index(name)] += way_T[:, None] * np.array([sideways, up, -0.3 * abs(up)])
    joints_TVC = joints_TVC * rng.uniform(0.9, 1.1) + rng.normal(0, 0.004, joints_TVC.shape)
    if layout.is_image:
        x_TV, y_TV, _ = np.moveaxis(joints_TVC, 2, 0)
        joints_TVC = np.stack([0.5 + x_TV / 4, 1 - y_TV / 2.5, np.full_like(x_TV, 0.9)], axis=2)
    return joints_TVC.astype(np.float32)


def clip_of(action: str, seed: int = 0, layout: Layout = NTU25, **facts) -> Clip:
    """One clip; the same seed gives the same."""
    rng = np.random.default_rng([seed, *action.encode()])
    joints_TVC = joints_of(action, rng, facts.pop("n_frames", 40), layout)
    return Clip(
        key=facts.pop("key", f"{action}_{seed}"), source=facts.pop("source", f"{action}/{seed}.npy"),
        layout=layout, joints_TVC=joints_TVC, **facts,
    )  # fmt: skip
