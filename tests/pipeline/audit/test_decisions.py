import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.audit.decisions import decision_problems
from pipeline.audit.run import audit
from pipeline.split.run import split
from tests.oracles.hand_made import definition_of, made_table
from tests.pipeline.shard_damage import change_index


@pytest.fixture
def shards(tmp_path):
    """A shard folder as split writes it; a third of the clips of every class hold two bodies."""
    parsed = made_table(tmp_path / "parsed", np.random.default_rng(4), clips_per_class=3)
    split(definition_of(two_person_classes=(2, 9), clips_per_shard=9), parsed, tmp_path / "shards")
    return tmp_path / "shards"


def problems(folder):
    report = audit(folder)
    assert report["ok"] == (not report["problems"])
    return report["problems"]


def test_a_folder_of_before_the_decisions_is_sound_and_half_of_them_is_not(shards):
    path = shards / "index.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["kept", "dropped"]), path)
    assert problems(shards) == []
    pq.write_table(table.drop_columns(["kept"]), path)
    assert problems(shards)[0].startswith("index.parquet: columns")


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({"kept": [[1], [2], [3]]}, r"kept tracks \[\[1\], \[2\], \[3\]\] of 2 bodies"),
        ({"kept": [[1], []]}, "kept tracks .* of 2 bodies"),
        ({"kept": [[1], None]}, "kept tracks .* of 2 bodies"),
        ({"kept": [[1, 1], [2]]}, "one is listed twice or has no id"),
        ({"kept": [[1], [None]]}, "one is listed twice or has no id"),
        ({"dropped": [{"id": 1, "reason": "rank: third"}]}, r"dropped tracks \[1\]: one is also kept"),
        ({"dropped": [{"id": 3, "reason": "x"}, {"id": 3, "reason": "y"}]}, "dropped tracks .* is listed twice"),
        ({"dropped": [{"id": None, "reason": "x"}]}, "dropped tracks .* has no id"),
        ({"dropped": [None]}, "dropped tracks .* has no id"),
        ({"dropped": [{"id": 3, "reason": None}]}, "a dropped track without a reason"),
        ({"dropped": [{"id": 3, "reason": ""}]}, "a dropped track without a reason"),
    ],
)
def test_tracks_that_are_not_accounted_for_are_found(shards, decisions, message):
    key = next(row["key"] for row in pq.read_table(shards / "index.parquet").to_pylist() if row["bodies"] == 2)
    sound = {"kept": [[1], [2]], "dropped": [{"id": 3, "reason": "short: seen in 7 frames"}]}
    for changed, expected in ((sound, ""), (sound | decisions, message)):
        change_index(shards, lambda rows, new=changed: [{**r, **new} if r["key"] == key else r for r in rows])
        found = problems(shards)
        assert bool(found) == bool(expected)
        assert all(problem.startswith(f"index.parquet: {key}: ") for problem in found)
        assert re.search(expected, "; ".join(found))


@pytest.mark.parametrize("kept", [[[], [1]], [[1], []], [None, [1]]])
def test_an_empty_slot_before_a_body_is_right_where_slots_are_kept(kept):
    row = {"key": "a", "bodies": 2, "kept": kept, "dropped": []}
    assert list(decision_problems(row))
    assert bool(list(decision_problems(row, keep_slots=True))) == (kept != [[], [1]])


def test_clips_of_two_people_with_one_body_are_a_warning(shards):
    report = audit(shards)
    assert report["ok"]
    rows = pq.read_table(shards / "index.parquet").to_pylist()
    alone = sum(row["class_id"] == 2 and row["bodies"] == 1 for row in rows)
    assert 0 < alone < 3
    assert report["warnings"][0] == f"class 2: two people act, {alone} of 3 clips hold one body"
    assert [line.partition(":")[0] for line in report["warnings"][1:]] == ["posture checked in part only"]
