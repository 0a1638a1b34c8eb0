"""The map of costs: every cell says what it is, the path goes through it, the colours have the scale they are given."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from dastm.report.figures.costs import cost_map

SVG = "{http://www.w3.org/2000/svg}"
COST_TS = np.array([[0.0, 1.0, 2.0], [3.0, 0.5, 0.25]])
PATH_P2 = np.array([[0, 0], [1, 1], [1, 2]])
NAMES = (["0.00 s", "0.10 s"], ["frame 1", "frame 2", "frame 3"])


def test_cells_say_which_frames_they_pair_and_their_colour_is_on_the_common_scale():
    cells = ET.fromstring(cost_map(COST_TS, PATH_P2, NAMES, 4.0, "a <map>")).findall(f"{SVG}rect")
    assert [float(cell.get("fill-opacity")) for cell in cells] == [0, 0.25, 0.5, 0.75, 0.12, 0.06]
    assert cells[5].find(f"{SVG}title").text == "clip 0.10 s, example frame 3: 0.250"


def test_the_path_goes_through_the_middles_of_its_cells():
    root = ET.fromstring(cost_map(COST_TS, PATH_P2, NAMES, 4.0, "map"))
    cells = [
        (float(c.get("x")), float(c.get("y")), float(c.get("width")), float(c.get("height")))
        for c in root.findall(f"{SVG}rect")
    ]
    points = [tuple(map(float, p.split(","))) for p in root.find(f"{SVG}polyline").get("points").split()]
    for (px, py), (t, s) in zip(points, PATH_P2, strict=True):
        x, y, wide, high = cells[t * 3 + s]
        assert (px, py) == pytest.approx((x + wide / 2, y + high / 2), abs=0.15)
    now = root.find(f"{SVG}circle")
    assert (float(now.get("cx")), float(now.get("cy"))) == points[0]


def test_axes_name_the_first_and_the_last_frame():
    texts = [text.text for text in ET.fromstring(cost_map(COST_TS, PATH_P2, NAMES, 0.0, "map")).findall(f"{SVG}text")]
    assert texts == ["0.00 s", "0.10 s", "1", "2", "3", "example →, clip ↓"]


def test_names_that_do_not_fit_the_costs_are_refused():
    with pytest.raises(ValueError, match="expected shape"):
        cost_map(COST_TS.T, PATH_P2, NAMES, 1.0, "map")
