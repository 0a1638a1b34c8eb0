"""`make encoders`: synthetic motion -> shards -> a trained run -> a shipped encoder, each step where it is not done.

In: `NAME KEY=VALUE .. --decide KEY=VALUE ..`: a shipped definition of synthetic motion, what its training changes of
the preset `best`, and by what other matching than in its training it decides.
Out: the record and the weights in dastm/encoders/NAME, beside the card that is there.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dastm.cli import main as dastm_command
from dastm.config.load import config_from_dict, load_config, parse_settings
from dastm.runs.encoders import CARD, ENCODERS, make_encoder
from dastm.runs.record import TrainingRecord
from pipeline.cli import main as data_command

PRESET = "best"
DECIDABLE = ("examples", "path_frames", "path_power")
"""The settings of the matching that come after the network, and have no weights."""


def decided(run: Path, matching: Mapping[str, Any]) -> Path:
    """A copy of a trained run that decides by these settings of the matching; its weights are the same."""
    copy = run.with_name(f"{run.name}-decided")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run / "train", copy / "train", ignore=shutil.ignore_patterns("last.pt", "pretrain.pt"))
    record = TrainingRecord.read(copy)
    document = record.config.to_dict()
    document["matching"] |= matching
    replace(record, config=config_from_dict(document)).write(copy)
    return copy


def main(words: list[str]) -> int:
    """All of it; what was asked and the card are read before anything is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--decide", nargs="+", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args(words)
    matching = parse_settings(asked.decide)
    if unknown := [key for key in matching if key not in DECIDABLE]:
        parser.error(f"--decide {unknown[0]}: not one of {', '.join(DECIDABLE)}")
    load_config(PRESET, parse_settings(asked.settings) | {f"matching.{key}": value for key, value in matching.items()})
    card = (ENCODERS / asked.name / CARD).read_text(encoding="utf-8")
    run, shards = Path("data/runs") / asked.name, Path("data/shards") / asked.name
    for step in ("raw", "parse", "split"):
        data_command([step, "--dataset", asked.name], standalone_mode=False)
    changes = [word for setting in asked.settings for word in ("--set", setting)]
    train = ["train", "--shards", str(shards), "--out", str(run), "--preset", PRESET, *changes]
    dastm_command(train, standalone_mode=False)
    run = decided(run, matching) if matching else run
    dastm_command(["calibrate", "--run", str(run), "--shards", str(shards)], standalone_mode=False)
    make_encoder(run, ENCODERS / asked.name, card)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
