"""Stats as text: lines for a terminal, rows for a spreadsheet.

In: `Stats`. Out: lines; (of, measure, key, value) rows, one number a row, so that any tool can group them.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence

from dastm.contract.spreadsheet import cell
from pipeline.inspect.stats import Stats
from pipeline.parse.summary import ordered

SHOWN = 5


def lines_of(stats: Stats) -> list[str]:
    """The stats as lines for people."""
    lines = [f"{stats.dataset}, {stats.of}: {stats.clips} clips of {len(stats.classes)} classes, {stats.frames} frames"]
    if stats.clips:
        lines += (f"  {line}" for line in _lines(stats))
    return lines


def _lines(stats: Stats) -> Iterator[str]:
    for subset, counts in stats.subsets().items():
        spread = f"{counts['fewest']} to {counts['most']} a class"
        yield f"{subset}: {counts['clips']} clips of {counts['classes']} classes ({spread}), {counts['frames']} frames"
    yield "frames a clip: " + ", ".join(f"{name} {value:g}" for name, value in stats.length_quantiles().items())
    yield "bodies a clip: " + _shown(stats.bodies, "{1} clips with {0}")
    if stats.empty_frames:
        yield f"{stats.empty_frames} frames without a body, in {stats.empty_clips} clips"
    yield missing_line(stats)
    for name, of in stats.people_and_places.items():
        yield f"{name}s: {len(of)} ({min(of.values())} to {max(of.values())} clips each)"
    yield from (f"noted: {note} ({count} clips)" for note, count in list(ordered(stats.notes).items())[:SHOWN])
    if stats.dropped:
        yield "bodies dropped by: " + ", ".join(f"{step} {count}" for step, count in ordered(stats.dropped).items())
    for kind, count in list(ordered(stats.refused).items())[:SHOWN]:
        example = f", e.g. {stats.refused_examples[kind]}" if kind in stats.refused_examples else ""
        yield f"refused: {kind} ({count} files){example}"


def missing_line(stats: Stats) -> str:
    """The share of joints without a measurement, in words."""
    if stats.missing is None:
        return "missing joints: interpolated in shards, see the parsed table"
    if not stats.missing:
        return "missing joints: none"
    worst = ", ".join(f"{name} {100 * share:.1f} %" for name, share in stats.worst_joints(SHOWN))
    return f"missing joints: {100 * stats.missing:.2f} % (most: {worst})"


def _shown(counts: Counter[int], words: str) -> str:
    """The smaller values one by one, the rest as one: clips of Kinetics have up to 24 bodies."""
    values = sorted(counts)
    listed = [words.format(value, counts[value]) for value in values[:SHOWN]]
    rest = sum(counts[value] for value in values[SHOWN:])
    return ", ".join(listed + ([words.format(f"{values[SHOWN]} or more", rest)] if rest else []))


def to_json(several: Sequence[Stats]) -> bytes:
    """The bytes of --json: a list, one document a table or folder."""
    return (json.dumps([stats.to_dict() for stats in several], indent=1, ensure_ascii=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )


def to_csv(several: Sequence[Stats]) -> bytes:
    """The bytes of --csv."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("of", "measure", "key", "value"))
    for stats in several:
        writer.writerows((stats.of, *map(cell, row)) for row in _rows(stats))
    return text.getvalue().encode("utf-8", "backslashreplace")


def _rows(stats: Stats) -> Iterator[tuple[str, str, str]]:
    document = stats.to_dict()
    yield from ((name, "", str(document[name])) for name in ("clips", "frames"))
    for subset, counts in document["parts"].items():
        yield from ((f"part {name}", subset, str(value)) for name, value in counts.items())
    for of in document["classes"]:
        key = f"{of['class_id']} {of['name']} ({of['part']})"
        yield from ((f"class {name}", key, str(of[name])) for name in ("clips", "frames"))
    if document["missing_joints"] is not None:
        yield "missing_joints", "", str(document["missing_joints"])
    for name in ("lengths", "length_counts", "bodies", "frames_without_body", "missing_by_joint", *_places(stats)):
        yield from ((name, key, str(value)) for key, value in (document[name] or {}).items())
    for name in ("notes", "dropped", "refused", "refused_examples"):
        yield from ((name, key, str(value)) for key, value in document[name].items())


def _places(stats: Stats) -> list[str]:
    return [f"{name}s" for name in stats.people_and_places]
