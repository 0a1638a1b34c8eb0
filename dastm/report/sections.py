"""Gathers everything that the page shows of one run, or of one shipped encoder.

In: the folder of a run or of an encoder, and shards. Out: `RunSection`. An encoder has no curves and no shards; the
results of its evaluations are in data/runs, and clips are drawn from the shards that the user names.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dastm.episodes.augmentation import center_frames
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.sources import Mode, open_source
from dastm.model.network import build_recogniser
from dastm.report.curves import curves_figure
from dastm.report.evaluations import Figure, Names, evaluations_of
from dastm.report.explain import explain
from dastm.report.explained_queries import Network
from dastm.report.model_figures import alignment_figures, attention_figure, shares_figure, similarity_figures, upward
from dastm.runs.encoders import RUNS, is_encoder, results_of
from dastm.runs.fit import fitted
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord
from dastm.runs.whereabouts import shards_of

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Figures of what the model looks at; a list is empty if the model has nothing of the kind."""

    similarity: Sequence[Figure] = ()
    attention: Sequence[Figure] = ()
    shares: Sequence[Figure] = ()
    alignments: Sequence[Figure] = ()


@dataclass(frozen=True, kw_only=True)
class RunSection:
    """Everything that the page shows of one run."""

    name: str
    record: TrainingRecord
    evaluations: list[dict[str, Any]]
    """metrics.json of every evaluation, with its figures and mistakes."""
    left_out: list[str]
    """A line for each evaluation that does not belong to the present seeds and weights of the run."""
    notes: list[str]
    """Lines on the origin of drawn clips and curves, if they are not from the training's own shards and files."""
    curves: Figure | None = None
    """The curves of the training; None for an encoder, which comes without them."""
    drawn: Drawn = field(default_factory=Drawn)


def run_section(run: Path, shards: str | None = None) -> RunSection:
    """Gather one run: its record, evaluations and curves, and explain the first seed's best weights."""
    record = TrainingRecord.read(run)
    curves, notes = (None, []) if is_encoder(run) else curves_figure(run, record)
    drawn = Drawn()
    if is_encoder(run) and shards is None:
        notes.append("an encoder comes without shards: name some with --shards to see their clips and names")
        homes = sorted(RUNS.glob(f"{run.resolve().name}-on-*"))
        evaluations, left_out = evaluations_of(homes, record, run, None, None)
    else:
        where = shards or shards_of(record, run)
        mode: Mode = "streamed" if record.config.optimise.source == "streamed" else "auto"
        with closing(open_source(where, mode=mode, budget=0, commands=shards is not None)) as source:
            notes += _checked(source, record, run, shards)  # no budget: one episode is all we read
            network, lines = _network(source, record, run, where)
            notes += lines
            drawn, names = _drawn(network, record), Names.of(source.manifest, where)
            homes = [results_of(run, source.manifest.dataset)]
            quick = network if names.index else None  # a stream is read from its beginning for each clip
            evaluations, left_out = evaluations_of(homes, record, run, names, quick)
    return RunSection(
        name=run.resolve().name,
        record=record,
        evaluations=evaluations,
        left_out=left_out,
        notes=notes,
        curves=curves,
        drawn=drawn,
    )


def _checked(source: EpisodeSource, record: TrainingRecord, run: Path, shards: str | None) -> list[str]:
    """A line where the clips are not of the run's own shards. RunError if they should be and are not."""
    if shards is None:
        record.check_shards(source.manifest)
    elif not record.trained_on(source.manifest):
        own = "the encoder's training" if is_encoder(run) else "the run's own shards"
        return [f"the clips drawn are of {source.manifest.dataset} in {shards}, not of {own}"]
    return []


def _network(source: EpisodeSource, record: TrainingRecord, run: Path, shards: str) -> tuple[Network, list[str]]:
    """The first seed's network with clips as it sees them, and a line for each way in which these were made to fit."""
    fitting, lines = fitted(source, record, run, convert=False)
    seed = record.config.optimise.seeds[0]
    model = load_recogniser(run, record.config, fitting.manifest.layout, seed, CPU)
    seen = center_frames(fitting, record.config.augment.n_frames, record.config.augment.sampling)
    up = upward(fitting.manifest)
    return Network(model=model, seed=seed, source=seen, shards=shards, up=up, run=run), lines


def _drawn(network: Network, record: TrainingRecord) -> Drawn:
    """Figures of one test query."""
    model, seed, seen, up = network.model, network.seed, network.source, network.up
    layout = seen.manifest.layout
    n_way = max(2, min(record.config.episode.n_way, len(seen.pool_sizes("test"))))
    after = explain(model, seen, "test", n_way, CPU)
    before = explain(build_recogniser(record.config, layout, seed), seen, "test", n_way, CPU)
    pairs = (after.same, after.other)
    attention = [figure for pair in pairs if (figure := attention_figure(pair, layout, up))]
    similarity = similarity_figures(
        {"before training": before.features_VD, "after training": after.features_VD}, layout
    )
    shares = [figure for pair in pairs if (figure := shares_figure(pair, layout, up))]
    alignments = alignment_figures(pairs)
    return Drawn(similarity=similarity, attention=attention, shares=shares, alignments=alignments)
