"""A point a bin of scores, at its place, as large as it has answers; all of it in the page's colours."""

import xml.etree.ElementTree as ET

import pytest

from dastm.report.figures import reliability

BINS = [
    {"from": 0.4, "to": 0.5, "queries": 25, "score": 0.45, "right": 0.2},
    {"from": 0.9, "to": 1.0, "queries": 75, "score": 0.95, "right": 0.9},
]
SVG = "{http://www.w3.org/2000/svg}"


def test_a_point_lies_at_its_score_and_share_below_the_line_where_it_was_too_sure():
    root = ET.fromstring(reliability(BINS, "of <this>"))
    points = [{key: float(point.get(key)) for key in ("cx", "cy", "r")} for point in root.findall(f"{SVG}circle")]
    perfect = root.find(f"{SVG}line")
    left, bottom, right, top = (float(perfect.get(key)) for key in ("x1", "y1", "x2", "y2"))
    assert [(one["cx"] - left) / (right - left) for one in points] == pytest.approx([0.45, 0.95], abs=1e-3)
    assert [(bottom - one["cy"]) / (bottom - top) for one in points] == pytest.approx([0.2, 0.9], abs=1e-3)
    assert points[0]["r"] < points[1]["r"]
    assert root.findall(f"{SVG}circle/{SVG}title")[1].text == (
        "scores from 90 to 100 %: 75 answers, 95 % sure, 90 % right"
    )


def test_without_scores_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="no bin"):
        reliability([], "nothing")


def test_no_colour_is_its_own():
    assert "#" not in reliability(BINS, "x")
