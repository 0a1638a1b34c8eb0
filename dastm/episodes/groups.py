"""Groups of clips by subject, camera or setup, and plans whose queries are of other groups than their examples.

In: the facts of the clips of a shard folder. Out: `Groups` (a group is the clips of one subject, camera or setup) and
`EpisodePlan`s, each a pure function of numbers.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.contract.shard_reading import read_shard
from dastm.contract.wording import listed
from dastm.episodes.episode import EpisodePlan
from dastm.episodes.urls import is_url

Groups = Mapping[int, Sequence[int]]
"""Class id -> the subject (camera, setup) of each of its clips, in the order of the pool."""
HALVES = 1000
"""How many divisions of the groups are tried at most until an episode can be drawn."""


def read_groups(shards: str, manifest: Manifest, subset: str, by: str) -> dict[int, tuple[int, ...]]:
    """The groups of one subset of a shard folder, by subject, camera or setup, as the facts of its clips name them.

    Raises: RunError for a URL, if clips do not name it, or if all clips are of one group; ShardError for damage.
    """
    where = f"{manifest.dataset}: {subset}"
    if is_url(shards):
        raise RunError(f"{shards}: by {by} needs a local folder; copy the shards")
    found: dict[int, tuple[Any, ...]] = {
        class_id: tuple(clip.facts.get(by) for shard in entry.shards for clip in read_shard(Path(shards), shard))
        for class_id, entry in sorted(manifest.subsets[subset].items())
    }
    named = [value for values in found.values() for value in values]
    unknown = sum(type(value) is not int or value < 0 for value in named)
    if unknown:
        raise RunError(
            f"{where}: {unknown} of {len(named)} clips do not say their {by}: name it in parse.source.pattern of the"
            f" definition, as (?P<{by}>..), then run `dastm-data parse` and `split` again"
        )
    if len(set(named)) < 2:
        raise RunError(f"{where}: all clips are of one {by}, so no other is left to test on")
    return found


def short_of_halves(groups: Groups, k_shot: int, n_query: int) -> dict[int, str]:
    """Class id -> why no episode by group can contain that class; only classes for which this is so."""
    rng, missing = np.random.default_rng(0), set(groups)
    for shown in _halves(groups, rng):
        missing -= {c for c in missing if _able(groups[c], shown, k_shot, n_query)}
        if not missing:
            break
    return {c: f"{_counted(groups[c])}, an episode needs {k_shot} of some and {n_query} of others" for c in missing}


def short_of_others(groups: Groups, k_shot: int) -> dict[int, str]:
    """Class id -> why it lacks `k_shot` examples for some group that is left out; only classes for which this is so."""
    most = {c: Counter(of_class).most_common(1)[0][1] for c, of_class in groups.items()}
    return {
        c: f"{_counted(groups[c])}, one left out leaves {len(groups[c]) - most[c]} of {k_shot} examples"
        for c in groups
        if len(groups[c]) - most[c] < k_shot
    }


def plan_by_group(
    groups: Groups, *, n_way: int, k_shot: int, n_query: int, seed: int, epoch: int, number: int, n_unknown: int = 0
) -> EpisodePlan:
    """Draw one episode whose queries are of other groups than its examples, over all its classes.

    All groups are divided at random into two halves: one for examples, the other (the smaller one) for queries. Then
    classes are drawn from those with `k_shot` clips in the first half and `n_query` in the second, and then clips. The
    order of the examples is random, so fewer examples are the first ones. `n_unknown` more classes have queries but no
    examples.
    Raises: RunError if no division has enough such classes.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, number)))
    n_drawn = n_way + n_unknown
    for shown in _halves(groups, rng):
        able = [c for c in sorted(groups) if _able(groups[c], shown, k_shot, n_query)]
        if len(able) >= n_drawn:
            class_ids = tuple(int(c) for c in rng.choice(able, n_drawn, replace=False))
            sides = [np.isin(groups[c], shown) for c in class_ids]
            return EpisodePlan(
                class_ids=class_ids,
                support=tuple(
                    _drawn(np.flatnonzero(side), k_shot, rng) if i < n_way else () for i, side in enumerate(sides)
                ),
                query=tuple(_drawn(np.flatnonzero(~side), n_query, rng) for side in sides),
            )
    raise RunError(
        f"divided into halves {HALVES} times, never {n_drawn} classes had {k_shot} clips in one and {n_query} in the"
        " other: lower --n-way, --k-shot or --n-query"
    )


def plan_without(groups: Groups, left_out: int, *, k_shot: int, seed: int, draw: int) -> EpisodePlan:
    """All classes at once: the queries are all clips of the group left out, the examples are drawn from the others.

    A class without clips in that group still has examples. Raises: ValueError for classes that `short_of_others` names.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(left_out, draw)))
    turned = plan_shown_by(groups, left_out)
    return EpisodePlan(
        class_ids=turned.class_ids,
        support=tuple(_drawn(others, k_shot, rng) for others in turned.query),
        query=turned.support,
    )


def plan_shown_by(groups: Groups, name: int) -> EpisodePlan:
    """All classes at once: the examples are all clips of one group, the queries those of all others."""
    own = {c: np.equal(of_class, name) for c, of_class in sorted(groups.items())}
    return EpisodePlan(
        class_ids=tuple(own),
        support=tuple(tuple(np.flatnonzero(own_L).tolist()) for own_L in own.values()),
        query=tuple(tuple(np.flatnonzero(~own_L).tolist()) for own_L in own.values()),
    )


def names_of(groups: Groups) -> list[int]:
    """The names of all groups, ascending."""
    return sorted({group for of_class in groups.values() for group in of_class})


def _halves(groups: Groups, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
    """Random larger halves of the groups."""
    names = names_of(groups)
    for _ in range(HALVES):
        yield rng.permutation(names)[len(names) // 2 :]


def _able(of_class: Sequence[int], shown: NDArray[Any], k_shot: int, n_query: int) -> bool:
    n_shown = int(np.isin(of_class, shown).sum())
    return n_shown >= k_shot and len(of_class) - n_shown >= n_query


def _drawn(among: Sequence[int] | NDArray[Any], count: int, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(rng.choice(among, count, replace=False).tolist())


def _counted(of_class: Sequence[int]) -> str:
    names = sorted(set(of_class))
    return f"{len(of_class)} clips of {len(names)} ({listed(names)})"
