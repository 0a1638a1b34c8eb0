"""The one-shot protocol: all classes of a subset at once, their given exemplars as support, every other clip a query.

In: shards whose manifest marks exemplars (NTU-120's official protocol: 20 novel classes, one exemplar each; other data
may give more than one), and a way to measure distances. Out: right (1) or wrong (0) for every query.

The accuracy is the share of all queries that are right, so classes with more clips count more. Its interval is over
queries: it says how sure the share is for these exemplars, but nothing about other exemplars.
Queries come in chunks of `CHUNK`: memory does not grow with their number. Axes: Q queries, W ways.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.shard_format import Manifest
from dastm.episodes.collate import labels, selection
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.loader import clip_batches
from dastm.episodes.sampler import plan_one_shot
from dastm.model.network import Recogniser

CHUNK = 200
"""Number of queries that are encoded and matched at once."""
Hits = NDArray[np.float64]
CLASS_FIELDS = ("row", "seed", "class_id", "class_name", "queries", "accuracy")


@dataclass(frozen=True, kw_only=True)
class QueryClass:
    """One class of the protocol. Queries are sorted by class, in the order of these."""

    class_id: int
    name: str
    exemplars: int
    queries: int


class SupportOnce:
    """Distances of a model for successive episodes; a support that does not change is encoded once."""

    def __init__(self, model: Recogniser) -> None:
        self._model = model
        self._support: ClipBatch | None = None
        self._support_LSVD = torch.empty(0)

    def __call__(self, episode: Episode) -> Tensor:
        """Distances of the episode's queries to its classes -> (Q, W)."""
        if episode.support is not self._support:
            self._support_LSVD = self._model.encode(episode.support)
            self._support = episode.support
        query, factor_QL = self._model.encode(episode.query), self._model.path_factor(episode.query, episode.support)
        labels, n_way = episode.support_labels, len(episode.plan.class_ids)
        return self._model.class_distances(query, self._support_LSVD, labels, n_way, factor_QL)


def plan_of(manifest: Manifest, subset: str) -> EpisodePlan:
    """The whole protocol as one plan; RunError in one line if exemplars are missing."""
    return plan_one_shot(manifest.pool_sizes(subset), manifest.exemplars(subset), f"{manifest.dataset}: {subset}")


def query_classes(manifest: Manifest, subset: str) -> list[QueryClass]:
    """The classes of the protocol. Raises: as `plan_of`."""
    plan = plan_of(manifest, subset)
    return [
        QueryClass(class_id=c, name=manifest.subsets[subset][c].name, exemplars=len(support), queries=len(query))
        for c, support, query in zip(plan.class_ids, plan.support, plan.query, strict=True)
    ]


def n_chunks(manifest: Manifest, subset: str) -> int:
    """Number of episodes of `chunks`. Raises: as `plan_of`."""
    return -(-sum(map(len, plan_of(manifest, subset).query)) // CHUNK)


def chunks(source: EpisodeSource, subset: str, device: torch.device) -> Iterator[Episode]:
    """Episodes of at most `CHUNK` queries, all with the same support. Raises: as `plan_of` and the source's `clips`."""
    plan = plan_of(source.manifest, subset)
    (given,) = source.clips(subset, [selection(plan, plan.support)])
    support = given.to(device)
    support_labels = labels(plan.support).to(device)
    queries, query_labels = selection(plan, plan.query), labels(plan.query).to(device)
    starts = range(0, len(queries), CHUNK)
    batches = clip_batches(source, subset, [queries[start : start + CHUNK] for start in starts], device=device)
    for start, batch in zip(starts, batches, strict=True):
        own_labels = query_labels[start : start + CHUNK]
        yield Episode(plan=plan, support=support, query=batch, support_labels=support_labels, query_labels=own_labels)


def query_hits(distances: Callable[[Episode], Tensor], items: Iterable[Episode]) -> Hits:
    """1 if the nearest class of a query is its own, else 0 -> (queries,).

    Raises: ValueError if a distance is nan.
    """
    hits = []
    with torch.inference_mode():
        for episode in items:
            distances_QW = distances(episode)
            right_Q = (distances_QW.argmin(1) == episode.query_labels).double()
            hits.append(right_Q.masked_fill(distances_QW.isnan().any(1), torch.nan))
    hits_Q = torch.cat(hits).cpu().numpy()
    if np.isnan(hits_Q).any():
        raise ValueError(f"distances of query {int(np.isnan(hits_Q).argmax())} hold nan")
    return np.asarray(hits_Q)


def class_accuracies(hits_Q: Hits, classes: Sequence[QueryClass]) -> dict[int, float]:
    """Class id -> share of its queries that are right."""
    ends = np.cumsum([of.queries for of in classes])
    hits_of = zip(classes, np.split(hits_Q, ends[:-1]), strict=True)
    return {of.class_id: float(hits.mean()) for of, hits in hits_of}


def class_summary(hits_by_row: Mapping[str, Hits], classes: Sequence[QueryClass]) -> dict[str, Any]:
    """The part of metrics.json on classes: numbers of exemplars and queries, and the accuracy of every row in %."""
    shares = {name: class_accuracies(hits_Q, classes) for name, hits_Q in hits_by_row.items()}
    return {
        f"{of.class_id:03d}": {
            "name": of.name,
            "exemplars": of.exemplars,
            "queries": of.queries,
            "accuracy": {name: round(100 * share[of.class_id], 4) for name, share in shares.items()},
        }
        for of in classes
    }


def class_cells(name: str, seed: int, hits_Q: Hits, classes: Sequence[QueryClass]) -> list[dict[str, Any]]:
    """The lines of episodes.csv for one row and seed: one per class of the only episode."""
    shares = class_accuracies(hits_Q, classes)
    return [
        {
            "row": name,
            "seed": seed,
            "class_id": of.class_id,
            "class_name": of.name,
            "queries": of.queries,
            "accuracy": f"{shares[of.class_id]:.6f}",
        }
        for of in classes
    ]
