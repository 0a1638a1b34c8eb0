"""Trained run -> accuracies with intervals, on episodes that are the same for every row.

In: a run folder and/or shards, and an `EvalConfig`. Out: `metrics.json` and, with their digests in it, `episodes.csv`
and `predictions.parquet`, in a folder under the run's eval/ that is named by what was scored.
A row is the trained network (each seed's best checkpoint) or a baseline; all rows see the same episodes, so their
difference has a paired interval. Under the one-shot protocol queries take the place of episodes (see `one_shot`).
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from dastm.config.schema import Config, EvalConfig
from dastm.contract.clip import Manifest, checksum, encode_manifest
from dastm.contract.errors import RunError
from dastm.contract.progress import progress
from dastm.contract.skeleton import Layout
from dastm.episodes.episode import Episode
from dastm.episodes.loader import episodes
from dastm.episodes.small_classes import without_small
from dastm.episodes.sources import EpisodeSource, open_source
from dastm.episodes.views import middle
from dastm.evaluation import one_shot
from dastm.evaluation.accuracy import accuracy
from dastm.evaluation.baselines import coordinate_distances
from dastm.evaluation.feature_cache import Encoded
from dastm.evaluation.predictions import Columns, Noted, predictions_file
from dastm.model import Recogniser
from dastm.runs.checkpoint import TrainingRecord, load_checkpoint
from dastm.runs.device import pick_device, precision
from dastm.runs.fit import fitted
from dastm.runs.results import METRICS_NAME, read_evaluation, save_evaluation
from dastm.runs.run_folder import check_results, remove_half_written
from dastm.runs.seen_classes import check_unseen, first_few, unnamed_note
from dastm.runs.whereabouts import shards_of

Accuracies = NDArray[np.float64]
Distances = Callable[[Episode], Tensor]
Log = Callable[[str], None]
EPISODE_FIELDS = ("row", "seed", "episode", "accuracy")

WITHOUT_LEARNING = {
    "untrained": "the network before any training",
    "coordinates": "the coordinates without any network",
}
"""Baselines that a training has to beat, in words."""
ADVICE = "train longer, on more classes, or with another preset, and look at the curves in the report"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: its name, and seed -> accuracy of every episode (or query, 0 or 1), in order."""

    name: str
    by_seed: Mapping[int, Accuracies]
    predicted: Mapping[int, Columns] = field(default_factory=dict)
    """seed -> what every query was taken for, see `predictions`."""


def episode_accuracies(distances: Distances, items: Iterable[Episode]) -> Accuracies:
    """Share of right queries of every episode -> (episodes,). Raises ValueError if a distance is nan."""
    with torch.inference_mode():
        shares = [accuracy(distances(episode), episode.query_labels) for episode in items]
    accuracies = torch.stack(shares).double().cpu().numpy() if shares else np.zeros(0)
    if np.isnan(accuracies).any():
        raise ValueError(f"distances of episode {int(np.isnan(accuracies).argmax())} hold nan")
    return accuracies


def interval95(accuracies: Accuracies) -> float:
    """Half width of the 95 % interval of the mean, Student's t: over episodes, or over seeds."""
    n = len(accuracies)
    if n < 2:
        return math.nan
    return float(stats.t.ppf(0.975, n - 1) * accuracies.std(ddof=1) / math.sqrt(n))


def score(
    source: EpisodeSource, config: EvalConfig, distances: Distances, device: torch.device, label: str, epoch: int = 0
) -> Accuracies:
    """Accuracies of one way to measure distances, on the episodes (or queries) that `config` names, in order.

    Another `epoch`, other episodes of the same shape and seed.
    """
    if config.protocol == "one-shot":
        items = one_shot.chunks(source, config.part, device)
        bar = progress(
            items, total=one_shot.n_chunks(source.manifest, config.part), desc=label, unit="chunk", leave=False
        )
        return one_shot.query_hits(distances, bar)
    items = episodes(
        source,
        config.part,
        n_way=config.n_way,
        k_shot=config.k_shot,
        n_query=config.n_query,
        seed=config.seed,
        epoch=epoch,
        count=config.episodes,
        device=device,
    )
    bar = progress(items, total=config.episodes, desc=label, unit="episode", leave=False)
    return episode_accuracies(distances, bar)


