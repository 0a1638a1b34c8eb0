"""SIGKILL in the middle of enrol, add and predict, and a full disk: whole files or none, and no example is lost."""

import numpy as np
import pytest

from dastm.recogniser.file import read_recogniser
from tests.actions import clip_of
from tests.killing import attempt
from tests.killing import run as dastm

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

ENROL = ("enrol", "examples", "--out", "mine.dastm", "--layout", "ntu25")
PREDICT = ("predict", "examples", "--with", "mine.dastm", "--csv", "out.csv", "--json", "out.jsonl")


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    for action in ("wave", "kick"):
        for seed in (0, 1):
            path = folder / f"examples/{action}/{seed}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, clip_of(action, seed).joints_TVC)
            if seed:
                (folder / f"more/{action}").mkdir(parents=True, exist_ok=True)
                np.save(folder / f"more/{action}/9.npy", clip_of(action, 9).joints_TVC)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_killed_enrol_leaves_no_recogniser_and_ends_the_next_time(place):
    dastm(place, *ENROL, kill="mine.dastm")
    assert "mine.dastm" not in names(place)
    dastm(place, *ENROL)
    assert len(read_recogniser(place / "mine.dastm").examples) == 4
    assert names(place) == ["mine.dastm"]


def test_a_killed_add_leaves_the_old_recogniser_and_ends_the_next_time(place):
    dastm(place, *ENROL)
    before = (place / "mine.dastm").read_bytes()
    dastm(place, "add", "more", "--with", "mine.dastm", kill="mine.dastm")
    assert (place / "mine.dastm").read_bytes() == before
    dastm(place, "add", "more", "--with", "mine.dastm")
    assert len(read_recogniser(place / "mine.dastm").examples) == 6
    assert names(place) == ["mine.dastm"]


def test_a_killed_prediction_leaves_the_old_table(place):
    dastm(place, *ENROL)
    dastm(place, *PREDICT)
    whole = [(place / name).read_bytes() for name in ("out.csv", "out.jsonl")]
    (place / "out.csv").write_bytes(whole[0].splitlines(keepends=True)[0])
    dastm(place, *PREDICT, kill="out.csv")
    assert len((place / "out.csv").read_bytes().splitlines()) == 1
    dastm(place, *PREDICT)
    assert [(place / name).read_bytes() for name in ("out.csv", "out.jsonl")] == whole
    assert names(place) == ["mine.dastm", "out.csv", "out.jsonl"]


@pytest.mark.parametrize("words", [ENROL, ("add", "more", "--with", "mine.dastm"), PREDICT])
def test_on_a_full_disk_the_old_files_stay_and_one_line_says_which(place, words):
    if words is not ENROL:
        dastm(place, *ENROL)
    before = {name: (place / name).read_bytes() for name in names(place)}
    ended = attempt(place, *words, limit=100)
    assert ended.status == 1
    assert "File too large" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert {name: (place / name).read_bytes() for name in names(place)} == before
