"""The evaluations of a report: tables, the spread of episodes, confusions, misclassified clips.

In: folders of evaluations, and the names of classes and clips of some shards. Out: a mapping that a template reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from dastm.contract.shard_format import MANIFEST_NAME, Manifest, ShardError, checksum, encode_manifest
from dastm.episodes.index import SubsetIndex, read_index
from dastm.episodes.urls import is_url
from dastm.evaluation.by_group import worst_first
from dastm.evaluation.intervals import interval95
from dastm.evaluation.open_rows import HEADS
from dastm.evaluation.open_rows import WORDS as WAYS
from dastm.evaluation.predictions import read_predictions
from dastm.evaluation.printed import title, warnings
from dastm.evaluation.results_folder import outdated_because
from dastm.report import figures
from dastm.report.explained_queries import Network, by_refusal, shown
from dastm.report.figures.training import WORDS
from dastm.report.mistakes import ClipName, mistakes
from dastm.runs.record import TrainingRecord
from dastm.runs.results import METRICS_NAME, Evaluation, read_evaluation


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An inline drawing and what it shows."""

    svg: Markup
    caption: str


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of the classes and clips of some shards."""

    manifest: Manifest
    index: Mapping[str, SubsetIndex]
    """Subset -> its index; empty if there is no index, as behind a URL."""

    @staticmethod
    def of(manifest: Manifest, shards: str) -> "Names":
        """The names of opened shards."""
        local = not is_url(shards) and (Path(shards) / MANIFEST_NAME).is_file()
        try:
            return Names(manifest=manifest, index=read_index(Path(shards), manifest) if local else {})
        except ShardError:  # the clips can be counted without their names
            return Names(manifest=manifest, index={})

    def of_subset(self, subset: str, digest: str | None) -> tuple[dict[int, str], ClipName]:
        """Names of classes and of clips if the shards have this digest; otherwise only numbers."""
        if checksum(encode_manifest(self.manifest)) != digest:
            return {}, _numbered
        index = self.index.get(subset)
        classes = {class_id: entry.name for class_id, entry in self.manifest.subsets.get(subset, {}).items()}
        return classes, _numbered if index is None else lambda class_id, i: str(index.key[index.rows[class_id][i]])


def _numbered(class_id: int, clip: int) -> str:
    return f"clip {clip + 1}"


def evaluations_of(
    folders: Iterable[Path], record: TrainingRecord, run: Path, names: Names | None, network: Network | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """The evaluations of the run's present seeds and weights, and a line with the reason for each that is left out.

    Args:
        folders: folders with evaluations at any depth.
        names: the names of the shards that are open.
        network: the network with which single clips of these shards are explained.
    """
    kept, left_out = [], []
    for home in folders:
        for folder in sorted(path.parent for path in (home / "eval").rglob(METRICS_NAME)):
            found = read_evaluation(folder)
            outdated = outdated_because(found.metrics, record, run)
            if outdated:
                left_out.append(f"{folder.relative_to(home)}: {outdated}; run `dastm eval` again, or remove it")
            else:
                kept.append(evaluation(found, names, network))
    return kept, left_out


def evaluation(found: Evaluation, names: Names | None = None, network: Network | None = None) -> dict[str, Any]:
    """One evaluation: its metrics, the spread of the first row's episodes, its mistakes, and explanations of some."""
    metrics = found.metrics
    first = next(iter(metrics["rows"]))
    shares, n_seeds = _episode_shares(found.episodes, first)
    protocol = metrics["settings"].get("protocol")
    unit = {"one-shot": "class", "leave-one-out": metrics["settings"].get("by")}.get(protocol, "episode")
    several = WORDS[unit][1]
    svg = figures.accuracy_histogram(shares, interval95(shares), unit)
    seeds = f", mean of {n_seeds} seeds" if n_seeds > 1 else ""
    caption = f"Accuracy of single {several}, {first}{seeds}."
    subset, digest = metrics["settings"]["part"], metrics.get("shards")
    classes, clip_name = names.of_subset(subset, digest) if names else (_names_of(metrics), _numbered)
    found_wrong = mistakes(read_predictions(found.predictions), first, classes or _names_of(metrics), clip_name)
    matrix = Markup(
        figures.confusion(found_wrong.shares_WW, found_wrong.rows, found_wrong.columns, f"Confusion matrix of {first}")
    )
    among = "all classes" if unit != "episode" else f"the {metrics['settings']['n_way']} classes of its episode"
    less = "" if len(found_wrong.rows) == len(found_wrong.classes) else f" The {len(found_wrong.rows)} worst classes."
    said = f"% of a class's queries, {first}: a row adds up to 100. A query is taken for one of {among}.{less}"
    explained = shown(network.explained(found, found_wrong, classes, clip_name)) if network and classes else {}
    return {
        **metrics,
        "title": title(metrics),
        "warnings": warnings(metrics),
        "over": "queries" if protocol == "one-shot" else several,
        "worst_first": worst_first(metrics.get("groups", {})),
        "by_shots": shots_figure(metrics["shots"]) if "shots" in metrics else None,
        "figure": Figure(svg=Markup(svg), caption=caption),
        "open_set": open_set(metrics["open_set"]) if metrics.get("open_set") else None,
        "mistakes": found_wrong,
        "confusion": Figure(svg=matrix, caption=said),
        "explained": explained,
        "refused": by_refusal(explained),
    }