def load_recogniser(run: Path, config: Config, layout: Layout, seed: int, device: torch.device) -> Recogniser:
    """The network of one seed with its best weights, ready to evaluate."""
    model = untrained(config, layout, seed).to(device)
    state = load_checkpoint(run / "train" / f"seed-{seed}" / "best.pt")
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{run}: the weights do not fit these shards or this version ({reason})") from error
    return model.eval()


def untrained(config: Config, layout: Layout, seed: int) -> Recogniser:
    """The network of one seed as training begins with it, on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    bf16 = config.optimise.precision == "bf16"
    return Recogniser(layout, config.backbone, config.matching, generator, bf16=bf16).eval()


def evaluate(source: EpisodeSource, config: EvalConfig, run: Path | None, device_name: str) -> list[Row]:
    """All rows: the run's seeds (where a run is given), then the baselines that `config` names."""
    if run is None and not config.baselines:
        raise RunError("nothing to evaluate: give --run or --baseline coordinates")
    if run is None and "untrained" in config.baselines:
        raise RunError("baseline untrained: needs --run, whose network it is")
    device = pick_device(device_name)
    rows = []
    record = TrainingRecord.read(run) if run is not None else None
    if record is not None and run is not None:
        source, _ = fitted(source, record, run, convert=config.convert)
        source = middle(source, record.config.augment.n_frames)
        rows.append(_network_row(record.config.method, record, source, config, device, run))
    for baseline in dict.fromkeys(config.baselines):
        if record is not None and baseline == "untrained":
            rows.append(_network_row(baseline, record, source, config, device, None))
        else:
            noted = Noted(coordinate_distances)
            shares = score(source, config, noted, device, baseline)
            rows.append(Row(name=baseline, by_seed={0: shares}, predicted={0: noted.columns()}))
    return rows


def _network_row(
    name: str, record: TrainingRecord, source: EpisodeSource, config: EvalConfig, device: torch.device, run: Path | None
) -> Row:
    """The best weights of every seed of `run`; None: the weights that they began with."""
    layout, training = source.manifest.layout, record.config
    # A network trained with tf32 can be scored where there is none.
    arithmetic = training.optimise.precision if device.type == "cuda" else "float32"
    by_seed, predicted = {}, {}
    for seed in training.optimise.seeds:
        if run is None:
            model = untrained(training, layout, seed).to(device)
        else:
            model = load_recogniser(run, training, layout, seed, device)
        with precision(device, arithmetic):
            noted = Noted(one_shot.SupportOnce(model) if config.protocol == "one-shot" else Encoded(model))
            by_seed[seed] = score(source, config, noted, device, f"{name} seed {seed}")
        predicted[seed] = noted.columns()
    return Row(name=name, by_seed=by_seed, predicted=predicted)


def summary(rows: list[Row], config: EvalConfig, dataset: str) -> dict[str, Any]:
    """What metrics.json holds: every row with its intervals, and the paired differences to the first row. In %."""
    first, *others = rows
    return {
        "protocol": config.name,
        "dataset": dataset,
        "settings": config.to_dict(),
        "rows": {row.name: _row_summary(row) for row in rows},
        "differences": {
            f"{first.name} - {other.name}": _mean_interval(_over_seeds(first) - _over_seeds(other)) for other in others
        },
    }


def _over_seeds(row: Row) -> Accuracies:
    return np.asarray(np.mean(list(row.by_seed.values()), axis=0))


def _mean_interval(accuracies: Accuracies) -> dict[str, float]:
    return {"mean": round(100 * float(accuracies.mean()), 4), "interval": round(100 * interval95(accuracies), 4)}


def _row_summary(row: Row) -> dict[str, Any]:
    """Mean over everything; interval over episodes (seeds averaged first), and over seeds where there are several."""
    entry: dict[str, Any] = _mean_interval(_over_seeds(row))
    if len(row.by_seed) > 1:
        entry["seeds"] = {str(seed): _mean_interval(shares) for seed, shares in row.by_seed.items()}
        entry["interval_over_seeds"] = _mean_interval(np.array([a.mean() for a in row.by_seed.values()]))["interval"]
    return entry


