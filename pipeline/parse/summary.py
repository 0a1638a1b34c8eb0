"""The result of a parse: counts and the first refused files, read from the finished files of the table.

In: the files on disk, so that a run that was interrupted and continued has the same counts. Out: `ParseSummary`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.storage.table import RefusedFile, read_file_facts, read_file_refused

SHOWN = 5
"""How many refused files the summary lists; the refused table has all of them."""
OUTSIDE_KEY = b"outside_split"
"""Metadata of a table file of refused files: the number of clips that were found outside the split only when read."""
_QUOTED = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*")""")
_NUMBER = re.compile(r"(?<![\w-])-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?!\w)")


@dataclass(frozen=True, kw_only=True)
class ParseSummary:
    """Counts of one parsed table."""

    files: int
    """Raw files of the format; clips + refused + outside_split."""
    clips: int
    refused: int
    refused_by_reason: dict[str, int]
    """Reason, without its numbers and quoted words -> number of files."""
    refused_examples: dict[str, str] = field(default_factory=dict)
    """For each such reason that lost something, the first file with its whole reason."""
    outside_split: int
    ignored: int
    classes: int
    frames: int
    notes: dict[str, int]
    """Oddities of usable clips -> clips."""
    first_refused: tuple[str, ...]

    def lines(self) -> list[str]:
        """The summary as lines to print: counts, reasons, and the first refused files with place and reason."""
        out = [f"{self.files} files: {self.clips} clips of {self.classes} classes, {self.frames} frames"]
        for count, what in (
            (self.refused, "refused"),
            (self.outside_split, "outside the class split, left out"),
            (self.ignored, "other files beside them, ignored"),
        ):
            if count:
                out.append(f"{count} {what}")
        out += [f"{count} clips noted: {note}" for note, count in self.notes.items()]
        for reason, count in self.refused_by_reason.items():
            out.append(f"{count} refused: {kind_with_example(reason, self.refused_examples)}")
        return out + [f"  {line}" for line in self._shown()]

    def _shown(self) -> Iterator[str]:
        yield from self.first_refused
        if self.refused > len(self.first_refused):
            yield f"and {self.refused - len(self.first_refused)} more, see refused.csv"

    def to_json(self) -> str:
        """The text of summary.json; equal summaries give equal bytes."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def summarise(clips_files: list[Path], refused_files: list[Path], outside_split: int, ignored: int) -> ParseSummary:
    """Count the content of the table files; `outside_split` and `ignored` are the counts of the plan."""
    clips = frames = 0
    classes: set[int] = set()
    notes: Counter[str] = Counter()
    for path in clips_files:
        table = read_file_facts(path, ("class_id", "frames", "notes"))
        clips += table.num_rows
        frames += pc.sum(table["frames"]).as_py() or 0
        classes.update(pc.unique(table["class_id"]).to_pylist())
        notes.update(pc.list_flatten(table["notes"]).to_pylist())
    refused: Counter[str] = Counter()
    examples: dict[str, str] = {}
    first: list[str] = []
    for path in refused_files:
        table = read_file_refused(path)
        outside_split += int(table.schema.metadata[OUTSIDE_KEY])
        count_kinds(table, refused, examples)
        first += [str(RefusedFile(**row)) for row in table.slice(0, SHOWN - len(first)).to_pylist()]
    return ParseSummary(
        files=clips + refused.total() + outside_split,
        clips=clips,
        refused=refused.total(),
        refused_by_reason=ordered(refused),
        refused_examples=examples,
        outside_split=outside_split,
        ignored=ignored,
        classes=len(classes),
        frames=frames,
        notes=ordered(notes),
        first_refused=tuple(first),
    )


def count_kinds(refused: pa.Table, counts: Counter[str], examples: dict[str, str]) -> None:
    """Add refused files to the counts by kind of reason; `examples` gets the first whole one where a kind says less."""
    for at, reason in enumerate(refused["reason"].to_pylist()):
        kind = kind_of(reason)
        counts[kind] += 1
        if kind != reason and kind not in examples:
            examples[kind] = str(RefusedFile(**refused.slice(at, 1).to_pylist()[0]))


def kind_with_example(kind: str, examples: Mapping[str, str]) -> str:
    """A kind of reason, and one whole example of it if the kind says less."""
    return f"{kind}, e.g. {examples[kind]}" if kind in examples else kind


def kind_of(reason: str) -> str:
    """A reason without its particulars: quoted words become '..', numbers N; `float32` and `UTF-8` are words."""
    return _NUMBER.sub("N", _QUOTED.sub("'..'", reason))


def ordered(counts: Counter[str]) -> dict[str, int]:
    """The most frequent first, then by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
