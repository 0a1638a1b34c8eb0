"""Made clips under the names, and in the folders and zips, that NTU RGB+D 120 and Kinetics-skeleton are released with.

`python -m tests.official ntu|kinetics FOLDER [CLIPS_A_CLASS]`: every class of the data set, for measurements and for a
walk through `dvc repro`. What moves is synthetic, class after class as in the demos; nothing here is recorded.
"""

import itertools
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dastm.contract.shard_format import SUBSETS
from pipeline.definitions.definition import SynthSpec, load_definition
from pipeline.synthesis.classes import MAX_CLASSES
from pipeline.synthesis.members import kinetics_film, kinetics_names, ntu_clip
from pipeline.synthesis.writers import kinetics_json, kinetics_labels

NTU_ZIPS = {"nturgbd_skeletons_s001_to_s017.zip": (1, 17), "nturgbd_skeletons_s018_to_s032.zip": (18, 32)}
"""Zip -> its setups; the first holds actions 1 to 60 in a folder, the second 61 to 120 without one."""
NTU_FOLDER = "nturgb+d_skeletons/"
OLD_ACTIONS = 60
VAL_EVERY = 13
"""About 20,000 of 260,000 clips are in kinetics_val."""


def write_ntu(folder: Path, clips_a_class: int, *, n_classes: int = 120, seed: int = 0) -> int:
    """Both zips, exemplars of novel classes first, one clip of the missing list in each; how many are usable."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = load_definition("ntu-t").parse.missing
    exemplars = load_definition("ntu-one-shot").split.exemplars
    for name, (first, last) in NTU_ZIPS.items():
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for action in range(1, n_classes + 1):
                if (action <= OLD_ACTIONS) == (first == 1):
                    keys = (key for key in ntu_keys(action, first, last) if key not in missing)
                    given = (key for key in exemplars if key.endswith(f"A{action:03d}"))
                    for clip, key in enumerate(itertools.islice(_distinct(given, keys), clips_a_class)):
                        archive.writestr(_ntu_member(key, first), ntu_clip(seed, action - 1, clip))
            lost = min(key for key in missing if first <= int(key[1:4]) <= last)
            archive.writestr(_ntu_member(lost, first), ntu_clip(seed, int(lost[-3:]) - 1, clips_a_class))
    return n_classes * clips_a_class


def ntu_keys(action: int, first: int, last: int) -> Iterator[str]:
    """Names of one action's clips in setups `first` to `last`: cameras, replications, subject after subject."""
    for subject in range(1, 107):
        for setup, replication, camera in itertools.product(range(first, last + 1), (1, 2), (1, 2, 3)):
            yield f"S{setup:03d}C{camera:03d}P{subject:03d}R{replication:03d}A{action:03d}"


def _ntu_member(key: str, first: int) -> str:
    return f"{NTU_FOLDER if first == 1 else ''}{key}.skeleton"


def _distinct(*names: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in itertools.chain(*names):
        if name not in seen:
            seen.add(name)
            yield name


def write_kinetics(folder: Path, clips_a_class: int, *, few: int = 1, seed: int = 0) -> int:
    """`kinetics_train/`, `kinetics_val/` and both label lists; classes outside the paper's split have `few` clips."""
    definition = load_definition("kinetics")
    names = kinetics_names(SynthSpec(seed=seed))
    labels: dict[str, dict[str, dict[str, Any]]] = {"train": {}, "val": {}}
    for class_id, label in enumerate(definition.parse.class_names):
        for clip in range(clips_a_class if definition.subset_of(class_id) in SUBSETS else few):
            part, name = "train" if (class_id + clip) % VAL_EVERY else "val", next(names)
            path = folder / f"kinetics_{part}" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kinetics_json(kinetics_film(seed, class_id % MAX_CLASSES, clip), label, class_id))
            labels[part][name] = {"has_skeleton": True, "label": label, "label_index": class_id}
    for part, entries in labels.items():
        (folder / f"kinetics_{part}_label.json").write_bytes(kinetics_labels(entries))
    return sum(map(len, labels.values()))


if __name__ == "__main__":
    kind, place, *counts = sys.argv[1:]
    made = {"ntu": write_ntu, "kinetics": write_kinetics}[kind](Path(place), *map(int, counts or ["30"]))
    sys.stdout.write(f"{made} clips in {place}\n")