def write_evaluation(
    rows: list[Row], metrics: Mapping[str, Any], folder: Path, classes: Sequence[one_shot.QueryClass] = ()
) -> dict[str, Any]:
    """Every episode's accuracy and every query's prediction of every row and seed; of `classes`, class by class."""
    scored = [(row.name, seed, shares) for row in rows for seed, shares in row.by_seed.items()]
    if classes:
        fields: tuple[str, ...] = one_shot.CLASS_FIELDS
        cells = [cell for of_row in scored for cell in one_shot.class_cells(*of_row, classes)]
    else:
        fields = EPISODE_FIELDS
        cells = [
            {"row": name, "seed": seed, "episode": number, "accuracy": f"{share:.6f}"}
            for name, seed, shares in scored
            for number, share in enumerate(shares)
        ]
    noted = [(row.name, seed, columns) for row in rows for seed, columns in row.predicted.items()]
    return save_evaluation(folder, metrics, fields, cells, predictions_file(noted))


def title(metrics: Mapping[str, Any]) -> str:
    """What was scored, e.g. `toy test: 5-way 1-shot, 5 queries a class, 500 episodes (seed 0)`."""
    settings, where = metrics["settings"], f"{metrics['dataset']} {metrics['settings']['part']}"
    if settings.get("protocol") == "one-shot":
        queries = sum(entry["queries"] for entry in metrics["classes"].values())
        return f"{where}: one-shot protocol, {len(metrics['classes'])} classes at once, {queries} queries"
    shape = f"{settings['n_way']}-way {settings['k_shot']}-shot, {settings['n_query']} queries a class"
    return f"{where}: {shape}, {settings['episodes']} episodes (seed {settings['seed']})"


def warnings(metrics: Mapping[str, Any]) -> list[str]:
    """A line each: classes that the run has seen, what cannot be told of them, and baselines that it does not beat."""
    lines = [metrics["seen_note"]] if metrics.get("seen_note") else []
    lines += [f"converted to fit: {line}" for line in metrics.get("converted", [])] + metrics.get("left_out", [])
    seen = metrics.get("seen_classes", [])
    if seen is None:
        lines.append("the run may have seen these classes in training: its record does not say")
        return lines + worse_than(metrics)
    classes = "1 class" if len(seen) == 1 else f"{len(seen)} classes"
    lines += [f"{classes} seen in training or validation: {first_few(seen)}"] if seen else []
    return lines + worse_than(metrics)


def worse_than(metrics: Mapping[str, Any]) -> list[str]:
    """A line for each baseline that the trained network does not beat: the training was for nothing."""
    first = next(iter(metrics["rows"]))
    lines = []
    for name, difference in metrics["differences"].items():
        baseline, mean = name.removeprefix(f"{first} - "), difference["mean"]
        if baseline not in WITHOUT_LEARNING or first in WITHOUT_LEARNING or mean > 0:
            continue
        beaten = "as good as" if mean == 0 else f"{-mean:.2f} points worse than"
        sure = "" if mean == 0 or -mean > difference["interval"] else " (within the interval: it may be chance)"
        lines.append(f"{first} is {beaten} {WITHOUT_LEARNING[baseline]}{sure}; {ADVICE}")
    return lines


