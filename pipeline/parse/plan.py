"""Plans what `parse` has to do, file by file, from names and label lists alone; and runs one job of the plan.

In: a definition and the raw files found. Out: `Plan`, a pure function of names, sizes and label lists; and the
`ParsedClip` of one job. Duplicates, the missing list and classes outside the split are handled here, before any file is
read. `doctor` and `show` also make their jobs here, one file at a time, because they look at files that `parse` would
refuse.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dastm.contract.errors import DataError, RefusedError
from pipeline.definitions.definition import Definition
from pipeline.definitions.lists import key_of, without_clip
from pipeline.definitions.source_spec import AUTO, TAKE_FORMATS
from pipeline.parse.formats import FORMATS, Entries, RawFormat
from pipeline.parse.labels import Label, no_class, settle
from pipeline.parse.raw_files import RawFile, UnreadableError, as_text, list_raw, read
from pipeline.parse.sources.members import Member
from pipeline.parse.tools.recognise import EMPTY, UNKNOWN, head_of, recognise
from pipeline.parse.tools.tool_sources import ALL_SOURCES, first_file
from pipeline.storage.table import ParsedClip
from pipeline.tracks import ClipName, Tracks

MISSING = "on the data set's list of missing skeletons"
NOTE_UNNAMED = "class_not_among_class_names"
"""The note on a clip whose class the definition's list of names is too short for: the list may be another's."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One clip to parse, or to refuse without reading it because of `problem`: a raw file, or a member of one."""

    raw: RawFile
    name: ClipName | None
    labels: tuple[Label, ...] = ()
    """The statements of the file name and the label lists about its class."""
    problem: str | None = None
    member: Member | None = None

    @property
    def source(self) -> str:
        """The raw file's source and the clip's place in it, as text that can be stored."""
        return as_text(self.raw.source + (self.member.within if self.member is not None else ""))

    @property
    def key(self) -> str | None:
        """The clip's key; None if it has none, and `problem` says why."""
        return self.name.key if self.name is not None else None

    @property
    def stated_key(self) -> str | None:
        """The key as the source states it; None if it was made from a path."""
        return self.member.stated if self.member is not None else self.key

    @property
    def size(self) -> int:
        """Size of the clip in bytes, as the folder, the zip or the file that holds it states."""
        return self.member.size if self.member is not None else self.raw.size


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All jobs in the order of the table, and counts of other files."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()
    """Remarks on the lists of the data set."""
    outside_split: int
    """Number of files whose class is outside the split, as far as their names or a label list show."""
    ignored: int
    """Number of raw files that are neither clips nor label lists."""


@dataclass(frozen=True, kw_only=True)
class RawFiles:
    """The files of a data set, sorted by source, and the number of other files."""

    clips: list[RawFile]
    label_lists: list[RawFile]
    ignored: int


def find_files(definition: Definition, roots: Sequence[Path]) -> RawFiles:
    """Find clips and label lists. Raises: DataError if a root cannot be used or there is no clip."""
    if definition.parse.format in ALL_SOURCES:
        listing = list_raw(roots, ALL_SOURCES[definition.parse.format].suffixes, definition.download)
        return RawFiles(clips=listing.files, label_lists=[], ignored=listing.ignored)
    raw_format = FORMATS[definition.parse.format]
    listing = list_raw(roots, [raw_format.suffix], definition.download)
    lists = [file for file in listing.files if raw_format.is_label_list(file.name)]
    clips = [file for file in listing.files if not raw_format.is_label_list(file.name)]
    if not clips:
        raise DataError(f"{lists[0].root}: label lists, but not a single clip")
    return RawFiles(clips=clips, label_lists=lists, ignored=listing.ignored)


def make_plan(definition: Definition, roots: Sequence[Path]) -> Plan:
    """Find the raw files and decide everything that can be decided without reading them.

    Raises: DataError if a root or a label list cannot be used, or there is no clip.
    """
    files = find_files(definition, roots)
    jobs: list[Job] = []
    outside = 0
    first_of: dict[str, Job] = {}
    keys: set[str] = set()
    for found in _found(definition, files):
        keys |= {found.key} if found.key is not None else set()
        job, class_id = plan_job(definition, found)
        if is_outside(definition, class_id):
            outside += 1
            continue
        if job.name is not None:
            first = first_of.setdefault(job.name.key, job)
            if first is not job:
                job = replace(job, problem=_duplicate(first, job))
        jobs.append(job)
    return Plan(jobs=tuple(jobs), outside_split=outside, ignored=files.ignored, notes=_notes(definition, keys))


def _notes(definition: Definition, keys: Collection[str]) -> tuple[str, ...]:
    """One line for each list with entries that name no clip."""
    source = definition.parse.source
    lists = [("parse.missing", definition.parse.missing), ("split.exemplars", definition.split.exemplars)]
    labels = [(f"labels file {source.labels_file}", source.labels)] if source is not None else []
    return tuple(line for what, entries in [*lists, *labels] for line in without_clip(entries, keys, what))


