"""The files of run folders, results, sweeps and benches, and whether the files in a folder are ours to overwrite.

In: a run, or a folder of results, of a sweep or of a bench. Out: nothing, or NotOurs that names a file of others.
"""

import re
from pathlib import Path

from dastm.contract.ownership import (
    PAGE,
    FileKind,
    NotOurs,
    check_described,
    check_file,
    check_listed,
    check_plain,
    csv_with,
    finished_name,
    head_of,
    inside,
    is_a,
    json_with,
    remove_unfinished,
)

RESULT_NAMES = ("metrics.json", "episodes.csv", "predictions.parquet", "open_set.csv")
TABLE_NAMES = ("table.md", "table.csv", "table.tex", "table.html", "curve.svg")
BENCH_NAMES = ("bench.json", "bench.md", "growth.svg")
CELL_NAMES = ("cell.yaml", "commands.json", "failed.json", "log.txt", ".lock")
CURVES = FileKind("the curves of a training", csv_with("seed", "epoch", "part", "loss"))
METRICS = FileKind("the result of an evaluation", json_with("rows", "settings"))
EPISODES = FileKind("the episodes of an evaluation", csv_with("row", "seed", "accuracy"))
PREDICTION_COLUMNS = ("row", "seed", "episode", "class_id", "clip", "predicted")


def _has_predictions(path: Path) -> bool:
    import pyarrow.parquet as pq  # not at the top: a recogniser needs the limits of a run, and no pyarrow

    from dastm.contract.shard_reading import PARQUET_FAULTS

    try:
        return head_of(path).startswith(b"PAR1") and tuple(pq.read_schema(path).names) == PREDICTION_COLUMNS
    except PARQUET_FAULTS:
        return False


PREDICTIONS = FileKind("the predictions of an evaluation", _has_predictions)
OPEN_SET = FileKind("the open-set measures of an evaluation", csv_with("row", "seed", "auroc"))
LIMITS = FileKind("the limits of a run", json_with("limits", "weights"))
RESULTS = dict(zip(RESULT_NAMES, (METRICS, EPISODES, PREDICTIONS, OPEN_SET), strict=True))
RECORD = FileKind("the record of a training", json_with("config", "dataset", "shards_digest", "versions"))
SWEEP = FileKind("the plan of a sweep", json_with("grid", "cells", "rows"))
BENCH = FileKind("the result of `dastm bench`", json_with("machine", "cases"))
_TRAINING = re.compile(
    r"config\.json|curves\.json|limits\.json|seed-\d+/((last|best|pretrain)\.pt(\.damaged|\.old)?|curves\.csv|\.pretrain\.pt\.lock)",
)
_RESULTS = re.compile(rf"(.+/)?({'|'.join(map(re.escape, RESULT_NAMES))})")
_WRITTEN = {
    *("config.json", "last.pt", "best.pt", "pretrain.pt", "curves.csv", "curves.json", "limits.json", "report.html"),
    *(*RESULT_NAMES, *CELL_NAMES),
}
_CELL = re.compile(r"[a-z0-9._-]+_seed-\d+_[0-9a-f]{8}")
_DAMAGED = re.compile(rf"{_CELL.pattern}\.damaged(-\d+)?")


def is_half_written(path: Path) -> bool:
    """Whether this is an unfinished file of a killed command of ours."""
    name = finished_name(path.name)
    return name != path.name and name in _WRITTEN


def remove_half_written(folder: Path) -> None:
    """Remove unfinished files of killed commands anywhere in a run; links are not followed."""
    if folder.is_dir() and not folder.is_symlink():
        remove_unfinished(folder, _WRITTEN.__contains__)
        for path in folder.iterdir():
            remove_half_written(path)


def remove_half_written_results(folder: Path) -> None:
    """Remove unfinished files of a killed evaluation in its folder, and nothing below."""
    remove_unfinished(folder, RESULT_NAMES.__contains__)


def check_run(run: Path) -> None:
    """Raise NotOurs if a training in `run` would write through a link, or over a curves.csv that is not ours.

    If the record of a training is there, the name curves.csv is enough: a damaged one is made again.
    """
    check_plain(*(run / name for name in ("train", "eval", "curves.csv", "report.html", ".training")))
    if (run / "train").is_dir():
        for _ in inside(run / "train"):
            pass  # which looks for links
    if not is_a(run / "train" / "config.json", RECORD):
        check_file(run / "curves.csv", CURVES)


def check_removable(run: Path) -> None:
    """Raise NotOurs unless everything that a new training would remove was written by a training and its
    evaluations."""
    check_run(run)
    check_listed(run / "train", _TRAINING.fullmatch, "a training")
    check_file(run / "report.html", PAGE)
    if (run / "eval").exists():
        check_listed(run / "eval", _RESULTS.fullmatch, "an evaluation")
        for folder in sorted({path.parent for _, path in inside(run / "eval")}):
            _check_read_as_ours(folder)


def check_results(folder: Path, run: Path | None = None) -> None:
    """Raise NotOurs if an evaluation into `folder` would overwrite files that no evaluation has written.

    Args:
        run: the run whose eval/ has the folder: there the names are enough, so that damaged files can be made again.
            None: a user named the folder.
    """
    check_plain(*(folder / name for name in RESULT_NAMES))
    if run is not None:
        check_plain(run / "eval", folder)
    else:
        _check_read_as_ours(folder)


def _check_read_as_ours(folder: Path) -> None:
    """NotOurs where a file with the name of a result is none, and none beside it is one, of which it may be damaged."""
    there = [path for path in (folder / name for name in RESULT_NAMES) if path.is_file() and path.stat().st_size]
    others = [path for path in there if not is_a(path, RESULTS[path.name])]
    if others and len(others) == len(there):
        raise NotOurs(
            f"{others[0]}: is not {RESULTS[others[0].name].about}, so it is not replaced; move it away, or name"
            f" another; if it is a damaged one, remove that folder"
        )


def check_sweep(folder: Path) -> None:
    """Raise NotOurs unless `folder` belongs to a sweep, or holds nothing that a sweep would overwrite."""
    plan, cells = folder / "sweep.json", folder / "cells"
    tables = [folder / name for name in TABLE_NAMES]
    check_plain(plan, cells, folder / ".lock", folder / "pretrained", *tables)
    found = sorted(cells.iterdir()) if cells.is_dir() else []
    if not found:  # else a damaged plan is made again
        check_file(plan, SWEEP)
    for path in found:
        if not (_CELL.fullmatch(path.name) or _DAMAGED.fullmatch(path.name)):
            raise NotOurs(f"{path}: is not a cell of a sweep; move it away, or choose another --out")
        check_plain(path, *(path / name for name in CELL_NAMES))
    check_described(plan, tables)


def check_bench(folder: Path) -> None:
    """Raise NotOurs if files of other programs have the names of a bench's files."""
    files = [folder / name for name in BENCH_NAMES]
    check_plain(*files)
    check_file(files[0], BENCH)
    check_described(files[0], files[1:])
