"""`dastm calibrate`: a run and its validation classes in, the file of its limits out (`dastm.runs.limits`)."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dastm.contract.errors import RunError
from dastm.contract.wording import listed
from dastm.episodes.augmentation import center_frames
from dastm.episodes.episode import Episode
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.feature_cache import FeatureCache
from dastm.evaluation.limits import Compared, fit_limits
from dastm.model.matching.rejection import Limits
from dastm.model.network import Recogniser
from dastm.runs.device import pick_device, precision
from dastm.runs.encoders import is_encoder
from dastm.runs.fit import fitted
from dastm.runs.limits import Known, check_limits, limits_path, write_limits
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord
from dastm.runs.seen_classes import trained_classes
from dastm.runs.whereabouts import shards_of

SHOTS = (1, 2, 5)
MOST_WAYS, N_QUERY = 5, 5
MOST_KNOWN = 40
"""Classes of which one clip comes with the encoder as a known movement."""


def calibrate(
    run: Path, shards: str | None, subset: str, count: int, device_name: str, out: Path | None
) -> tuple[dict[int, Limits], Path]:
    """Measure the limits of every seed of a run on the classes of a subset, and write them -> limits, and the file.

    Half of the classes of an episode, at most five, are known, and the same number are unknown.
    Raises: RunError if there are fewer than four classes, a class has fewer than four clips, or the run was trained on
    them, and as `evaluate`.
    """
    record, device = TrainingRecord.read(run), pick_device(device_name)
    if out is None and is_encoder(run):
        raise RunError(f"{run}: comes with DASTM and is not written into; name a file with --out")
    path = out or limits_path(run)
    check_limits(path)
    where = shards or shards_of(record, run)
    with closing(open_source(where, device=device, subsets=[subset], commands=shards is not None)) as plain:
        if learned := trained_classes(record, plain.manifest, subset):
            raise RunError(
                f"{run}: was trained on {listed(learned)}, so limits would be too narrow; measure them on other classes"
            )
        source, _ = fitted(plain, record, run, convert=False)
        source = center_frames(source, record.config.augment.n_frames, record.config.augment.sampling)
        shape = _shape(source, subset)
        known = known_movements(source, subset)
        found = {}
        for seed in record.config.optimise.seeds:
            model = load_recogniser(run, record.config, source.manifest.layout, seed, device)
            arithmetic = record.config.optimise.precision if device.type == "cuda" else "float32"
            with precision(device, arithmetic):
                found[seed] = _limits_of(model, known, source, subset, shape, count, device, f"{run}: seed {seed}")
        classes = {"dataset": plain.manifest.dataset, "subset": subset, "classes": len(source.pool_sizes(subset))}
    write_limits(path, run, found, known, {**classes, "episodes": count, **shape})
    return found, path


def _shape(source: EpisodeSource, subset: str) -> dict[str, Any]:
    """Numbers of classes, examples and queries for which the classes have enough clips."""
    sizes, where = source.pool_sizes(subset), f"{source.manifest.dataset}: {subset}"
    least, n_way = min(sizes.values(), default=0), min(len(sizes) // 2, MOST_WAYS)
    if n_way < 2 or least < 4:
        raise RunError(
            f"{where} has {len(sizes)} classes and at least {least} clips in each; to measure limits takes 4 classes"
            " and 4 clips in each"
        )
    n_query = min(N_QUERY, least - 2)
    return {"n_way": n_way, "n_query": n_query, "shots": [k for k in SHOTS if k + n_query <= least]}


def known_movements(source: EpisodeSource, subset: str) -> Known:
    """The first clip of every class of a subset, as the network sees it."""
    class_ids = sorted(source.pool_sizes(subset))[:MOST_KNOWN]
    clips = source.clips(subset, [[(class_id, 0) for class_id in class_ids]])[0]
    return Known(joints_KTVC=clips.joints_LMTVC[:, 0].cpu().numpy(), class_ids=tuple(class_ids))


def _limits_of(
    model: Recogniser,
    known: Known,
    source: EpisodeSource,
    subset: str,
    shape: Mapping[str, Any],
    count: int,
    device: torch.device,
    who: str,
) -> Limits:
    cache, n_way = FeatureCache(model, known), shape["n_way"]
    compared = {}
    for shots in shape["shots"]:
        drawn: Iterator[Episode] = episodes(
            source,
            subset,
            n_way=n_way,
            k_shot=shots,
            n_query=shape["n_query"],
            seed=0,
            epoch=0,
            count=count,
            device=device,
            n_unknown=n_way,
        )
        with torch.inference_mode():
            compared[shots] = [
                _without_own(Compared.of(episode, cache(episode), cache), episode, known) for episode in drawn
            ]
    try:
        return fit_limits(compared)
    except ValueError as error:
        raise RunError(f"{who}: {error}") from error


def _without_own(compared: Compared, episode: Episode, known: Known) -> Compared:
    """Movements of the classes of an episode do not count: other recordings show none of these classes."""
    assert compared.to_known_QK is not None
    assert compared.examples_to_known_LK is not None
    own_K = torch.isin(torch.tensor(known.class_ids), torch.tensor(episode.plan.class_ids))
    return replace(
        compared,
        to_known_QK=compared.to_known_QK.masked_fill(own_K, torch.inf),
        examples_to_known_LK=compared.examples_to_known_LK.masked_fill(own_K, torch.inf),
    )
