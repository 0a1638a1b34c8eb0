"""Raw files and a definition for runs that are long enough to be killed in, and the command line in a process."""

import hashlib
from pathlib import Path
from typing import Any

import yaml

from tests import killing
from tests.pipeline.raw_files import SKELETON, write_ntu

MINE = {
    "parse": {"format": "ntu_skeleton", "layout": {"name": "two", "joints": ["hip", "head"], "bones": [[1, 0]]}},
    "split": {
        "class_split": {"train": [0, 1], "val": [2], "test": [3]},
        "n_frames": 2,
        "clips_per_class": 4,
        "clips_per_shard": 3,
        "frame_sampling": "random",
    },
}
CRUMPLED = "2\n" + 2 * "1\n7 0 1 1 1 1 0 0 0 2\n2\n1 1 1 0 0 0 0 0 0 0 0 2\n1 1 1 0 0 0 0 0 0 0 0 2\n"
"""It parses, but its body is a single point: `split` draws another clip instead."""


def write_workplace(folder: Path) -> None:
    """mine.yaml and 36 raw files of four classes in `raw`, some without a usable body, one empty."""
    (folder / "mine.yaml").write_text(yaml.safe_dump(MINE))
    names = [f"S001C001P001R{number:03d}A{action:03d}.skeleton" for action in range(1, 5) for number in range(1, 10)]
    texts = {name: CRUMPLED if number % 5 == 0 else SKELETON for number, name in enumerate(names)}
    write_ntu(folder / "raw", {**texts, names[1]: ""})


def small_tasks() -> None:
    """Parse five files at a time."""
    import pipeline.parse.run

    pipeline.parse.run.parse.__kwdefaults__["files_per_task"] = 5


def attempt(folder: Path, *words: object, **options: Any) -> killing.Ended:
    """Run `dastm-data` in a process, see `killing.attempt`."""
    return killing.attempt(folder, *words, command="dastm-data", begin=small_tasks, **options)


def dastm_data(folder: Path, *words: object, kill: str = "") -> str:
    """Run the command in a process; it must succeed, or with `kill` be killed; what it says."""
    return killing.run(folder, *words, command="dastm-data", begin=small_tasks, kill=kill)


def tree(folder: Path) -> dict[str, str]:
    """Every file of a folder, by its digest."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in files}
