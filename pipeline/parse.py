"""The stage `parse`: raw files -> parsed table. The long stage; it depends on the raw files only.

In: a definition and its raw folders or zips. Out: a folder with the table's parts (see `pipeline.table`), summary.json.
The sorted list of raw files is cut into parts of a fixed number of files; whichever process does a part, its bytes are
the same. A part counts as done once its clips part has its final name, so a run that was killed goes on where it
stopped, as long as plan.json, which is there until the end, still describes the same work.
"""

import json
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from pipeline.definitions import Definition
from pipeline.errors import DataError, Refused
from pipeline.jobs import MISSING, Job, Plan, find_files, make_plan, run_job
from pipeline.raw import RawFile
from pipeline.summary import OUTSIDE_KEY, ParseSummary, summarise
from pipeline.table import (
    PLAN_NAME,
    SCHEMA_VERSION,
    ParsedClip,
    RefusedFile,
    clips_to_table,
    part_path,
    refused_to_table,
    write_part,
)

FILES_PER_PART = 512
SUMMARY_NAME = "summary.json"
_OURS = ("clips-*.parquet", "refused-*.parquet", SUMMARY_NAME)
_LEFT_OVERS = (".clips-*.new", ".refused-*.new", ".*.json.new")


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The work of one process at a time."""

    number: int
    jobs: Sequence[Job]
    definition: Definition
    out: Path


def default_workers() -> int:
    """As many processes as this one may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_raw(definition: Definition, raw: Sequence[Path]) -> list[RawFile]:
    """The clips' raw files, sorted by source, label lists left out; DataError where there are none."""
    return find_files(definition, raw).clips


def parse(
    definition: Definition,
    raw: Sequence[Path],
    out: Path,
    *,
    workers: int = 1,
    max_refused: int | None = None,
    files_per_part: int = FILES_PER_PART,
) -> ParseSummary:
    """Parse every clip below the raw folders and zips into the table `out`; the bytes do not depend on `workers`.

    Args:
        max_refused: stop once more files than this are refused, those on the data set's missing list not counted.
        files_per_part: raw files whose clips are in memory together, in each worker.

    Raises DataError where the raw data or `out` cannot be used at all, or not one clip can; finished parts stay and
    the same call goes on from there.
    """
    if workers < 1 or files_per_part < 1:
        raise DataError(f"workers and files_per_part: at least 1, got {workers} and {files_per_part}")
    _check_apart(raw, out)
    plan = make_plan(definition, raw)
    parts = _cut(plan, files_per_part, definition, out)
    with _clear_error(out):
        _prepare_folder(out, _digest(definition, plan, files_per_part))
    _run(parts, workers, max_refused)
    summary = summarise(
        [part_path(out, "clips", part.number) for part in parts],
        [part_path(out, "refused", part.number) for part in parts],
        plan.outside_split,
        plan.ignored,
    )
    if not summary.clips:
        raise DataError(f"{raw[0]}: not one usable clip. {'; '.join(line.strip() for line in summary.lines())}")
    with _clear_error(out):
        _write_text(out / SUMMARY_NAME, summary.to_json())
        (out / PLAN_NAME).unlink()
    return summary


def _cut(plan: Plan, files_per_part: int, definition: Definition, out: Path) -> list[_Part]:
    starts = range(0, len(plan.jobs), files_per_part)
    return [
        _Part(number=i, jobs=plan.jobs[start : start + files_per_part], definition=definition, out=out)
        for i, start in enumerate(starts)
    ]


def _check_apart(raw: Sequence[Path], out: Path) -> None:
    for root in raw:
        if out.resolve().is_relative_to(root.resolve()):
            raise DataError(f"{out}: lies in the raw folder {root}, which is never written to; name another")


@contextmanager
def _clear_error(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename or out}: cannot be written: {error.strerror or error}") from None


def _digest(definition: Definition, plan: Plan, files_per_part: int) -> str:
    """Of all that the parts' bytes depend on, short of reading the raw files."""
    spec = definition.to_dict()["parse"] | {"missing": sorted(definition.parse.missing)}
    split = definition.to_dict()["split"]["class_split"] if definition.parse.classes == "split" else None
    digest = blake2b(
        json.dumps([SCHEMA_VERSION, definition.name, files_per_part, spec, split]).encode(), digest_size=16
    )
    for job in plan.jobs:
        digest.update(json.dumps([job.source, job.raw.size, job.raw.stamp, job.labels, job.problem]).encode())
    return digest.hexdigest()


