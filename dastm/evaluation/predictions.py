"""The prediction for every query of an evaluation: its true class and its nearest class.

In: a way to measure distances, and the episodes. Out: predictions.parquet beside episodes.csv, with one line for each
query of a known class: row and seed of the result, episode, the query's class and clip, and the nearest class.
In the one-shot protocol, whose queries come in chunks of one plan, there is one episode.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from torch import Tensor

from dastm.episodes.collate import selection
from dastm.episodes.episode import Episode, EpisodePlan

SCHEMA = pa.schema(
    [
        pa.field("row", pa.string()),
        *(pa.field(name, pa.int64()) for name in ("seed", "episode", "class_id", "clip", "predicted")),
    ]
)
"""`clip` is the number of the clip in its class, in the order of the shards; `predicted` is the id of the nearest
class."""
Columns = list[NDArray[np.int64]]


@dataclass
class Noted:
    """Passes distances through and notes the nearest class of every query."""

    distances: Callable[[Episode], Tensor]
    nearest: list[tuple[EpisodePlan, Tensor]] = field(default_factory=list)
    """Plans of the episodes, with (Q,) positions in their class ids; left on the device, so that nothing waits."""

    def __call__(self, episode: Episode) -> Tensor:
        """The distances (Q, W) of the episode, unchanged; the nearest classes are noted."""
        distances_QW = self.distances(episode)
        self.nearest.append((episode.plan, distances_QW.argmin(1)))
        return distances_QW

    def columns(self) -> Columns:
        """Episode, class id, clip and predicted class id of every query."""
        return [np.concatenate(column) for column in zip(*self._episodes(), strict=True)]

    def _episodes(self) -> Iterator[Columns]:
        for number, (_, chunks) in enumerate(groupby(self.nearest, key=lambda noted: id(noted[0]))):
            noted = list(chunks)
            plan, found_Q = noted[0][0], np.concatenate([nearest.cpu().numpy() for _, nearest in noted])
            known = sum(map(len, plan.query[: plan.n_way]))  # unknown classes come last
            queries = np.array(selection(plan, plan.query)[:known], dtype=np.int64)
            yield [np.full(known, number), *queries.T, np.array(plan.class_ids)[found_Q[:known]]]


def predictions_file(noted: Sequence[tuple[str, int, Columns]]) -> tuple[bytes, int]:
    """The bytes of predictions.parquet for (row, seed, columns), and its number of rows; a pure function."""
    tables = [
        pa.table([pa.array([name] * len(columns[0])), pa.array(np.full(len(columns[0]), seed)), *columns], SCHEMA)
        for name, seed, columns in noted
    ]
    table, buffer = pa.concat_tables([SCHEMA.empty_table(), *tables]), io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue(), table.num_rows


def read_predictions(data: bytes) -> pa.Table:
    """The table of predictions.parquet."""
    return pq.read_table(io.BytesIO(data), page_checksum_verification=True)
