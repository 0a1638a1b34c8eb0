"""A trained network as a recogniser uses it: clips to features, and distances of clips to examples.

In: a run folder or a shipped encoder, or its copy in a recogniser file. Out: `Encoder`. It must have been trained with
a common layout (`augment.layout`), because recordings have different layouts.

Axes: L clips, Q queries, T frames of features, V joints, D channels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.config.schema import Config, Examples
from dastm.contract.errors import RunError
from dastm.contract.mapping import common_of, halves
from dastm.contract.skeleton import COMMON, Layout
from dastm.model.matching.rejection import USUAL, Limits
from dastm.model.network import Recogniser, build_recogniser
from dastm.recogniser.clips import Clip
from dastm.recogniser.preparation import Preparation, prepare
from dastm.runs.encoders import best_weights, run_of
from dastm.runs.limits import Known, read_limits
from dastm.runs.record import TrainingRecord

CHUNK = 64
"""Number of clips that are processed at a time, which limits the memory."""
SHIPPED = {"body19": "motion3d", "pose15": "motion2d"}
"""Common layout -> the shipped encoder for it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """The features of some clips, and the terms of their paths: everything that distances are computed from."""

    values_LTVD: Tensor
    terms_LMRVC: Tensor
    """Terms of their paths, see `dastm.model.matching.path`."""
    frames_LF: NDArray[np.float64]
    """The frame of the recording at each point of a clip."""

    def __len__(self) -> int:
        return len(self.values_LTVD)

    def at(self, places: Sequence[int]) -> "Features":
        """The features of some of the clips."""
        rows = torch.tensor(places, dtype=torch.int64)
        return Features(
            values_LTVD=self.values_LTVD[rows],
            terms_LMRVC=self.terms_LMRVC[rows],
            frames_LF=self.frames_LF[np.asarray(places, dtype=np.int64)],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoder:
    """A network and the preparation of its input. See `load_encoder`."""

    name: str
    """The name of the run or shipped encoder that the weights come from."""
    config: Config
    n_frames: int
    """Number of frames that are sampled from a clip before the points along its path."""
    model: Recogniser = field(repr=False)
    limits: Limits = USUAL
    """The limits of its distances, measured on its validation classes."""
    known: Known | None = field(default=None, repr=False)
    """Movements that come with it. A clip that is far from these as well may be farther from its action."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Where the weights come from: revision, digest."""

    @property
    def layout(self) -> Layout:
        """The common layout that it was trained with."""
        return COMMON[str(self.config.augment.layout)]

    @property
    def preparation(self) -> Preparation:
        """How clips are prepared for it."""
        n_points = self.config.augment.n_frames or self.n_frames
        return Preparation(layout=self.layout, n_frames=self.n_frames, n_points=n_points)

    @property
    def examples(self) -> Examples:
        """How the distance to an action follows from those to its examples; `nearest` if the training used `mean`."""
        examples = self.config.matching.examples
        return "nearest" if examples == "mean" else examples

    def encode(self, clips: Sequence[Clip]) -> Features:
        """Features of clips, in their order. The features of a clip depend on the other clips only by rounding.

        Raises: ValueError as `prepare`, and if there is no clip.
        """
        made = [self._encoded(clips[start : start + CHUNK]) for start in range(0, len(clips), CHUNK)]
        return joined(made)

    def distances(self, queries: Features, examples: Features) -> Tensor:
        """Distance of every query to every example, by the encoder's method of matching -> (Q, L), on the CPU."""
        with torch.inference_mode():
            rows = [self._distances(queries.at(rows), examples) for rows in _chunks(len(queries))]
        return torch.cat(rows) if rows else torch.zeros(0, len(examples))

    def to_known(self, queries: Features) -> Tensor | None:
        """Distance of every query to the movements that it comes with -> (Q, K), on the CPU; None without any."""
        return None if self.movements is None else self.distances(queries, self.movements)

    @cached_property
    def movements(self) -> Features | None:
        """Features of the movements that it comes with, encoded when they are needed first."""
        if self.known is None:
            return None
        clips = self.known.clips()
        n_clips, n_frames = len(clips.joints_LMTVC), clips.joints_LMTVC.shape[2]
        with torch.inference_mode():
            return Features(
                values_LTVD=self.model.encode(clips),
                terms_LMRVC=self.model.path_terms(clips),
                frames_LF=np.tile(np.arange(n_frames, dtype=np.float64), (n_clips, 1)),
            )

    def _encoded(self, clips: Sequence[Clip]) -> Features:
        prepared = prepare(clips, self.preparation)
        with torch.inference_mode():
            return Features(
                values_LTVD=self.model.encode(prepared.batch),
                terms_LMRVC=self.model.path_terms(prepared.batch),
                frames_LF=prepared.frames_LF,
            )

    def _distances(self, queries: Features, examples: Features) -> Tensor:
        distances_QL = self.model.distances(queries.values_LTVD, examples.values_LTVD)
        factor_QL = self.model.terms_factor(queries.terms_LMRVC, examples.terms_LMRVC)
        distances_QL = self.model.with_path(distances_QL, factor_QL)
        if self.config.matching.soft_evaluation:  # a soft least sum may be below 0
            return distances_QL
        return distances_QL.clamp(min=0)  # of the same clip it may be less by rounding


def joined(features: Sequence[Features]) -> Features:
    """Join the features of several batches. Raises: ValueError if there are none."""
    if not features:
        raise ValueError("no clip to encode")
    return Features(
        values_LTVD=torch.cat([one.values_LTVD for one in features]),
        terms_LMRVC=torch.cat([one.terms_LMRVC for one in features]),
        frames_LF=np.concatenate([one.frames_LF for one in features]),
    )


def _chunks(count: int) -> Iterator[list[int]]:
    for start in range(0, count, CHUNK):
        yield list(range(start, min(start + CHUNK, count)))


def load_encoder(named: str | Path) -> Encoder:
    """Load the network of a run folder, or a shipped encoder by its name, for a recogniser.

    Raises: RunError in one line if it is not a finished run, is damaged, or was not trained with a common layout.
    """
    run = run_of(named)
    record = TrainingRecord.read(run)
    weights, digest = best_weights(run, record)
    about = {"revision": record.revision, "weights": digest, "trained_on": record.dataset}
    prepared = record.preparation or {}
    name = run.resolve().name
    limits, known = read_limits(run, record.config.optimise.seeds[0]) or (USUAL, None)
    n_frames = int(prepared.get("n_frames", 0))
    return build_encoder(name, record.config, n_frames, weights, about, str(run), limits, known)


def build_encoder(
    name: str,
    config: Config,
    n_frames: int,
    weights: Mapping[str, Any],
    about: Mapping[str, Any],
    where: str,
    limits: Limits,
    known: Known | None,
) -> Encoder:
    """An encoder from its parts. Raises: RunError naming `where` they come from."""
    layout = COMMON.get(config.augment.layout or "")
    if layout is None:
        raise RunError(
            f"{where}: knows no common layout, so it fits no recordings but those it was trained on;"
            " train with --set augment.layout=standard19 (3-D) or pose15 (2-D)"
        )
    if config.augment.sampling != "path" or n_frames < 1:
        raise RunError(
            f"{where}: a recogniser needs an encoder that sees points along the path (augment.sampling path)"
        )
    model = build_recogniser(config, layout, seed=0)
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError, KeyError) as error:
        raise RunError(f"{where}: the weights do not fit the network ({str(error).splitlines()[0]})") from None
    expected = (layout.n_joints, len(layout.coordinates))
    if known is not None and known.joints_KTVC.shape[2:] != expected:
        raise RunError(f"{where}: known movements of shape {known.joints_KTVC.shape}, {layout.name} has {expected}")
    return Encoder(
        name=name,
        config=config,
        n_frames=n_frames,
        model=model.eval(),
        limits=limits,
        known=known,
        about=dict(about),
    )


def usual_encoder(layout: Layout) -> str:
    """The name of the shipped encoder for recordings of a layout.

    Raises: ValueError naming a joint that the layout lacks and every encoder needs.
    """
    common = common_of(layout)
    try:
        halves(layout, common)
    except ValueError as error:
        raise ValueError(
            f"{error}; the encoders that come with dastm only know human skeletons. To compare clips of other"
            " skeletons without an encoder, run `dastm-data init` and the commands that it names"
        ) from None
    return SHIPPED[common.name]
