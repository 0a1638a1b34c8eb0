"""`python -m tests.bench.leave_set_out --sets DIR`: an encoder that has learned from all sets but one, on that one.

In: the folder of `tests.bench.kinectsets`. Out: its table, in which the learned column of each 3-D set is `motion3d`
fine-tuned on the other 3-D sets, with mirrored clips as further classes, and on synthetic motion, if given. Classes
that a set shares by name with the one left out are not trained on, unless `--same-names` asks for them: then people and
recordings are new, but not all actions. Of each set the last three classes that are left choose the best epoch.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch
import yaml

from dastm.cli import main as dastm_command
from dastm.contract.names import class_key
from dastm.contract.shard_format import MANIFEST_NAME
from dastm.contract.shard_reading import read_manifest
from tests.bench.kinectsets import found_in, prepared, run_data_command, scored, table

ENCODER = "motion3d"
VALIDATION = 3
"""Classes of each set that a training is validated on."""
SETTINGS = ("episode.n_way=8", "pretrain.mirror=true", "pretrain.steps=1200", "optimise.epochs=2")


def main(words: list[str]) -> int:
    """A training and an evaluation a set; what is there already is taken."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.leave_set_out", description=__doc__)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("build/benchmark"))
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--only", nargs="*", default=(), help="Names of the sets to leave out; default: each.")
    parser.add_argument("--synth", type=Path, help="Shards of synthetic motion.")
    parser.add_argument("--same-names", action="store_true", help="Train on classes of equal names as well.")
    asked = parser.parse_args(words)
    shards = {path: prepared(path, asked.out) for path in found_in(asked.sets)}
    definitions = [path for path, its in shards.items() if not read_manifest(its).layout.is_image]
    if len(definitions) < 2:
        click.echo(f"{asked.sets}: fewer than two 3-D data sets (<name>.yaml with <name>.zip); nothing is trained")
        return 0
    names = [path.stem for path in definitions]
    if unknown := [name for name in asked.only if name not in names]:
        parser.error(f"--only {unknown[0]}: not one of {', '.join(names)}")
    left_out = [path for path in definitions if not asked.only or path.stem in asked.only]
    torch.set_num_threads(1)
    results = {}
    for definition in left_out:
        others = [other for other in definitions if other != definition]
        known = set() if asked.same_names else {class_key(name) for name in class_names(document(definition))}
        kind = ("kept" if asked.same_names else "without") + ("-synth" if asked.synth else "")
        folder = asked.out / f"{kind}-{definition.stem}"
        split_again = [training_shards(other, known, folder, asked.out) for other in others]
        run = trained_on([*split_again, *([asked.synth] if asked.synth else [])], folder)
        results[definition.stem] = scored(
            shards[definition], run, folder, asked.episodes, "test", allow_seen=asked.same_names
        )
    click.echo("\n".join(table(results)))
    return 0


def trained_on(shards: Sequence[Path], folder: Path) -> str:
    """The run of the encoder fine-tuned on these."""
    words = [word for path in shards for word in ("--shards", str(path))]
    changes = [word for setting in SETTINGS for word in ("--set", setting)]
    train = ["train", "--from", ENCODER, "--out", str(folder / "run"), "--replace", *words, *changes]
    dastm_command(train, standalone_mode=False)
    return str(folder / "run")


def training_shards(definition: Path, known: set[str], folder: Path, out: Path) -> Path:
    """A set split again: all classes of other names than `known` are for training and, the last of them, validation."""
    shards = folder / "shards" / definition.stem
    if not (shards / MANIFEST_NAME).is_file():
        content = document(definition)
        names = class_names(content)
        new = [i for i, name in enumerate(names) if class_key(name) not in known]
        split = {"train": new[:-VALIDATION], "val": new[-VALIDATION:], "test": []}
        content["split"] = {**content["split"], "class_split": split}
        changed = folder / f"{definition.stem}.yaml"
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.write_text(yaml.safe_dump(content), encoding="utf-8")
        parsed = str(out / "parsed" / definition.stem)
        run_data_command("split", "--dataset", str(changed), "--parsed", parsed, "--out", str(shards))
    return shards


def class_names(content: Mapping[str, Any]) -> list[str]:
    """The names of the classes of a definition, by id."""
    names: list[str] = content["parse"]["class_names"]
    return names


def document(definition: Path) -> dict[str, Any]:
    """A definition as its file has it."""
    content: dict[str, Any] = yaml.safe_load(definition.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
