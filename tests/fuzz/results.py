"""Readers of a run's results, believed by their digests: the tables themselves may hold anything, as of other versions.

A digest finds damage; another program, or another version of ours, writes another table with a digest that fits.
"""

import csv
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dastm.contract.errors import RefusedError
from dastm.contract.ownership import is_a
from dastm.evaluation.one_shot import CLASS_FIELDS
from dastm.evaluation.predictions import predictions_file
from dastm.evaluation.results_folder import EPISODE_FIELDS
from dastm.runs.files import csv_bytes, write_json
from dastm.runs.results import (
    CURVE_FIELDS,
    CURVES_FACTS,
    CURVES_NAME,
    EPISODES_NAME,
    PREDICTIONS_NAME,
    read_curves,
    read_evaluation,
    save_evaluation,
)
from dastm.runs.run_folder import CURVES, EPISODES, PREDICTIONS
from dastm.runs.sealed import facts_of, sealed
from tests.fuzz.documents import refusing
from tests.fuzz.reader import Reader

CSV_PIECES = (b",", b'"', b"row", b"seed,", b"nan", b"\0", b"\xff", b'"' + b"x" * 200_000, b"pretrain", b"1e9")
PREDICTED = predictions_file([("DASTM", 0, [np.arange(4), np.arange(4), np.arange(4), np.arange(4)])])
cells = st.floats().map(repr) | st.integers().map(str) | st.text('0123456789+-.eE,nan "\n', max_size=6)


def tables(fields: Sequence[str]) -> st.SearchStrategy[bytes]:
    """The right header, or none, and rows of about as many cells."""
    rows = st.lists(st.lists(cells, min_size=len(fields) - 1, max_size=len(fields)).map(",".join), max_size=5)
    header = ",".join(fields) + "\n"
    return st.tuples(st.sampled_from([header, header, ""]), rows.map("\n".join)).map("".join).map(str.encode)


def _facts(data: bytes) -> dict[str, Any]:
    try:
        return facts_of(data, len(list(csv.DictReader(io.StringIO(data.decode())))))
    except (ValueError, csv.Error):
        return facts_of(data, 2)


def _episodes(data: bytes) -> object:
    """Of an evaluation that says of its table what is true."""
    with tempfile.TemporaryDirectory() as name:
        folder, table = Path(name), Path(name, EPISODES_NAME)
        metrics = save_evaluation(folder, {"rows": {}}, EPISODE_FIELDS, [], PREDICTED)
        table.write_bytes(data)
        files = {**metrics["files"], EPISODES_NAME: _facts(data)}
        write_json(folder / "metrics.json", sealed({"rows": {}, "files": files}))
        is_a(table, EPISODES)
        return tuple((row["row"], row["seed"] + 0, row["accuracy"] + 0.0) for row in read_evaluation(folder).episodes)


def _curves(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        run = Path(name)
        (run / CURVES_NAME).write_bytes(data)
        write_json(run / "train" / CURVES_FACTS, sealed({CURVES_NAME: _facts(data)}))
        is_a(run / CURVES_NAME, CURVES)
        return tuple((row["part"], row["seed"] + 0, row["loss"]) for row in read_curves(run))


def _predictions(data: bytes) -> object:
    """Whether `eval` may write over it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, PREDICTIONS_NAME)
        path.write_bytes(data)
        if not is_a(path, PREDICTIONS):
            raise RefusedError("not ours")
        return True


def _of_class(number: int) -> Mapping[str, Any]:
    return {"row": "DASTM", "seed": 0, "class_id": number, "class_name": 'say "hi", é', "queries": 3, "accuracy": "0.5"}


EPISODE = [{"row": "DASTM", "seed": 0, "episode": number, "accuracy": "0.250000"} for number in range(3)]
EPOCHS = [
    {"seed": 0, "epoch": 0, "episode": 9, "part": "pretrain", "loss": 1.5, "accuracy": 0.5},
    {"seed": 0, "epoch": 1, "episode": 5, "part": "train", "loss": 0.5, "cross_entropy": 1e-3, "rank": 0.25},
    {"seed": 0, "epoch": 1, "episode": 5, "part": "val", "accuracy": 0.5, "accuracy_interval": 0.125},
]
RESULTS: dict[str, Reader] = {
    "episodes.csv": Reader(
        read=refusing(_episodes),
        seeds=[csv_bytes(EPISODE_FIELDS, EPISODE), csv_bytes(CLASS_FIELDS, [_of_class(0), _of_class(4)])],
        pieces=CSV_PIECES,
        documents=tables(EPISODE_FIELDS),
    ),
    "curves.csv": Reader(
        read=refusing(_curves),
        seeds=[csv_bytes(CURVE_FIELDS, EPOCHS)],
        pieces=CSV_PIECES,
        documents=tables(CURVE_FIELDS),
    ),
    "predictions": Reader(read=_predictions, seeds=[PREDICTED[0]], least_read=5, least_refused=5),
}
"""By name."""
