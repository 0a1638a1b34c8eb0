"""Findings that only many clips together show: copies, names used twice, missing classes and clips.

In: `Examined` clips one by one, then the definition. Out: findings. Memory: name, source and digest of each clip.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from dastm.contract.errors import RefusedError
from dastm.contract.wording import listed
from pipeline.definitions.definition import Definition, RecordedSpec
from pipeline.definitions.lists import key_of
from pipeline.doctor.clips import Examined
from pipeline.doctor.findings import Finding
from pipeline.parse.formats import FORMATS
from pipeline.tracks import ClipName

_first_of = partial(listed, most=8, rest=", ..")
"""The classes of a finding, which says how many they are."""


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
        """Count a clip -> findings if its name or its joints occurred before."""
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
        """Count a clip that exists but is not examined."""
        if key is not None:
            self.keys.setdefault(key, (source, None))

    def _same_name(self, clip: Examined, source: str, digest: bytes | None) -> Finding:
        same = digest is not None and digest == clip.digest
        what = f"the same name as '{source}', {'with the same' if same else 'but not with its'} joints"
        return Finding(check="same_file" if same else "same_name", source=clip.source, key=clip.key, what=what)

    def against(self, definition: Definition) -> Iterator[Finding]:
        """Findings on what the data set should contain and this collection does not."""
        classes, in_split = _expected_classes(definition), _in_split(definition)
        lacking = sorted(classes - set(self.clips))
        if lacking:
            what = f"no usable clip of {len(lacking)} of {len(classes)} classes: {_runs(lacking)}"
            yield Finding(check="classes", source=self.source, what=what)
        wanted = definition.split.clips_per_class or 0
        few = [f"{i} ({self.clips[i]})" for i in sorted(in_split) if 0 < self.clips[i] < wanted]
        if few:
            what = f"fewer than the {wanted} clips that split takes in {len(few)} classes: {_first_of(few)}"
            yield Finding(check="classes", source=self.source, what=what)
        if definition.recorded is not None:
            yield from self._absent(definition.recorded, definition)
        yield from self._counted(expected_clips(definition), definition.name)

    def _absent(self, recorded: RecordedSpec, definition: Definition) -> Iterator[Finding]:
        """Setups, cameras and subjects that no clip's name names."""
        names = list(_named(self.keys, definition))
        lacking = {
            "setups": set(range(1, (recorded.setups or 0) + 1)) - {name.setup for name in names},
            "cameras": set(range(1, (recorded.cameras or 0) + 1)) - {name.camera for name in names},
            "subjects": set(range(1, (recorded.subjects or 0) + 1)) - {name.subject for name in names},
        }
        told = ", ".join(f"{what} {_runs(sorted(numbers))}" for what, numbers in lacking.items() if numbers)
        if told:
            yield Finding(check="absent", source=self.source, what=f"no clip of {told}")

    def _counted(self, expected: Mapping[int, int], name: str) -> Iterator[Finding]:
        there, should = self.clips.total(), sum(expected.values())
        if there < should:
            few = [f"{i} ({self.clips[i]} of {n})" for i, n in sorted(expected.items()) if 0 < self.clips[i] < n]
            classes = f"; too few of class {_first_of(few)}" if few else ""
            what = f"{there} usable clips, {name} has {should}{classes}"
            yield Finding(check="clip_count", source=self.source, what=what)

    def against_list(self, source: str, keys: Mapping[str, object]) -> Iterator[Finding]:
        """Clips that a label list names and that are not there."""
        absent = sorted(key for key in keys if key_of(key) not in self.keys)
        if absent:
            named = listed([*map(repr, absent)], 3, rest=", ..")
            what = f"{len(absent)} of {len(keys)} clips on it are not there: {named}"
            yield Finding(check="list_without_clip", source=source, what=what)


def expected_clips(definition: Definition) -> dict[int, int]:
    """Class id -> usable clips that there should be; empty where nobody says."""
    if definition.synth is not None:
        return dict.fromkeys(range(definition.synth.n_classes), definition.synth.clips_per_class)
    if definition.recorded is None:
        return {}
    each = [clips for classes, clips in definition.recorded.clips for _ in range(classes)]
    missing = Counter(name.class_id for name in _named(definition.parse.missing, definition))
    return {i: each[i] - missing[i] for i in sorted(_expected_classes(definition)) if i < len(each)}


def _named(keys: Iterable[str], definition: Definition) -> Iterator[ClipName]:
    """What the names of clips say, those that say nothing left out."""
    raw_format = FORMATS.get(definition.parse.format)
    for key in keys:
        try:
            yield raw_format.facts_of_name(key + raw_format.suffix) if raw_format else ClipName(key)
        except RefusedError:
            continue


def _in_split(definition: Definition) -> set[int]:
    return {i for ids in definition.split.class_split.values() for i in ids}


def _expected_classes(definition: Definition) -> set[int]:
    in_split = _in_split(definition)
    return in_split if definition.parse.classes == "split" else in_split | set(range(len(definition.parse.class_names)))


def _runs(numbers: list[int]) -> str:
    """Sorted numbers as `1, 4-7, 9`, the first few."""
    starts = [n for i, n in enumerate(numbers) if not i or numbers[i - 1] != n - 1]
    ends = [n for i, n in enumerate(numbers) if i + 1 == len(numbers) or numbers[i + 1] != n + 1]
    runs = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
    return _first_of(runs)
