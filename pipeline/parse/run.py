"""The stage `parse`: raw files -> parsed table. It takes long and depends on the raw files only.

In: a definition and its raw folders or zips. Out: a folder of table files (see `pipeline.storage.table`), summary.json.
The sorted list of raw files is divided into tasks by number and size alone; the bytes of a task do not depend on the
process that does it. Notes beside the folder (`pipeline.work.resume`) record what each finished task was made from. So
a killed run continues where it stopped, and only tasks with a changed raw file are done again.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.progress import progress
from pipeline.definitions.definition import Definition
from pipeline.parse import refused_csv
from pipeline.parse.parsed_folder import PLAN, check_table, remove_half_written, table_files_in
from pipeline.parse.plan import MISSING, Job, Plan, find_files, make_plan, run_job
from pipeline.parse.raw_files import RawFile, UnreadableError
from pipeline.parse.summary import OUTSIDE_KEY, ParseSummary, summarise
from pipeline.storage.table import (
    PLAN_NAME,
    SCHEMA_VERSION,
    SUMMARY_NAME,
    ParsedClip,
    RefusedFile,
    clips_to_table,
    read_file_refused,
    refused_to_table,
    table_file_path,
    with_layout,
    write_table_file,
)
from pipeline.work.paths import clear_errors, is_local, on_this_machine, write_whole
from pipeline.work.resume import alone, code_digest, digest_of, digest_of_whole, notes_folder, read_note, write_note
from pipeline.work.workers import Workers, at_work, default_workers

FILES_PER_TASK = 512
BYTES_PER_TASK = 256 * 2**20
"""Tasks have fewer files if these are large, so that the clips in memory together are bounded; 512 files of NTU have
170 MB."""


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One table file of clips and one of refused files, and the raw files that they are made from."""

    number: int
    jobs: Sequence[Job]
    definition: Definition
    out: Path
    digest: str
    """Digest of everything that its bytes depend on, without reading the raw files."""

    def path(self, kind: str) -> Path:
        """The path of its table file of clips or of refused files."""
        return table_file_path(self.out, kind, self.number)


def find_raw(definition: Definition, raw: Sequence[Path]) -> list[RawFile]:
    """The clips' raw files, sorted by source, without label lists. Raises: DataError if there are none."""
    return find_files(definition, raw).clips


def parse(
    definition: Definition,
    raw: Sequence[Path],
    out: Path,
    *,
    workers: Workers | int = 1,
    max_refused: int | None = None,
    files_per_task: int = FILES_PER_TASK,
    log: Callable[[str], None] = lambda line: None,
) -> ParseSummary:
    """Parse every clip below the raw folders and zips into the table `out`; the bytes do not depend on `workers`.

    Args:
        max_refused: stop if more files than this are refused, without those on the data set's missing list.
        files_per_task: number of raw files whose clips are in memory together, per worker; fewer if they are large.
        log: called with a line about work that need not be done again.

    Raises: DataError if the raw data or `out` cannot be used at all, or no clip can be used; finished files are kept,
    and the same call continues from there. NotOurs if a file that is not ours is in the way.
    """
    if files_per_task < 1:
        raise DataError(f"files_per_task: at least 1, got {files_per_task}")
    _check_apart(raw, out)
    check_table(out)
    plan = make_plan(definition, raw)
    tasks = _cut(plan, files_per_task, definition, out)
    for note in plan.notes:
        log(f"note: {note}")
    with alone(out):
        with clear_errors(out):
            done = _prepare_folder(out, tasks)
        if done:
            log(f"{len(done)} of {len(tasks)} table files are as they were, their raw files are not read again")
        _run(tasks, done, workers, max_refused)
        summary = summarise(
            [task.path("clips") for task in tasks],
            [task.path("refused") for task in tasks],
            plan.outside_split,
            plan.ignored,
        )
        with clear_errors(out):
            _keep(out / refused_csv.NAME, refused_csv.refused_csv(task.path("refused") for task in tasks))
        if not summary.clips:
            told = "; ".join(line.strip() for line in summary.lines())
            raise DataError(f"{raw[0]}: not one usable clip, so there is no parsed table. {told}")
        with clear_errors(out):
            _finish(out, summary.to_json().encode())
    return summary


def _cut(plan: Plan, files_per_task: int, definition: Definition, out: Path) -> list[_Task]:
    common = _common_digest(definition)
    return [
        _Task(number=i, jobs=jobs, definition=definition, out=out, digest=_digest(common, jobs))
        for i, jobs in enumerate(_batches(plan.jobs, files_per_task))
    ]


def _batches(jobs: Sequence[Job], files_per_task: int) -> Iterator[Sequence[Job]]:
    start = n_bytes = 0
    for at, job in enumerate(jobs):
        n_bytes += job.size
        if at - start == files_per_task or (n_bytes > BYTES_PER_TASK and at > start):
            yield jobs[start:at]
            start, n_bytes = at, job.size
    if jobs:
        yield jobs[start:]


def _check_apart(raw: Sequence[Path], out: Path) -> None:
    for root in raw:
        inner, outer = (on_this_machine(path) or path for path in (out, root))
        if is_local(inner) == is_local(outer) and inner.resolve().is_relative_to(outer.resolve()):
            raise DataError(f"{out}: lies in the raw folder {root}, which is never written to; name another")


