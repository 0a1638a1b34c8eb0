"""What a user names as examples or clips -> what a recogniser can use; the rest is reported, one line each.

In: paths and options of a command. Out: examples, or the bodies of recordings, and a count of what was left out.
"""

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dastm.contract.errors import RunError
from dastm.contract.wording import listed, one_line

if TYPE_CHECKING:
    from dastm.cli.recordings import Options, Recording
    from dastm.contract.skeleton import Layout
    from dastm.recogniser.clips import Clip
    from dastm.recogniser.encoder import Encoder
    from dastm.recogniser.examples import Example

T = TypeVar("T")
MOST_REFUSED = 10
"""How many refused recordings are reported one by one; all of them are counted."""
LEAST_UPRIGHT = 0.3
"""Bodies stand if the median of `Clip.upright` is at least this; on six sets of recordings it is 0.89 to 1.00."""
LEAST_AHEAD, FEWEST_FEET = 0.3, 10
"""Feet point backwards if the median of `Clip.feet_ahead` is below this, in this number of clips or more: a few alone
have them in noise."""


class Refused:
    """Recordings that are left out, reported on standard error as they come."""

    def __init__(self) -> None:
        self.lines = list[str]()
        self.foreign = list[str]()
        """What was skipped because it holds no recording."""

    @property
    def count(self) -> int:
        """The number of recordings that were left out."""
        return len(self.lines)

    def note(self, line: str) -> None:
        """One recording that is left out."""
        self.lines.append(line)
        if self.count <= MOST_REFUSED:
            click.echo(one_line(f"left out: {line}"), err=True)

    def tell(self) -> None:
        """Report how many more there were, if not all were reported one by one."""
        if self.count > MOST_REFUSED:
            click.echo(f"left out: {self.count - MOST_REFUSED} more", err=True)

    def nothing(self, paths: Iterable[str]) -> RunError:
        """The error if none of these could be read."""
        skipped = f" ({listed(self.foreign, 3)})" if self.foreign and not self.count else ""
        return RunError(f"nothing could be read of {', '.join(paths)}{skipped}")


def options_of(said: dict[str, Any]) -> "Options":
    """The options for recordings that the user gave."""
    from dastm.cli.recordings import Options

    return Options(**said)


def read_told(
    paths: Iterable[str], options: "Options", refused: Refused, usual: Container["Layout"] = ()
) -> Iterator["Recording"]:
    """The recordings that can be read, with progress; the others are reported, and last the layouts that are guesses.

    Args:
        usual: layouts that go without saying.
    """
    from dastm.cli.recordings import Recording, recordings
    from dastm.contract.progress import progress

    guessed = Counter[str]()
    for found in progress(recordings(list(paths), options), desc="read", unit="recording", leave=False, delay=2.0):
        if isinstance(found, Recording):
            guessed.update([found.guessed] if found.guessed and found.bodies[0].layout not in usual else [])
            yield found
        elif found.is_foreign:
            refused.foreign.append(str(found))
        else:
            refused.note(str(found))
    for guess, count in guessed.items():
        click.echo(f"note: {count} recording{'s' * (count > 1)} {guess}; --layout names another", err=True)


def bodies_of(found: Iterable["Recording"], encoder: "Encoder", refused: Refused) -> Iterator["Clip"]:
    """Every body that is seen long enough, in recordings that fit the encoder; the others are reported."""
    from dastm.recogniser.examples import LEAST_FRAMES
    from dastm.recogniser.preparation import check_fits

    for recording in found:
        long = _long(recording)
        try:
            check_fits(recording.bodies[0], encoder.layout)
        except ValueError as error:
            refused.note(str(error))
            continue
        if not long:
            most = max(clip.n_frames for clip in recording.bodies)
            refused.note(f"{recording.source}: {most} frames, an action needs at least {LEAST_FRAMES}")
        yield from long


def _long(recording: "Recording") -> list["Clip"]:
    """The bodies that are seen long enough for an action."""
    from dastm.recogniser.examples import LEAST_FRAMES

    return [clip for clip in recording.bodies if clip.n_frames >= LEAST_FRAMES]


