"""Writes and reads results of evaluations and curves of trainings; damaged files are refused.

metrics.json has the numbers of rows and the digests of the files beside it, and a digest of itself. curves.csv is a
plain table (DVC draws it); its digest is in train/curves.json.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dastm.contract.errors import RunError
from dastm.runs.checkpoint import load_checkpoint
from dastm.runs.files import csv_bytes, json_bytes, read_json, write_together
from dastm.runs.sealed import check_seal, facts_of, read_beside, read_csv_beside, sealed

METRICS_NAME, EPISODES_NAME, PREDICTIONS_NAME = "metrics.json", "episodes.csv", "predictions.parquet"
OPEN_SET_NAME, SHOTS_NAME = "open_set.csv", "shots.csv"
CURVES_NAME, CURVES_FACTS = "curves.csv", "curves.json"
CURVE_FIELDS = ("seed", "epoch", "episode", "part", "loss", "cross_entropy", "rank", "accuracy", "accuracy_interval")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """An evaluation as `save_evaluation` wrote it."""

    metrics: dict[str, Any]
    episodes: list[dict[str, Any]]
    """The rows of episodes.csv: `seed` and `accuracy` as numbers, everything else as text."""
    predictions: bytes
    """The bytes of predictions.parquet."""


def save_evaluation(
    folder: Path,
    metrics: Mapping[str, Any],
    fields: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    predictions: tuple[bytes, int],
    beside: Mapping[str, tuple[Sequence[str], Sequence[Mapping[str, Any]]]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write episodes.csv and predictions.parquet, then metrics.json with their digests -> the content of metrics.json.

    `beside` has further tables, as fields and rows. Tables that an earlier evaluation left are removed.
    """
    episodes = csv_bytes(fields, rows)
    tables = {name: csv_bytes(*table) for name, table in beside.items()}
    files = {EPISODES_NAME: facts_of(episodes, len(rows)), PREDICTIONS_NAME: facts_of(*predictions)}
    files |= {name: facts_of(tables[name], len(table[1])) for name, table in beside.items()}
    document = sealed({**metrics, "files": files})
    written = {EPISODES_NAME: episodes, PREDICTIONS_NAME: predictions[0], **tables, METRICS_NAME: json_bytes(document)}
    write_together({folder / name: data for name, data in written.items()})
    for name in {OPEN_SET_NAME, SHOTS_NAME} - beside.keys():
        (folder / name).unlink(missing_ok=True)
    return document


def read_evaluation(folder: Path) -> Evaluation:
    """Read the evaluation of a folder.

    Raises: RunError naming the file if one is missing, damaged, or of another evaluation.
    """
    path, again = folder / METRICS_NAME, f"run `dastm eval` again, with --out {folder}, or remove that folder"
    metrics = check_seal(read_json(path, again), path, again)
    try:
        facts = metrics["files"]
        predictions = read_beside(folder / PREDICTIONS_NAME, facts[PREDICTIONS_NAME], again)
        episodes = read_csv_beside(folder / EPISODES_NAME, facts[EPISODES_NAME], again, _EPISODES)
    except (KeyError, TypeError) as error:
        raise RunError(f"{path}: says nothing of {error}; {again}") from error
    return Evaluation(metrics=metrics, episodes=episodes, predictions=predictions)


def write_curves(run: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write curves.csv of a whole training, as its last file: if it exists, all seeds are trained."""
    data = csv_bytes(CURVE_FIELDS, rows)
    facts = json_bytes(sealed({CURVES_NAME: facts_of(data, len(rows))}))
    write_together({run / "train" / CURVES_FACTS: facts, run / CURVES_NAME: data})


def read_curves(run: Path) -> list[dict[str, Any]]:
    """Read the rows of curves.csv, with numbers as numbers and empty cells as None.

    Raises: RunError if training is not finished, or the table is damaged.
    """
    path, again = run / CURVES_NAME, f"`dastm train --out {run}` writes it again"
    if not path.is_file():
        raise RunError(f"{run}: training is not finished (no {CURVES_NAME}); `dastm train --out {run}` continues it")
    about = run / "train" / CURVES_FACTS
    if not about.is_file():
        raise RunError(f"{path}: there is no digest of it (no {about}; an older version wrote it?); {again}")
    facts = check_seal(read_json(about, again), about, again)
    return read_csv_beside(path, facts.get(CURVES_NAME), again, _CURVES)


def curves_of_checkpoints(run: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The same rows from the last checkpoint of every seed, for an older run whose curves.csv has no digest.

    Raises: RunError if a checkpoint is missing, damaged, or has no curves.
    """
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        path = run / "train" / f"seed-{seed}" / "last.pt"
        try:
            rows += [{key: row.get(key) for key in CURVE_FIELDS} for row in load_checkpoint(path)["history"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{path}: has no curves") from error
    return rows


def _number(text: str) -> float | None:
    return float(text) if text else None


_EPISODES: dict[str, Callable[[str], Any]] = {"row": str, "seed": int, "accuracy": float}
_CURVES: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(CURVE_FIELDS, _number),
    **dict.fromkeys(("seed", "epoch", "episode"), int),
    "part": str,
}
