"""Prints one clip: its source, its bodies over time, and what training sees of it.

In: a clip as found. Out: lines of text. A body's row of blocks is its time: full where all joints are measured, low
where many are missing, a dot where the source does not have it; the last row marks the frames that training sees.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.inspect.find import Found, Normalised
from pipeline.inspect.tracks import BodyFacts, Chosen

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 60
"""Columns of a row of blocks at most."""
SHOWN = 12
"""Bodies that are listed; genuine Kinetics clips have up to 24."""


def summary_lines(found: Found, chosen: Chosen | None) -> list[str]:
    """A clip as lines to print. `chosen` is None if only the shards' version of the clip is known."""
    class_id = "" if found.class_name in ("unknown", f"class {found.class_id}") else f" ({found.class_id})"
    subset = f", {found.subset}" if found.subset else ""
    lines = [f"{found.key}: {found.class_name}{class_id}{subset}"]
    lines += [f"  source: {found.source}"] if found.source else []
    lines.append(f"  {found.frames} frames, {found.layout.n_joints} joints ({found.layout.name})")
    if chosen is not None:
        lines += _source_lines(found, chosen)
    elif found.normalised is not None:
        lines += _verdicts(found.normalised.index_row or {})
    if found.normalised is not None:
        lines += _normalised_lines(found.normalised, found.frames)
    if found.problem:
        lines.append(f"  not normalised: {found.problem}")
    notes = dict.fromkeys((*(found.tracks.notes if found.tracks else ()), *_notes(found.normalised)))
    return lines + [f"  note: {note}" for note in notes]


def _notes(normalised: Normalised | None) -> tuple[str, ...]:
    return () if normalised is None else normalised.notes


def _source_lines(found: Found, chosen: Chosen) -> Iterator[str]:
    """A row a body, and what is missing of the whole clip."""
    names = [str(body.source_id) for body in chosen.bodies]
    wide = max([2, *map(len, names)])
    for body, name in list(zip(chosen.bodies, names, strict=True))[:SHOWN]:
        yield f"  body {name:>{wide}}  {blocks(body.shares())}  {about(body)}"
    if len(names) > SHOWN:
        yield f"  and {len(names) - SHOWN} more bodies"
    if found.normalised is not None:
        yield f"  {'sampled':<{wide + 5}}  {ticks(found.normalised.frame_index, found.frames)}"
    empty = empty_frames(chosen, found.frames)
    if empty:
        yield f"  {empty} frames without a body"
    yield f"  missing joints: {missing_words(found, chosen)}"


def about(body: BodyFacts) -> str:
    """What became of a body, in a line."""
    kept = "kept" if body.kept == body.seen else f"kept in {body.kept} of them"
    verdict = f"dropped, {body.dropped}" if body.dropped else kept
    spread = "nothing measured" if body.spread < 0 else f"spread {body.spread:.2f}"
    missing = f", {100 * body.missing:.1f} % of joints missing" if body.missing else ""
    return f"seen in {body.seen} frames, {spread}{missing}: {verdict}"


def empty_frames(chosen: Chosen, frames: int) -> int:
    """Frames in which no body has a measured joint."""
    shown_T = np.zeros(frames, np.bool_)
    for body in chosen.bodies:
        shown_T[body.frame_P[body.share_P > 0]] = True
    return int((~shown_T).sum())


def missing_words(found: Found, chosen: Chosen) -> str:
    """The share of joints without a measurement, and the joints that lack most."""
    missing_V = 1.0 - chosen.measured_PV.mean(axis=0)
    worst = [v for v in np.argsort(-missing_V, kind="stable")[:3] if missing_V[v] > 0]
    if not worst:
        return "none"
    named = ", ".join(f"{found.layout.joints[v]} {100 * missing_V[v]:.0f} %" for v in worst)
    return f"{100 * missing_V.mean():.1f} % (most: {named})"


def _normalised_lines(normalised: Normalised, frames: int) -> Iterator[str]:
    n_bodies, n_frames = normalised.joints_MTVC.shape[:2]
    index = normalised.frame_index
    repeated = n_frames - len(set(index))
    stretched = f", {repeated} of them repeated" if repeated else ""
    word = "body" if n_bodies == 1 else "bodies"
    yield f"  normalised: {n_bodies} {word} x {n_frames} frames{stretched} ({normalised.made_by})"
    yield f"  frames {spans(tuple(frame + 1 for frame in index))} of {frames}"


def _verdicts(row: Mapping[str, Any]) -> Iterator[str]:
    """What the index says of the source's bodies, where it does."""
    for body in row.get("kept") or ():
        yield f"  kept: body {', then '.join(map(str, body))}" if body else "  kept: an empty slot, as zeros"
    for track in row.get("dropped") or ():
        yield f"  dropped: body {track['id']}, {track['reason']}"


def spans(index: tuple[int, ...]) -> str:
    """Frame numbers in short: `1, 3, 5 .. 41`.

    >>> spans((1, 3, 5, 7, 9))
    '1, 3, 5 .. 9'
    """
    return ", ".join(map(str, index)) if len(index) <= 4 else f"{', '.join(map(str, index[:3]))} .. {index[-1]}"


def blocks(share_T: NDArray[np.float64], width: int = WIDTH) -> str:
    """Shares over time as a row of blocks, nan as a dot; frames that share a column show their mean.

    >>> blocks(np.array([1.0, 1.0, 0.5, np.nan]))
    '██▅·'
    """
    columns = []
    for part_T in np.array_split(share_T, min(width, len(share_T))):
        present = part_T[~np.isnan(part_T)]
        columns.append(BLOCKS[round(float(present.mean()) * (len(BLOCKS) - 1))] if len(present) else "·")
    return "".join(columns)


def ticks(index: tuple[int, ...], frames: int, width: int = WIDTH) -> str:
    """A mark in every column that holds a sampled frame; the columns are those of `blocks`.

    >>> ticks((0, 3), 4)
    '╵  ╵'
    """
    sampled = set(index)
    parts = np.array_split(np.arange(frames), min(width, frames))
    return "".join("╵" if sampled & set(map(int, part)) else " " for part in parts)
