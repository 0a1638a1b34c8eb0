"""Trained run -> accuracies with intervals, on episodes that are the same for every row.

In: a run folder and/or shards, and an `EvalConfig`. Out: `metrics.json` and `episodes.csv` under the run's eval/.
A row is the trained network (each seed's best checkpoint) or a baseline; all rows see the same episodes, so their
difference has a paired interval. Under the one-shot protocol queries take the place of episodes (see `one_shot`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from dastm import one_shot
from dastm.baselines import coordinate_distances
from dastm.checkpoint import TrainingRecord, load_checkpoint, write_json, write_rows
from dastm.clip import Manifest
from dastm.config import Config, EvalConfig
from dastm.device import pick_device, precision
from dastm.encoded import Encoded
from dastm.episodes.episode import Episode
from dastm.episodes.loader import episodes
from dastm.episodes.sources import EpisodeSource, open_source
from dastm.episodes.views import middle
from dastm.errors import RunError
from dastm.loss import accuracy
from dastm.model import Recogniser
from dastm.progress import progress
from dastm.run_folder import check_results, remove_half_written
from dastm.seen import check_unseen, first_few, unnamed_note
from dastm.skeleton import Layout

Accuracies = NDArray[np.float64]
Distances = Callable[[Episode], Tensor]
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
    if record is not None:
        source = middle(source, record.config.augment.n_frames)
        rows.append(_network_row(record.config.method, record, source, config, device, run))
    for baseline in dict.fromkeys(config.baselines):
        if record is not None and baseline == "untrained":
            rows.append(_network_row(baseline, record, source, config, device, None))
        else:
            shares = score(source, config, coordinate_distances, device, baseline)
            rows.append(Row(name=baseline, by_seed={0: shares}))
    return rows


def _network_row(
    name: str, record: TrainingRecord, source: EpisodeSource, config: EvalConfig, device: torch.device, run: Path | None
) -> Row:
    """The best weights of every seed of `run`; None: the weights that they began with."""
    layout, training = source.manifest.layout, record.config
    # A network trained with tf32 can be scored where there is none.
    arithmetic = training.optimise.precision if device.type == "cuda" else "float32"
    by_seed = {}
    for seed in training.optimise.seeds:
        if run is None:
            model = untrained(training, layout, seed).to(device)
        else:
            model = load_recogniser(run, training, layout, seed, device)
        with precision(device, arithmetic):
            distances = one_shot.SupportOnce(model) if config.protocol == "one-shot" else Encoded(model)
            by_seed[seed] = score(source, config, distances, device, f"{name} seed {seed}")
    return Row(name=name, by_seed=by_seed)


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
) -> None:
    """metrics.json and episodes.csv: every episode's accuracy of every row and seed; of `classes`, class by class."""
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
    write_rows(folder / "episodes.csv", fields, cells)
    write_json(folder / "metrics.json", metrics)


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
    config: EvalConfig, run: Path | None, shards: str | None, device: str, out: Path | None
) -> dict[str, Any]:
    """`dastm eval`: open the shards, score every row, write the results -> metrics.

    Raises: RunError in one line, among others for classes that the run has seen (see `seen.check_unseen`).
    """
    record = TrainingRecord.read(run) if run is not None else None
    where = record.shards if record is not None and shards is None else shards
    folder = out if out is not None or run is None else run / "eval" / config.name
    if folder is not None:
        check_results(folder, run if out is None else None)
    if where is None:
        raise RunError("nothing to evaluate: give --run, or --shards with --baseline coordinates")
    typed = shards is not None  # else a file says where
    with closing(open_source(where, device=pick_device(device), parts=[config.part], commands=typed)) as source:
        manifest = source.manifest
        if record is not None and shards is None:
            record.check_shards(manifest)
        guard = _guard(record, manifest, config) if record is not None else {}
        classes = one_shot.query_classes(manifest, config.part) if config.protocol == "one-shot" else []
        rows = evaluate(source, config, run, device)
    metrics = {**summary(rows, config, manifest.dataset), **guard}
    if classes:
        metrics["classes"] = one_shot.class_summary({row.name: _over_seeds(row) for row in rows}, classes)
    if folder is not None:
        remove_half_written(folder)
        write_evaluation(rows, metrics, folder, classes)
    return metrics


def _guard(record: TrainingRecord, manifest: Manifest, config: EvalConfig) -> dict[str, Any]:
    """What metrics.json says of classes that the run has seen; RunError where it must not be scored on them."""
    seen = check_unseen(record, manifest, config.part, allow=config.allow_seen)
    note = unnamed_note(record, manifest, config.part)
    return {"seen_classes": seen, **({"seen_note": note} if note else {})}