def shots_figure(by_shots: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """Accuracy over the number of examples, with one line per row of the table."""
    lines = {
        row: [(float(count), one["mean"], one["interval"]) for count, one in of_row.items()]
        for row, of_row in by_shots.items()
    }
    svg = Markup(figures.sweep_curves(lines, "examples a class"))
    caption = "Accuracy over the number of examples a class: the same queries, with the first examples of one draw."
    return Figure(svg=svg, caption=f"{caption} Bars are 95 % intervals.")


@dataclass(frozen=True, kw_only=True)
class OpenSet:
    """How well an evaluation with unknown classes told known queries from unknown ones."""

    heads: tuple[str, ...]
    rows: list[tuple[str, list[tuple[str, str]]]]
    """The name of each row, and a measure with its interval for each heading; empty if a way has none."""
    figures: list[Figure]
    """How reliable the scores of the first row are, for each way that has scores."""
    note: str


def open_set(told: Mapping[str, Any]) -> OpenSet:
    """What metrics.json says of unknown classes, for the page."""
    shown = {key: HEADS[key] for key in ("open_accuracy", "auroc", "oscr", "fpr_at_95", "ece")}
    rows = [
        (
            f"{name}: {WAYS[way]}",
            [(f"{of[key]['mean']:.1f}", f"± {of[key]['interval']:.1f}") if key in of else ("", "") for key in shown],
        )
        for name, ways in told["rows"].items()
        for way, of in ways.items()
    ]
    first, ways = next(iter(told["rows"].items()))
    error = "calibration error {mean:.1f} ± {interval:.1f} %"
    drawn = [
        Figure(
            svg=Markup(figures.reliability(of["reliability"], f"Scores of {first}: {WAYS[way]}")),
            caption=f"{first}: {WAYS[way]}; {error.format(**of['ece'])}.",
        )
        for way, of in ways.items()
        if of.get("reliability")
    ]
    return OpenSet(heads=tuple(shown.values()), rows=rows, figures=drawn, note=told.get("note", ""))


def _names_of(metrics: Mapping[str, Any]) -> dict[int, str]:
    return {int(class_id): entry["name"] for class_id, entry in metrics.get("classes", {}).items()}


def _episode_shares(cells: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray[Any, Any], int]:
    """Accuracies of a row's episodes, averaged over its seeds as its interval is, and how many seeds these are."""
    by_seed: dict[int, list[float]] = {}
    for cell in cells:
        if cell["row"] == name:
            by_seed.setdefault(cell["seed"], []).append(cell["accuracy"])
    return np.array(list(by_seed.values())).mean(0), len(by_seed)
