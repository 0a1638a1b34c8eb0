"""What a model made of every query: which class it was, and which class it was taken for.

In: a way to measure distances, and the episodes that it is asked for. Out: predictions.parquet beside episodes.csv, a
row a query of a class that has examples: row and seed of the table, episode, the query's class and which clip of it,
and the nearest class.
Under the one-shot protocol, whose queries come in chunks of one plan, there is one episode.
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
"""`clip` counts the clips of the class as the shards hold them; `predicted` is the class id of the nearest class."""
Columns = list[NDArray[np.int64]]


@dataclass
class Noted:
    """Distances as they are, with the nearest class of every query noted."""

    distances: Callable[[Episode], Tensor]
    nearest: list[tuple[EpisodePlan, Tensor]] = field(default_factory=list)
    """Plan of the episode, and (Q,) positions in its class ids; on the device, so that nothing waits for it."""

    def __call__(self, episode: Episode) -> Tensor:
        """(Q, W)"""
        distances_QW = self.distances(episode)
        self.nearest.append((episode.plan, distances_QW.argmin(1)))
        return distances_QW

    def columns(self) -> Columns:
        """Episode, class id, clip and predicted class id, a query each."""
        return [np.concatenate(column) for column in zip(*self._episodes(), strict=True)]

    def _episodes(self) -> Iterator[Columns]:
        for number, (_, chunks) in enumerate(groupby(self.nearest, key=lambda noted: id(noted[0]))):
            noted = list(chunks)
            plan, found_Q = noted[0][0], np.concatenate([nearest.cpu().numpy() for _, nearest in noted])
            known = sum(map(len, plan.query[: plan.n_way]))  # unknown classes come last
            queries = np.array(selection(plan, plan.query)[:known], dtype=np.int64)
            yield [np.full(known, number), *queries.T, np.array(plan.class_ids)[found_Q[:known]]]


def predictions_file(noted: Sequence[tuple[str, int, Columns]]) -> tuple[bytes, int]:
    """The bytes of predictions.parquet for (row, seed, columns), and how many rows it has. The same give the same."""
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
