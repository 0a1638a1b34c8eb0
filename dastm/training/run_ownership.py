"""Decides whether a run folder belongs to this training, which then continues, or to another, which is not overwritten.

In: a run folder and the record of the training that is to start. Out: the folder with that record, or RunError.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dastm.contract.errors import RunError
from dastm.runs.record import TrainingRecord
from dastm.runs.results import CURVES_NAME
from dastm.runs.run_folder import check_removable, check_run, is_half_written, remove_half_written
from dastm.training.schedule import why_not_longer

EPOCHS = "optimise.epochs"
RUN_CONTENTS = ("report.html", CURVES_NAME, "eval", "train")
"""What is removed when a training is replaced; train/ comes last, because it identifies the folder."""


def take_ownership(run: Path, record: TrainingRecord, *, replace: bool, log: Callable[[str], None]) -> None:
    """Make `run` the folder of this training, or check that it already is.

    Raises: RunError if it holds another training and `replace` is not set; RunError or NotOurs if something would be
        overwritten or removed that is not a training and its results.
    """
    check_run(run)
    if (run / "train").exists() and not all(map(is_half_written, (run / "train").iterdir())):
        differs = _differences(run, record)
        if differs == EPOCHS:
            differs = _beside_epochs(run, record, log)
        if differs and not replace:
            raise RunError(f"{run}: holds another training ({differs}); choose another --out or add --replace")
        if differs:
            check_removable(run)
            log(f"{run}: another training was here ({differs}); it is replaced")
            for path in (run / name for name in RUN_CONTENTS):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    remove_half_written(run / "train")  # not before: until here it may be another's
    (run / CURVES_NAME).unlink(missing_ok=True)  # it says that all seeds are trained
    record.write(run)


def _beside_epochs(run: Path, record: TrainingRecord, log: Callable[[str], None]) -> str:
    """Why the training in `run` cannot go on to other epochs; empty: it can, and that is logged."""
    before, config = TrainingRecord.read(run).config.optimise, record.config
    if reason := why_not_longer(before, config.optimise):
        return f"{EPOCHS}: {reason}"
    as_long = replace(config, optimise=replace(config.optimise, epochs=before.epochs))
    if others := _differences(run, replace(record, config=as_long)):
        return f"{EPOCHS}, {others}"
    log(f"{run}: continues from {before.epochs} to {config.optimise.epochs} epochs")
    return ""


def _differences(run: Path, record: TrainingRecord) -> str:
    """In what the training in `run` differs from this one, in words; empty: in nothing."""
    try:
        before = TrainingRecord.read(run).identity()
    except RunError as error:
        fault = str(error).partition(";")[0]
        raise RunError(f"{fault}; so nothing there is replaced: move {run} away, or choose another --out") from error
    now = record.identity()
    if before["shards_digest"] != now["shards_digest"]:
        return "other shards"
    if before.get("begun_from") != now.get("begun_from"):
        return "begun with other weights"
    keys = [
        f"{section}.{key}"
        for section, values in now["config"].items()
        for key, value in values.items()
        if before["config"][section][key] != value
    ]
    if keys:
        return ", ".join(keys)
    versions = [
        f"{name} {before['versions'][name]}, now {version}"
        for name, version in now["versions"].items()
        if before["versions"][name] != version
    ]
    if versions:
        return ", ".join(versions)
    return "other code" if before["code"] != now["code"] else ""