def told_if_odd(found: Iterable[T], clip_of: Callable[[T], "Clip"]) -> Iterator[T]:
    """The same clips or recordings; after the last one notes on bodies that do not stand along y, or are mirrored."""
    ahead = list[float]()
    for one in told_if_lying(found, clip_of):
        ahead.append(clip_of(one).feet_ahead())
        yield one
    known = _known(ahead)
    if len(known) >= FEWEST_FEET and known[len(known) // 2] < LEAST_AHEAD:
        click.echo(
            "note: the feet of most bodies point backwards: the recordings may be mirrored, or left and right swapped."
            " Such examples and clips do not fit others",
            err=True,
        )


def told_if_lying(found: Iterable[T], clip_of: Callable[[T], "Clip"]) -> Iterator[T]:
    """The same clips or recordings; after the last one a note on those that do not stand along y (`Clip.upright`)."""
    values, odd = [], []
    for one in found:
        clip = clip_of(one)
        values.append(clip.upright())
        odd += [clip.source] if values[-1] < LEAST_UPRIGHT else []
        yield one
    known = _known(values)
    if known and known[len(known) // 2] < LEAST_UPRIGHT:
        click.echo(
            "note: most bodies do not stand along y, which is up here. If they do not lie, turn the recordings, or give"
            " a definition that says which way is up (`dastm-data init FOLDER` writes one) with --dataset",
            err=True,
        )
    elif odd:
        told = f"note: bodies stand along y, which is up here, but for {len(odd)}: {listed(odd, 3)}"
        click.echo(one_line(f"{told}. Turn the recordings of those that do not lie"), err=True)


def _known(values: Iterable[float]) -> list[float]:
    """The values that are known, the least first."""
    return sorted(value for value in values if not math.isnan(value))


def examples_of(
    paths: Iterable[str],
    negatives: Iterable[str],
    said: dict[str, Any],
    refused: Refused,
    action: str | None = None,
    usual: Container["Layout"] = (),
) -> list["Example"]:
    """Examples from what the user names: the body that moves most in each recording."""
    from dastm.recogniser.examples import OTHER

    options, crowded = options_of(said), list[str]()

    def of(found: Iterable["Recording"], action: str | None) -> Iterator["Example | None"]:
        for recording in found:
            crowded.extend([recording.source] if len(_long(recording)) > 1 else [])
            yield _example(recording, action, refused)

    of_paths = list(of(read_told(paths, options, refused, usual), action))
    others = list(of(read_told(negatives, options, refused, usual), OTHER))
    if crowded:
        click.echo(
            one_line(f"note: of several bodies, the one that moves most is the example: {listed(crowded, 3)}"), err=True
        )
    return [example for example in (*of_paths, *others) if example is not None]


def _example(recording: "Recording", action: str | None, refused: Refused) -> "Example | None":
    """What a recording is an example of: what is said of all of them, else what it says itself. None: left out."""
    from dastm.contract.names import folded
    from dastm.recogniser.examples import OTHER, Example, check_example, refuse_answer, today

    is_other = recording.is_other if action is None else folded(action) == OTHER
    shows = None if is_other else action or recording.action
    clip = recording.bodies[0]
    try:
        if shows is None and not is_other:
            raise ValueError(
                "nothing says which action it shows; put it into a folder of that name, or `dastm add --action`"
            )
        check_example(clip)
        refuse_answer(shows)
        return Example(action=shows, clip=clip, added=today())
    except ValueError as error:
        refused.note(f"{recording.source}: {str(error).removeprefix(f'{clip.source}: ')}")
        return None


def fitting(made: Iterable["Example"], encoder: "Encoder", refused: Refused) -> list["Example"]:
    """The examples whose skeleton fits the encoder; the others are reported."""
    from dastm.recogniser.preparation import check_fits

    fitting = []
    for example in made:
        try:
            check_fits(example.clip, encoder.layout)
            fitting.append(example)
        except ValueError as error:
            refused.note(str(error))
    return list(told_if_odd(fitting, lambda example: example.clip))
