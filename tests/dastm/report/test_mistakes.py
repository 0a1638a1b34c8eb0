"""Confusions are counted by hand: shares of the queries of a class, the worst classes, the clips that went wrong."""

import numpy as np
import pytest

from dastm.evaluation.predictions import predictions_file, read_predictions
from dastm.report.mistakes import MOST_CLASSES, MOST_CLIPS, OTHERS, mistakes

# episode, class, clip, taken for
QUERIES = [
    (0, 1, 0, 1),
    (0, 1, 1, 2),
    (0, 2, 0, 2),
    (1, 1, 1, 3),
    (1, 3, 4, 3),
    (1, 2, 0, 2),
    (4, 1, 1, 1),
    (4, 3, 0, 2),
]
NAMES = {1: "wave", 2: "bow"}


def table(queries, row="DASTM"):
    columns = [np.array(column) for column in zip(*queries, strict=True)]
    return read_predictions(predictions_file([(row, 0, columns), ("other", 0, [np.array([0])] * 4)])[0])


def clip_name(class_id, clip):
    return f"{class_id}-{clip}"


def test_rows_of_the_matrix_are_shares_of_a_classs_queries():
    found = mistakes(table(QUERIES), "DASTM", NAMES, clip_name)
    assert found.rows == found.columns == ("wave", "bow", "class 3")
    np.testing.assert_allclose(found.shares_WW, [[0.5, 0.25, 0.25], [0, 1, 0], [0, 0.5, 0.5]])


def test_classes_come_worst_first_with_what_they_are_most_often_taken_for():
    found = mistakes(table(QUERIES), "DASTM", NAMES, clip_name).classes
    assert [(one.name, one.accuracy, one.queries, one.taken_for) for one in found] == [
        ("class 3", 50, 2, "bow (50 %)"),
        ("wave", 50, 4, "bow (25 %)"),
        ("bow", 100, 2, ""),
    ]


def test_a_misjudged_clip_says_how_often_in_which_episodes_and_for_what():
    found = mistakes(table(QUERIES), "DASTM", NAMES, clip_name)
    assert found.n_clips == 2
    assert [(one.clip, one.name, one.wrong, one.asked, one.taken_for, one.episodes) for one in found.clips] == [
        ("3-0", "class 3", 1, 1, "bow 1×", "5"),
        ("1-1", "wave", 2, 3, "bow 1×, class 3 1×", "1, 2"),
    ]


def test_a_row_without_mistakes_has_no_clips():
    found = mistakes(table([(0, 1, 0, 1), (0, 2, 0, 2)]), "DASTM", NAMES, clip_name)
    assert (found.n_clips, found.clips) == (0, ())


def test_of_many_classes_the_worst_are_drawn_and_the_others_share_a_column():
    n = MOST_CLASSES + 3
    queries = [(0, c, i, c if c >= 2 or i else (c + 1) % n) for c in range(n) for i in range(2)]
    queries += [(0, c, 9, n - 1) for c in range(2, MOST_CLASSES)]
    found = mistakes(table(queries), "DASTM", {}, clip_name)
    assert found.rows == tuple(f"class {c}" for c in range(MOST_CLASSES))
    assert found.columns == (*found.rows, OTHERS)
    assert len(found.classes) == n
    np.testing.assert_allclose(found.shares_WW.sum(1), 1)
    assert found.shares_WW[5, -1] == pytest.approx(1 / 3)


def test_only_the_worst_clips_are_listed_and_all_are_counted():
    queries = [(0, 1, i, 2) for i in range(MOST_CLIPS + 5)]
    found = mistakes(table(queries), "DASTM", NAMES, clip_name)
    assert (len(found.clips), found.n_clips) == (MOST_CLIPS, MOST_CLIPS + 5)
