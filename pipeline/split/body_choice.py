"""Which bodies of a clip are kept, of which tracks each is made, and why every other track is dropped.

In: the tracks as parsed and the `split` block of the definition. Out: `BodyChoice`: the observation of each body in
each frame, and a decision about every track, which the index of the shards keeps.

Axes: B tracks, M bodies kept, T frames, V joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.definitions.definition import SplitSpec
from pipeline.definitions.denoising import JOIN, SWAP, denoise
from pipeline.kernels import bodies, measures
from pipeline.tracks import TrackMeasures, Tracks


class Dropped(NamedTuple):
    """A track that is not part of a kept body."""

    id: int
    """The body id in the source."""
    reason: str
    """`<step>: <what was measured>`, or `rank`, `unmeasured`, `point`."""


@dataclass(frozen=True, kw_only=True)
class BodyChoice:
    """The bodies kept of one clip, best first."""

    places_MT: NDArray[np.int64]
    """(M, T) observation numbers, -1 where absent."""
    kept: tuple[tuple[int, ...], ...]
    """(M,) the source's ids of the tracks that each body is made of, the one it was chosen for first."""
    dropped: tuple[Dropped, ...]
    """The tracks that were dropped, in the order of the source."""


def choose_bodies(tracks: Tracks, measured_PV: NDArray[np.bool_], spec: SplitSpec, most: int) -> BodyChoice:
    """Choose at most `most` bodies by `spec.rank` and `spec.denoise`; none if no joint is measured.

    Raises: ValueError for a ranking by confidence if the source has none.
    """
    if spec.rank == "confidence":
        return _by_confidence(tracks, measured_PV, most)
    measured = _measures(tracks, measured_PV, whole=bool(spec.denoise))

    def rank(of: TrackMeasures, among: Sequence[int]) -> list[int]:
        if spec.rank in ("stored", "slots"):
            return sorted(among)
        by: dict[str, NDArray[Any]] = {"spread": of.spread, "motion": of.motion, "length": tracks.lengths}
        value_B, then_B = by[spec.rank], by["spread" if spec.rank == "length" else "length"]
        return sorted(among, key=lambda b: (-value_B[b], -then_B[b], b))

    left, why = denoise(measured, tracks.lengths, spec.denoise, rank)
    made_of = _assemble(tracks, measured_PV, left, most, spec.denoise.get(JOIN))
    if SWAP in spec.denoise:
        made_of = _first_there(made_of, bodies.places_of(tracks, measured_PV, made_of))
    used = {b for body in made_of for b in body}
    for place, b in enumerate(left, 1):
        if b not in used:
            why[b] = f"rank: number {place} by {spec.rank}, {len(made_of)} kept"
    return BodyChoice(
        places_MT=bodies.places_of(tracks, measured_PV, made_of),
        kept=tuple(tuple(int(tracks.ids[b]) for b in body) for body in made_of),
        dropped=tuple(Dropped(int(tracks.ids[b]), why[b]) for b in sorted(why)),
    )


def _measures(tracks: Tracks, measured_PV: NDArray[np.bool_], whole: bool) -> TrackMeasures:
    """All measures of the tracks, or only those that ranking needs."""
    if whole:
        return measures.measure(tracks)
    spread_B, motion_B = measures.spread_and_motion(tracks, measured_PV)
    none_B = np.full(len(spread_B), -1.0)
    return TrackMeasures(spread_B, motion_B, none_B, none_B, none_B, none_B)


def _assemble(
    tracks: Tracks, measured_PV: NDArray[np.bool_], ranked: Sequence[int], most: int, shared: float | None
) -> list[list[int]]:
    """Bodies as lists of tracks: every track its own body or, with `shared`, part of the first one it fits into.

    A track fits if its frames, first to last, share at most `shared` frames with the body so far.
    """
    made_of: list[list[int]] = []
    spans: list[tuple[int, int]] = []
    for b in ranked:
        first, last = bodies.span(tracks, measured_PV, b)
        for m, (start, stop) in enumerate(spans):
            if shared is not None and min(stop, last) - max(start, first) + 1 <= shared:
                made_of[m].append(b)
                spans[m] = (min(start, first), max(stop, last))
                break
        else:
            if len(made_of) < most:
                made_of.append([b])
                spans.append((first, last))
    return made_of


def _first_there(made_of: list[list[int]], places_MT: NDArray[np.int64]) -> list[list[int]]:
    """The first two bodies change places where only the second is in the first frame that shows anybody (PYSKL)."""
    if len(made_of) < 2:
        return made_of
    seen_MT = places_MT >= 0
    first_M = seen_MT[:, np.argmax(seen_MT.any(axis=0))]
    return [made_of[1], made_of[0], *made_of[2:]] if first_M[1] and not first_M[0] else made_of


def _by_confidence(tracks: Tracks, measured_PV: NDArray[np.bool_], most: int) -> BodyChoice:
    places_MT = bodies.places_by_confidence(tracks, measured_PV, most)
    track_P = np.repeat(np.arange(len(tracks.ids)), tracks.lengths)
    count_MB = [np.bincount(track_P[row[row >= 0]], minlength=len(tracks.ids)) for row in places_MT]
    made_of = [[int(b) for b in np.argsort(-count_B, kind="stable") if count_B[b]] for count_B in count_MB]
    used = {b for body in made_of for b in body}
    return BodyChoice(
        places_MT=places_MT,
        kept=tuple(tuple(int(tracks.ids[b]) for b in body) for body in made_of),
        dropped=tuple(
            Dropped(int(track_id), f"rank: in no frame among the {most} most confident")
            for b, track_id in enumerate(tracks.ids)
            if b not in used
        ),
    )