def table_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The table that `dastm eval` prints."""
    lines = [f"{title(metrics)}; % ± 95 % interval", *(f"  note: {line}" for line in warnings(metrics))]
    for name, row in metrics["rows"].items():
        seeds = f"  over {len(row['seeds'])} seeds ± {row['interval_over_seeds']:.2f}" if "seeds" in row else ""
        lines.append(f"  {name:<24} {row['mean']:6.2f} ± {row['interval']:.2f}{seeds}")
    for name, difference in metrics["differences"].items():
        lines.append(f"  {name:<24} {difference['mean']:+6.2f} ± {difference['interval']:.2f}  (paired)")
    return lines


def evaluate_and_write(
    config: EvalConfig,
    run: Path | None,
    shards: str | None,
    device: str,
    out: Path | None,
    *,
    log: Log = lambda line: None,
) -> dict[str, Any]:
    """`dastm eval`: open the shards, score every row, write the results -> metrics.

    Raises: RunError in one line, among others for data that the weights do not fit (see `fit.fitted`) and for classes
    that the run has seen (see `seen.check_unseen`).
    """
    record = TrainingRecord.read(run) if run is not None else None
    where = shards if record is None or run is None or shards is not None else shards_of(record, run)
    if where is None:
        raise RunError("nothing to evaluate: give --run, or --shards with --baseline coordinates")
    typed = shards is not None  # else a file says where
    with closing(open_source(where, device=pick_device(device), parts=[config.part], commands=typed)) as source:
        manifest = source.manifest
        if record is not None and shards is None:
            record.check_shards(manifest)
        folder = out if out is not None or run is None else run / "eval" / evaluation_folder(config, record, manifest)
        if folder is not None:
            check_results(folder, run if out is None else None)
        about = _about(record, run, source, config)
        scored, left_out = without_small(source, _needed(config))
        if left_out:
            about["left_out"] = left_out
        classes = one_shot.query_classes(manifest, config.part) if config.protocol == "one-shot" else []
        rows = evaluate(scored, config, run, device)
    metrics = {**summary(rows, config, manifest.dataset), **about}
    if classes:
        metrics["classes"] = one_shot.class_summary({row.name: _over_seeds(row) for row in rows}, classes)
    if folder is None:
        return metrics
    if replaced := _replaced(folder, metrics):
        log(f"replaces {folder}: {replaced}")
    remove_half_written(folder)
    return write_evaluation(rows, metrics, folder, classes)


def _needed(config: EvalConfig) -> dict[str, int]:
    """Clips that an episode needs of a class, where smaller classes are to be left out."""
    leave_out = config.too_few == "leave_out" and config.protocol == "episodes"
    return {config.part: config.k_shot + config.n_query} if leave_out else {}


def evaluation_folder(config: EvalConfig, record: TrainingRecord | None, manifest: Manifest) -> str:
    """Name of an evaluation's folder: the episodes, and the shards where they are not the run's own."""
    if record is None or record.trained_on(manifest):
        return config.name
    return f"{config.name}-on-{manifest.dataset}-{checksum(encode_manifest(manifest))[:8]}"


def _replaced(folder: Path, metrics: Mapping[str, Any]) -> str:
    """In what the evaluation that lies in a folder is another one, in words; empty: in nothing, or there is none."""
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
    """As it is read again."""
    return json.loads(json.dumps(document))


def outdated_because(metrics: Mapping[str, Any], record: TrainingRecord, run: Path) -> str:
    """Why an evaluation is not of the run as it is now, in words; empty: it is."""
    then, now = metrics.get("weights") or {}, [str(seed) for seed in record.config.optimise.seeds]
    if sorted(then) != sorted(now):
        return f"of seeds {', '.join(then) or 'none'}, and the run has {', '.join(now)}"
    others = [seed for seed in now if then[seed] != _weights_digest(run, int(seed))]
    return f"of other weights of seed {others[0]}" if others else ""


def _weights_digest(run: Path, seed: int) -> str:
    path = run / "train" / f"seed-{seed}" / "best.pt"
    return checksum(path.read_bytes()) if path.is_file() else "none"


def _about(
    record: TrainingRecord | None, run: Path | None, source: EpisodeSource, config: EvalConfig
) -> dict[str, Any]:
    """What metrics.json says of the shards, the weights, and classes seen; RunError where there must be no score."""
    manifest = source.manifest
    shards = {"shards": checksum(encode_manifest(manifest))}
    if record is None or run is None:
        return shards
    seen = check_unseen(record, manifest, config.part, allow=config.allow_seen)
    note = unnamed_note(record, manifest, config.part)
    _, converted = fitted(source, record, run, convert=config.convert)
    return {
        **shards,
        "weights": {str(seed): _weights_digest(run, seed) for seed in record.config.optimise.seeds},
        **({"converted": converted} if converted else {}),
        "seen_classes": seen,
        **({"seen_note": note} if note else {}),
    }
