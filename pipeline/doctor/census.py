"""What only many clips together show: copies, names used twice, classes and clips that are not there.

In: `Examined` clips one by one, then the definition. Out: findings. Memory: a digest and a source for each clip.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from pipeline.definitions import Definition
from pipeline.doctor.clips import Examined
from pipeline.doctor.findings import Finding

SHOWN = 8
"""Classes that a finding lists."""
NAMED = 3
"""Clips that a finding lists."""


class Census:
    """The clips of one collection: all raw files, or one table."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.clips: Counter[int] = Counter()
        """class id -> usable clips; a name used twice counts once."""
        self.keys: dict[str, tuple[str, bytes | None]] = {}
        """key -> source and digest of the first file of this name."""
        self._first: dict[bytes, tuple[str, int | None]] = {}

    def add(self, clip: Examined) -> Iterator[Finding]:
        """Count a clip; findings where its name or its joints were there before."""
        if clip.key is not None and clip.key in self.keys:
            yield self._same_name(clip, *self.keys[clip.key])
            return
        if clip.key is not None:
            self.keys[clip.key] = clip.source, clip.digest
        if clip.is_usable and clip.class_id is not None:
            self.clips[clip.class_id] += 1
        if clip.digest is None:
            return
        if clip.digest not in self._first:
            self._first[clip.digest] = clip.source, clip.class_id
        else:
            source, class_id = self._first[clip.digest]
            known = class_id is not None and clip.class_id is not None and class_id != clip.class_id
            classes = f", which is of class {class_id}, this one of {clip.class_id}" if known else ""
            what = f"the same joints in the same frames as '{source}'{classes}"
            yield Finding(check="duplicate", source=clip.source, key=clip.key, what=what)

    def note(self, key: str | None, source: str) -> None:
        """A clip that is there and not looked at."""
        if key is not None:
            self.keys.setdefault(key, (source, None))

    def _same_name(self, clip: Examined, source: str, digest: bytes | None) -> Finding:
        same = digest is not None and digest == clip.digest
        what = f"the same name as '{source}', {'with the same' if same else 'but not with its'} joints"
        return Finding(check="same_file" if same else "same_name", source=clip.source, key=clip.key, what=what)

    def against(self, definition: Definition) -> Iterator[Finding]:
        """What the data set should hold and this collection does not."""
        classes = _expected_classes(definition)
        absent = sorted(classes - set(self.clips))
        if absent:
            what = f"no usable clip of {len(absent)} of {len(classes)} classes: {_listed(absent)}"
            yield Finding(check="classes", source=self.source, what=what)
        wanted = definition.split.clips_per_class
        in_split = {i for ids in definition.split.class_split.values() for i in ids}
        few = sorted(i for i in in_split if 0 < self.clips[i] < (wanted or 0))
        if few:
            what = f"fewer than the {wanted} clips that split takes in {len(few)} classes: {_listed(few, self.clips)}"
            yield Finding(check="classes", source=self.source, what=what)
        expected = expected_clips(definition)
        if expected is not None and self.clips.total() < expected:
            what = f"{self.clips.total()} usable clips, {definition.name} has {expected}"
            yield Finding(check="clip_count", source=self.source, what=what)

    def against_list(self, source: str, keys: Mapping[str, object]) -> Iterator[Finding]:
        """Clips that a label list names and that are not there."""
        absent = sorted(key for key in keys if key not in self.keys)
        if absent:
            names = ", ".join(map(repr, absent[:NAMED])) + ", .." * (len(absent) > NAMED)
            what = f"{len(absent)} of {len(keys)} clips on it are not there: {names}"
            yield Finding(check="list_without_clip", source=source, what=what)


def expected_clips(definition: Definition) -> int | None:
    """How many usable clips there should be at least; None where nobody says, or classes are left out."""
    if definition.synth is not None:
        return definition.synth.n_classes * definition.synth.clips_per_class
    return definition.usable_clips if definition.parse.classes == "all" else None


def _expected_classes(definition: Definition) -> set[int]:
    in_split = {i for ids in definition.split.class_split.values() for i in ids}
    return in_split if definition.parse.classes == "split" else in_split | set(range(len(definition.parse.class_names)))


def _listed(ids: list[int], counts: Mapping[int, int] | None = None) -> str:
    shown = [f"{i} ({counts[i]})" if counts is not None else str(i) for i in ids[:SHOWN]]
    return ", ".join(shown) + ", .." * (len(ids) > SHOWN)
