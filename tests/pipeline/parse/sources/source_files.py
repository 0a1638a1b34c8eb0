"""Files of other sources, small enough to read, and definitions that take them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dastm.contract.skeleton import NTU25, Layout
from pipeline.definitions.definition import Definition, load_definition
from tests.shard_folder import class_motion

STICK = Layout(name="stick", joints=("hip", "head"), bones=((1, 0),))
STICK_2D = Layout(name="stick2d", joints=("hip", "head"), bones=((1, 0),), coordinates=("x", "y", "confidence"))


def define(folder: Path, format_name: str, layout: Layout | str, **parse: Any) -> Definition:
    """A user's own definition with six classes, read from its YAML file."""
    document = {
        "parse": {
            "format": format_name,
            "layout": layout.to_dict() if isinstance(layout, Layout) else layout,
            **parse,
        },
        "split": {"class_split": {"train": [0, 1, 2], "val": [3], "test": [4, 5]}, "n_frames": 8},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_definition(path)


def motion(label: int, bodies: int, frames: int, layout: Layout = NTU25, seed: int = 0) -> np.ndarray[Any, Any]:
    """(M, T, V, C) float32, without a zero joint."""
    clip_MTVC = class_motion(label, bodies, frames, layout, np.random.default_rng([seed, label]), 0.05)
    return np.where(clip_MTVC == 0, np.float32(0.5), clip_MTVC).astype(np.float32)


def annotation(name: str, label: int, bodies: int = 1, frames: int = 10, **changes: Any) -> dict[str, Any]:
    """As PYSKL keeps NTU in 3-D: two slots, the second zero for one body."""
    joints = np.zeros((2, frames, 25, 3), np.float32)
    joints[:bodies] = motion(label, bodies, frames)
    return {"frame_dir": name, "label": label, "total_frames": frames, "keypoint": joints, **changes}


def annotation_2d(name: str, label: int, frames: int = 10, size: tuple[int, int] = (480, 640)) -> dict[str, Any]:
    """As PYSKL keeps its 2-D ones: COCO-17 in pixels, half floats, (height, width)."""
    rng = np.random.default_rng(label)
    pixels = rng.uniform(10, 400, (1, frames, 17, 2)).astype(np.float16)
    scores = rng.uniform(0.1, 1, (1, frames, 17)).astype(np.float16)
    return {
        "frame_dir": name,
        "label": label,
        "img_shape": size,
        "original_shape": size,
        "total_frames": frames,
        "keypoint": pixels,
        "keypoint_score": scores,
    }


def write_pickle(path: Path, value: Any, protocol: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def pyskl(annotations: list[dict[str, Any]]) -> dict[str, Any]:
    names = [a["frame_dir"] for a in annotations]
    return {"split": {"xsub_train": names[::2], "xsub_val": names[1::2]}, "annotations": annotations}


def ntu_names() -> list[tuple[str, int]]:
    """(name, label): two clips of each of six classes."""
    return [(f"S001C002P003R{r:03d}A{i + 1:03d}", i) for i in range(6) for r in (1, 2)]
