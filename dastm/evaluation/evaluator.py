"""Trained run -> accuracies with intervals, on episodes that are the same for every row.

In: a run folder and/or shards, and an `EvalConfig`. Out: `metrics.json`, and `episodes.csv` and `predictions.parquet`,
whose digests are in it. They are written to a folder under the run's eval/ that is named after what was scored.
A row is the trained network (the best checkpoint of each seed) or a baseline. All rows see the same episodes, so their
differences have paired intervals. In the one-shot protocol queries replace episodes (see `one_shot`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.progress import progress
from dastm.contract.shard_format import checksum, encode_manifest
from dastm.episodes.augmentation import center_frames
from dastm.episodes.episode import Episode
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.groups import Groups
from dastm.episodes.loader import episodes
from dastm.episodes.small_classes import check_enough_left, without_small
from dastm.episodes.sources import open_source
from dastm.episodes.unread import unread
from dastm.evaluation import by_group, one_shot
from dastm.evaluation.accuracy import accuracy
from dastm.evaluation.baselines import BASELINES
from dastm.evaluation.feature_cache import Divide, FeatureCache, Together, do, in_order
from dastm.evaluation.intervals import Accuracies
from dastm.evaluation.metrics import Row, over_seeds, summary
from dastm.evaluation.open_rows import Opened, OpenRow, open_rows, open_summary
from dastm.evaluation.predictions import Columns, Noted
from dastm.evaluation.results_folder import evaluation_folder, replaced_because, weights_digest, write_evaluation
from dastm.evaluation.shots import first_examples, shots_summary
from dastm.model.matching.rejection import USUAL, Limits
from dastm.model.network import build_recogniser
from dastm.runs.device import lacking, pick_device, precision
from dastm.runs.encoders import results_of
from dastm.runs.fit import fitted
from dastm.runs.limits import Known, limits_measured_on, read_limits
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord
from dastm.runs.run_folder import check_results, remove_half_written_results
from dastm.runs.seen_classes import check_unseen, unnamed_note
from dastm.runs.seen_clips import check_unseen_clips
from dastm.runs.whereabouts import shards_of

Distances = Callable[[Episode], Tensor]
Log = Callable[[str], None]
CPU = torch.device("cpu")
T = TypeVar("T")


def episode_accuracies(distances: Distances, items: Iterable[Episode], numbers: range | None = None) -> Accuracies:
    """Share of right queries of every episode -> (episodes,).

    Raises: ValueError if a distance is nan; it names the episode by its number among `numbers`.
    """
    with torch.inference_mode():
        shares = [accuracy(distances(episode), episode.query_labels) for episode in items]
    accuracies = torch.stack(shares).double().cpu().numpy() if shares else np.zeros(0)
    if np.isnan(accuracies).any():
        place = int(np.isnan(accuracies).argmax())
        raise ValueError(f"distances of episode {place if numbers is None else numbers[place]} hold nan")
    return accuracies


def score(
    source: EpisodeSource,
    config: EvalConfig,
    distances: Distances,
    device: torch.device,
    label: str | None,
    epoch: int = 0,
    opened: Opened | None = None,
    groups: Groups | None = None,
    numbers: range | None = None,
) -> Accuracies:
    """Accuracies of one way to measure distances, on the episodes (or queries) of `config`, in order.

    A different `epoch` gives different episodes of the same shape and seed. `opened` gathers episodes with unknown
    classes; the accuracies are then those of their known queries. `groups` are those of `config.by`; in leave-one-out
    each group has one accuracy. Only the episodes of these `numbers` are scored, if any are given. The progress is told
    under a `label`.
    """
    if config.protocol == "one-shot":
        items = one_shot.chunks(source, config.subset, device)
        n_chunks = one_shot.n_chunks(source.manifest, config.subset)
        return one_shot.query_hits(distances, _told(items, n_chunks, label, "chunk"))
    numbers = range(n_drawn(config, groups)) if numbers is None else numbers
    items = drawn(source, config, device, groups, numbers, epoch)
    bar = _told(items, len(numbers), label, "episode")
    if opened is None:
        shares = episode_accuracies(distances, bar, numbers)
        return by_group.over_draws(shares) if config.protocol == "leave-one-out" else shares
    with torch.inference_mode():
        for episode in bar:
            opened.add(episode, distances(episode))
    return opened.known_accuracies()


def _told(items: Iterable[T], total: int, label: str | None, unit: str) -> Iterable[T]:
    return items if label is None else progress(items, total=total, desc=label, unit=unit, leave=False)


def n_drawn(config: EvalConfig, groups: Groups | None) -> int:
    """Number of episodes that `config` names."""
    leaves_out = config.protocol == "leave-one-out"
    return by_group.n_held_out(groups) if leaves_out and groups is not None else config.episodes


def prepared(
    cache: FeatureCache,
    source: EpisodeSource,
    config: EvalConfig,
    device: torch.device,
    label: str | None,
    epoch: int = 0,
    groups: Groups | None = None,
    divide: Divide = in_order,
    together: Together = do,
) -> EpisodeSource:
    """Let the cache see all episodes of `config` before the first one -> the source from which to draw them now."""

    def told(works: Sequence[Callable[[], Tensor]]) -> Iterable[Tensor]:
        return _told(divide(works), len(works), label and f"{label}: clips", "batch")

    nothing, most = unread(source), replace(config, k_shot=config.most_shots)
    items = drawn(nothing, most, CPU, groups, range(n_drawn(config, groups)), epoch)
    plans = [one.plan for one in items]
    return nothing if cache.prepare(source, config.subset, plans, device, told, together) else source


def drawn(
    source: EpisodeSource,
    config: EvalConfig,
    device: torch.device,
    groups: Groups | None,
    numbers: range,
    epoch: int = 0,
) -> Iterator[Episode]:
    """The episodes of these numbers that `config` names, the same whenever they are drawn."""
    if config.protocol == "leave-one-out" and groups is not None:
        items = by_group.held_out(source, config, groups, device, numbers)
    else:
        items = episodes(
            source,
            config.subset,
            n_way=config.n_way,
            k_shot=config.most_shots,
            n_query=config.n_query,
            seed=config.seed,
            epoch=epoch,
            start=numbers.start,
            count=numbers.stop,
            every=numbers.step,
            device=device,
            n_unknown=config.open_set,
            groups=groups,
        )
    return (first_examples(episode, config.k_shot) for episode in items) if config.shots else items


class _Scored(NamedTuple):
    shares: Accuracies
    predicted: Columns
    by_shots: dict[int, Accuracies]


def _scored(
    source: EpisodeSource,
    config: EvalConfig,
    distances: Distances,
    device: torch.device,
    label: str,
    opened: Opened | None,
    groups: Groups | None,
) -> _Scored:
    """One row and seed: accuracies, predictions of all queries, and accuracies with other numbers of examples."""
    noted = Noted(distances)
    counts = tuple(sorted({*config.shots, config.k_shot})) if config.shots else ()
    shares = score(source, config, noted, device, label, opened=opened, groups=groups)
    by_shots = {
        count: shares
        if count == config.k_shot
        else score(source, replace(config, k_shot=count, shots=counts), distances, device, label, groups=groups)
        for count in counts
    }
    return _Scored(shares, noted.columns(), by_shots)


def evaluate(
    source: EpisodeSource, config: EvalConfig, run: Path | None, device_name: str, groups: Groups | None = None
) -> list[Row]:
    """All rows: the run with its seeds, if a run is given, then the baselines of `config`."""
    if run is None and not config.baselines:
        raise RunError("nothing to evaluate: give --run or --baseline coordinates")
    needing_run = [name for name in config.baselines if BASELINES[name].distances is None]
    if run is None and needing_run:
        raise RunError(f"baseline {needing_run[0]}: needs --run: it is that run's network before training")
    device = pick_device(device_name)
    rows = []
    record = TrainingRecord.read(run) if run is not None else None
    stored = source
    if record is not None and run is not None:
        source, _ = fitted(source, record, run, convert=config.convert)
        source = center_frames(source, record.config.augment.n_frames, record.config.augment.sampling)
        rows.append(_network_row(record.config.method, record, source, config, device, run, groups))
    for baseline in dict.fromkeys(config.baselines):
        distances = BASELINES[baseline].distances
        if distances is not None:
            opened = Opened() if config.open_set else None
            # What a run makes of clips is part of its method: a baseline sees what is stored, beside any run.
            measured = distances(stored.manifest.layout)
            scored = _scored(stored, config, measured, device, baseline, opened, groups)
            told = open_rows(baseline, 0, opened.compared, None, None) if opened is not None else []
            rows.append(_row(baseline, {0: scored}, told))
        elif record is not None:
            rows.append(_network_row(baseline, record, source, config, device, None, groups))
    return rows


def _row(name: str, by_seed: Mapping[int, _Scored], opened: list[OpenRow]) -> Row:
    return Row(
        name=name,
        by_seed={seed: scored.shares for seed, scored in by_seed.items()},
        predicted={seed: scored.predicted for seed, scored in by_seed.items()},
        by_shots={seed: scored.by_shots for seed, scored in by_seed.items()},
        opened=opened,
    )


def _network_row(
    name: str,
    record: TrainingRecord,
    source: EpisodeSource,
    config: EvalConfig,
    device: torch.device,
    run: Path | None,
    groups: Groups | None,
) -> Row:
    """The best weights of every seed of `run`; None: their initial weights."""
    layout, training = source.manifest.layout, record.config
    # A network trained with tf32 can be scored where there is none.
    arithmetic = "float32" if lacking(device, training.optimise.precision) else training.optimise.precision
    by_seed, told = {}, list[OpenRow]()
    for seed in training.optimise.seeds:
        if run is None:
            model = build_recogniser(training, layout, seed).to(device)
        else:
            model = load_recogniser(run, training, layout, seed, device)
        with precision(device, arithmetic):
            limits, known = _judged_by(run, seed) if config.open_set else (None, None)
            cache, one_by_one = FeatureCache(model, known), config.protocol == "one-shot"
            distances = one_shot.SupportOnce(model) if one_by_one else cache
            label = f"{name} seed {seed}"
            seen = source if one_by_one else prepared(cache, source, config, device, label, groups=groups)
            opened = Opened(cache) if config.open_set else None
            by_seed[seed] = _scored(seen, config, distances, device, label, opened, groups)
        if opened is not None:
            told += open_rows(name, seed, opened.compared, limits, training.matching.temperature)
    return _row(name, by_seed, told)


def _judged_by(run: Path | None, seed: int) -> tuple[Limits | None, Known | None]:
    """The limits of a run's seed and the movements that go with them, or the usual ones; None without a run."""
    return (None, None) if run is None else read_limits(run, seed) or (USUAL, None)


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

    Raises: RunError in one line, e.g. for data that do not fit the weights (see `fit.fitted`) or classes that the run
    was trained on (see `seen_classes.check_unseen`).
    """
    record = TrainingRecord.read(run) if run is not None else None
    where = shards if record is None or run is None or shards is not None else shards_of(record, run)
    if where is None:
        raise RunError("nothing to evaluate: give --run, or --shards with --baseline coordinates")
    typed = shards is not None  # else a file says where
    with closing(open_source(where, device=pick_device(device), subsets=[config.subset], commands=typed)) as source:
        manifest = source.manifest
        if record is not None and shards is None:
            record.check_shards(manifest)
        home = None if run is None else results_of(run, manifest.dataset)
        folder = out if out is not None or home is None else home / "eval" / evaluation_folder(config, record, manifest)
        if folder is not None:
            within = home is not None and folder.absolute().parent == (home / "eval").absolute()
            check_results(folder, home if within else None)
        about = _about(record, run, where, source, config)
        scored, groups, left_out = classes_with_enough(source, where, config)
        if left_out:
            about["left_out"] = left_out
        classes = one_shot.query_classes(manifest, config.subset) if config.protocol == "one-shot" else []
        rows = evaluate(scored, config, run, device, groups)
    metrics = {**summary(rows, config, manifest.dataset), **about, **_asked_for(rows, config, groups)}
    if classes:
        metrics["classes"] = one_shot.class_summary({row.name: over_seeds(row) for row in rows}, classes)
    if config.open_set:
        metrics["open_set"] |= _limits_told(record, run, manifest.dataset, config.subset)
    if folder is None:
        return metrics
    if replaced := replaced_because(folder, metrics):
        log(f"replaces {folder}: {replaced}")
    remove_half_written_results(folder)
    return write_evaluation(rows, metrics, folder, classes)


def _asked_for(rows: list[Row], config: EvalConfig, groups: Groups | None) -> dict[str, Any]:
    """The further parts of metrics.json that the configuration asks for."""
    found: dict[str, Any] = {}
    if config.open_set:
        found["open_set"] = {"rows": open_summary([one for row in rows for one in row.opened])}
    if config.protocol == "leave-one-out" and groups is not None:
        found["groups"] = by_group.group_summary(rows, groups)
    if config.shots:
        found["shots"] = shots_summary(rows)
    return found


def _limits_told(record: TrainingRecord | None, run: Path | None, dataset: str, subset: str) -> dict[str, Any]:
    """The limits that were used, seed by seed, what they were measured on, and a note if they are not the run's own, or
    were measured on the classes that are scored.
    """
    if record is None or run is None:
        return {}
    found = {seed: read_limits(run, seed) for seed in record.config.optimise.seeds}
    limits = {str(seed): asdict(own[0] if own else USUAL) for seed, own in found.items()}
    if not all(found.values()):
        note = f"limits are the usual ones; `dastm calibrate --run {run}` measures its own"
        return {"limits": limits, "note": note}
    measured = limits_measured_on(run)
    same = (measured.get("dataset"), measured.get("subset")) == (dataset, subset)
    note = f"limits were measured on {dataset} {subset}, the classes that are scored: expect less of others"
    return {"limits": limits, "measured": measured, **({"note": note} if same else {})}


def classes_with_enough(
    source: EpisodeSource, shards: str, config: EvalConfig
) -> tuple[EpisodeSource, Groups | None, list[str]]:
    """The source without classes that are left out, the groups of `config.by`, and a line for each class left out.

    Raises: RunError naming the classes left out if too few are left; as `by_group.usable_groups`.
    """
    where, in_episodes = f"{source.manifest.dataset}: {config.subset}", config.protocol == "episodes"
    scored, groups = source, None
    if config.by is not None:
        groups, lines = by_group.usable_groups(shards, source.manifest, config, config.by)
    else:
        leave_out, least = config.too_few == "leave_out" and in_episodes, config.most_shots + config.n_query
        scored, lines = without_small(source, {config.subset: least} if leave_out else {})
    if in_episodes:
        n_left = len(scored.pool_sizes(config.subset)) if groups is None else len(groups)
        check_enough_left(n_left, config.n_way + config.open_set, where, lines)
    return scored, groups, lines


def _about(
    record: TrainingRecord | None, run: Path | None, where: str, source: EpisodeSource, config: EvalConfig
) -> dict[str, Any]:
    """The part of metrics.json on shards, weights and seen classes; RunError if these must not be scored."""
    manifest = source.manifest
    shards = {"shards": checksum(encode_manifest(manifest))}
    if record is None or run is None:
        return shards
    seen = check_unseen(record, manifest, config.subset, allow=config.allow_seen)
    clips = check_unseen_clips(record, run, where, manifest, config.subset, allow=config.allow_seen or bool(seen))
    note = "; ".join(filter(None, (unnamed_note(record, manifest, config.subset), clips)))
    _, converted = fitted(source, record, run, convert=config.convert)
    return {
        **shards,
        "weights": {str(seed): weights_digest(run, seed) for seed in record.config.optimise.seeds},
        **({"converted": converted} if converted else {}),
        "seen_classes": seen,
        **({"seen_note": note} if note else {}),
    }
