"""The figure of growth: a panel an axis, marks that say what was measured, nothing drawn where nothing was."""

from itertools import pairwise

import pytest

from dastm.bench.plot import growth_figure
from tests.oracles.svg import labels, names, outlines, tooltips


def entry(axis, standard, **variants):
    made = {name: {"seconds": seconds, "memory_mb": memory} for name, (seconds, memory) in variants.items()}
    return {"axis": axis, "compared_with": standard, "variants": made}


SHEEP = entry("sheep", "2", **{"1": (0.1, 5.0), "2": (0.2, 10.0), "4": (0.8, 20.0)})
CASES = {"walk": {"compared_with": "ours", "variants": {}}, "growth with sheep": SHEEP}


def test_each_axis_is_a_panel_and_other_cases_are_left_out():
    text = growth_figure({**CASES, "growth with dogs": entry("dogs", "3", **{"3": (1.0, 1.0)})})
    assert {"sheep (standard: 2)", "dogs (standard: 3)", "time", "memory", "in proportion", "squared"} <= set(
        labels(text)
    )
    assert {name for name in names(text) if name.startswith("growth")} == {
        f"growth-with-{axis}-{kind}{marks}"
        for axis in ("sheep", "dogs")
        for kind in ("time", "memory")
        for marks in ("", "-marks")
    }
    assert not any("walk" in word for word in labels(text))


def test_marks_say_what_was_measured():
    text = growth_figure(CASES)
    assert tooltips(text, "growth-with-sheep-time-marks") == ["1 sheep: 100 ms", "2 sheep: 200 ms", "4 sheep: 800 ms"]
    assert tooltips(text, "growth-with-sheep-memory-marks") == ["1 sheep: 5.0 MB", "2 sheep: 10 MB", "4 sheep: 20 MB"]


def test_both_axes_are_logarithmic():
    """Twice the sheep, twice the memory: equal steps; time first doubles, then quadruples."""
    text = growth_figure(CASES)
    (memory,), (time,) = (outlines(text, f"growth-with-sheep-{kind}") for kind in ("memory", "time"))
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(memory)]
    assert steps[0] == pytest.approx(steps[1], abs=0.02)
    assert time[1] == memory[1]
    assert time[2][1] - time[1][1] == pytest.approx(2 * (time[1][1] - time[0][1]), abs=0.02)


def test_memory_that_was_not_seen_is_not_drawn():
    text = growth_figure({"growth with sheep": entry("sheep", "2", **{"1": (0.1, 0.0), "2": (0.2, 4.0)})})
    assert tooltips(text, "growth-with-sheep-memory-marks") == ["2 sheep: 4.0 MB"]
    assert len(tooltips(text, "growth-with-sheep-time-marks")) == 2


def test_without_growth_there_is_no_figure():
    with pytest.raises(ValueError, match="no case has an axis"):
        growth_figure({"walk": CASES["walk"]})
