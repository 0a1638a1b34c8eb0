"""Several sources as one: all their classes, each with its own id; on request classes of the same name are merged.

In: sources of one layout (mapped to a common one if they differ). Out: a source whose episodes mix their classes. The
class ids of a set follow those of the sets before it. Validation classes that another set trains on are left out.
Changes of clips are applied to each source separately (`viewed`), because the numbers of frames may differ.

Axes: L clips, M bodies, T frames, V joints, C coordinates.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from dastm.contract.errors import RunError
from dastm.contract.names import class_key, is_unnamed
from dastm.contract.shard_format import ClassEntry, Manifest, contents_digest
from dastm.episodes.collate import Selection, check_selections
from dastm.episodes.common import lost
from dastm.episodes.episode import ClipBatch
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.small_classes import LargeClasses

SUBSETS = ("train", "val")
Parts = tuple[tuple[int, int, int], ...]
"""The parts of one class: (source, class id there, number of clips) for each source that has it."""


@dataclass(frozen=True)
class Several:
    """Sources that are trained on together; closing it closes all. See `dastm.episodes.sources.open_several`."""

    sources: tuple[EpisodeSource, ...]
    stored: tuple[Manifest, ...]
    """The manifest of each source before it was mapped."""
    merge: bool = False
    """Whether classes with the same name are one class."""
    balance: bool = True
    """Whether a set is drawn first, then a class of it."""

    @cached_property
    def classes(self) -> dict[str, dict[int, Parts]]:
        """Subset -> class id -> the parts of the class."""
        ids = self._ids()
        found: dict[str, dict[int, Parts]] = {}
        for subset in SUBSETS:
            classes = found.setdefault(subset, {})
            for place, source in enumerate(self.sources):
                for own, clips in source.pool_sizes(subset).items():
                    if subset != "val" or not self._trained_elsewhere(place, own):
                        class_id = ids[place, own]
                        classes[class_id] = (*classes.get(class_id, ()), (place, own, clips))
        return found

    @cached_property
    def manifest(self) -> Manifest:
        """A manifest for all sources together, without shards."""
        first, names = self.sources[0].manifest, " + ".join(manifest.dataset for manifest in self.stored)
        return Manifest(
            dataset=names.replace(" ", ""),
            layout=first.layout,
            frames=first.frames,
            subsets={subset: self._entries(subset) for subset in SUBSETS},
            definition={**first.definition, "name": names, "sets": [dict(one.definition) for one in self.stored]},
            contents=contents_digest(one.contents for one in self.stored),
            versions={},
        )

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """Class id -> number of clips, over all sets; RunError for an unknown subset."""
        if subset not in SUBSETS:
            raise RunError(f"{self.manifest.dataset}: several sets are for training: no subset {subset!r}")
        return {class_id: sum(part[2] for part in parts) for class_id, parts in sorted(self.classes[subset].items())}

    def sets(self, subset: str) -> list[list[int]]:
        """The class ids of each set that has any; empty: all classes are equally likely."""
        of_sets = [
            [class_id for class_id, parts in self.classes[subset].items() if any(part[0] == place for part in parts)]
            for place in range(len(self.sources))
        ]
        return [ids for ids in of_sets if ids] if self.balance else []

    def unvalidated(self) -> list[str]:
        """A line for each set with classes that are left out of validation."""
        lines = []
        for place, manifest in enumerate(self.stored):
            names = [entry.name for own, entry in self._val(place).items() if self._trained_elsewhere(place, own)]
            if names:
                lines.append(f"{manifest.dataset}: not validated on, as another set trains on it: {', '.join(names)}")
        return lines

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """Clips of the sources, in the order asked for, padded to as many bodies as any of them has."""
        check_selections(selections, self.pool_sizes(subset), f"{self.manifest.dataset}: {subset}")
        owned = [[self._owner(subset, clip) for clip in selected] for selected in selections]
        batches: list[list[tuple[list[int], ClipBatch]]] = [[] for _ in selections]
        for place, source in enumerate(self.sources):
            rows = [[row for row, (at, _) in enumerate(clips) if at == place] for clips in owned]
            asked = [number for number, of_source in enumerate(rows) if of_source]
            parts = source.clips(subset, [[owned[number][row][1] for row in rows[number]] for number in asked])
            for number, part in zip(asked, parts, strict=True):
                batches[number].append((rows[number], part))
        return [_joined(parts) for parts in batches]

    def close(self) -> None:
        """Close every source."""
        for source in self.sources:
            source.close()

    def _ids(self) -> dict[tuple[int, int], int]:
        """(source, its class id) -> class id here."""
        ids: dict[tuple[int, int], int] = {}
        by_name: dict[str, int] = {}
        first = 0
        for place, source in enumerate(self.sources):
            names = {own: entry.name for subset in SUBSETS for own, entry in _entries_of(source, subset).items()}
            alike = Counter(map(class_key, names.values()))  # two classes of one set are never one
            for own, name in sorted(names.items()):
                shared = self.merge and not is_unnamed(name) and alike[class_key(name)] == 1
                ids[place, own] = by_name.setdefault(class_key(name), first + own) if shared else first + own
            first += max(names, default=-1) + 1
        return ids

    def _entries(self, subset: str) -> dict[int, ClassEntry]:
        return {
            class_id: ClassEntry(
                name=_entries_of(self.sources[parts[0][0]], subset)[parts[0][1]].name,
                clips=sum(part[2] for part in parts),
                shards=(),
            )
            for class_id, parts in self.classes[subset].items()
        }

    def _val(self, place: int) -> dict[int, ClassEntry]:
        return _entries_of(self.sources[place], "val")

    @cached_property
    def _trained(self) -> list[set[str]]:
        """Names of the classes that each set trains on."""
        return [
            {class_key(entry.name) for entry in _entries_of(source, "train").values() if not is_unnamed(entry.name)}
            for source in self.sources
        ]

    def _trained_elsewhere(self, place: int, own: int) -> bool:
        name = class_key(self._val(place)[own].name)
        return any(name in names for other, names in enumerate(self._trained) if other != place)

    def _owner(self, subset: str, clip: tuple[int, int]) -> tuple[int, tuple[int, int]]:
        """(source, the clip there)."""
        class_id, i = clip
        for place, own, clips in self.classes[subset][class_id]:
            if i < clips:
                return place, (own, i)
            i -= clips
        raise ValueError(f"class {class_id} of {subset} has no such clip")


def notes(source: EpisodeSource, layout: str | None) -> list[str]:
    """Lines for the user: information that preparations have lost, and classes that are left out of validation."""
    stored = source.stored if isinstance(source, Several) else (source.manifest,)
    lines = [line for manifest in stored for line in (lost(manifest) if layout else ())]
    return [*lines, *(source.unvalidated() if isinstance(source, Several) else ())]


def viewed(source: EpisodeSource, view: Callable[[EpisodeSource], EpisodeSource]) -> EpisodeSource:
    """Apply a view to a source; for several sources, to each of them."""
    if isinstance(source, Several):
        return replace(source, sources=tuple(map(view, source.sources)))
    if isinstance(source, LargeClasses):
        return replace(source, source=viewed(source.source, view))
    return view(source)


def sets_of(source: EpisodeSource, subset: str) -> list[list[int]]:
    """The class ids of each set of several sources; empty: all classes are equally likely."""
    if isinstance(source, Several):
        return source.sets(subset)
    if isinstance(source, LargeClasses):
        pool = source.pool_sizes(subset)
        left = [[class_id for class_id in ids if class_id in pool] for ids in sets_of(source.source, subset)]
        return [ids for ids in left if ids]
    return []


def _entries_of(source: EpisodeSource, subset: str) -> dict[int, ClassEntry]:
    return dict(source.manifest.subsets.get(subset, {}))


def _joined(parts: list[tuple[list[int], ClipBatch]]) -> ClipBatch:
    """Batches of several sources as one; `parts` has the rows that each batch takes."""
    if len(parts) == 1:
        return parts[0][1]
    n_clips = sum(len(rows) for rows, _ in parts)
    n_bodies = max(batch.present_LM.shape[1] for _, batch in parts)
    first = parts[0][1].joints_LMTVC
    joints_LMTVC = first.new_zeros((n_clips, n_bodies, *first.shape[2:]))
    present_LM = torch.zeros((n_clips, n_bodies), dtype=torch.bool)
    for rows, batch in parts:
        own = batch.joints_LMTVC
        joints_LMTVC[torch.tensor(rows, device=own.device), : own.shape[1]] = own
        present_LM[torch.tensor(rows), : own.shape[1]] = batch.present_LM
    return ClipBatch(joints_LMTVC=joints_LMTVC, present_LM=present_LM)
