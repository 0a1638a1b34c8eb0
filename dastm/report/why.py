"""Why a recogniser decided as it did about a clip, in numbers: alignments, shares of joints, candidates, one sentence.

In: a recogniser and a clip. Out: `Why`; drawing is in `why_page`. A distance is the sum over the steps of the best
alignment and over joints of `parts_PV`: nothing of it is left unexplained.

Axes: P steps of an alignment, T frames of features of the clip, S of the example, V joints, C coordinates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dastm.contract.errors import RunError
from dastm.contract.skeleton import Layout
from dastm.matching.shares import aligned_shares, has_joint_shares
from dastm.recogniser.clips import Clip
from dastm.recogniser.decision import Decision
from dastm.recogniser.encoder import Encoder, Features
from dastm.recogniser.examples import Example
from dastm.recogniser.preparation import prepare
from dastm.recogniser.recogniser import ActionRecogniser

MOST_OF_IT = 0.5
"""A joint differs most in the shortest stretch of time that holds this share of what it adds to the distance."""
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A clip as the encoder sees it: one pose a frame of features."""

    clip: Clip
    poses_TVC: Array
    """In the encoder's layout, y up; of an image the confidence is left out."""
    measured_TV: NDArray[np.bool_]
    frames_T: Array
    """The frame of the recording that each is, counted from 0, between two where it lies between them."""

    def when(self, place: int) -> str:
        """The time of a frame of features for people: `0.83 s`, or `frame 26` where the rate is unknown."""
        return moment(self.frames_T[place], self.clip.fps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """The clip against one example."""

    example: Example
    seen: Seen
    distance: float
    cost_TS: Array
    """What every pair of frames would add, on the scale of the distance."""
    path_P2: NDArray[np.int64]
    parts_PV: Array
    """Share of every step and joint in the distance; they add up to it."""
    words: str
    """Where the two differ most."""

    @property
    def shares(self) -> Array:
        """Share of every joint in the distance -> (V,)."""
        return np.asarray(self.parts_PV.sum(0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Why:
    """Everything that a decision about one clip came from."""

    query: Seen
    decision: Decision
    sentence: str
    limit: float
    """The distance from which on a clip is none of these: that of the nearest action, or the nearest negative's."""
    refused: str
    """Why the clip is none of the actions; empty where it is one of them."""
    nearest: tuple[Example, ...]
    """The nearest example of every candidate, in the order of the candidates."""
    comparisons: tuple[Comparison, ...]
    """The nearest example; that of the next action; and, where it decided, the nearest of none of the actions."""
    layout: Layout
    encoder: str


def explain_clip(recogniser: ActionRecogniser, clip: Clip) -> Why:
    """Explain the decision about one clip.

    Raises: ValueError if nothing is enrolled; RunError for an encoder whose distances are no sums over joints.
    """
    encoder = recogniser.encoder
    if not has_joint_shares(encoder.config.matching):
        raise RunError(f"{encoder.name}: the distances of this encoder are no sums over joints, so none has a share")
    decision = recogniser.predict(clip).decision
    shown = [example for example in recogniser.examples if example.action is not None]
    nearest = tuple(shown[candidate.example] for candidate in decision.candidates)
    query, features = seen(encoder, clip)
    negative, far = _nearest_negative(recogniser, features)
    threshold = float(recogniser.judge.thresholds_W[recogniser.actions.index(decision.candidates[0].action)])
    compared = [*nearest[:2], *([negative] if negative is not None and far <= threshold else [])]
    comparisons = tuple(_comparison(encoder, query, features, example) for example in compared)
    refused = _refused(decision, threshold, negative, far)
    return Why(
        query=query,
        decision=decision,
        sentence=_sentence(decision, comparisons, refused),
        limit=min(threshold, far),
        refused=refused,
        nearest=nearest,
        comparisons=comparisons,
        layout=encoder.layout,
        encoder=encoder.name,
    )


def seen(encoder: Encoder, clip: Clip) -> tuple[Seen, Features]:
    """A clip as the encoder sees it, and its features."""
    prepared, features = prepare([clip], encoder.preparation), encoder.encode([clip])
    stride = math.prod(encoder.model.backbone.strides)
    places_T = np.arange(features.values_LTVD.shape[1]) * stride
    joints_TVC = prepared.batch.joints_LMTVC[0, 0].double().numpy()[places_T]
    layout = encoder.layout
    measured_TV = joints_TVC[..., -1] > 0 if layout.is_image else np.ones(joints_TVC.shape[:2], dtype=bool)
    poses_TVC, frames_T = joints_TVC[..., : layout.n_space], prepared.frames_LF[0][places_T]
    return Seen(clip=clip, poses_TVC=poses_TVC, measured_TV=measured_TV, frames_T=frames_T), features


def moment(frame: float, fps: float | None) -> str:
    """A frame counted from 0 as people name it."""
    return f"{frame / fps:.2f} s" if fps else f"frame {frame + 1:.0f}"


def stretch(start: float, end: float, fps: float | None) -> str:
    """A stretch of time between two frames counted from 0."""
    if fps:
        first, last = f"{start / fps:.1f}", f"{end / fps:.1f}"
        return f"at {first} s" if first == last else f"between {first} and {last} s"
    first, last = f"{start + 1:.0f}", f"{end + 1:.0f}"
    return f"in frame {first}" if first == last else f"between frames {first} and {last}"


def shortest_most(values_P: Sequence[float] | Array) -> tuple[int, int]:
    """First and last step of the shortest run that holds `MOST_OF_IT` of the sum; of equals the largest."""
    sums = np.concatenate([[0.0], np.cumsum(values_P)])
    wanted, n = MOST_OF_IT * sums[-1] * (1 - 1e-9), len(sums) - 1
    for length in range(1, n):
        held = sums[length:] - sums[:-length]
        if held.max() >= wanted:
            first = int(held.argmax())
            return first, first + length - 1
    return 0, n - 1


def _nearest_negative(recogniser: ActionRecogniser, features: Features) -> tuple[Example | None, float]:
    """The nearest example of none of the actions, and its distance; infinite where there is none."""
    negatives = [example for example in recogniser.examples if example.action is None]
    if not negatives:
        return None, math.inf
    encoder = recogniser.encoder
    distances_L = encoder.distances(features, encoder.encode([example.clip for example in negatives]))[0]
    return negatives[int(distances_L.argmin())], float(distances_L.min())


def _comparison(encoder: Encoder, query: Seen, features: Features, example: Example) -> Comparison:
    other, other_features = seen(encoder, example.clip)
    with torch.inference_mode():
        found = aligned_shares(
            features.values_LTVD[0],
            other_features.values_LTVD[0],
            encoder.config.matching,
            (features.terms_LMRVC[0], other_features.terms_LMRVC[0]),
        )
    parts_PV, path_P2 = found.parts_PV.double().numpy(), found.path_P2.numpy()
    return Comparison(
        example=example,
        seen=other,
        distance=float(parts_PV.sum()),
        cost_TS=found.cost_TS.double().numpy(),
        path_P2=path_P2,
        parts_PV=parts_PV,
        words=_where_most(parts_PV, path_P2, query, encoder.layout),
    )


def _where_most(parts_PV: Array, path_P2: NDArray[np.int64], query: Seen, layout: Layout) -> str:
    shares_V = parts_PV.sum(0)
    if shares_V.sum() < 1e-6:
        return "nowhere: both are the same"
    joint = int(shares_V.argmax())
    first, last = shortest_most(parts_PV[:, joint])
    start, end = (query.frames_T[path_P2[p, 0]] for p in (first, last))
    return f"at the {layout.joints[joint]} {stretch(start, end, query.clip.fps)}"


def _refused(decision: Decision, threshold: float, negative: Example | None, far: float) -> str:
    if decision.action is not None:
        return ""
    first = decision.candidates[0]
    if negative is not None and far <= threshold:
        return (
            f"an example of none of the actions, “{negative.name}” ({far:.2f}), is nearer than the nearest action,"
            f" “{first.action}” ({first.distance:.2f})"
        )
    return f"the nearest action, “{first.action}”, is {first.distance:.2f} away, beyond its limit of {threshold:.2f}"


def _sentence(decision: Decision, comparisons: Sequence[Comparison], refused: str) -> str:
    first, *others = decision.candidates
    if decision.action is None:
        return f"Called none of these: {refused}; it differs from “{first.action}” most {comparisons[0].words}."
    if not others:
        words = f"it differs from the nearest example most {comparisons[0].words}"
        return f"Called “{first.action}”: distance {first.distance:.2f}, no other action is known; {words}."
    other = others[0]
    return (
        f"Called “{first.action}”: distance {first.distance:.2f}, next “{other.action}” {other.distance:.2f};"
        f" it differs from “{other.action}” most {comparisons[1].words}."
    )
