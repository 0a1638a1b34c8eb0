"""Curves and the histogram of accuracies: a line for what is known, at the right values, and no line for the rest."""

import re

import numpy as np
import pytest

from dastm.report.figures import accuracy_histogram, curves
from dastm.report.figures.training import _bars, _thinned
from tests.oracles.svg import group, labels, names, outlines

pytestmark = pytest.mark.slow


def row(seed: int, episode: int, part: str, **values) -> dict:
    return {"seed": seed, "epoch": 1, "episode": episode, "part": part, **values}


ROWS = [
    row(
        seed, episode, part, loss=1 / episode, accuracy=0.1 * episode, accuracy_interval=0.05 if part == "val" else None
    )
    for seed in (7, 8)
    for part in ("train", "val")
    for episode in (3, 1, 2)
]


@pytest.fixture(scope="module")
def drawn():
    """The curves of ROWS: matplotlib takes a fifth of a second to write them."""
    return curves(ROWS)


def curve_names(text: str) -> set[str]:
    return {name for name in names(text) if re.match(r"(loss|cross_entropy|rank|accuracy)-", name)}


def line(text: str, name: str) -> np.ndarray:
    """Points of a curve, y upwards."""
    numbers = re.findall(r"-?[\d.]+", group(text, name).find("path").get("d"))
    return np.reshape(numbers, (-1, 2)).astype(float) * [1, -1]


def test_one_curve_a_seed_and_subset_in_every_panel_that_has_values(drawn):
    expected = {f"{key}-{part}-{seed}" for key in ("loss", "accuracy") for part in ("train", "val") for seed in (7, 8)}
    assert curve_names(drawn) == expected | {"accuracy-val-7-interval", "accuracy-val-8-interval"}
    assert {"loss", "accuracy, %", "training episodes", "seed 7", "seed 8", "train", "val"} <= set(labels(drawn))
    assert not {"cross entropy", "rank term"} & set(labels(drawn))


def test_curves_run_in_the_order_of_episodes_whatever_the_order_of_rows(drawn):
    points = line(drawn, "accuracy-val-7")
    assert points.shape == (3, 2)
    steps = np.diff(points, axis=0)
    np.testing.assert_allclose(steps[0], steps[1], atol=0.05)  # 10, 20, 30 % at 1, 2, 3
    assert (steps > 0).all()


def test_a_single_epoch_is_a_mark_where_no_line_can_be():
    def uses(rows):
        return sum(part.tag.endswith("use") for part in group(curves(rows), "loss-train-7").iter())

    assert uses([row(7, 1, "train", loss=0.5)]) == 1
    assert uses([row(7, 1, "train", loss=0.5), row(7, 2, "train", loss=0.4)]) == 0


def test_band_reaches_half_the_interval_to_both_sides(drawn):
    points = line(drawn, "accuracy-val-7")
    heights = [y for _, y in outlines(drawn, "accuracy-val-7-interval")[0]]
    ten_percent = points[1, 1] - points[0, 1]
    assert max(heights) == pytest.approx(points[2, 1] + ten_percent / 2, abs=0.1)
    assert min(heights) == pytest.approx(points[0, 1] - ten_percent / 2, abs=0.1)


def test_all_panels_and_one_panel():
    everything = [row(1, e, "train", loss=1.0, cross_entropy=1.1, rank=-1.0, accuracy=0.5) for e in (1, 2)]
    assert len(curve_names(curves(everything))) == 4
    only = [row(1, e, "val", accuracy=0.5) for e in (1, 2)]
    assert curve_names(curves(only)) == {"accuracy-val-1"}
    assert "train" not in labels(curves(only))
    three = [{**r, "accuracy": None} for r in everything]
    assert curve_names(curves(three)) == {"loss-train-1", "cross_entropy-train-1", "rank-train-1"}


