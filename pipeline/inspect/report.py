"""The audit's page: the verdict first, then what is in the data, then clips to look at.

In: the report of `pipeline.audit.run`, the shard folder it is about, and the parsed table that the shards were made
from, if it is there. Out: one self-contained HTML page, the same bytes for the same data. Shards that cannot be read
leave their sections out, and say why: the page is needed most where something is wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dastm.contract.documents import cut
from dastm.contract.errors import DataError
from dastm.contract.shard_format import SUBSETS, ShardError
from pipeline.inspect.animation import PlayerData
from pipeline.inspect.find import stored_clip, with_tracks
from pipeline.inspect.page import render
from pipeline.inspect.show import player_of, summary_of
from pipeline.inspect.stats import Stats, parsed_stats, shard_stats
from pipeline.inspect.stats_page import view_of
from pipeline.inspect.stored import parsed_clips, read_index, read_manifest

SHOWN = 100
"""Problems, and warnings, that the page lists; the JSON has them all."""
CLASSES = 2
"""Classes of each subset of which a clip is shown."""
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Example:
    """A clip to look at."""

    title: str
    scene: PlayerData
    summary: tuple[str, ...]


def audit_page(report: dict[str, Any], shards: Path, parsed: Path | None = None) -> bytes:
    """The page for a report of `pipeline.audit.run.audit`."""
    unread: list[str] = []
    sections = [_attempt(lambda: shard_stats(shards), unread)]
    if parsed is not None:
        sections.append(_attempt(lambda: _parsed_stats(parsed, shards), unread))
    examples = _attempt(lambda: list(_examples(shards, parsed, unread)), unread) or []
    return render(
        "audit.html",
        report=report,
        shown=SHOWN,
        views=[view_of(stats) for stats in sections if stats is not None and stats.clips],
        examples=examples,
        both=any(len(example.scene.panels) > 1 for example in examples),
        turns=any(panel.is_3d for example in examples for panel in example.scene.panels),
        unread=list(dict.fromkeys(unread)),
        animated=bool(examples),
    )


def _attempt(read: Callable[[], Result], unread: list[str]) -> Result | None:
    """What can be read; else None, and the reason among the others."""
    try:
        return read()
    except (ShardError, DataError, OSError) as error:
        unread.append(str(error))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        unread.append(f"what is stored is not what it should be ({cut(error)})")
    return None


def _parsed_stats(parsed: Path, shards: Path) -> Stats:
    manifest = read_manifest(shards)
    return parsed_stats(parsed, manifest.layout, {subset: set(ids) for subset, ids in manifest.subsets.items()})


def _examples(shards: Path, parsed: Path | None, unread: list[str]) -> Iterator[Example]:
    """The first clip of the first and of the middle class of each subset."""
    keys = list(_example_keys(shards))
    tracks = (_attempt(lambda: parsed_clips(parsed, keys), unread) if parsed is not None else None) or {}
    for key in keys:
        found = _attempt(lambda key=key: stored_clip(shards, key), unread)  # type: ignore[misc]
        if found is None:
            continue
        clip = tracks.get(key)
        shown = found
        if clip is not None:
            shown = _attempt(lambda found=found, clip=clip: with_tracks(found, clip, None), unread) or found  # type: ignore[misc]
        yield Example(
            title=f"{shown.subset}: {shown.class_name} ({shown.key})",
            scene=player_of(shown),
            summary=tuple(summary_of(shown)),
        )


def _example_keys(shards: Path) -> Iterator[str]:
    index = read_index(shards)
    rows = sorted(zip(*(index[name].to_pylist() for name in ("part", "class_id", "key")), strict=True))
    first = {(subset, class_id): key for subset, class_id, key in reversed(rows)}
    for subset in SUBSETS:
        classes = [class_id for of, class_id in sorted(first) if of == subset]
        yield from (first[subset, class_id] for class_id in dict.fromkeys(classes[:: -(-len(classes) // CLASSES) or 1]))
