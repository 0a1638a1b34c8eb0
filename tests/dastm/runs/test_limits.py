"""Limits of a run are read as they were written; damaged ones, those of other weights and files of others are not."""

import json

import pytest

from dastm.contract.errors import RunError
from dastm.contract.ownership import NotOurs
from dastm.matching.rejection import Limits
from dastm.runs.limits import check_limits, limits_path, read_limits, write_limits

FOUND = Limits(threshold=0.5, decline=0.1, spread=1.5, temperature=0.2)


@pytest.fixture
def run(tmp_path):
    for seed in (0, 3):
        (tmp_path / "train" / f"seed-{seed}").mkdir(parents=True)
        (tmp_path / "train" / f"seed-{seed}" / "best.pt").write_bytes(b"weights of %d" % seed)
    return tmp_path


def test_limits_of_each_seed_are_read_as_they_were_written(run):
    assert read_limits(run, 0) is None
    other = Limits(threshold=0.6, decline=0.1, spread=1.5, temperature=0.2)
    write_limits(limits_path(run), run, {0: FOUND, 3: other}, {"dataset": "toy"})
    assert (read_limits(run, 0), read_limits(run, 3)) == (FOUND, other)
    write_limits(limits_path(run), run, {0: other, 3: other}, {"dataset": "toy"})
    assert read_limits(run, 0) == other


def test_limits_of_other_weights_are_refused(run):
    write_limits(limits_path(run), run, {0: FOUND, 3: FOUND}, {})
    (run / "train" / "seed-3" / "best.pt").write_bytes(b"trained again")
    assert read_limits(run, 0) == FOUND
    with pytest.raises(RunError, match="belongs to other weights than seed 3 has now; run `dastm calibrate"):
        read_limits(run, 3)


def test_damaged_limits_and_those_of_another_seed_are_refused(run):
    path = limits_path(run)
    write_limits(path, run, {0: FOUND}, {})
    with pytest.raises(RunError, match="holds no limits of seed 3"):
        read_limits(run, 3)
    document = json.loads(path.read_text())
    document["limits"]["0"]["threshold"] = 9.0
    path.write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"limits\.json: damaged"):
        read_limits(run, 0)


def test_a_file_of_others_is_not_written_over(run):
    path = run / "notes.json"
    path.write_text('{"mine": 1}')
    with pytest.raises(NotOurs, match="is not the limits of a run"):
        write_limits(path, run, {0: FOUND}, {})
    assert path.read_text() == '{"mine": 1}'
    check_limits(run / "new.json")
