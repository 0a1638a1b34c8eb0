"""A tiny data set in the format of the paper's authors, nine .npy files in a folder, and the shards made of it."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dastm.contract.skeleton import NTU25, Layout
from tests.shard_folder import class_motion

LABELS = {"train": [5, 3, 0, 3, 5, 0, 0], "val": [2, 4, 2, 4], "test": [9, 7, 7]}
"""part -> label of each clip; every third clip has two bodies."""
STORED = 12
"""Frames stored of every clip; clip i has 12, 4, 9, 12, .. true ones."""


def true_frames(row: int) -> int:
    return (STORED, 4, 9)[row % 3]


def write_arrays(
    folder: Path, labels: Mapping[str, list[int]] = LABELS, layout: Layout = NTU25, stored: int = STORED
) -> Path:
    """Write the nine files; clips move as their class does, padding and absent bodies are zero."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    for part, of_part in labels.items():
        data_NCTVM = np.zeros((len(of_part), len(layout.coordinates), stored, layout.n_joints, 2), np.float32)
        frames_N = [min(true_frames(row), stored) for row in range(len(of_part))]
        for row, (label, frames) in enumerate(zip(of_part, frames_N, strict=True)):
            clip_MTVC = class_motion(label, 2 if row % 3 == 2 else 1, frames, layout, rng, 0.05)
            if layout.is_image:
                clip_MTVC[..., 2] = np.clip(clip_MTVC[..., 2], 0.1, 1.0)
            data_NCTVM[row, :, :frames, :, : len(clip_MTVC)] = clip_MTVC.transpose(3, 1, 2, 0)
        for what, array in (("data", data_NCTVM), ("label", of_part), ("frame", frames_N)):
            np.save(folder / f"{part}_{what}.npy", array)
    return folder


def change(folder: Path, name: str, index: object, value: float) -> None:
    """Overwrite some values of one file, e.g. change(folder, "train_data", (0, 1), np.nan)."""
    array = np.load(folder / f"{name}.npy")
    array[index] = value
    np.save(folder / f"{name}.npy", array)


def stored(out: Path) -> dict[str, tuple[np.ndarray, dict[str, Any], str]]:
    """key -> (array, facts, tar) of a whole shard folder."""
    found: dict[str, tuple[np.ndarray, dict[str, Any], str]] = {}
    for path in sorted(out.rglob("*.tar")):
        with tarfile.open(path) as tar:
            members = {member.name: tar.extractfile(member.name).read() for member in tar.getmembers()}
        for name in (name for name in members if name.endswith(".json")):
            key = name.removesuffix(".json")
            array = np.load(io.BytesIO(members[f"{key}.joints.npy"]))
            found[key] = (array, json.loads(members[name]), path.relative_to(out).as_posix())
    return found
