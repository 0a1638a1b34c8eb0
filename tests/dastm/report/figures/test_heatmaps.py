"""Similarity and alignment: the right squares, in the right order, with the right words on them."""

import re

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25
from dastm.report.figures import alignment, cosine_similarity, joint_similarity
from dastm.report.figures.heatmaps import name_ticks
from dastm.report.figures.svg import drawing
from tests.oracles.svg import group, labels, outlines, tooltips

pytestmark = pytest.mark.slow

COST_TS = np.array([[0.0, 1.0, 2.5], [3.0, 0.5, 0.25]])
EXPECTED_TS = np.array([[1.0, 0.125, 0.0], [0.0, 0.875, 1.0]])
PATH_P2 = np.array([[0, 0], [1, 1], [1, 2]])


@pytest.fixture(scope="module")
def aligned():
    """An alignment: matplotlib takes a third of a second to write it."""
    return alignment(COST_TS, PATH_P2, EXPECTED_TS, "sit down")


def fills(text: str, name: str) -> list[str]:
    return [re.search(r"fill: (#\w+)", path.get("style"))[1] for path in group(text, name).iter("path")]


def middles(text: str, name: str) -> np.ndarray:
    """Centre (x, y upwards) of every mark."""
    return np.array([(np.min(points, axis=0) + np.max(points, axis=0)) / 2 for points in outlines(text, name)])


def test_cosines_worked_out_by_hand():
    features_VD = np.array([[3.0, 4.0], [6.0, 8.0], [-4.0, 3.0], [-3.0, -4.0], [0.0, 0.0], [1.0, 0.0]])
    expected = [
        [1, 1, 0, -1, 0, 0.6],
        [1, 1, 0, -1, 0, 0.6],
        [0, 0, 1, 0, 0, -0.8],
        [-1, -1, 0, 1, 0, -0.6],
        [0, 0, 0, 0, 0, 0],
        [0.6, 0.6, -0.8, -0.6, 0, 1],
    ]
    np.testing.assert_allclose(cosine_similarity(features_VD), expected, atol=1e-15)


def test_cosines_of_tiny_and_huge_float32_features_are_cosines(rng):
    features_VD = rng.normal(size=(25, 256))
    expected = cosine_similarity(features_VD)
    for scale in (1e-30, 1e30):
        np.testing.assert_allclose(cosine_similarity((features_VD * scale).astype(np.float32)), expected, atol=1e-6)
    assert abs(expected).max() <= 1


def test_similarity_has_a_square_a_pair_of_joints_row_after_row(rng):
    similarity = cosine_similarity(rng.random((25, 8)))
    text = joint_similarity(similarity, NTU25.joints, "RankMax")
    titles = tooltips(text, "cells")
    assert len(fills(text, "cells")) == len(titles) == 625
    assert titles[:2] == ["hip centre / hip centre: 1.00", f"hip centre / spine: {similarity[0, 1]:.2f}"]
    assert titles[25 * 3 + 24] == f"head / right thumb: {similarity[3, 24]:.2f}"
    assert {name: labels(text).count(name) for name in NTU25.joints} == dict.fromkeys(NTU25.joints, 2)
    assert "RankMax" in labels(text)


def test_first_row_is_on_top_and_first_column_on_the_left():
    text = joint_similarity(np.eye(2), "ab", "")
    (x00, y00), (x01, y01), (x10, y10), _ = middles(text, "cells")
    assert x00 == x10 < x01
    assert y00 == y01 > y10


def test_scale_says_whether_it_has_negative_cosines():
    positive = joint_similarity(np.array([[1.0, 0.0], [0.0, 1.0]]), "ab", "")
    signed = joint_similarity(np.array([[1.0, -0.5], [-0.5, 1.0]]), "ab", "")
    assert "cosine similarity, scale 0 to 1" in labels(positive)
    assert "cosine similarity, scale -1 to 1" in labels(signed)
    assert fills(positive, "cells") == ["#fde725", "#440154", "#440154", "#fde725"]  # both ends of viridis
    assert fills(signed, "cells")[0] == fills(signed, "cells")[3] == "#7f3b08"  # the upper end of PuOr reversed


