"""`dastm sweep`: runs all unfinished cells of a grid, many at a time, then writes the table.

Finished cells are never run again; a stopped cell continues from its last checkpoint. If a cell fails, its log is kept
and the others go on.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.ownership import remove_unfinished
from dastm.contract.progress import progress
from dastm.contract.shard_format import ShardError, checksum, encode_manifest
from dastm.contract.shard_reading import has_manifest, read_manifest
from dastm.episodes.urls import is_url
from dastm.runs.files import write_bytes, write_json
from dastm.runs.locks import alone
from dastm.runs.mending import is_whole
from dastm.runs.record import ARITHMETIC, TrainingRecord, code_digest, software
from dastm.runs.results import CURVES_NAME
from dastm.runs.run_folder import check_sweep, remove_half_written
from dastm.sweep.cells import SWEEP_NAME, Cell, Sweep, write_sweep
from dastm.sweep.grid import evaluation_name
from dastm.sweep.local import gpus_here, run_local
from dastm.sweep.on_ray import LOCAL, run_ray
from dastm.sweep.process import COMMANDS_NAME, LOCK_NAME, LOG_NAME, last_words
from dastm.sweep.results import FAILED_NAME, CellResult, cell_folder, read_cell
from dastm.sweep.table import write_table

Log = Callable[[str], None]
CONFIG_NAME, PRETRAINED_NAME = "cell.yaml", "pretrained"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a sweep is run. Only `threads` affects results, in the last bit."""

    workers: int | None = None
    """Number of cells at a time; None: the number of GPUs, or of cores divided by threads."""
    threads: int | None = None
    """Number of threads per cell; None: one, or with GPUs an equal share of the cores."""
    ray: str | None = None
    """Address of a Ray cluster, `local` for one of this machine; None: without Ray."""
    replace: bool = False
    """Whether trainings that were finished with other code or versions are done again."""


def run_sweep(sweep: Sweep, out: Path, options: Options, log: Log) -> None:
    """Run what is not finished into `out`, and write its table.

    Raises: RunError if another sweep is running in `out`, it holds another grid, or cells are unfinished at the end.
    """
    out = out.resolve()
    check_sweep(out)
    out.mkdir(parents=True, exist_ok=True)
    busy = f"{out}: another sweep is at work in this folder"
    with alone(out / LOCK_NAME, busy), _interrupted_by_sigterm():
        remove_unfinished(out, SWEEP_NAME.__eq__)
        write_sweep(sweep, out)
        digests, absent = _shards_digests(sweep)
        todo = _prepare(sweep, out, digests, absent, options, log)
        failed = _run(sweep, todo, out, options, log) if todo else {}
        log(write_table(out))
    for line in [
        *absent.values(),
        *(f"failed: {path.name}: {reason} ({path / LOG_NAME})" for path, reason in failed.items()),
    ]:
        log(line)
    left_out = sum(cell.dataset in absent for cell in sweep.cells)
    if failed or left_out:
        told = [f"{len(failed)} failed"] * bool(failed) + [f"{left_out} without shards"] * bool(left_out)
        counted = _counted(len(sweep.cells), "cell")
        raise RunError(f"{out}: of {counted} {', '.join(told)}; the same command tries them again")


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM is as Ctrl-C within this block: cells at work are ended before we are."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _shards_digests(sweep: Sweep) -> tuple[dict[str, str | None], dict[str, str]]:
    """Data set -> digest of its shards as they are now (None: behind a URL); and data set -> why it has none."""
    digests: dict[str, str | None] = {}
    absent: dict[str, str] = {}
    for dataset, shards in {cell.dataset: cell.shards for cell in sweep.cells}.items():
        if not is_url(shards) and not has_manifest(Path(shards)):
            absent[dataset] = f"left out: {dataset}: no shards in {shards}; `dastm-data split` makes them"
            continue
        try:
            digests[dataset] = None if is_url(shards) else checksum(encode_manifest(read_manifest(Path(shards))))
        except ShardError as error:
            absent[dataset] = f"left out: {dataset}: {error}"
    if not digests:
        raise RunError(f"no data set of this grid has shards; {'; '.join(absent.values())}")
    return digests, absent


def _prepare(
    sweep: Sweep, out: Path, digests: Mapping[str, str | None], absent: Mapping[str, str], options: Options, log: Log
) -> list[Cell]:
    """The cells to run, each with its folder and commands written."""
    todo, others = [], 0
    for cell in sweep.cells:
        if cell.dataset in absent:
            continue
        folder = cell_folder(out, cell)
        found = read_cell(cell, sweep.grid.evaluate, folder, digests[cell.dataset])
        other = found.record is not None and (found.record.code, _arithmetic(found.record.versions)) != _this_code()
        if found.status == "finished" and not (other and options.replace):
            others += other
            continue
        todo.append(cell)
        if _moved_aside(folder):
            log(f"{folder}: the record of its training is damaged; moved to a name with `.damaged`, and trained again")
        _write_cell(cell, sweep.grid.evaluate, folder, found, again=other and options.replace)
    if others:
        log(f"kept: {_counted(others, 'finished cell')} of other code or versions (--replace trains them again)")
    return todo