def _common_digest(definition: Definition) -> str:
    spec = definition.to_dict()["parse"] | {"missing": sorted(definition.parse.missing)}
    split = definition.to_dict()["split"]["class_split"] if definition.parse.classes == "split" else None
    return digest_of(SCHEMA_VERSION, code_digest(), definition.name, spec, split)


def _digest(common: str, jobs: Sequence[Job]) -> str:
    return digest_of(common, [_about(job) for job in jobs])


def _about(job: Job) -> list[Any]:
    """Everything that is known about a clip before it is read, including what other files state about it."""
    member = [repr(job.member.place), job.member.notes] if job.member is not None else []
    return [job.source, job.raw.size, job.raw.stamp, job.name, job.labels, job.problem, *member]


def _prepare_folder(out: Path, tasks: Sequence[_Task]) -> set[int]:
    """Numbers of the finished tasks; all other files of ours are removed, unless there is nothing to do.

    While plan.json is there, no reader takes the folder for a finished table.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = out / PLAN_NAME
    remove_half_written(out)
    done = _done(tasks)
    ours = {task.path(kind).name for task in tasks if task.number in done for kind in ("clips", "refused")}
    stale = [path for path in table_files_in(out) if path.name not in ours]
    if plan.exists() or stale or len(done) < len(tasks):
        write_whole(plan, PLAN)
        _remove([*stale, out / SUMMARY_NAME, out / refused_csv.NAME])
    return done


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _keep(path: Path, data: bytes) -> None:
    """Write a file only if its content differs; remove it if there is nothing to write."""
    if not data:
        path.unlink(missing_ok=True)
    elif not path.exists() or path.read_bytes() != data:
        write_whole(path, data)


def _finish(out: Path, summary: bytes) -> None:
    _keep(out / SUMMARY_NAME, summary)
    (out / PLAN_NAME).unlink(missing_ok=True)


def _run(tasks: Sequence[_Task], done: set[int], workers: Workers | int, max_refused: int | None) -> None:
    """Do all unfinished tasks; DataError once too many files are refused."""
    to_do = [task for task in tasks if task.number not in done]
    refused = 0

    def count(task: _Task) -> None:
        nonlocal refused
        bar.update(len(task.jobs))
        rows = _unexpected(task) if max_refused is not None else []
        refused += len(rows)
        if max_refused is not None and refused > max_refused:
            raise DataError(f"{refused} files refused, more than max_refused = {max_refused}; one is {rows[0]}")

    with progress(total=sum(len(task.jobs) for task in tasks), desc="parse", unit="file") as bar:
        for task in tasks:
            if task.number in done:
                count(task)
        if to_do:
            with at_work(workers, len(to_do)) as run, closing(run(_do_task, to_do)) as newly_done:
                for task, _ in newly_done:
                    count(task)


def _note(task: _Task) -> Path:
    return notes_folder(task.out) / f"{task.number:05d}.json"


def _written(task: _Task) -> list[str | None]:
    """The note of a task: what its files were made from, and the digests of these files."""
    return [task.digest, digest_of_whole(task.path("clips")), digest_of_whole(task.path("refused"))]


def _done(tasks: Sequence[_Task]) -> set[int]:
    """Numbers of the finished tasks; their files are read in parallel, with one thread per core."""
    with ThreadPoolExecutor(default_workers()) as threads:
        return {task.number for task, is_done in zip(tasks, threads.map(_is_done, tasks), strict=True) if is_done}


def _is_done(task: _Task) -> bool:
    """Whether an earlier run has done this task with the same raw files, and its files are there, byte for byte."""
    note = read_note(_note(task))
    return isinstance(note, list) and note[:1] == [task.digest] and note == _written(task)


def _unexpected(task: _Task) -> list[RefusedFile]:
    """The files refused in a finished task that the data set's missing list does not name."""
    rows = read_file_refused(task.path("refused")).to_pylist()
    return [RefusedFile(**row) for row in rows if row["reason"] != MISSING]


def _do_task(task: _Task) -> None:
    """Parse the raw files of one task and write its table files; the note that it is done comes last.

    A task of which a file could not be read (its disk is away, it has vanished) gets no note: next time, it may be.
    """
    clips: list[ParsedClip] = []
    refused: list[RefusedFile] = []
    outside, all_read = 0, True
    for job in task.jobs:
        try:
            clip = run_job(job, task.definition)
        except RefusedError as why:
            all_read &= not isinstance(why, UnreadableError)
            key = job.name.key if job.name is not None else None
            refused.append(RefusedFile(source=job.source, key=key, line=why.line, byte=why.byte, reason=why.reason))
        except MemoryError:
            raise DataError(f"{job.source}: not enough memory to parse it; run again with fewer workers") from None
        else:
            outside += clip is None
            clips += [clip] if clip is not None else []
    table = refused_to_table(refused)
    table = table.replace_schema_metadata({**table.schema.metadata, OUTSIDE_KEY: str(outside).encode()})
    write_table_file(table, task.path("refused"))
    write_table_file(with_layout(clips_to_table(clips), task.definition.parse.layout), task.path("clips"))
    if all_read:
        with clear_errors(task.out):
            write_note(_note(task), _written(task))
