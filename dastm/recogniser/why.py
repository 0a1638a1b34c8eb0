"""Explains a decision about a clip in numbers: alignments, shares of joints, candidates, and one sentence.

In: a recogniser's parts and a clip. Out: `Why`; drawing is in `dastm.report.why_page`. A distance is the sum over the
steps of the best alignment and over joints of `parts_PV`.

Axes: P steps of an alignment, T frames of features of the clip, S of the example, V joints, C coordinates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.config.schema import Examples, MatchingConfig
from dastm.contract.errors import RunError
from dastm.contract.skeleton import Layout
from dastm.model.matching.shares import Terms, aligned_shares, has_joint_shares
from dastm.recogniser.clips import Clip
from dastm.recogniser.decision import Decision
from dastm.recogniser.encoder import Encoder, Features
from dastm.recogniser.examples import Example
from dastm.recogniser.preparation import prepare

MOST_OF_IT = 0.5
"""A joint differs most in the shortest stretch of time that holds this share of what it adds to the distance."""
HOW: dict[Examples, str] = {
    "nearest": "It is the distance to the nearest example of the action.",
    "power_mean": "Of several examples it is a mean of the distances to them, in which the nearest counts most.",
}
"""How the distance to an action is computed from those to its examples."""
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A clip as a network sees it: one pose per frame of features."""

    poses_TVC: Array
    """Poses with y up; without the confidence of images."""
    measured_TV: NDArray[np.bool_]
    frames_T: Array
    """The frame of the recording at each pose, counted from 0; not a whole number between two frames."""
    layout: Layout
    """The layout of the poses."""
    fps: float | None = None
    """Frames per second of the recording, if known."""

    def when(self, place: int) -> str:
        """The time of a frame of features as text: `0.83 s`, or `frame 26` if the frame rate is not known."""
        return moment(self.frames_T[place], self.fps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """The clip compared with one example."""

    action: str | None
    """The action of the example; None for a negative."""
    about: str
    """A description of the example."""
    seen: Seen
    distance: float
    cost_TS: Array
    """The cost of every pair of frames, on the scale of the distance."""
    path_P2: NDArray[np.int64]
    parts_PV: Array
    """The part of every step and joint in the distance; all parts add up to it."""
    words: str
    """Where the two differ most."""

    @property
    def shares(self) -> Array:
        """Share of every joint in the distance -> (V,)."""
        return np.asarray(self.parts_PV.sum(0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Why:
    """The explanation of a decision about one clip."""

    clip: Clip
    query: Seen
    decision: Decision
    sentence: str
    limit: float
    """The distance from which on the clip is none of these: the limit of the nearest action, or the distance to the
    nearest negative if that is smaller."""
    refused: str
    """Why the clip is none of the actions; empty if it is one of them."""
    nearest: tuple[Example, ...]
    """The nearest example of every candidate, in the order of the candidates."""
    comparisons: tuple[Comparison, ...]
    """With the nearest examples of the two nearest actions and, if it decided, with the nearest negative."""
    encoder: str
    how: str
    """How distances to actions are computed, in words; empty if no action has several examples."""


def explained(encoder: Encoder, examples: Sequence[Example], clip: Clip, decision: Decision) -> Why:
    """Explain the decision about one clip. See `ActionRecogniser.explain`."""
    if not has_joint_shares(encoder.config.matching):
        raise RunError(
            f"{encoder.name}: the distances of this encoder are not sums over joints, so joints have no shares"
        )
    shown = [example for example in examples if example.action is not None]
    nearest = tuple(shown[candidate.example] for candidate in decision.candidates)
    query, features = seen(encoder, clip)
    negative, far = _nearest_negative(encoder, examples, features)
    by_negative = far <= decision.border * (1 + 1e-4)  # it is the border then, but for rounding
    compared = [*nearest[:2], *([negative] if negative is not None and by_negative else [])]
    comparisons = tuple(_with_example(encoder, query, features, example) for example in compared)
    refused = _refused(decision, negative if by_negative else None, far)
    return Why(
        clip=clip,
        query=query,
        decision=decision,
        sentence=_sentence(decision, comparisons, refused),
        limit=decision.border,
        refused=refused,
        nearest=nearest,
        comparisons=comparisons,
        encoder=encoder.name,
        how=HOW[encoder.examples] if len(shown) > len(nearest) else "",
    )


def seen(encoder: Encoder, clip: Clip) -> tuple[Seen, Features]:
    """A clip as the encoder sees it, and its features."""
    prepared, features = prepare([clip], encoder.preparation), encoder.encode([clip])
    stride = math.prod(encoder.model.backbone.strides)
    places_T = np.arange(features.values_LTVD.shape[1]) * stride
    joints_TVC = prepared.batch.joints_LMTVC[0, 0].double().numpy()[places_T]
    return seen_at(joints_TVC, encoder.layout, prepared.frames_LF[0][places_T], clip.fps), features


def seen_at(joints_TVC: Array, layout: Layout, frames_T: Array, fps: float | None = None) -> Seen:
    """Poses of a network's input at the frames of its features."""
    measured_TV = joints_TVC[..., -1] > 0 if layout.is_image else np.ones(joints_TVC.shape[:2], dtype=bool)
    poses_TVC = joints_TVC[..., : layout.n_space]
    return Seen(poses_TVC=poses_TVC, measured_TV=measured_TV, frames_T=frames_T, layout=layout, fps=fps)


def moment(frame: float, fps: float | None) -> str:
    """The time of a frame (counted from 0) as text."""
    return f"{frame / fps:.2f} s" if fps else f"frame {frame + 1:.0f}"


def stretch(start: float, end: float, fps: float | None) -> str:
    """The time between two frames (counted from 0) as text."""
    if fps:
        first, last = f"{start / fps:.1f}", f"{end / fps:.1f}"
        return f"at {first} s" if first == last else f"between {first} and {last} s"
    first, last = f"{start + 1:.0f}", f"{end + 1:.0f}"
    return f"in frame {first}" if first == last else f"between frames {first} and {last}"


def shortest_most(values_P: Sequence[float] | Array) -> tuple[int, int]:
    """First and last step of the shortest run with at least `MOST_OF_IT` of the sum; of equally short ones the
    largest."""
    sums = np.concatenate([[0.0], np.cumsum(values_P)])
    wanted, n = MOST_OF_IT * sums[-1] * (1 - 1e-9), len(sums) - 1
    for length in range(1, n):
        held = sums[length:] - sums[:-length]
        if held.max() >= wanted:
            first = int(held.argmax())
            return first, first + length - 1
    return 0, n - 1


def _nearest_negative(
    encoder: Encoder, examples: Sequence[Example], features: Features
) -> tuple[Example | None, float]:
    """The nearest negative and its distance; infinite if there is none."""
    negatives = [example for example in examples if example.action is None]
    if not negatives:
        return None, math.inf
    distances_L = encoder.distances(features, encoder.encode([example.clip for example in negatives]))[0]
    return negatives[int(distances_L.argmin())], float(distances_L.min())


def _with_example(encoder: Encoder, query: Seen, features: Features, example: Example) -> Comparison:
    other, other_features = seen(encoder, example.clip)
    return comparison(
        (query, other),
        (features.values_LTVD[0], other_features.values_LTVD[0]),
        (features.terms_LMRVC[0], other_features.terms_LMRVC[0]),
        encoder.config.matching,
        action=example.action,
        about=f"Example {example.name}, {facts(example.clip)}, added {example.added}",
    )


def comparison(
    sides: tuple[Seen, Seen],
    features: tuple[Tensor, Tensor],
    paths: Terms,
    options: MatchingConfig,
    *,
    action: str | None,
    about: str,
) -> Comparison:
    """Compare a clip with an example, from the features (T, V, D) of both.

    Args:
        paths: the terms of the paths of both.

    Raises: ValueError if distances are not sums over joints.
    """
    query, other = sides
    with torch.inference_mode():
        found = aligned_shares(*features, options, paths)
    parts_PV, path_P2 = found.parts_PV.double().numpy(), found.path_P2.numpy()
    return Comparison(
        action=action,
        about=about,
        seen=other,
        distance=float(parts_PV.sum()),
        cost_TS=found.cost_TS.double().numpy(),
        path_P2=path_P2,
        parts_PV=parts_PV,
        words=_where_most(parts_PV, path_P2, query),
    )


def facts(clip: Clip) -> str:
    """A clip as text: its file, its body, its length."""
    body = f", body {clip.body}" if clip.body else ""
    start, end = (moment(frame, clip.fps) for frame in (clip.first_frame, clip.first_frame + clip.n_frames - 1))
    return f"{clip.source}{body}, {clip.n_frames} frames from {start} to {end}"


def _where_most(parts_PV: Array, path_P2: NDArray[np.int64], query: Seen) -> str:
    shares_V = parts_PV.sum(0)
    if shares_V.sum() < 1e-6:
        return "nowhere: both are the same"
    joint = int(shares_V.argmax())
    first, last = shortest_most(parts_PV[:, joint])
    start, end = (query.frames_T[path_P2[p, 0]] for p in (first, last))
    return f"at the {query.layout.joints[joint]} {stretch(start, end, query.fps)}"


def _refused(decision: Decision, negative: Example | None, far: float) -> str:
    """Why; `negative` is the example of none of the actions that decided."""
    if decision.action is not None:
        return ""
    first = decision.candidates[0]
    if negative is not None:
        return (
            f"an example of none of the actions, “{negative.name}” ({far:.2f}), is nearer than the nearest action,"
            f" “{first.action}” ({first.distance:.2f})"
        )
    digits = next((n for n in range(2, 6) if f"{first.distance:.{n}f}" != f"{decision.border:.{n}f}"), 6)
    return (
        f"the nearest action, “{first.action}”, is {first.distance:.{digits}f} away, beyond its limit of"
        f" {decision.border:.{digits}f} for such a clip"
    )


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
