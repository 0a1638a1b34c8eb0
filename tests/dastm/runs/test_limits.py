"""Limits of a run are read as they were written; damaged ones, those of other weights and files of others are not."""

import json

import numpy as np
import pytest

from dastm.contract.errors import RunError
from dastm.contract.ownership import NotOurs
from dastm.model.matching.rejection import Limits
from dastm.runs.files import json_bytes
from dastm.runs.limits import Known, check_limits, limits_from, limits_path, read_limits, write_limits
from dastm.runs.sealed import sealed

FOUND = Limits(threshold=0.5, decline=0.1, spread=1.5, temperature=0.2, rival=0.7)
KNOWN = Known(joints_KTVC=np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32), class_ids=(7, 9))


@pytest.fixture
def run(tmp_path):
    for seed in (0, 3):
        (tmp_path / "train" / f"seed-{seed}").mkdir(parents=True)
        (tmp_path / "train" / f"seed-{seed}" / "best.pt").write_bytes(b"weights of %d" % seed)
    return tmp_path


def test_limits_of_each_seed_are_read_as_they_were_written(run):
    assert read_limits(run, 0) is None
    other = Limits(threshold=0.6, decline=0.1, spread=1.5, temperature=0.2)
    write_limits(limits_path(run), run, {0: FOUND, 3: other}, KNOWN, {"dataset": "toy"})
    assert (read_limits(run, 0)[0], read_limits(run, 3)[0]) == (FOUND, other)
    write_limits(limits_path(run), run, {0: other, 3: other}, KNOWN, {"dataset": "toy"})
    assert read_limits(run, 0)[0] == other


def test_known_movements_are_read_to_the_bit_and_files_without_them_are_read_too(run):
    path = limits_path(run)
    write_limits(path, run, {0: FOUND}, KNOWN, {})
    _, known = read_limits(run, 0)
    assert np.array_equal(known.joints_KTVC, KNOWN.joints_KTVC)
    assert known.class_ids == (7, 9)
    assert known.clips().joints_LMTVC.shape == (2, 1, 5, 4, 3)
    document = json.loads(path.read_text())
    for name in ("known", "digest"):
        del document[name]
    path.write_bytes(json_bytes(sealed(document)))
    assert read_limits(run, 0) == (FOUND, None)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"shape": [2, 5, 4, 2]}, "cannot reshape"),
        ({"shape": [120]}, "known movements of shape"),
        ({"class_ids": [7]}, "and 1 classes"),
        ({"joints": "no base64"}, "base64"),
    ],
)
def test_movements_that_cannot_be_are_refused(told, why):
    with pytest.raises(ValueError, match=why):
        Known.from_dict({**KNOWN.to_dict(), **told})


def test_limits_without_a_rival_are_read_as_such():
    assert limits_from({"threshold": 1, "decline": 0, "spread": 1, "temperature": 1, "rival": None}).rival is None


def test_limits_of_other_weights_are_refused(run):
    write_limits(limits_path(run), run, {0: FOUND, 3: FOUND}, KNOWN, {})
    (run / "train" / "seed-3" / "best.pt").write_bytes(b"trained again")
    assert read_limits(run, 0)[0] == FOUND
    with pytest.raises(RunError, match="belongs to other weights than seed 3 has now; run `dastm calibrate"):
        read_limits(run, 3)


def test_damaged_limits_and_those_of_another_seed_are_refused(run):
    path = limits_path(run)
    write_limits(path, run, {0: FOUND}, KNOWN, {})
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
        write_limits(path, run, {0: FOUND}, KNOWN, {})
    assert path.read_text() == '{"mine": 1}'
    check_limits(run / "new.json")
