"""PATH.. -> findings, one after the other: raw files in several processes, then tables, then shard folders.

In: paths, and a definition where one is known. Out: a stream of findings in an order that does not depend on `workers`,
and in the end the `Totals`. Memory: one clip a process, one file of a table, one shard; and what `census` keeps.
"""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from dastm.contract.errors import DataError, RefusedError
from pipeline.audit.posture import step_of
from pipeline.definitions.definition import Definition
from pipeline.doctor.census import Census
from pipeline.doctor.clips import Examined, RawJob, Terms, examine_raw, of_skeleton, progress
from pipeline.doctor.findings import Finding, Totals
from pipeline.doctor.limits import Limits
from pipeline.doctor.shards import examine_shards
from pipeline.doctor.tables import examine_table
from pipeline.doctor.walk import Found, RawClip, walk
from pipeline.parse.formats import FORMATS, Entries
from pipeline.parse.plan import is_outside, job_of, labels_by_clip, member_job, plan_job
from pipeline.parse.raw_files import RawFile, as_text, read
from pipeline.parse.sources.members import Member
from pipeline.parse.tools import TOOLS
from pipeline.parse.tools.tool_sources import ALL_SOURCES, undefined_members
from pipeline.work.workers import worker_pool

CHUNK = 32
"""Files that a worker takes at a time."""


def doctor(
    paths: Sequence[Path],
    totals: Totals,
    definition: Definition | None = None,
    limits: Limits | None = None,
    workers: int = 1,
) -> Iterator[Finding]:
    """Examine everything below the paths; `totals` is filled meanwhile.

    Args:
        definition: gives format, layout, class names, missing list and what should be there; None: all formats that
            files show by themselves, each with its usual layout.
    Raises: DataError where a worker process dies.
    """
    limits = limits or Limits()
    found = walk(paths, [definition.parse.format] if definition else [*FORMATS, *TOOLS])
    yield from found.findings
    yield from _raw(found, totals, definition, limits, workers)
    for folder in found.tables:
        yield from examine_table(folder, totals, definition, limits)
    for folder in found.shards:
        examined = examine_shards(folder)
        totals.clips += examined.clips
        totals.classes |= examined.classes
        yield from examined.findings


def _raw(
    found: Found, totals: Totals, definition: Definition | None, limits: Limits, workers: int
) -> Iterator[Finding]:
    """Label lists, then clips, then what is missing."""
    lists, damaged = _read_lists(found.label_lists)
    of_sources, not_opened = _of_sources(found.sources, definition)
    yield from (*damaged, *not_opened)
    census = Census("all raw files")
    jobs = []
    for job in (*_jobs(found.clips, definition, lists), *of_sources):
        if _is_outside(job, definition):
            totals.outside_split += 1
            census.note(job.plan.key, job.clip.shown)
        else:
            jobs.append(job)
    jobs.sort(key=lambda job: job.clip.shown)
    parse = definition.parse if definition else None
    step = step_of(len(jobs))
    jobs = [replace(job, is_sampled=number % step == 0) for number, job in enumerate(jobs)]
    postures: dict[bool, list[Mapping[str, float]]] = {False: [], True: []}
    terms = Terms(limits=limits, parse=parse)
    with closing(_in_order(jobs, terms, workers)) as all_examined:
        for examined in all_examined:
            totals.add(examined.class_id)
            postures[examined.is_image].append(examined.posture)
            yield from examined.findings
            yield from census.add(examined)
    for is_image, of_kind in postures.items():
        is_of_layout = parse is not None and parse.layout.is_image == is_image
        yield from of_skeleton(of_kind, census.source, is_image, parse.layout if parse and is_of_layout else None)
    if found.whole:
        yield from _absent_lists(found, definition, census.source)
        for source, entries in lists.items():
            yield from census.against_list(source, entries)
        if definition is not None and jobs:
            yield from census.against(definition)


def _absent_lists(found: Found, definition: Definition | None, source: str) -> Iterator[Finding]:
    """Label lists that come with the data set's download and are not here."""
    if definition is None or not (found.clips and definition.download):  # of sources there are no such lists
        return
    there = {file.raw.name.lower() for file in found.label_lists}
    for name in FORMATS[definition.parse.format].label_lists:
        if name not in there:
            yield Finding(check="absent", source=source, what=f"no label list {name}")


def _read_lists(files: Sequence[RawClip]) -> tuple[dict[str, Entries], list[Finding]]:
    """Path of a list -> its entries; a list that cannot be read is a finding."""
    lists: dict[str, Entries] = {}
    damaged: list[Finding] = []
    for file in files:
        try:
            lists[file.shown] = FORMATS[file.format].read_label_list(file.raw.name, read(file.raw))
        except RefusedError as why:
            damaged.append(
                Finding(check="label_list", source=file.shown, line=why.line, byte=why.byte, what=why.reason)
            )
    return lists, damaged


def _jobs(clips: Sequence[RawClip], definition: Definition | None, lists: Mapping[str, Entries]) -> Iterator[RawJob]:
    stated = labels_by_clip((Path(source).name, entries) for source, entries in lists.items())
    for clip in clips:
        has_lists = bool(lists and FORMATS[clip.format].label_lists)
        plan = job_of(clip.raw, FORMATS[clip.format], stated if has_lists else {})
        yield RawJob(
            clip=clip,
            plan=plan,
            is_listed=not has_lists or plan.key is None or plan.key in stated,
            is_missing=definition is not None and plan.key in definition.parse.missing,
        )


def _of_sources(
    sources: Mapping[str, Sequence[RawFile]], definition: Definition | None
) -> tuple[list[RawJob], list[Finding]]:
    """The clips of files that hold many, or of which several are one clip; what cannot be opened is a finding."""
    jobs: list[RawJob] = []
    damaged: list[Finding] = []
    for name, files in sources.items():
        try:
            jobs += [_source_job(member, name, definition) for member in _members(files, name, definition)]
        except DataError as error:
            damaged.append(Finding(check="unreadable", source=as_text(files[0].root), what=str(error)))
    return jobs, damaged


def _members(files: Sequence[RawFile], name: str, definition: Definition | None) -> Iterator[Member]:
    if definition is None:
        return undefined_members(files, name)
    return ALL_SOURCES[name].members(files, definition.parse)


def _source_job(member: Member, name: str, definition: Definition | None) -> RawJob:
    clip = RawClip(raw=member.raw, shown=_shown(member.raw) + member.within, format=name)
    missing = definition is not None and member.name is not None and member.name.key in definition.parse.missing
    return RawJob(clip=clip, plan=member_job(member), is_missing=missing)


def _shown(raw: RawFile) -> str:
    return as_text(raw.root / raw.source if raw.member is None else f"{raw.root}/{raw.source}")


def _is_outside(job: RawJob, definition: Definition | None) -> bool:
    """Whether `parse` leaves this clip out unread: name or lists put it into a class outside the split."""
    return definition is not None and is_outside(definition, plan_job(definition, job.plan)[1])


def _in_order(jobs: Sequence[RawJob], terms: Terms, workers: int) -> Generator[Examined, None, None]:
    """The examined jobs, in their order."""
    run = partial(examine_raw, terms=terms)
    workers = min(workers, math.ceil(len(jobs) / CHUNK))
    bar = partial(progress, total=len(jobs), unit="file")
    if workers < 2:
        yield from bar(map(run, jobs))
        return
    pool = worker_pool(workers)
    try:
        yield from bar(pool.map(run, jobs, chunksize=CHUNK))
    except BrokenProcessPool:
        raise DataError(
            "a worker process was killed, most likely because memory ran out; run again with fewer --workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
