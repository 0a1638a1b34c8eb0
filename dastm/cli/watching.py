"""`dastm watch`: frames on standard input, events on standard output; and what `dastm predict --spot` tells."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dastm.cli.inputs import told_if_odd
from dastm.cli.options import in_one_line, one_line_errors, with_recogniser
from dastm.contract.errors import RunError
from dastm.contract.wording import one_line

if TYPE_CHECKING:
    from dastm.cli.inputs import Refused
    from dastm.cli.recordings import Recording
    from dastm.recogniser.recogniser import ActionRecogniser
    from dastm.recogniser.spotting import Event


MOST_TOLD, MOST_KINDS, KIND = 10, 100, 40
"""Lines told of each kind of reason, kinds that are told apart, and letters by which they are."""


@click.command()
@with_recogniser
@click.option("--layout", help="The joints of the frames: a layout's name or YAML file. Default: as in the examples.")
@click.option("--fps", type=float, help="Frames per second. Default: as in the examples, or 30.")
@one_line_errors
def watch(recogniser: Path, layout: str | None, fps: float | None) -> None:
    """Report actions while they happen: frames are read as lines of JSON, events are written as lines of JSON.

    A frame is {"frame": 17, "time": 0.57, "bodies": [{"id": 1, "joints": [[x, y, z], ..]}]}; a joint that was not
    measured is null. An event is written within half a second of its end. A line that is not a frame is reported on
    standard error and skipped. See docs/use.md.

    \b
    Examples:
      my-pose-estimator --json | dastm watch --with mine.dastm
      dastm watch --with mine.dastm --layout coco17 --fps 25 < frames.jsonl
    """
    from dastm.cli.recordings import layout_called
    from dastm.recogniser.file import read_recogniser
    from dastm.recogniser.frame_lines import frame_of
    from dastm.recogniser.results import json_line
    from dastm.recogniser.spotting import Spotter

    known = read_recogniser(recogniser)
    with in_one_line():
        spotter = Spotter(known, layout=None if layout is None else layout_called(layout), fps=fps)
    n_frames, numbered, noted, refused = 0, False, "", _Refused()
    for number, line in _lines():
        try:
            frame = frame_of(line, spotter.layout)
            events = spotter.push(frame.bodies, frame=frame.number, time=frame.time)
            n_frames, numbered = n_frames + 1, numbered or frame.number is not None
        except ValueError as error:
            refused.tell(number, str(error))
            is_frame = (b'"joints"' in line or b'"bodies"' in line) and not numbered
            events = spotter.push({}) if is_frame else []  # so that later ones keep their numbers
        if spotter.clock.unused != noted:
            noted = spotter.clock.unused
            click.echo(f"note: {noted}", err=True)
        for event in events:
            click.echo(json_line(event.to_dict()))  # flushes
    for event in spotter.finish():
        click.echo(json_line(event.to_dict()))
    refused.finish()
    if not n_frames:
        raise RunError("no frame on standard input")


class _Refused:
    """Lines that are no frames: of each reason the first ten are told, and at the end how many more there were."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def tell(self, number: int, why: str) -> None:
        """Of a line."""
        kind = re.sub(r"[\d.]+", "", why)[:KIND]
        kind = kind if kind in self._count or len(self._count) < MOST_KINDS else ""
        self._count[kind] += 1
        if self._count[kind] <= MOST_TOLD:
            more = " (further such lines are only counted)" if self._count[kind] == MOST_TOLD else ""
            click.echo(one_line(f"line {number}: {why}{more}"), err=True)

    def finish(self) -> None:
        """At the end of the stream."""
        untold = sum(max(0, n - MOST_TOLD) for n in self._count.values())
        if untold:
            lines = "1 more line was" if untold == 1 else f"{untold} more lines were"
            click.echo(f"{lines} refused, for reasons like those above", err=True)


@dataclass(kw_only=True)
class Lengths:
    """The lengths of recordings that were searched for events, and the recordings without events."""

    seconds: dict[str, float] = field(default_factory=dict)
    quiet: list[str] = field(default_factory=list)


def event_rows(
    known: "ActionRecogniser",
    found: "Iterable[Recording]",
    refused: "Refused",
    read: list[str],
    top: int,
    *,
    lengths: Lengths,
) -> "Iterator[tuple[dict[str, Any], str]]":
    """Events of recordings, each as a row and as a line of text; the source of the last recording is in `read`."""
    from dastm.recogniser.preparation import check_fits
    from dastm.recogniser.spotting import Spotting, usual_fps

    spotting, assumed = Spotting(known), False
    for recording in told_if_odd(found, lambda one: one.bodies[0]):
        try:
            check_fits(recording.bodies[0], known.encoder.layout)
        except ValueError as error:
            refused.note(str(error))
            continue
        fps = recording.bodies[0].fps or usual_fps(known)
        if recording.bodies[0].fps is None and not assumed:
            assumed = True  # said once
            of_examples = ", as in the examples" if any(e.clip.fps for e in known.examples) else ""
            click.echo(f"note: no frame rate is known; {fps:g} a second are assumed{of_examples} (--fps)", err=True)
        read[:] = [recording.source]
        lengths.seconds[recording.source] = max(c.first_frame + c.n_frames for c in recording.bodies) / fps
        bodies = {clip.body: clip for clip in recording.bodies}
        events = [event for clip in recording.bodies for event in spotting.events(clip)]
        lengths.quiet += [] if events else [recording.source]
        for event in sorted(events, key=lambda event: (event.end_frame, bodies[int(event.body)].key)):
            row = {"source": recording.source, "key": bodies[int(event.body)].key, **event.to_dict(top)}
            yield row, f"{recording.source}{_body(event)}: {event}"


def _body(event: "Event") -> str:
    return f" body {event.body}" if event.body else ""


def _lines() -> Iterator[tuple[int, bytes]]:
    """Lines of standard input that are not empty, with their numbers; of one that is too long, its beginning."""
    from dastm.recogniser.frame_lines import MOST_BYTES

    stream = sys.stdin.buffer
    number = 0
    while line := stream.readline(MOST_BYTES + 1):
        rest, number = line, number + 1
        while len(rest) > MOST_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MOST_BYTES + 1)
        if line.strip():
            yield number, line
