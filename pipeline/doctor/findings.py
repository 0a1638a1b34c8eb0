"""Everything that the doctor can find: each check by name, with severity and advice; and counts of what was
examined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Severity = Literal["unusable", "suspicious", "odd"]
SEVERITIES: tuple[Severity, ...] = ("unusable", "suspicious", "odd")


class Kind(NamedTuple):
    """One check: the severity of its findings, and what to do."""

    severity: Severity
    advice: str


_LOOK = "look at the clip; to leave it out, put its name on the definition's missing list"

KINDS: Mapping[str, Kind] = {
    # unusable: `parse`, `split` or training cannot take it
    "path": Kind("unusable", "give a raw file, a folder, a zip, a parsed table or a shard folder"),
    "archive": Kind("unusable", "download it again"),
    "unreadable": Kind("unusable", "get the file again, or do without it: parse refuses it"),
    "label": Kind("unusable", "correct the name, the list or the clip: parse refuses it"),
    "label_list": Kind("unusable", "get the label list again: parse cannot start"),
    "not_finite": Kind("unusable", "run `dastm-data parse` again; the readers let no such number through"),
    "nothing_measured": Kind("unusable", "do without it: split refuses it"),
    "contradiction": Kind("unusable", "give the --dataset that it was parsed with, or parse again"),
    "table": Kind("unusable", "run `dastm-data parse` again"),
    "refused": Kind("unusable", "get the file again, or do without it"),
    "shards": Kind("unusable", "run `dastm-data split` again"),
    # suspicious: usable, but likely not what it should be
    "missing_list": Kind("suspicious", "none needed: parse leaves it out; --set parse.missing=null would take it"),
    "same_name": Kind("suspicious", "keep one of the two: parse takes the first"),
    "duplicate": Kind("suspicious", "keep one of the two, above all where they are of two classes"),
    "frozen_tail": Kind("suspicious", _LOOK),
    "point": Kind("suspicious", "do without it: split refuses it, unless split.origin leaves it away from the origin"),
    "zero_joints": Kind("suspicious", _LOOK),
    "at_origin": Kind(
        "suspicious",
        "none needed where the data is centred on that joint; if a lost joint is meant, set parse.zero_joints",
    ),
    "skeleton": Kind(
        "suspicious", "check layout, up and unit_m of the definition; look at a clip with `dastm-data show`"
    ),
    "bones": Kind("suspicious", "check units and layout; else " + _LOOK),
    "jump": Kind("suspicious", _LOOK),
    "far": Kind("suspicious", "check units and axes; else " + _LOOK),
    "ghost": Kind("suspicious", "see that split keeps the right bodies (split.bodies, split.rank, split.denoise)"),
    "classes": Kind("suspicious", "see whether a download is missing; split wants every class of its class split"),
    "absent": Kind("suspicious", "compare the files with `download` in the definition: one of them is not here"),
    "clip_count": Kind("suspicious", "see whether a download is missing or was cut short"),
    "list_without_clip": Kind("suspicious", "see whether a download is missing, or is the list of another one"),
    "shard_warning": Kind("suspicious", _LOOK),
    # odd: usable and common, good to know
    "listed": Kind("odd", "none needed: the data set's missing list says so"),
    "many_bodies": Kind("odd", "none needed: split keeps the first of them by split.rank"),
    "new_id": Kind("odd", "none needed; split takes the two ids as two bodies, the one that moves more first"),
    "empty_frames": Kind("odd", "none needed: split fills frames without a body from those that show one"),
    "short": Kind("odd", "see that it shows the action: split repeats its frames"),
    "not_on_list": Kind("odd", "none needed where the clip names its own label"),
    "same_file": Kind("odd", "none needed: parse takes the first"),
    "other_files": Kind("odd", "none needed, unless one of them should be a clip"),
    "layout": Kind("odd", "give --dataset with its layout to have bones checked"),
    "posture": Kind("odd", "none needed where the layout is no person's; else name these joints in the definition"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One doubt. Severity and advice follow from the check."""

    check: str
    """A name in KINDS."""
    source: str
    """File, folder, or member of a zip (the zip's path comes first)."""
    what: str
    key: str | None = None
    """The clip."""
    frame: int | None = None
    """Frame of the clip, counted from 1 on."""
    line: int | None = None
    """1-based line of the file."""
    byte: int | None = None
    """0-based byte of the file."""

    @property
    def severity(self) -> Severity:
        """unusable, suspicious or odd."""
        return KINDS[self.check].severity

    @property
    def advice(self) -> str:
        """What to do."""
        return KINDS[self.check].advice

    @property
    def where(self) -> str:
        """The place inside the source, as text; empty where there is none."""
        places = (("line", self.line), ("byte", self.byte), ("frame", self.frame))
        return next((f"{name} {place}" for name, place in places if place is not None), "")

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.source, self.where, self.what) if part)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)  # one line


@dataclass
class Totals:
    """Counts of what has been examined, updated while findings are produced."""

    clips: int = 0
    """Raw files, rows of tables and clips of shards."""
    outside_split: int = 0
    """Raw files of classes that `parse` leaves out, not looked at."""
    classes: set[int] = field(default_factory=set)
    """Class ids of the clips."""

    def add(self, class_id: int | None) -> None:
        """Count one clip."""
        self.clips += 1
        if class_id is not None:
            self.classes.add(class_id)
