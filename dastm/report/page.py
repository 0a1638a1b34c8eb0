"""Run folders -> one HTML page that opens from disk with no network: text, tables and inline SVG only.

In: run folders after train and eval. Out: the page's bytes; the same runs give the same bytes.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from dastm.contract.errors import RunError
from dastm.contract.ownership import PAGE, check_file, remove_unfinished
from dastm.contract.progress import progress
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import Layout
from dastm.episodes.augmentation import center_frames
from dastm.episodes.sources import Mode, open_source
from dastm.evaluation.intervals import interval95
from dastm.evaluation.printed import title, warnings
from dastm.evaluation.results_folder import outdated_because
from dastm.model import build_recogniser
from dastm.report import figures
from dastm.report.explain import Pair, explain
from dastm.runs.files import write_bytes
from dastm.runs.fit import fitted
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord
from dastm.runs.results import (
    CURVES_FACTS,
    CURVES_NAME,
    METRICS_NAME,
    Evaluation,
    curves_of_checkpoints,
    read_curves,
    read_evaluation,
)
from dastm.runs.whereabouts import shards_of


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An inline drawing and what it shows."""

    svg: Markup
    caption: str


@dataclass(frozen=True, kw_only=True)
class RunSection:
    """Everything the page says of one run."""

    name: str
    record: TrainingRecord
    evaluations: list[dict[str, Any]]
    """metrics.json of every evaluation, with its figure."""
    left_out: list[str]
    """A line for each evaluation that does not belong to the present seeds and weights of the run."""
    notes: list[str]
    """A line each on where the drawn clips and curves are from, if not from the training's own shards and files."""
    curves: Figure
    similarity: list[Figure]
    pairs: list[Figure]
    alignments: list[Figure]


