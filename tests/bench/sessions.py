"""`python -m tests.bench.sessions --sets DIR`: actions in long recordings of people, by the protocol of their authors.

In: a folder with `sessions.zip` (recordings, and the commands that people were given) and `jackknife.zip` (examples of
the same people). Out: precision, recall and F1 of each session and of all, milliseconds a frame (median and 99th
percentile) and the longest delay of an event. Each recording is given frame by frame, and an event counts at the frame
in which it is told. Of each command, the first event of the gesture asked for is right, every other event is wrong, and
a command without a right event is missed. Events within commands that are not counted are left out.
"""

import argparse
import csv
import io
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from dastm.recogniser.recogniser import ActionRecogniser
from dastm.recogniser.spotting import Event, Spotter

FPS = 30.0
LAYOUT = "ntu25"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What somebody was asked for, from one frame to another."""

    first: int
    last: int
    gesture: str
    counted: bool


@dataclass(kw_only=True)
class Counts:
    """Of one session, or of several."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of each frame, on the processor alone: what other programs take is not counted."""
    delays: list[int] = field(default_factory=list)
    """Frames from the end of each event until it was told."""

    def add(self, other: "Counts") -> None:
        """Those of another session as well."""
        self.right, self.wrong = self.right + other.right, self.wrong + other.wrong
        self.missed += other.missed
        self.seconds += other.seconds
        self.delays += other.delays

    def row(self, name: str) -> str:
        """A row of the table."""
        found, asked, both = (
            self.right + self.wrong,
            self.right + self.missed,
            2 * self.right + self.wrong + self.missed,
        )
        shares = [100 * part / whole if whole else 0.0 for part, whole in
                  ((self.right, found), (self.right, asked), (2 * self.right, both))]  # fmt: skip
        median, high = np.percentile(1e3 * np.array(self.seconds), (50, 99))
        delay = max(self.delays, default=0) / FPS
        cells = [*(f"{share:.1f}" for share in shares), str(self.wrong), str(self.missed)]
        return f"| {name} | {' | '.join(cells)} | {median:.2f} | {high:.2f} | {delay:.2f} |"


HEADER = (
    "| session | precision | recall | F1 | wrong | missed | ms a frame | 99 % | delay, s |",
    "|---|---|---|---|---|---|---|---|---|",
)


def main(words: list[str]) -> int:
    """Every session of the folder; 0 also where there is none, which is said."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sessions", description=__doc__)
    parser.add_argument("--sets", type=Path, required=True)
    asked = parser.parse_args(words)
    sessions, examples = asked.sets / "sessions.zip", asked.sets / "jackknife.zip"
    if not (sessions.is_file() and examples.is_file()):
        click.echo(f"{asked.sets}: no sessions.zip and jackknife.zip there; nothing is scored")
        return 0
    torch.set_num_threads(1)
    click.echo("\n".join(HEADER))
    total = Counts()
    with zipfile.ZipFile(sessions) as recorded, zipfile.ZipFile(examples) as shown:
        for name in sorted(name for name in recorded.namelist() if name.endswith(".npy")):
            person = Path(name).stem[1:]
            spotter = Spotter(recogniser_of(shown, person), fps=FPS)
            counts = scored(spotter, array(recorded, name), commands(recorded, name.replace(".npy", ".csv")))
            click.echo(counts.row(Path(name).stem))
            total.add(counts)
    click.echo(total.row("all"))
    return 0


def recogniser_of(shown: zipfile.ZipFile, person: str) -> ActionRecogniser:
    """What a person's own examples make: members `<gesture>/P<number>/<name>.npy`."""
    recogniser = ActionRecogniser.new("motion3d")
    for name in sorted(shown.namelist()):
        *_, gesture, subject, file = ["", "", *name.split("/")]
        if subject == f"P{person}" and file.endswith(".npy"):
            recogniser.enrol(gesture, [array(shown, name)], layout=LAYOUT)
    return recogniser


def array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """A member that is an array, read without pickle."""
    return np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


def commands(archive: zipfile.ZipFile, name: str) -> list[Command]:
    """A member with the columns first, last, gesture, counted."""
    rows = csv.DictReader(archive.read(name).decode().splitlines())
    return [
        Command(first=int(row["first"]), last=int(row["last"]), gesture=row["gesture"], counted=row["counted"] == "1")
        for row in rows
    ]


def scored(spotter: Spotter, frames_TVC: NDArray[Any], asked: list[Command]) -> Counts:
    """One session, frame by frame."""
    told: list[tuple[int, Event]] = []
    seconds = []
    for number, joints_VC in enumerate(frames_TVC):
        begun = time.thread_time()
        events = spotter.push(joints_VC)
        seconds.append(time.thread_time() - begun)
        told += [(number, event) for event in events]
    told += [(len(frames_TVC) - 1, event) for event in spotter.finish()]
    counts = counted([(number, event.action) for number, event in told], asked)
    counts.seconds, counts.delays = seconds, [number - event.end_frame for number, event in told]
    return counts


def counted(told: list[tuple[int, str]], asked: list[Command]) -> Counts:
    """Right, wrong and missed, of events by the frame in which they were told."""
    counts = Counts()
    for command in asked:
        within = [action for number, action in told if command.first <= number <= command.last]
        if command.counted:
            right = int(command.gesture in within)
            counts.add(Counts(right=right, wrong=len(within) - right, missed=1 - right))
    return counts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
