"""`python -m tests.bench.recogniser`: how long a recogniser takes to learn, to answer, and to start; how much memory.

In: nothing; clips are made up (tests.actions). Out: a line a case on standard output, with what is asked of it on two
cores. Times of processes are whole, with the start of Python.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from dastm.recogniser.clips import Clip
from dastm.recogniser.encoder import Encoder, load_encoder
from dastm.recogniser.examples import Example
from dastm.recogniser.recogniser import ActionRecogniser
from dastm.recogniser.spotting import Spotter
from tests.actions import MOVES, clip_of

N_ACTIONS, N_SHOTS, N_CLIPS, N_FRAMES = 20, 5, 1000, 100


def example(number: int, action: int) -> Example:
    """One of an action that is none of the others: a move of `tests.actions` at another length."""
    move = sorted(MOVES)[action % len(MOVES)]
    clip = clip_of(move, 1000 * action + number, n_frames=40 + 5 * action)
    return Example(action=f"{move} {action}", clip=clip, added="2026-01-01")


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def clips(count: int) -> Iterator[Clip]:
    """Clips to be asked about, made when they are asked for."""
    drawn = [clip_of(sorted(MOVES)[n % len(MOVES)], 90_000 + n, n_frames=N_FRAMES) for n in range(64)]
    for number in range(count):
        yield drawn[number % 64]


def process(*words: str) -> float:
    """Seconds of a whole process."""
    return timed(lambda: subprocess.run(words, check=True, capture_output=True))


def pair(number: int, action: int) -> Clip:
    """Two moves, one after the other: the same in another order is another action."""
    moves = [sorted(MOVES)[move] for move in divmod(action, len(MOVES))]
    first, then = (clip_of(move, 100 * number + place) for place, move in enumerate(moves))
    return replace(first, key=f"{number}", joints_TVC=np.concatenate([first.joints_TVC, then.joints_TVC]))


def watching(encoder: Encoder) -> str:
    """Milliseconds that a spotter of 14 actions x 2 examples takes for a frame, on the processor, and its delay."""
    shown = [Example(action=str(a), clip=pair(n, a), added="2026-01-01") for a in range(14) for n in range(2)]
    spotter = Spotter(ActionRecogniser(encoder, shown), fps=30.0)
    done = [pair(9, action).joints_TVC for action in range(14)]
    frames = [frame for joints_TVC in done for frame in (*joints_TVC, *joints_TVC[-1:].repeat(30, axis=0))]
    seconds, delays = [], []
    for number, frame in enumerate(frames):
        begun = time.thread_time()
        events = spotter.push(frame)
        seconds.append(time.thread_time() - begun)
        delays += [(number - event.end_frame) / 30 for event in events]
    median, high = np.percentile(1e3 * np.array(seconds), (50, 99))
    told = f"longest delay of {len(delays)} events {max(delays):.2f} s (asked: 0.5)"
    return f"watch, 14 x 2: {median:.2f} ms a frame, 99 % below {high:.2f} ms (asked: 3); {told}"


def main() -> None:
    """Print every case."""
    encoder = load_encoder("motion3d")
    encoder.encode(list(clips(2)))
    seventy = [example(n, a) for a in range(14) for n in range(5)]
    click.echo(f"enrol 70 clips: {timed(lambda: ActionRecogniser(encoder).add(seventy)):.2f} s (asked: 1)")
    recogniser = ActionRecogniser(encoder, [example(n, a) for a in range(N_ACTIONS) for n in range(N_SHOTS)])
    recogniser.predict(next(clips(1)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = timed(lambda: sum(1 for _ in recogniser.predict_each(clips(N_CLIPS))))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    click.echo(f"predict {N_CLIPS} clips of {N_FRAMES} frames, {N_ACTIONS} x {N_SHOTS}: {seconds:.2f} s (asked: 10)")
    sum(1 for _ in recogniser.predict_each(clips(2 * N_CLIPS)))
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 - grown
    click.echo(f"memory: {grown:.0f} MB for {N_CLIPS} clips, {more:.0f} MB more for twice as many")
    click.echo(watching(encoder))
    with tempfile.TemporaryDirectory() as name:
        recogniser.save(Path(name) / "mine.dastm")
        np.save(Path(name) / "clip.npy", next(clips(1)).joints_TVC)
        code = f"import dastm, numpy; dastm.load('{name}/mine.dastm').predict(numpy.load('{name}/clip.npy'))"
        click.echo(f"import, load, predict one clip: {process(sys.executable, '-c', code):.2f} s (asked: 3)")
    click.echo(f"dastm --help: {process(sys.executable, '-m', 'dastm', '--help'):.2f} s (asked: 0.4)")


if __name__ == "__main__":
    main()