def write_report(runs: Sequence[Path], path: Path, shards: str | None = None) -> list[str]:
    """Write the page for some runs -> a line for each evaluation that is left out, and for what else is to be known.

    Args:
        shards: a folder or URL of clips to draw; None: the shards of each training.

    Raises: RunError where a run is not trained, a result is damaged, or the shards are gone or do not fit.
    """
    check_file(path, PAGE)
    sections = [run_section(run, shards) for run in progress(runs, desc="report", unit="run")]
    environment = Environment(
        loader=PackageLoader("dastm.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(sections=sections, settings_rows=settings_rows)
    remove_unfinished(path.parent, path.name.__eq__)
    write_bytes(path, page.encode())
    left_out = [f"{section.name}: left out: {line}" for section in sections for line in section.left_out]
    return left_out + [f"{section.name}: {line}" for section in sections for line in section.notes]


def run_section(run: Path, shards: str | None = None) -> RunSection:
    """Gather one run: its record, evaluations and curves, and explain the first seed's best weights."""
    record = TrainingRecord.read(run)
    device = torch.device("cpu")
    curves, notes = _curves_figure(run, record)
    evaluations, left_out = _evaluations(run, record)
    mode: Mode = "streamed" if record.config.optimise.source == "streamed" else "auto"
    with closing(
        open_source(shards or shards_of(record, run), mode=mode, budget=0, commands=shards is not None)
    ) as source:  # no budget: one episode is all we read
        if shards is None:
            record.check_shards(source.manifest)
        elif not record.trained_on(source.manifest):
            notes.append(f"the clips drawn are of {source.manifest.dataset} in {shards}, not of the run's own shards")
        fitting, lines = fitted(source, record, run, convert=False)
        notes += lines
        layout, seed = fitting.manifest.layout, record.config.optimise.seeds[0]
        model = load_recogniser(run, record.config, layout, seed, device)
        seen = center_frames(fitting, record.config.augment.n_frames, record.config.augment.sampling)
        n_way = max(2, min(record.config.episode.n_way, len(source.pool_sizes("test"))))
        after = explain(model, seen, "test", n_way, device)
        before = explain(build_recogniser(record.config, layout, seed), seen, "test", n_way, device)
        up = _upward(fitting.manifest)
    return RunSection(
        name=run.resolve().name,
        record=record,
        evaluations=evaluations,
        left_out=left_out,
        notes=notes,
        curves=curves,
        similarity=[
            _similarity(features, layout, words)
            for features, words in ((before.features_VD, "before training"), (after.features_VD, "after training"))
        ],
        pairs=[_pair_figure(pair, layout, up) for pair in (after.same, after.other)],
        alignments=[_alignment_figure(pair) for pair in (after.same, after.other)],
    )


def _pretrained(row: dict[str, Any]) -> str:
    return (
        f"Before them, seed {row['seed']} learned the training classes: loss {row['loss']:.2f},"
        f" {100 * row['accuracy']:.1f} % right in the last steps."
    )


def _curves_figure(run: Path, record: TrainingRecord) -> tuple[Figure, list[str]]:
    """The curves, and a line where they are not from curves.csv."""
    notes: list[str] = []
    if (run / CURVES_NAME).is_file() and not (run / "train" / CURVES_FACTS).is_file():
        try:
            rows = curves_of_checkpoints(run, record.config.optimise.seeds)
        except RunError as error:
            told = f"no curves: {str(error).partition(';')[0]}; train again, into another folder, to have them"
            return Figure(svg=Markup(""), caption=told), [told]
        notes.append(f"curves of the last checkpoints: {CURVES_NAME} has no digest (an older version wrote it)")
    else:
        rows = read_curves(run)
    svg = figures.curves([row for row in rows if row["part"] != "pretrain"])
    pretrained = [_pretrained(row) for row in rows if row["part"] == "pretrain"]
    caption = " ".join(("Loss and accuracy by training episode.", *pretrained))
    return Figure(svg=Markup(svg), caption=caption), notes


def _evaluations(run: Path, record: TrainingRecord) -> tuple[list[dict[str, Any]], list[str]]:
    """The evaluations of the run's present seeds and weights, and a line with the reason for each that is left out."""
    kept, left_out = [], []
    for folder in sorted(path.parent for path in (run / "eval").rglob(METRICS_NAME)):
        found = read_evaluation(folder)
        outdated = outdated_because(found.metrics, record, run)
        if outdated:
            left_out.append(f"{folder.relative_to(run)}: {outdated}; run `dastm eval` again, or remove it")
        else:
            kept.append(_evaluation(found))
    return kept, left_out


def _evaluation(found: Evaluation) -> dict[str, Any]:
    """One evaluation: its metrics and the spread of its first row's episodes."""
    metrics = found.metrics
    first = next(iter(metrics["rows"]))
    shares, n_seeds = _episode_shares(found.episodes, first)
    one_shot = metrics["settings"].get("protocol") == "one-shot"
    svg = figures.accuracy_histogram(shares, interval95(shares), "class" if one_shot else "episode")
    seeds = f", mean of {n_seeds} seeds" if n_seeds > 1 else ""
    caption = f"Accuracy of single {'classes' if one_shot else 'episodes'}, {first}{seeds}."
    further = {"title": title(metrics), "warnings": warnings(metrics), "over": "queries" if one_shot else "episodes"}
    return {**metrics, **further, "figure": Figure(svg=Markup(svg), caption=caption)}


def _episode_shares(cells: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray[Any, Any], int]:
    """Accuracies of a row's episodes, averaged over its seeds as its interval is, and how many seeds these are."""
    by_seed: dict[int, list[float]] = {}
    for cell in cells:
        if cell["row"] == name:
            by_seed.setdefault(cell["seed"], []).append(cell["accuracy"])
    return np.array(list(by_seed.values())).mean(0), len(by_seed)


def _upward(manifest: Manifest) -> str:
    """The coordinate to draw upwards: the second, or the third where `rotate: upright` turned the spines onto it."""
    upright = (manifest.definition.get("split") or {}).get("rotate") == "upright"
    return manifest.layout.coordinates[-1 if upright else 1]


def _similarity(features_VD: np.ndarray[Any, Any], layout: Layout, words: str) -> Figure:
    similarity = figures.cosine_similarity(features_VD)
    off_diagonal = similarity[~np.eye(len(similarity), dtype=bool)]
    mean = float(off_diagonal.mean()) if off_diagonal.size else math.nan
    svg = figures.joint_similarity(similarity, layout.joints, words)
    return Figure(svg=Markup(svg), caption=f"{words}: mean between different joints {mean:.2f}")


def _pair_figure(pair: Pair, layout: Layout, up: str) -> Figure:
    titles = (f"query: {pair.query_class}", f"support: {pair.prototype_class}")
    caption = (
        f"Query “{pair.query_class}” against “{pair.prototype_class}”: distance {pair.distance:.2f}; "
        f"feature frames {pair.frames[0] + 1} and {pair.frames[1] + 1}."
    )
    attention = pair.attention
    if attention is None:
        return Figure(svg=Markup(""), caption=caption + " This model has no activation: no joint attends to another.")
    if attention.together:
        caption += " Frame t attends to frame t alone."
    if attention.within:
        caption += " This model has no activation: joints attend to their own skeleton."
    svg = figures.matching_pair(
        *(pair.query_VC, pair.support_VC, attention.query_VV, layout, titles, attention.support_VV),
        up=up,
        within=attention.within,
    )
    return Figure(svg=Markup(svg), caption=caption)


def _alignment_figure(pair: Pair) -> Figure:
    title = f"{pair.query_class} / {pair.prototype_class}"
    if pair.alignment is None:
        return Figure(svg=Markup(""), caption=f"This model has no alignment: frame t meets frame t ({title}).")
    svg = figures.alignment(pair.alignment.cost_TS, pair.alignment.path_P2, pair.alignment.expected_TS, title)
    return Figure(svg=Markup(svg), caption=f"Frame distances and best alignment: {title}.")


def settings_rows(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The configuration as (section.key, value) rows."""
    return [(f"{section}.{key}", value) for section, values in config.items() for key, value in values.items()]
