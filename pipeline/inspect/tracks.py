"""Facts about each body of a clip: whether it was kept, when it is seen, which joints are missing.

In: a clip's tracks as parsed and the definition's `split` block. Out: a row of facts per body, and for every
observation the kept body that it belongs to.
Axes: P observations, B tracks, M bodies kept, T frames, V joints.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.definitions.definition import SplitSpec
from pipeline.kernels import joints, measures
from pipeline.split.body_choice import choose_bodies
from pipeline.tracks import Tracks


@dataclass(frozen=True, kw_only=True)
class BodyFacts:
    """Facts about one body track."""

    source_id: int
    seen: int
    """Frames that show at least one of its joints."""
    kept: int
    """Number of the seen frames that training can see, before frames are sampled."""
    spread: float
    """How much it moves: standard deviations of its coordinates added up (`TrackMeasures.spread`); -1: unmeasured."""
    dropped: str
    """Why it is not part of a kept body (see `pipeline.split.body_choice`); empty if it is."""
    missing: float
    """Share of its joints that were not measured, of the frames that have it."""
    frames: int
    """Frames of the clip."""
    frame_P: NDArray[np.int32]
    share_P: NDArray[np.float64]
    """Share of joints measured in each frame that has it. A clip may claim many frames, and hold many bodies."""

    def shares(self) -> NDArray[np.float64]:
        """(frames,) the same for each frame of the clip; nan where the source does not have the body."""
        share_T = np.full(self.frames, np.nan)
        share_T[self.frame_P] = self.share_P
        return share_T


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """All bodies of a clip."""

    measured_PV: NDArray[np.bool_]
    places_MT: NDArray[np.int64]
    """(M, T) the observation that each kept body takes in each frame, -1 where it is absent."""
    slot_P: NDArray[np.int64]
    """(P,) which kept body each observation is, -1 where it is not kept."""
    bodies: tuple[BodyFacts, ...]


def choose(tracks: Tracks, spec: SplitSpec, class_id: int | None = None) -> Chosen:
    """Bodies as `split` chooses them, of a clip of that class.

    Raises: ValueError where the spec asks for confidences of a source that has none.
    """
    measured_PV = joints.measured(tracks.joints_PVC, tracks.scores_PV)
    most = spec.bodies if class_id is None else spec.most_bodies(class_id)
    body_choice = choose_bodies(tracks, measured_PV, spec, most)
    why, places_MT = dict(body_choice.dropped), body_choice.places_MT
    slot_P = np.full(len(tracks.frame_index), -1, np.int64)
    for m, places_T in enumerate(places_MT):
        slot_P[places_T[places_T >= 0]] = m
    spread_B, _ = measures.spread_and_motion(tracks, measured_PV)
    stops_B = np.cumsum(tracks.lengths)
    facts = []
    for b, stop in enumerate(stops_B):
        rows = slice(int(stop - tracks.lengths[b]), int(stop))
        facts.append(
            BodyFacts(
                source_id=int(tracks.ids[b]),
                seen=int(measured_PV[rows].any(axis=1).sum()),
                kept=int((slot_P[rows] >= 0).sum()),
                spread=float(spread_B[b]),
                dropped=why.get(int(tracks.ids[b]), ""),
                missing=1.0 - float(measured_PV[rows].mean()) if tracks.lengths[b] else 0.0,
                frames=tracks.frames,
                frame_P=tracks.frame_index[rows],
                share_P=measured_PV[rows].mean(axis=1),
            )
        )
    return Chosen(measured_PV=measured_PV, places_MT=places_MT, slot_P=slot_P, bodies=tuple(facts))
