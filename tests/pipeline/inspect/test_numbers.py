import csv
import io
import json
from collections import Counter

import pytest

from pipeline.inspect.numbers import lines_of, to_csv, to_json
from pipeline.inspect.stats import ClassCount, Stats
from pipeline.inspect.stats_page import view_of
from tests.oracles.hand_made import STICK


def stats(**changes):
    fields = {
        "of": "parsed",
        "dataset": "made",
        "layout": STICK,
        "clips": 3,
        "frames": 12,
        "classes": [ClassCount(class_id=4, name="wave, then nod", subset="val", clips=3, frames=12)],
        "lengths": Counter({3: 2, 6: 1}),
        "bodies": Counter({1: 2, 2: 1}),
        "empty_frames": 2,
        "empty_clips": 1,
        "missing_V": [0.0, 0.5, 0.0, 0.25],
        "people_and_places": {"subject": Counter({7: 2, 9: 1})},
        "notes": Counter({"crlf": 2}),
        "dropped": Counter({"rank": 2, "short": 5}),
        "refused": Counter({"no body in any frame": 1}),
    }
    return Stats(**{**fields, **changes})


def test_lines_for_people():
    assert lines_of(stats()) == [
        "made, parsed: 3 clips of 1 classes, 12 frames",
        "  val: 3 clips of 1 classes (3 to 3 a class), 12 frames",
        "  frames a clip: min 3, 5 % 3, 25 % 3, median 3, 75 % 6, 95 % 6, max 6, mean 4",
        "  bodies a clip: 2 clips with 1, 1 clips with 2",
        "  2 frames without a body, in 1 clips",
        "  missing joints: 18.75 % (most: chest 50.0 %, right 25.0 %)",
        "  subjects: 2 (1 to 2 clips each)",
        "  noted: crlf (2 clips)",
        "  bodies dropped by: short 5, rank 2",
        "  refused: no body in any frame (1 files)",
    ]


def test_a_reason_that_stands_for_several_shows_one_of_them_whole():
    found = stats(refused=Counter({"shape (N, N)": 2}), refused_examples={"shape (N, N)": "a.npy: shape (4, 7)"})
    assert lines_of(found)[-1] == "  refused: shape (N, N) (2 files), e.g. a.npy: shape (4, 7)"
    assert ("refused: shape (N, N), e.g. a.npy: shape (4, 7)", "2") in view_of(found).oddities


@pytest.mark.parametrize(
    ("missing", "words"), [([0.0] * 4, "missing joints: none"), (None, "missing joints: interpolated in shards")]
)
def test_what_is_not_missing_or_not_known_is_said(missing, words):
    assert any(line.strip().startswith(words) for line in lines_of(stats(missing_V=missing)))


def test_crowds_are_one_number():
    line = next(line for line in lines_of(stats(bodies=Counter(dict.fromkeys(range(1, 9), 2)))) if "bodies" in line)
    assert line.endswith("2 clips with 5, 6 clips with 6 or more")


def test_nothing_has_one_line():
    empty = Stats(of="shards", dataset="made", layout=STICK)
    assert lines_of(empty) == ["made, shards: 0 clips of 0 classes, 0 frames"]
    assert json.loads(to_json([empty]))[0]["lengths"] == {}


def test_every_row_of_the_csv_is_a_number():
    rows = list(csv.reader(io.StringIO(to_csv([stats(), stats(of="shards", missing_V=None)]).decode())))
    assert rows[0] == ["of", "measure", "key", "value"]
    assert all(len(row) == 4 and float(row[3]) >= 0 for row in rows[1:])
    table = {tuple(row[:3]): row[3] for row in rows[1:]}
    assert len(table) == len(rows) - 1
    assert table["parsed", "class clips", "4 wave, then nod (val)"] == "3"
    assert table["parsed", "missing_by_joint", "chest"] == "0.5"
    assert table["parsed", "subjects", "7"] == "2"
    assert table["parsed", "part clips", "val"] == "3"
    assert ("shards", "missing_by_joint", "chest") not in table


def test_the_json_has_it_all():
    documents = json.loads(to_json([stats(), stats(of="shards")]))
    assert [document["of"] for document in documents] == ["parsed", "shards"]
    assert documents[0]["length_counts"] == {"3": 2, "6": 1}
    assert documents[0]["frames_without_body"] == {"frames": 2, "clips": 1}
