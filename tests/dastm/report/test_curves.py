"""Curves without a digest are those of the checkpoints, or are told to be lacking."""

import pytest

from dastm.report.curves import curves_figure
from dastm.runs.record import TrainingRecord
from tests.toy import toy_shards, train_toy

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path):
    train_toy(toy_shards(tmp_path / "shards"), tmp_path / "run")
    return tmp_path / "run"


def test_curves_come_from_the_table_else_from_the_checkpoints_else_there_are_none(run):
    record = TrainingRecord.read(run)
    figure, notes = curves_figure(run, record)
    assert notes == []
    (run / "train" / "curves.json").unlink()
    again, (line,) = curves_figure(run, record)
    assert again == figure
    assert line.startswith("curves of the last checkpoints: ")
    (run / "train" / "seed-0" / "last.pt").unlink()
    none, (line,) = curves_figure(run, record)
    assert none.svg == ""
    assert none.caption == line