def test_a_subset_without_values_has_no_curve_in_that_panel():
    rows = [row(1, 1, "train", loss=1.0), row(1, 2, "train", loss=0.5), row(1, 2, "val", accuracy=0.5)]
    assert curve_names(curves(rows)) == {"loss-train-1", "accuracy-val-1"}


def test_colour_tells_the_seed(drawn):
    colour = {
        gid: re.search(r"stroke: (#\w+)", group(drawn, gid)[0].get("style"))[1]
        for gid in curve_names(drawn)
        if "interval" not in gid
    }
    assert {colour[f"{key}-{part}-7"] for key in ("loss", "accuracy") for part in ("train", "val")} == {"#0072b2"}
    assert colour["loss-train-8"] == "#d55e00"


def test_long_curves_are_averaged():
    np.testing.assert_array_equal(_thinned([1.0, 2.0, 3.0]), [1, 2, 3])
    np.testing.assert_array_equal(_thinned(range(601)), [*range(1, 600, 3), 600])
    assert len(_thinned(range(100_000))) <= 300


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "curves: no rows"),
        ([row(1, 1, "train")], "curves: no row has any of loss, cross_entropy, rank, accuracy"),
        ([row(1, 1, "test", loss=1.0)], r"a row needs seed, episode and part \(train or val\), got .*'test'"),
        ([{"seed": 1, "part": "val", "loss": 1.0}], "a row needs seed, episode and part"),
        ([{"episode": 1, "part": "val", "loss": 1.0}], "a row needs seed, episode and part"),
    ],
)
def test_rows_that_make_no_curve_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        curves(rows)


def test_histogram_states_mean_and_interval():
    text = accuracy_histogram(np.array([0.4, 0.5, 0.7, 0.8]), 0.317)
    assert "mean 60.0 ± 31.7 % (95 % interval, 4 episodes)" in labels(text)
    assert {"accuracy of an episode, %", "episodes"} <= set(labels(text))
    assert {"mean", "interval"} <= names(text)


def test_histogram_has_a_bar_for_every_accuracy_seen():
    text = accuracy_histogram(np.array([0.72, 0.74, 0.74, 0.80]), 0.05)
    assert {name for name in names(text) if "bar" in name} == {"bar-72-1", "bar-74-2", "bar-80-1"}


@pytest.mark.parametrize(
    ("percent", "lefts", "counts", "width"),
    [
        ([70, 72, 72, 76], [69, 71, 75], [1, 2, 1], 2),
        ([10, 10.5, 11, 11.5, 12], [9.75, 10.75, 11.75], [2, 2, 1], 1),  # half percents, two a bar
        ([50, 50], [49.5], [2], 1),
    ],
)
def test_bars_hold_equally_many_possible_accuracies(percent, lefts, counts, width):
    found = _bars(np.array(percent, dtype=float))
    np.testing.assert_allclose(found[0], lefts)
    np.testing.assert_array_equal(found[1], counts)
    assert found[2] == pytest.approx(width)


def test_thirds_and_sevenths_of_a_percent_leave_no_empty_bars():
    for n_queries in (75, 150, 200, 700):
        _, counts, width = _bars(100 * np.arange(n_queries + 1) / n_queries)
        assert width >= 1 - 1e-6
        assert len(set(counts[:-1])) == 1


@pytest.mark.parametrize("accuracies", [[], [0.5], [0.5, 1.2], [-0.1, 0.5], [0.5, np.nan], [[0.5, 0.5]]])
def test_what_are_no_accuracies_is_refused(accuracies):
    with pytest.raises(ValueError, match="accuracies: expected at least two shares between 0 and 1"):
        accuracy_histogram(np.array(accuracies), 0.1)


def test_histogram_can_be_of_classes():
    text = accuracy_histogram(np.array([0.4, 0.5, 0.7, 0.8]), 0.317, "class")
    assert "mean 60.0 ± 31.7 % (95 % interval, 4 classes)" in labels(text)
    assert {"accuracy of a class, %", "classes"} <= set(labels(text))
