"""The curves of a training as a figure, from curves.csv, or from the checkpoints if an older version wrote it.

In: a run folder. Out: the figure, and a line if the curves are not from curves.csv.
"""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from dastm.contract.errors import RunError
from dastm.report import figures
from dastm.report.evaluations import Figure
from dastm.runs.record import TrainingRecord
from dastm.runs.results import CURVES_FACTS, CURVES_NAME, curves_of_checkpoints, read_curves


def _pretrained(row: dict[str, Any]) -> str:
    return (
        f"Before them, seed {row['seed']} learned the training classes: loss {row['loss']:.2f},"
        f" {100 * row['accuracy']:.1f} % right in the last steps."
    )


def curves_figure(run: Path, record: TrainingRecord) -> tuple[Figure, list[str]]:
    """The figure, and a line if the curves are not from curves.csv."""
    notes: list[str] = []
    if (run / CURVES_NAME).is_file() and not (run / "train" / CURVES_FACTS).is_file():
        try:
            rows = curves_of_checkpoints(run, record.config.optimise.seeds)
        except RunError as error:
            told = f"no curves: {str(error).partition(';')[0]}; train again, into another folder, to have them"
            return Figure(svg=Markup(""), caption=told), [told]
        notes.append(f"curves of the last checkpoints: {CURVES_NAME} has no digest (an older version wrote it)")
    else:
        rows = read_curves(run)
    svg = figures.curves([row for row in rows if row["part"] != "pretrain"])
    pretrained = [_pretrained(row) for row in rows if row["part"] == "pretrain"]
    caption = " ".join(("Loss and accuracy by training episode.", *pretrained))
    return Figure(svg=Markup(svg), caption=caption), notes
