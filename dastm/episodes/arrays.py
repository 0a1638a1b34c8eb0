"""Makes an episode from a user's own arrays, to use a trained network without shards."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dastm.episodes.collate import collate, labels
from dastm.episodes.episode import Episode, EpisodePlan

Clips = Mapping[int, Sequence[NDArray[np.float32]]]
"""class id -> its clips, each (M, T, V, C): bodies present, frames, joints, coordinates."""


def episode_from_arrays(support: Clips, query: Clips) -> Episode:
    """Make one episode from arrays on the CPU: examples of each class, and clips to compare with them.

    Args:
        support: class id -> example clips (M, T, V, C) in the form that the network sees: prepared as the shards of
            the training, then sampled and mapped as `augment` in its configuration says. The number of bodies M may
            differ from clip to clip, the other three sizes may not.
        query: class id -> clips of that class. A class may have none.

    Raises: ValueError if there is no query, if the support lacks a class of the query, or if clips differ in frames,
    joints or coordinates.

    >>> import dastm, numpy
    >>> clip = numpy.zeros((1, 8, 25, 3), dtype=numpy.float32)
    >>> episode = dastm.episode_from_arrays({7: [clip], 9: [clip, clip]}, {9: [clip]})
    >>> episode.support_labels, episode.query_labels
    (tensor([0, 1, 1]), tensor([1]))
    """
    class_ids = tuple(support)
    unknown = [class_id for class_id in query if class_id not in support]
    if unknown:
        raise ValueError(f"class {unknown[0]} has queries and no example")
    sides = [[list(of.get(class_id, ())) for class_id in class_ids] for of in (support, query)]
    rows = [tuple(tuple(range(len(clips))) for clips in side) for side in sides]
    batches = [collate([clip for clips in side for clip in clips]) for side in sides]
    if batches[0].joints_LMTVC.shape[2:] != batches[1].joints_LMTVC.shape[2:]:
        shapes = [tuple(batch.joints_LMTVC.shape[2:]) for batch in batches]
        raise ValueError(f"needs clips of one (T, V, C), got {shapes[0]} in the support and {shapes[1]} in the query")
    return Episode(
        plan=EpisodePlan(class_ids=class_ids, support=rows[0], query=rows[1]),
        support=batches[0],
        query=batches[1],
        support_labels=labels(rows[0]),
        query_labels=labels(rows[1]),
    )
