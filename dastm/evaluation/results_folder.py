"""The folder of an evaluation: its name, its files, and whether the files are still up to date.

Files: metrics.json and, with their digests in it, episodes.csv and predictions.parquet.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest, checksum, encode_manifest
from dastm.evaluation import by_group, one_shot, open_rows, shots
from dastm.evaluation.metrics import Row
from dastm.evaluation.predictions import predictions_file
from dastm.runs.record import TrainingRecord
from dastm.runs.results import METRICS_NAME, OPEN_SET_NAME, SHOTS_NAME, read_evaluation, save_evaluation

EPISODE_FIELDS = ("row", "seed", "episode", "accuracy")


def write_evaluation(
    rows: list[Row], metrics: Mapping[str, Any], folder: Path, classes: Sequence[one_shot.QueryClass] = ()
) -> dict[str, Any]:
    """Write the accuracies of all episodes and the predictions of all queries; with `classes`, class by class."""
    scored = [(row.name, seed, shares) for row in rows for seed, shares in row.by_seed.items()]
    fields: tuple[str, ...]
    if each := metrics.get("groups"):
        by = metrics["settings"]["by"]
        fields, cells = by_group.group_fields(by), by_group.group_cells(rows, each, by)
    elif classes:
        fields = one_shot.CLASS_FIELDS
        cells = [cell for of_row in scored for cell in one_shot.class_cells(*of_row, classes)]
    else:
        fields = EPISODE_FIELDS
        cells = [
            {"row": name, "seed": seed, "episode": number, "accuracy": f"{share:.6f}"}
            for name, seed, shares in scored
            for number, share in enumerate(shares)
        ]
    noted = [(row.name, seed, columns) for row in rows for seed, columns in row.predicted.items()]
    opened = [one for row in rows for one in row.opened]
    beside: dict[str, tuple[Sequence[str], Sequence[Mapping[str, Any]]]] = {}
    if opened:
        beside[OPEN_SET_NAME] = (open_rows.FIELDS, open_rows.open_cells(opened))
    if by_shots := metrics.get("shots"):
        beside[SHOTS_NAME] = (shots.FIELDS, shots.shots_cells(by_shots))
    return save_evaluation(folder, metrics, fields, cells, predictions_file(noted), beside)


def evaluation_folder(config: EvalConfig, record: TrainingRecord | None, manifest: Manifest) -> str:
    """Name of an evaluation's folder: the episodes, and the shards if they are not the run's own."""
    if record is None or (record.trained_on(manifest) and not record.sets):
        return config.name
    return f"{config.name}-on-{manifest.dataset}-{checksum(encode_manifest(manifest))[:8]}"


def replaced_because(folder: Path, metrics: Mapping[str, Any]) -> str:
    """How the evaluation that is in a folder differs from a new one, in words; empty if not at all, or if there is
    none."""
    if not (folder / METRICS_NAME).exists():
        return ""
    try:
        before = read_evaluation(folder).metrics
    except RunError:
        return "an evaluation that is damaged, or of an older version"
    told = [(key, before.get(key), metrics.get(key)) for key in ("shards", "weights", "converted")]
    told = [(key, "others", "these") for key, then, now in told if then != now]
    settings = {key: (before["settings"].get(key), now) for key, now in _plain(metrics["settings"]).items()}
    told += [(key, then, now) for key, (then, now) in settings.items() if then != now]
    return ", ".join(f"{key} {then}, now {now}" for key, then, now in told)


def _plain(document: Any) -> Any:
    """The value in the form that reading it again gives."""
    return json.loads(json.dumps(document))


def outdated_because(metrics: Mapping[str, Any], record: TrainingRecord, run: Path) -> str:
    """Why an evaluation does not belong to the present state of the run, in words; empty if it does."""
    then, now = metrics.get("weights") or {}, [str(seed) for seed in record.config.optimise.seeds]
    if sorted(then) != sorted(now):
        return f"of seeds {', '.join(then) or 'none'}, and the run has {', '.join(now)}"
    others = [seed for seed in now if then[seed] != weights_digest(run, int(seed))]
    return f"of other weights of seed {others[0]}" if others else ""


def weights_digest(run: Path, seed: int) -> str:
    """The digest of the best weights of one seed; `none` if there are none."""
    path = run / "train" / f"seed-{seed}" / "best.pt"
    return checksum(path.read_bytes()) if path.is_file() else "none"
