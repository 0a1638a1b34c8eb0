"""Distances of many episodes in evaluation: the features of a clip are computed once, not once an episode.

In: a trained network in evaluation, whose features of a clip depend on nothing else, and episodes of one subset. Out:
their distances. The memory for features is bounded: once it is full, further clips are encoded whenever they come.

Axes: L clips, T frames, V joints, D channels, Q queries, W ways.
"""

import torch
from torch import Tensor

from dastm.episodes.episode import ClipBatch, Episode
from dastm.model import Recogniser

BUDGET = 2 * 2**30
"""Bytes of features that are kept: 10,000 clips of NTU, 8 frames x 25 joints x 256 features in float32."""


class FeatureCache:
    """`model.episode_distances` for episodes of one subset, with `budget` bytes of memory for features."""

    def __init__(self, model: Recogniser, budget: int = BUDGET) -> None:
        self.model, self.room = model, budget
        self.kept: dict[tuple[int, int], Tensor] = {}
        """(class id, position) -> features of that clip"""

    def __call__(self, episode: Episode) -> Tensor:
        """Distances of the episode's queries to its classes -> (Q, W)."""
        class_ids, labels = episode.plan.class_ids, episode.support_labels
        support = self._features(class_ids, episode.plan.support, episode.support)
        query = self._features(class_ids, episode.plan.query, episode.query)
        factor_QL = self.model.path_factor(episode.query, episode.support)
        return self.model.class_distances(query, support, labels, len(class_ids), factor_QL)

    def _features(self, class_ids: tuple[int, ...], positions: tuple[tuple[int, ...], ...], clips: ClipBatch) -> Tensor:
        keys = [(class_id, i) for class_id, row in zip(class_ids, positions, strict=True) for i in row]
        missing = [place for place, key in enumerate(keys) if key not in self.kept]
        if not missing:
            return torch.stack([self.kept[key] for key in keys])
        new_LTVD = self.model.encode(_some(clips, missing))
        new = dict(zip((keys[place] for place in missing), new_LTVD, strict=True))
        found = torch.stack([new[key] if key in new else self.kept[key] for key in keys])
        if new_LTVD.nbytes <= self.room:
            self.room -= new_LTVD.nbytes
            self.kept.update(new)
        return found


def _some(clips: ClipBatch, places: list[int]) -> ClipBatch:
    if len(places) == len(clips.present_LM):
        return clips
    index = torch.tensor(places)
    joints = clips.joints_LMTVC.index_select(0, index.to(clips.joints_LMTVC.device, non_blocking=True))
    return ClipBatch(joints_LMTVC=joints, present_LM=clips.present_LM[index])
