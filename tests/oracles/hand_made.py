"""Small clips and definitions made by hand, for tests of everything between the parsed table and the shards.

Axes: B tracks, T frames, V joints, C coordinates.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import Definition, ParseSpec, SplitSpec
from pipeline.storage.table import ParsedClip, clips_to_table, table_file_path, write_table_file
from pipeline.tracks import Tracks, mark_zeros

STICK = Layout(
    name="stick",
    joints=("hip", "chest", "left", "right"),
    bones=((1, 0), (2, 1), (3, 1)),
    centre=1,
    spine=(0, 1),
    shoulders=(2, 3),
    torso=((0,), (1,)),
)
STICK_2D = Layout(
    name="stick2d",
    joints=STICK.joints,
    bones=STICK.bones,
    coordinates=("x", "y", "confidence"),
    centre=1,
    torso=((0,), (1,)),
)
STANDING = np.array([[0.0, 1.0, 2.0], [0.0, 1.5, 2.0], [-0.25, 1.5, 2.0], [0.25, 1.5, 2.0]])
"""One frame of `STICK`, metres: half a metre of torso, facing the camera."""


def tracks_of(
    bodies: Sequence[Mapping[int, Any]],
    frames: int,
    *,
    scores: Sequence[Mapping[int, Any]] | None = None,
    ids: Sequence[int] | None = None,
    shape: tuple[int, int] = (4, 3),
    notes: tuple[str, ...] = (),
) -> Tracks:
    """Tracks from one mapping a body: frame -> (V, C) joints, (0, 0, 0) lost; `scores` likewise: frame -> (V,)."""
    joints = [np.asarray(body[t], np.float32) for body in bodies for t in sorted(body)]
    confidences = None if scores is None else [np.asarray(s[t], np.float32) for s in scores for t in sorted(s)]
    tracks = Tracks(
        frames=frames,
        ids=np.array(ids if ids is not None else range(len(bodies)), np.int64),
        lengths=np.array([len(body) for body in bodies], np.int32),
        frame_index=np.array([t for body in bodies for t in sorted(body)], np.int32),
        joints_PVC=np.stack(joints) if joints else np.zeros((0, *shape), np.float32),
        scores_PV=None if confidences is None else np.stack(confidences),
        notes=notes,
    )
    return mark_zeros(tracks)


def moving_body(rng: np.random.Generator, frames: int, speed: float = 0.05) -> dict[int, np.ndarray]:
    """`STICK` walking along x with every joint trembling: frame -> (V, 3)."""
    return {t: STANDING + [speed * t, 0.0, 0.0] + 0.02 * rng.normal(size=STANDING.shape) for t in range(frames)}


def parsed_clip(key: str, class_id: int, tracks: Tracks) -> ParsedClip:
    return ParsedClip(
        key=key,
        dataset="made",
        class_id=class_id,
        class_name=f"action {class_id}",
        subject=3,
        camera=1,
        setup=2,
        replication=None,
        tracks=tracks,
        source=f"raw/{key}.skeleton",
        source_bytes=1000,
    )


def write_table(folder: Path, *parts: Sequence[ParsedClip]) -> Path:
    """A parsed table with these parts."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, clips in enumerate(parts):
        write_table_file(clips_to_table(clips), table_file_path(folder, "clips", number))
    return folder


def definition_of(layout: Layout = STICK, **split: Any) -> Definition:
    settings: dict[str, Any] = {
        "class_split": {"train": (0, 2), "val": (1,), "test": (5,)},
        "n_frames": 4,
        "clips_per_shard": 2,
        **split,
    }
    return Definition(
        name="made",
        about="",
        download="",
        synth=None,
        parse=ParseSpec(
            format="kinetics_json" if layout.is_image else "ntu_skeleton",
            layout=layout,
            class_names=("wave", "nod", "bow"),
        ),
        split=SplitSpec(**settings),
        source=Path("made.yaml"),
    )


def made_table(folder: Path, rng: np.random.Generator, clips_per_class: int = 5) -> Path:
    """Classes 0, 1, 2, 5 of the split and 7 outside it, scattered over two parts; every third clip has two bodies."""
    clips = []
    for number in range(5 * clips_per_class):
        class_id = (0, 1, 2, 5, 7)[number % 5]
        bodies = [moving_body(rng, 8 + number % 3)]
        if number % 3 == 0:
            bodies.append({t: joints + np.array([1.0, 0.0, 0.0]) for t, joints in moving_body(rng, 6, 0.01).items()})
        clips.append(parsed_clip(f"clip{number * 7 % 100:03d}", class_id, tracks_of(bodies, 8 + number % 3)))
    return write_table(folder, clips[: len(clips) // 2], clips[len(clips) // 2 :])
