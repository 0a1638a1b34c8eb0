"""`make encoders`: synthetic motion -> shards -> a trained run -> a shipped encoder, each step where it is not done.

In: `NAME KEY=VALUE ..`: a shipped definition of synthetic motion and what its training changes of the preset `best`.
Out: the record and the weights in dastm/encoders/NAME, beside the card that is there.
"""

import sys
from pathlib import Path

from dastm.cli import main as dastm_command
from dastm.runs.encoders import CARD, ENCODERS, make_encoder
from pipeline.cli import main as data_command

PRESET = "best"


def main(words: list[str]) -> int:
    """All of it; the card is read before anything is written."""
    name, *settings = words
    card = (ENCODERS / name / CARD).read_text(encoding="utf-8")
    run, shards = Path("data/runs") / name, Path("data/shards") / name
    for step in ("raw", "parse", "split"):
        data_command([step, "--dataset", name], standalone_mode=False)
    changes = [word for setting in settings for word in ("--set", setting)]
    train = ["train", "--shards", str(shards), "--out", str(run), "--preset", PRESET, *changes]
    dastm_command(train, standalone_mode=False)
    dastm_command(["calibrate", "--run", str(run), "--shards", str(shards)], standalone_mode=False)
    make_encoder(run, ENCODERS / name, card)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