def _prepare_folder(out: Path, digest: str) -> None:
    """Keep the parts that an interrupted run of the same plan has finished, and remove all other files of ours.

    While parts of another plan are removed, plan.json names no plan: killed there, the next run keeps none of them, and
    nobody takes what is left for a finished table. DataError where `out` holds files, but none of a parsed table.
    """
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"digest": digest}) + "\n"
    plan = out / PLAN_NAME
    if any(out.iterdir()) and not (plan.exists() or any(out.glob(_OURS[0]))):
        raise DataError(f"{out}: holds files but no parsed table, so it is left alone; empty it or name another")
    same = plan.is_file() and plan.read_bytes() == text.encode()
    if not same:
        _write_text(plan, "{}\n")
    for pattern in _LEFT_OVERS if same else (*_LEFT_OVERS, *_OURS):
        for path in out.glob(pattern):
            path.unlink()
    _write_text(plan, text)


def _write_text(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _run(parts: Sequence[_Part], workers: int, max_refused: int | None) -> None:
    """Do all parts that are not done; DataError once too many files are refused."""
    done = [part for part in parts if _is_done(part)]
    numbers = {part.number for part in done}
    to_do = [part for part in parts if part.number not in numbers]
    workers = min(workers, len(to_do))
    total = sum(len(part.jobs) for part in parts)
    refused = 0
    with (
        tqdm(total=total, desc="parse", unit="file", disable=None) as progress,
        closing(_in_processes(to_do, workers) if workers > 1 else _in_this_process(to_do)) as newly_done,
    ):
        for part in chain(done, newly_done):
            progress.update(len(part.jobs))
            rows = _unexpected(part)
            refused += len(rows)
            if max_refused is not None and refused > max_refused:
                raise DataError(f"{refused} files refused, more than max_refused = {max_refused}; one is {rows[0]}")


def _is_done(part: _Part) -> bool:
    """Whether an earlier run has finished this part, every file of it accounted for."""
    clips, refused = (part_path(part.out, kind, part.number) for kind in ("clips", "refused"))
    if not (clips.is_file() and refused.is_file()):
        return False
    try:
        facts = pq.read_metadata(refused)
        count = pq.read_metadata(clips).num_rows + facts.num_rows + int(facts.metadata[OUTSIDE_KEY])
    except (pa.ArrowException, OSError):
        return False  # damaged: it is done again
    return bool(count == len(part.jobs))


def _unexpected(part: _Part) -> list[RefusedFile]:
    """The files refused in a finished part that the data set's missing list does not name."""
    rows = pq.read_table(part_path(part.out, "refused", part.number)).to_pylist()
    return [RefusedFile(**row) for row in rows if row["reason"] != MISSING]


def _in_this_process(parts: Iterable[_Part]) -> Generator[_Part, None, None]:
    for part in parts:
        _do_part(part)
        yield part


def _in_processes(parts: Iterable[_Part], workers: int) -> Generator[_Part, None, None]:
    """Parts as they are finished; never more than two a worker are handed out, so that memory stays bounded."""
    pool = worker_pool(workers)
    queue = iter(parts)
    running: dict[Future[None], _Part] = {}
    try:
        while True:
            running |= {pool.submit(_do_part, part): part for part in islice(queue, 2 * workers - len(running))}
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                yield running.pop(future)
    except BrokenProcessPool:
        raise DataError(
            "a worker process was killed, most likely for want of memory; finished parts are kept, "
            "run again with fewer workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Processes that leave with this one, however it ends."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_leave_with_parent)


def _leave_with_parent() -> None:
    """In a worker: exit as soon as the parent is gone, or it would go on writing beside the run that takes over."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    wait_for_any([sentinel])
    os._exit(1)


def _do_part(part: _Part) -> None:
    """Parse the files of one part and write it: the refused first, the clips last, which marks it as done."""
    clips: list[ParsedClip] = []
    refused: list[RefusedFile] = []
    outside = 0
    for job in part.jobs:
        try:
            clip = run_job(job, part.definition)
        except Refused as why:
            key = job.name.key if job.name is not None else None
            refused.append(RefusedFile(source=job.source, key=key, line=why.line, byte=why.byte, reason=why.reason))
        except MemoryError:
            raise DataError(f"{job.source}: not enough memory to parse it; run again with fewer workers") from None
        else:
            outside += clip is None
            clips += [clip] if clip is not None else []
    table = refused_to_table(refused)
    table = table.replace_schema_metadata({**table.schema.metadata, OUTSIDE_KEY: str(outside).encode()})
    write_part(table, part_path(part.out, "refused", part.number))
    write_part(clips_to_table(clips), part_path(part.out, "clips", part.number))
