"""The published accuracies that a grid's table shows beside its own: dastm/sweep/published/*.yaml -> one `Published` a
cell.

The paper's ± is the standard deviation with divisor n, not n - 1: its Table 1 has 71.2±1.5 for the three trainings that
its appendix lists as 69.63, 73.15 and 70.79. `deviation` is that, and our own results use it as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from dastm.contract.errors import RunError

PUBLISHED = Path(__file__).parent / "published"
UNKNOWN = "?"


@dataclass(frozen=True, kw_only=True)
class Published:
    """One published accuracy, in %."""

    mean: float
    deviation: float
    """Standard deviation over the trainings, as the paper has it."""


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table of a paper."""

    source: str
    cells: Mapping[tuple[str, str, str], Published]
    """(row, backbone, data set) -> accuracy; without cells that are not legible."""


def deviation(accuracies: Sequence[float]) -> float:
    """Standard deviation over trainings as the paper computes it, with divisor n."""
    return float(np.std(accuracies))


def published_names() -> list[str]:
    """Names of the published tables."""
    return sorted(path.stem for path in PUBLISHED.glob("*.yaml"))


@cache
def published_table(name: str) -> PublishedTable:
    """The table with this name. Raises: RunError for an unknown name."""
    if name not in published_names():
        raise RunError(f"no published table {name!r}; known: {', '.join(published_names())}")
    document = yaml.safe_load((PUBLISHED / f"{name}.yaml").read_text(encoding="utf-8"))
    columns = [(backbone, dataset) for backbone, datasets in document["columns"].items() for dataset in datasets]
    return PublishedTable(
        source=document["source"],
        cells={
            (row, *column): _cell(text)
            for row, texts in document["rows"].items()
            for column, text in zip(columns, texts.split(), strict=True)
            if text != UNKNOWN
        },
    )


def _cell(text: str) -> Published:
    """`71.2±1.5`, or the trainings one by one: `71.19/70.58/73.23`."""
    mean, plus_minus, spread = text.partition("±")
    if plus_minus:
        return Published(mean=float(mean), deviation=float(spread))
    accuracies = [float(accuracy) for accuracy in text.split("/")]
    return Published(mean=float(np.mean(accuracies)), deviation=deviation(accuracies))