def _moved_aside(folder: Path) -> bool:
    """Whether a cell had a training that nobody can tell whose it is, which no `dastm train` would replace."""
    remove_half_written(folder)
    if not (folder / "train").is_dir() or not any((folder / "train").iterdir()):
        return False
    try:
        TrainingRecord.read(folder)
    except RunError:
        names = (f"{folder.name}.damaged{f'-{n}' if n > 1 else ''}" for n in count(1))
        folder.rename(next(path for path in map(folder.with_name, names) if not path.exists()))
        return True
    return False


def _this_code() -> tuple[str, dict[str, str | None]]:
    return code_digest(), _arithmetic(software())


def _arithmetic(versions: Mapping[str, str]) -> dict[str, str | None]:
    return {name: versions.get(name) for name in ARITHMETIC}


def _write_cell(cell: Cell, evaluations: Sequence[EvalConfig], folder: Path, found: CellResult, *, again: bool) -> None:
    """cell.yaml, the whole configuration, and commands.json: what of `dastm train` and `dastm eval` is left to do."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FAILED_NAME).unlink(missing_ok=True)
    preset = folder / CONFIG_NAME
    write_bytes(preset, yaml.safe_dump(cell.config.to_dict(), sort_keys=False).encode())
    commands = []
    # Whether the weights are whole matters only where something is still to be scored with them.
    again = again or (found.record is not None and not is_whole(folder / "train" / f"seed-{cell.seed}" / "best.pt"))
    if found.record is None or again:
        (folder / CURVES_NAME).unlink(missing_ok=True)  # else what an older training left would pass for this one's
        words = ["train", "--shards", cell.shards, "--out", str(folder), "--preset", str(preset), "--replace"]
        commands.append([*words, "--pretrained", str(folder.parents[1] / PRETRAINED_NAME)])
    commands += [
        evaluation_words(cell, evaluation, folder)
        for evaluation in evaluations
        if again or evaluation_name(evaluation) not in found.accuracies
    ]
    write_json(folder / COMMANDS_NAME, commands)


def evaluation_words(cell: Cell, evaluation: EvalConfig, folder: Path) -> list[str]:
    """`dastm eval` of a cell, in words, with nothing left to params.yaml."""
    out = folder / "eval" / evaluation_name(evaluation)
    words = ["eval", "--run", str(folder), "--out", str(out), "--device", cell.config.optimise.device]
    for name, value in asdict(evaluation).items():
        option = f"--{name}".replace("_", "-")
        if isinstance(value, bool):
            words += [option] * value
        elif name == "baselines":
            words += [word for baseline in value or ("none",) for word in ("--baseline", baseline)]
        elif isinstance(value, tuple):
            words += [option, ",".join(map(str, value))] * bool(value)
        elif value is not None:
            words += [option, str(value)]
    return words


def _run(sweep: Sweep, todo: Sequence[Cell], out: Path, options: Options, log: Log) -> dict[Path, str]:
    """Run cells; the folders of those that failed, and why."""
    failed = {}
    cells = {cell_folder(out, cell): cell for cell in todo}
    ended, words = _workers(list(cells), sweep, options)
    before = len(sweep.cells) - len(todo)
    log(f"{sweep.grid.name}: {_counted(len(sweep.cells), 'cell')}, {len(todo)} of them to do, {words}")
    bar = progress(total=len(sweep.cells), initial=before, desc=sweep.grid.name, unit="cell")
    with closing(ended), bar:
        for folder, status in ended:
            if status != 0 or read_cell(cells[folder], sweep.grid.evaluate, folder).status != "finished":
                failed[folder] = f"killed by signal {-status}" if status < 0 else last_words(folder)
                write_json(folder / FAILED_NAME, {"status": status, "reason": failed[folder]})
                bar.set_postfix(failed=len(failed))
            bar.update()
    return failed


def _workers(folders: list[Path], sweep: Sweep, options: Options) -> tuple[Any, str]:
    """What runs the cells, begun at its first step, and a word on it."""
    gpus_wanted = any(cell.config.optimise.device != "cpu" for cell in sweep.cells)
    if options.ray is not None:
        threads = options.threads or 1
        if options.workers and options.ray != LOCAL:
            raise RunError(
                "--workers: the cluster decides how many cells run at a time; leave it out with --ray ADDRESS"
            )
        cores = options.workers * threads if options.workers else None
        words = f"on Ray ({options.ray}), {_counted(threads, 'thread')} each"
        return run_ray(folders, options.ray, threads, gpus=gpus_wanted, cores=cores), words
    gpus = gpus_here() if gpus_wanted else []
    workers = options.workers or len(gpus) or max(1, _cores() // (options.threads or 1))
    threads = options.threads or (max(1, _cores() // workers) if gpus else 1)
    places = [gpus[i % len(gpus)] if gpus else "" for i in range(workers)]
    kind = _counted(len(gpus), "GPU") if gpus else "the CPU"
    words = f"{workers} at a time on {kind}, {_counted(threads, 'thread')} each"
    return run_local(folders, places, threads), words


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
