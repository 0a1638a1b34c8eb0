"""Recordings of a plausible person, small enough to read: bones are short, joints swing as their action says."""

import io
import zipfile
from pathlib import Path

import numpy as np

from dastm.contract.skeleton import NTU25, Layout


def person(action: int = 0, frames: int = 12, layout: Layout = NTU25, size: float = 1.0, seed: int = 0) -> np.ndarray:
    """(T, V, C) float32; in images places lie within 0 and 1, and confidences are 0.9."""
    pose_rng, rng = np.random.default_rng(10), np.random.default_rng([action, seed])
    places_VC, bones_VC = np.zeros((2, layout.n_joints, layout.n_space))
    reached = [layout.hub]
    while len(reached) < layout.n_joints:
        for a, b in layout.bones:
            for new, old in ((a, b), (b, a)):
                if new not in reached and old in reached:
                    straight = bones_VC[old] + pose_rng.normal(scale=0.03, size=layout.n_space)
                    bones_VC[new] = 0.06 * straight / np.linalg.norm(straight)
                    places_VC[new] = places_VC[old] + bones_VC[new]
                    reached.append(new)
    swing_VC = np.random.default_rng(100 + action).normal(scale=0.02, size=places_VC.shape)
    wave_T = np.sin(np.linspace(0, 3 + action % 3, frames))[:, None, None]
    moving_TVC = 0.5 + size * (places_VC + wave_T * swing_VC) + rng.normal(scale=1e-3, size=(frames, *places_VC.shape))
    if layout.is_image:
        moving_TVC = np.concatenate([moving_TVC, np.full((frames, layout.n_joints, 1), 0.9)], axis=2)
    return moving_TVC.astype(np.float32)


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def wide_csv(joints_TVC: np.ndarray, times: list[str] | None = None, column: str = "time_s") -> str:
    """A CSV clip of 3-D joints by number; `times`: in place of frames."""
    n_joints = joints_TVC.shape[1]
    head = [column if times else "frame", *(f"{c}_{v}" for v in range(n_joints) for c in "xyz")]
    rows = [
        [times[t] if times else str(t), *map(repr, map(float, joints_TVC[t].ravel()))] for t in range(len(joints_TVC))
    ]
    return "\n".join(",".join(row) for row in [head, *rows]) + "\n"