def run_job(job: Job, definition: Definition) -> ParsedClip | None:
    """Parse one raw file; None if its contents show that its class is outside the split.

    Raises: RefusedError if the file cannot be used.
    """
    if job.problem is not None or job.name is None:
        raise RefusedError(job.problem or "the file's name names no clip")
    try:
        tracks, own_label, size = _read_clip(job, definition)
    except RefusedError as why:
        raise with_right_form(why, job, definition.parse.format) from None
    class_id, class_name = settle([*job.labels, own_label], definition.parse.class_names)
    if class_id is None:
        raise no_class(class_name, definition.parse.format)
    if is_outside(definition, class_id):
        return None
    if definition.parse.class_names and definition.class_name(class_id) is None:
        tracks = replace(tracks, notes=(*tracks.notes, NOTE_UNNAMED))
    return ParsedClip(
        key=job.name.key,
        dataset=definition.name,
        class_id=class_id,
        class_name=definition.class_name(class_id) or class_name or f"class {class_id}",
        subject=job.name.subject,
        camera=job.name.camera,
        setup=job.name.setup,
        replication=job.name.replication,
        tracks=tracks,
        source=job.source,
        source_bytes=size,
    )


def with_right_form(why: RefusedError, job: Job, format_name: str) -> RefusedError:
    """The refusal, with the form that the file has where it is another than the one it was read as."""
    if isinstance(why, UnreadableError) or format_name in (AUTO, *TAKE_FORMATS):
        return why
    try:
        found = recognise(job.raw.name, head_of(first_file(job.member) if job.member is not None else job.raw))
    except RefusedError:
        return why
    if format_name in (found.form, *found.candidates) or UNKNOWN in found.why or found.why == EMPTY:
        return why
    told = f"it looks like {found.form} ({found.why}): say parse.format" if found.form else f"it is {found.refusal()}"
    return RefusedError(f"{why.reason}; {told}", why.line, why.byte)


def _read_clip(job: Job, definition: Definition) -> tuple[Tracks, Label, int]:
    """Tracks, what the clip itself says of its class, and its size in bytes."""
    spec = definition.parse
    if job.member is not None:
        return ALL_SOURCES[spec.format].read(job.member, spec), Label("clip"), job.member.size
    raw_format = FORMATS[spec.format]
    data = read(job.raw)
    tracks, label, label_index = raw_format.read(data, spec.layout, spec.zero_is_missing)
    if raw_format.label_lists and not job.labels:
        tracks = replace(tracks, notes=(*tracks.notes, "not_on_list"))
    return tracks, Label("clip", label, label_index), len(data)


def _found(definition: Definition, files: RawFiles) -> Iterator[Job]:
    """A job for every clip, with everything that its name, the lists or its file state about it."""
    if definition.parse.format in ALL_SOURCES:
        yield from map(member_job, ALL_SOURCES[definition.parse.format].members(files.clips, definition.parse))
        return
    raw_format = FORMATS[definition.parse.format]
    stated = labels_by_clip((file.name, _read_list(raw_format, file)) for file in files.label_lists)
    yield from (job_of(raw, raw_format, stated) for raw in files.clips)


def member_job(member: Member) -> Job:
    """The job of one clip of a source."""
    return Job(raw=member.raw, name=member.name, labels=member.labels, problem=member.problem, member=member)


def job_of(raw: RawFile, raw_format: RawFormat, stated: Mapping[str, Sequence[Label]]) -> Job:
    """The job of a file that holds one clip, with what its name states and the label lists (`labels_by_clip`)."""
    try:
        name = raw_format.facts_of_name(raw.name)
    except RefusedError as why:
        return Job(raw=raw, name=None, problem=why.reason)
    by_name = [Label("file name", class_id=name.class_id)] if name.class_id is not None else []
    return Job(raw=raw, name=name, labels=(*by_name, *stated.get(name.key, ())))


def labels_by_clip(lists: Iterable[tuple[str, Entries]]) -> dict[str, list[Label]]:
    """Clip -> what each label list states about it; `lists`: the file name of each, and its entries."""
    labels: dict[str, list[Label]] = {}
    for file_name, entries in lists:
        for clip, (name, index) in entries.items():
            labels.setdefault(key_of(clip), []).append(Label(f"list {file_name}", name, index))
    return labels


def plan_job(definition: Definition, job: Job) -> tuple[Job, int | None]:
    """The job with the reason to refuse it, if there is any, and with its class, if that is known already."""
    if job.problem is not None or job.name is None:
        return job, None
    try:
        class_id, _ = settle(job.labels, definition.parse.class_names)
    except RefusedError as why:
        return replace(job, problem=why.reason), None
    return replace(job, problem=MISSING if job.name.key in definition.parse.missing else None), class_id


def is_outside(definition: Definition, class_id: int | None) -> bool:
    """Whether clips of this class are left out of the parsed table."""
    return definition.parse.classes == "split" and class_id is not None and definition.subset_of(class_id) is None


def _duplicate(first: Job, job: Job) -> str:
    where = first.source if first.source != job.source else f"{first.raw.root.name}: {first.source}"
    if job.stated_key is not None and job.stated_key == first.stated_key:
        return f"the same clip as '{where}'"
    return f"'{where}' has the same key; rename one of the two, or its folder"


def _read_list(raw_format: RawFormat, file: RawFile) -> Entries:
    try:
        return raw_format.read_label_list(file.name, read(file))
    except RefusedError as why:
        raise DataError(f"{file.root}: label list {file.source}: {why}") from None
