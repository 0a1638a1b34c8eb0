"""Plans which clips make up an episode: a pure function of numbers, before any tensor is touched.

In: how many clips each class has, N, K, Q, seed, epoch, episode number. Out: an `EpisodePlan` (ids only), the same for
any number of workers, ranks or restarts. N-way K-shot episodes as in Vinyals et al., NeurIPS 2016, with exactly
`n_query` queries a class.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dastm.contract.errors import RunError
from dastm.contract.wording import listed
from dastm.episodes.episode import EpisodePlan

Knobs = tuple[str, str, str, str]
KNOBS: Knobs = ("n_way (--n-way)", "k_shot (--k-shot)", "n_query (--n-query)", "--too-few leave_out")
"""The options that a user changes to have fewer ways, shots or queries, or to leave out classes, for messages."""


def check_pool(
    pool_sizes: Mapping[int, int],
    n_way: int,
    k_shot: int,
    n_query: int,
    where: str,
    knobs: Knobs = KNOBS,
) -> None:
    """Check that every episode can be drawn from these classes (class id -> number of clips).

    Args:
        knobs: the options that a user changes, as `KNOBS`, for the message.

    Raises: RunError naming `where` if there are fewer than `n_way` classes or a class has fewer than
    `k_shot + n_query` clips; ValueError if one of the three numbers is below 1.
    """
    if min(n_way, k_shot, n_query) < 1:
        raise ValueError(f"n_way, k_shot and n_query must be at least 1, got {n_way}, {k_shot}, {n_query}")
    if len(pool_sizes) < n_way:
        raise RunError(
            f"{where} has {_classes(len(pool_sizes))}, {n_way}-way needs {n_way}; lower {knobs[0]}, or split with more"
            " classes"
        )
    needed = k_shot + n_query
    short = [f"class {class_id} has {n}" for class_id, n in sorted(pool_sizes.items()) if n < needed]
    if short:
        raise RunError(
            f"{where}: {k_shot}-shot with {n_query} queries needs {needed} clips in every class, but {listed(short)}; "
            f"lower {knobs[1]} or {knobs[2]}, split with more clips a class, or add {knobs[3]}"
        )


def plan_episode(
    pool_sizes: Mapping[int, int],
    *,
    n_way: int,
    k_shot: int,
    n_query: int,
    seed: int,
    epoch: int,
    number: int,
    sets: Sequence[Sequence[int]] = (),
    n_unknown: int = 0,
) -> EpisodePlan:
    """Draw one episode: classes without repetition, then `k_shot + n_query` clips of each without repetition.

    Every class, and every clip of a class, is equally likely; the order of `pool_sizes` does not matter. With two or
    more `sets` of class ids, each class is one of a set, and every set with classes left is equally likely.
    After the `n_way` classes come `n_unknown` others that have queries, but no examples.
    Raises: as `check_pool`; ValueError for a negative seed, epoch or number. Source: Vinyals et al., NeurIPS 2016.

    >>> import dastm
    >>> plan = dastm.plan_episode({3: 10, 5: 8, 9: 12}, n_way=2, k_shot=1, n_query=2, seed=0, epoch=0, number=0)
    >>> len(plan.class_ids), [len(row) for row in plan.support], [len(row) for row in plan.query]
    (2, [1, 1], [2, 2])
    """
    n_drawn = n_way + n_unknown
    check_pool(pool_sizes, n_drawn, k_shot, n_query, "the pool")
    if min(seed, epoch, number) < 0:
        raise ValueError(f"seed, epoch and number must not be negative, got {seed}, {epoch}, {number}")
    # A spawn key, unlike a longer seed, keeps (seed, epoch, number) apart from every other such triple.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, number)))
    if len(sets) > 1:
        class_ids = _of_sets(sets, n_drawn, rng)
    else:
        class_ids = [int(c) for c in rng.choice(sorted(pool_sizes), size=n_drawn, replace=False)]
    drawn = [rng.choice(pool_sizes[c], size=k_shot + n_query, replace=False).tolist() for c in class_ids]
    return EpisodePlan(
        class_ids=tuple(class_ids),
        support=tuple(tuple(clips[:k_shot]) if i < n_way else () for i, clips in enumerate(drawn)),
        query=tuple(tuple(clips[k_shot:]) for clips in drawn),
    )


def _of_sets(sets: Sequence[Sequence[int]], n_way: int, rng: np.random.Generator) -> list[int]:
    """Draw a set, then a class of it that was not drawn before, `n_way` times."""
    drawn: list[int] = []
    for _ in range(n_way):
        left = [[class_id for class_id in sorted(ids) if class_id not in drawn] for ids in sets]
        left = [ids for ids in left if ids]
        of_set = left[rng.integers(len(left))]
        drawn.append(of_set[rng.integers(len(of_set))])
    return drawn


def plan_one_shot(pool_sizes: Mapping[int, int], exemplars: Mapping[int, Sequence[int]], where: str) -> EpisodePlan:
    """All classes at once: the support is their given exemplars, the query every other clip. Nothing is drawn.

    Classes are in ascending order. Each class has one or more exemplars; the numbers may differ.
    Raises: RunError naming `where` if a class has no exemplar, there are fewer than two classes, or one has no query.
    """
    without = [str(class_id) for class_id in sorted(pool_sizes) if not exemplars.get(class_id)]
    if without:
        lacking = "no exemplars" if len(without) == len(pool_sizes) else f"no exemplar of class {listed(without)}"
        raise RunError(
            f"{where} has {lacking}, and the one-shot protocol needs one of every class: list their keys under"
            " split.exemplars of the definition and run `dastm-data split` again"
        )
    if len(pool_sizes) < 2:
        raise RunError(f"{where} has {_classes(len(pool_sizes))}, the one-shot protocol needs 2")
    class_ids = tuple(sorted(pool_sizes))
    support = tuple(tuple(sorted(exemplars[class_id])) for class_id in class_ids)
    query = tuple(
        tuple(i for i in range(pool_sizes[class_id]) if i not in given)
        for class_id, given in zip(class_ids, support, strict=True)
    )
    idle = [class_id for class_id, of_class in zip(class_ids, query, strict=True) if not of_class]
    if idle:
        raise RunError(f"{where}: class {idle[0]} has no clips except its exemplars, so no queries")
    return EpisodePlan(class_ids=class_ids, support=support, query=query)


def _classes(n: int) -> str:
    return f"{n} class" if n == 1 else f"{n} classes"