@pytest.mark.parametrize(("n_joints", "size"), [(5, 9), (40, 0.75 * 350 / 40), (90, 3)])
def test_many_joints_get_small_names(n_joints, size):
    with drawing(3, 3) as figure:
        axes = figure.subplots()
        name_ticks(axes, [f"joint {i}" for i in range(n_joints)], ["one"], 350)
        assert {label.get_fontsize() for label in axes.get_yticklabels()} == {size}
        assert [label.get_text() for label in axes.get_xticklabels()] == ["one"]


@pytest.mark.parametrize(
    ("similarity", "message"),
    [
        (np.eye(3), r"similarity: expected finite values of shape \(2, 2\), got \(3, 3\)"),
        (np.full((2, 2), np.nan), "similarity: expected finite values"),
        (np.array([[1, 0], [-2.5, 1]]), r"similarity: cosines are in \[-1, 1\], got -2.5"),
    ],
)
def test_what_is_no_similarity_is_refused(similarity, message):
    with pytest.raises(ValueError, match=message):
        joint_similarity(similarity, "ab", "")


def test_alignment_shows_both_matrices_cell_by_cell(aligned):
    assert tooltips(aligned, "cost") == [
        *("query 1, prototype 1: 0", "query 1, prototype 2: 1", "query 1, prototype 3: 2.5"),
        *("query 2, prototype 1: 3", "query 2, prototype 2: 0.5", "query 2, prototype 3: 0.25"),
    ]
    assert tooltips(aligned, "expected")[:2] == ["query 1, prototype 1: 1", "query 1, prototype 2: 0.125"]
    assert fills(aligned, "expected")[0] == fills(aligned, "expected")[5] != fills(aligned, "expected")[1]
    assert fills(aligned, "cost")[0] != fills(aligned, "cost")[3]
    assert labels(aligned).count("query frame") == labels(aligned).count("prototype frame") == 2
    assert {"sit down", "cost of a pair of frames", "expected alignment"} <= set(labels(aligned))


@pytest.mark.parametrize("panel", ["cost", "expected"])
def test_path_runs_through_the_middle_of_its_cells(aligned, panel):
    steps = [tuple(step) for step in PATH_P2]
    cells = middles(aligned, panel).reshape(2, 3, 2)
    np.testing.assert_allclose(middles(aligned, f"{panel}-path"), [cells[step] for step in steps], atol=0.05)
    line = re.findall(r"-?[\d.]+", group(aligned, f"{panel}-path").find("path").get("d"))
    np.testing.assert_allclose(np.reshape(line, (-1, 2)).astype(float) * [1, -1], [cells[s] for s in steps], atol=0.05)


def test_negative_costs_widen_the_scale(aligned):
    lowest = fills(alignment(COST_TS - 5, PATH_P2, EXPECTED_TS, ""), "cost")
    assert lowest[0] == fills(aligned, "cost")[0]
    assert len(set(lowest)) == 6


@pytest.mark.parametrize(
    ("cost", "path", "expected", "message"),
    [
        (COST_TS[0], PATH_P2, EXPECTED_TS, "cost: expected finite values"),
        (np.empty((0, 3)), PATH_P2, np.empty((0, 3)), "cost: expected finite values"),
        (COST_TS, PATH_P2, EXPECTED_TS.T, r"expected: expected finite values of shape \(2, 3\), got \(3, 2\)"),
        (COST_TS, PATH_P2[:, ::-1], EXPECTED_TS, r"path: steps \(t, s\) inside a \(2, 3\) matrix"),
        (COST_TS, PATH_P2 - 1, EXPECTED_TS, "path: steps"),
        (COST_TS, PATH_P2.ravel(), EXPECTED_TS, r"path: .* got shape \(6,\)"),
        (COST_TS, np.zeros((2, 3)), EXPECTED_TS, r"path: .* got shape \(2, 3\)"),
    ],
)
def test_what_is_no_alignment_is_refused(cost, path, expected, message):
    with pytest.raises(ValueError, match=message):
        alignment(cost, path, expected, "")
