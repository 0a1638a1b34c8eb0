"""`make encoders`: synthetic motion -> shards -> a trained run -> a shipped encoder, each step where it is not done.

In: `NAME KEY=VALUE .. --decide KEY=VALUE ..`: a shipped definition of synthetic motion, what its training changes of
the preset `best`, and what its decision changes of its training.
Out: the record and the weights in dastm/encoders/NAME, beside the card that is there.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dastm.cli import main as dastm_command
from dastm.config.load import load_config, parse_settings
from dastm.runs.encoders import CARD, ENCODERS, make_encoder
from dastm.runs.record import TrainingRecord
from pipeline.cli import main as data_command

PRESET = "best"


def decided(run: Path, settings: Sequence[str]) -> Path:
    """A copy of a trained run whose matching has other settings: they need no training, and change no weight."""
    copy = run.with_name(f"{run.name}-decided")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run / "train", copy / "train")
    record = TrainingRecord.read(copy)
    config = load_config(settings=parse_settings(settings), sections=record.config.to_dict())
    if replace(config, matching=record.config.matching) != record.config:
        raise SystemExit(f"--decide {' '.join(settings)}: only settings of the matching can change after a training")
    replace(record, config=config).write(copy)
    return copy


def main(words: list[str]) -> int:
    """All of it; the card is read before anything is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--decide", nargs="+", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args(words)
    card = (ENCODERS / asked.name / CARD).read_text(encoding="utf-8")
    run, shards = Path("data/runs") / asked.name, Path("data/shards") / asked.name
    for step in ("raw", "parse", "split"):
        data_command([step, "--dataset", asked.name], standalone_mode=False)
    changes = [word for setting in asked.settings for word in ("--set", setting)]
    train = ["train", "--shards", str(shards), "--out", str(run), "--preset", PRESET, *changes]
    dastm_command(train, standalone_mode=False)
    run = decided(run, asked.decide)
    dastm_command(["calibrate", "--run", str(run), "--shards", str(shards)], standalone_mode=False)
    make_encoder(run, ENCODERS / asked.name, card)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
