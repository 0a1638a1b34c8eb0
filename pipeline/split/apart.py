"""Divides who acts (or the cameras, the setups) among train, val and test: no subject in two of them.

In: the facts of the parsed table, and a definition with `split.by`. Out: the facts without the clips of a class of one
subset by a subject of another. Classes are divided already; so test clips are of other classes and of other people.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from dastm.contract.errors import DataError
from dastm.contract.wording import listed
from pipeline.definitions.definition import Definition


def kept_apart(facts: pa.Table, definition: Definition) -> tuple[pa.Table, tuple[str, ...]]:
    """The facts of the clips that are kept, and a note on which subject is where; all clips if `split.by` is null.

    Raises: DataError in one line if clips do not name it, if there are fewer subjects than subsets, or for exemplars.
    """
    by = definition.split.by
    if by is None:
        return facts, ()
    if definition.split.exemplars:
        raise DataError("split.by: not with split.exemplars, whose examples are chosen already")
    rows = facts.select(["key", "class_id", by]).to_pylist()
    asked = [row for row in rows if definition.subset_of(row["class_id"])]
    silent = [row["key"] for row in asked if row[by] is None or row[by] < 0]
    if silent:
        raise DataError(
            f"split.by: {len(silent)} clips do not say their {by}, the first is {min(silent)}: name it in"
            f" parse.source.pattern, as (?P<{by}>..), and parse again"
        )
    subset_of = _dealt(sorted({row[by] for row in asked}), definition, by)
    stay = [definition.subset_of(row["class_id"]) in (None, subset_of.get(row[by])) for row in rows]
    members = {subset: sorted(g for g, of in subset_of.items() if of == subset) for subset in subset_of.values()}
    told = "; ".join(f"{subset} {listed(of, 10)}" for subset, of in members.items())
    lost = len(stay) - sum(stay)
    return facts.filter(pa.array(stay)), (
        f"by {by}: {told}; {lost} clips left out, of a class of one subset by a {by} of another",
    )


def _dealt(groups: list[int], definition: Definition, by: str) -> Mapping[int, str]:
    """Subject -> its subset: in a drawn order, to each subset as many as its share of the classes, one at least."""
    weights = {subset: len(ids) for subset, ids in definition.split.class_split.items() if ids}
    if len(groups) < len(weights):
        raise DataError(f"split.by: {len(groups)} {by}s cannot be in {len(weights)} subsets; leave split.by out")
    counts = dict.fromkeys(weights, 1)
    while sum(counts.values()) < len(groups):
        counts[min(counts, key=lambda subset: counts[subset] / weights[subset])] += 1
    subsets = [subset for subset, count in counts.items() for _ in range(count)]
    order = np.random.default_rng(definition.split.seed).permutation(groups).tolist()
    return dict(zip(order, subsets, strict=True))
