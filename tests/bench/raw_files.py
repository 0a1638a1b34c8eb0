"""Generated raw files for the benches: both formats as in the demos, and many NTU clips on little disk."""

import json
import os
from pathlib import Path
from typing import Any

from pipeline.synthesis.classes import class_name
from pipeline.synthesis.members import kinetics_film, ntu_clip
from pipeline.synthesis.writers import kinetics_json

FOLDER = "DASTM_BENCH_RAW_FILES"
"""Environment variable: where the processes of the variants find the files."""
N_CLIPS = 16
N_CLASSES, N_SUBJECTS, N_CAMERAS, N_SETUPS = 30, 40, 3, 17


def write_clips(folder: Path, n_clips: int = N_CLIPS) -> None:
    """So many clips of either format, each of another class."""
    for i in range(n_clips):
        (folder / f"{i:02d}.skeleton").write_bytes(ntu_clip(0, i, i))
        (folder / f"{i:02d}.json").write_bytes(kinetics_json(kinetics_film(0, i, i), class_name(i), i))


def clips(suffix: str, folder: Path | None = None) -> list[Path]:
    """Files of one format."""
    return sorted((folder or Path(os.environ[FOLDER])).glob(f"*{suffix}"))


def size_of(paths: list[Path]) -> dict[str, Any]:
    """Bytes, and frames as the files themselves claim."""
    contents = [path.read_bytes() for path in paths]
    n_frames = sum(
        int(data.split(maxsplit=1)[0]) if data[:1].isdigit() else len(json.loads(data)["data"]) for data in contents
    )
    return {"files": len(paths), "bytes": sum(map(len, contents)), "frames": n_frames}


def write_many(folder: Path, n_clips: int, n_distinct: int) -> None:
    """NTU clips as of the demo under names of their own; of the same contents, further names are links."""
    folder.mkdir(parents=True)
    paths = [folder / name_of(i) for i in range(n_clips)]
    for i, path in enumerate(paths):
        if i < n_distinct:
            path.write_bytes(ntu_clip(0, i % N_CLASSES, i // N_CLASSES))
        else:
            path.hardlink_to(paths[i % n_distinct])


def name_of(number: int) -> str:
    """A clip's file name, another for every number: subjects first, then classes, cameras, replications."""
    subject, rest = number % N_SUBJECTS, number // N_SUBJECTS
    class_id, rest = rest % N_CLASSES, rest // N_CLASSES
    camera, replication = rest % N_CAMERAS, rest // N_CAMERAS
    place = f"S{1 + subject % N_SETUPS:03d}C{camera + 1:03d}P{subject + 1:03d}"
    return f"{place}R{replication + 1:03d}A{class_id + 1:03d}.skeleton"
