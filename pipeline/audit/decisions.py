"""Checks the choice of bodies for the audit: every track of every clip must be listed exactly once.

In: rows of index.parquet, as plain dictionaries. Out: lines for the report. Like `pipeline.audit.run` it shares no code
with the writer.
"""

from collections.abc import Iterator, Sequence, Set
from typing import Any

Row = dict[str, Any]

DECISION_COLUMNS = {
    "kept": "list<element: list<element: int64>>",
    "dropped": "list<element: struct<id: int64, reason: string>>",
}
"""Both or neither: the tracks that each body is made of, and every other track with the reason."""


def decision_problems(row: Row, *, keep_slots: bool = False) -> Iterator[str]:
    """Bodies without tracks and tracks that are listed twice; nothing where the index has no such columns.

    With `keep_slots` all but the last body may be empty slots.
    """
    if "kept" not in row:
        return
    kept, others = row["kept"], [track or {"id": None, "reason": None} for track in row["dropped"]]
    if len(kept) != row["bodies"] or None in kept or not all(kept[-1:] if keep_slots else kept):
        yield f"kept tracks {kept} of {row['bodies']} bodies"
        return
    tracks, dropped = {track for body in kept for track in body}, [track["id"] for track in others]
    if None in tracks or any(len(set(body)) < len(body) for body in kept):
        yield f"kept tracks {kept}: one is listed twice or has no id"
    if None in dropped or len(set(dropped)) < len(dropped) or tracks & set(dropped):
        yield f"dropped tracks {dropped}: one is also kept, is listed twice or has no id"
    if not all(track["reason"] for track in others):
        yield "a dropped track without a reason"


def alone_warnings(rows: Sequence[Row], two_person_classes: Set[int]) -> Iterator[str]:
    """One line a class in which two people act, if some of its clips hold one body."""
    for class_id in sorted(two_person_classes):
        bodies = [row["bodies"] for row in rows if row["class_id"] == class_id]
        if 1 in bodies:
            yield f"class {class_id}: two people act, {bodies.count(1)} of {len(bodies)} clips hold one body"
