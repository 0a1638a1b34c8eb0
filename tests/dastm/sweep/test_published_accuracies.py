"""The published figures, as they were typed in."""

import numpy as np
import pytest
from scipy import stats

from dastm.contract.errors import RunError
from dastm.sweep.published_accuracies import Published, deviation, published_names, published_table

BLOCKS = {"4": (71.19, 70.58, 73.23), "7": (71.71, 71.78, 71.03), "10": (69.63, 73.15, 70.79)}


@pytest.mark.parametrize(
    ("table", "place", "mean", "spread"),
    [
        ("table-1", ("ProtoNet", "ST-GCN", "NTU-T"), 71.2, 1.5),
        ("table-1", ("NGM", "2s-AGCN", "NTU-S"), 73.2, 0.6),
        ("table-1", ("DASTM**", "ST-GCN", "Kinetics"), 39.8, 0.1),
        ("table-1", ("DASTM", "MS-G3D", "Kinetics"), 41.1, 0.2),
        ("table-2", ("DTW", "MS-G3D", "NTU-T"), 81.3, 0.3),
        ("table-2", ("DASTM", "2s-AGCN", "NTU-T"), 83.8, 0.8),
        ("table-2", ("DASTM*", "MS-G3D", "Kinetics"), 51.3, 0.2),
        ("appendix-backbones", ("ProtoNet", "LSTM", "Kinetics"), 47.3, 0.4),
        ("appendix-backbones", ("ProtoNet", "ST-GCN", "NTU-T"), 82.4, 0.2),
    ],
)
def test_a_cell_is_where_the_paper_has_it(table, place, mean, spread):
    assert published_table(table).cells[place] == Published(mean=mean, deviation=spread)


def test_tables_are_whole_but_for_four_cells_that_cannot_be_read():
    assert len(published_table("table-1").cells) == 8 * 9
    second = published_table("table-2").cells
    unread = {place for place in published_table("table-1").cells if place not in second}
    assert unread == {(row, "MS-G3D", "NTU-T") for row in ("DropEdge", "DASTM*", "DASTM**", "DASTM")}
    assert len(published_table("appendix-backbones").cells) == 4
    assert all("ECCV 2022" in published_table(name).source for name in published_names())


def test_trainings_listed_one_by_one_have_their_mean():
    cells = published_table("appendix-blocks").cells
    assert {place[0] for place in cells} == set(BLOCKS)
    for blocks, accuracies in BLOCKS.items():
        assert cells[blocks, "ST-GCN", "NTU-T"].mean == pytest.approx(sum(accuracies) / 3)


def test_the_papers_deviation_has_divisor_n():
    """Table 1 and the appendix tell of the same three trainings, and only so they agree."""
    mean, spread = np.mean(BLOCKS["10"]), deviation(BLOCKS["10"])
    first = published_table("table-1").cells["ProtoNet", "ST-GCN", "NTU-T"]
    assert (round(mean, 1), round(spread, 1)) == (first.mean, first.deviation)
    assert round(float(np.std(BLOCKS["10"], ddof=1)), 1) != first.deviation
    assert spread == pytest.approx(stats.tstd(BLOCKS["10"]) * np.sqrt(2 / 3))


def test_an_unknown_table_is_one_line_that_names_the_known():
    known = "appendix-backbones, appendix-blocks, table-1, table-2"
    with pytest.raises(RunError, match=f"^no published table 'table-3'; known: {known}$"):
        published_table("table-3")
