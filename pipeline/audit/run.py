"""Checks independently that a shard folder contains what its manifest says.

In: a shard folder. Out: a report with one line for each problem. On purpose this file shares no code with the writer:
it uses plain tarfile, JSON, numpy and Parquet, its own description of the format and its own checksum, so that a
mistake in `dastm.contract.shard_format` or `pipeline.storage.shard_writing` is found here. Damage of any kind is a
line of the report, never a traceback. One shard is in memory at a time; the same folder always gives the same report.

Axes: M bodies, T frames, V joints, C coordinates.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from dastm.contract.progress import progress
from pipeline.audit.clips import check_shard
from pipeline.audit.decisions import alone_warnings
from pipeline.audit.promise import (
    FAULTS,
    MOST_SHARD,
    SUBSETS,
    Found,
    Promise,
    Row,
    bytes_of,
    class_problems,
    digest_bytes,
    exemplar_problems,
    file_problems,
    read_index,
    read_manifest,
    reason_of,
)


def audit(shards: Path) -> dict[str, Any]:
    """Check a whole shard folder.

    Returns a report that is plain JSON: `ok`, `problems` and `warnings` (a line each), `clips`, `classes`, `parts`
    (classes, clips, fewest and most clips a class), `bodies` (clips by number of bodies), `frames`, `joints`, `range`
    (lowest and highest value of each coordinate).
    """
    found = Found()
    promise = read_manifest(shards, found)
    rows = read_index(shards, found, keep_slots=promise.keep_slots)
    found.problems += [*class_problems(promise), *file_problems(shards, promise, rows)]
    found.warnings += alone_warnings(rows, promise.two_person_classes)
    listed = [(shard, of) for of in promise.classes for shard in of.shards]
    rows_of: dict[str, dict[str, Row]] = {shard: {} for shard, _ in listed}
    for row in rows:
        rows_of.setdefault(row["shard"], {})[row["key"]] = row
    for shard, of in progress(listed, desc="audit", unit="shard"):
        try:
            data = bytes_of(shards, shard, MOST_SHARD)
        except FAULTS as error:
            found.problems.append(f"{shard}: {reason_of(error)}")
            continue
        check_shard(shard, of, data, rows_of[shard], promise, found)
    indexed = Counter((row["part"], row["class_id"]) for row in rows)
    for of in promise.classes:
        counts = (of.clips, indexed[of.subset, of.class_id], found.clips[of.subset, of.class_id])
        if len(set(counts)) > 1:
            found.problems.append(
                f"class {of.class_id} of {of.subset}: manifest {counts[0]}, index {counts[1]}, tars {counts[2]} clips"
            )
    found.problems += exemplar_problems(promise, rows)
    found.warnings += found.people.warnings()
    if rows and digest_bytes("".join(row["checksum"] for row in rows).encode()) != promise.contents:
        found.problems.append("manifest.json: contents are not those of the index")
    return _report(promise, found)


def audit_json(report: dict[str, Any]) -> bytes:
    """A report as the bytes of a JSON file."""
    text = json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")  # a damaged name may be no unicode


def _report(promise: Promise, found: Found) -> dict[str, Any]:
    subsets: dict[str, Any] = {}
    for subset in SUBSETS:
        counts = [found.clips[of.subset, of.class_id] for of in promise.classes if of.subset == subset]
        spread = {"min": min(counts, default=0), "max": max(counts, default=0)}
        subsets[subset] = {"classes": len(counts), "clips": sum(counts), "clips_per_class": spread}
    return {
        "ok": not found.problems,
        "problems": found.problems,
        "warnings": found.warnings,
        "dataset": promise.dataset,
        "clips": sum(subset["clips"] for subset in subsets.values()),
        "classes": sum(subset["classes"] for subset in subsets.values()),
        "parts": subsets,
        "bodies": {str(n): count for n, count in sorted(found.bodies.items())},
        "frames": promise.frames,
        "joints": promise.n_joints,
        "range": {
            name: [round(v, 6) for v in found.range[name]] for name in promise.coordinates if name in found.range
        },
    }
