"""The matrix has every name, every share as a number and in words, in colours that the page decides."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from dastm.report.figures import confusion

NAMES = ("wave & bow", "a class with a name longer than anybody reads")
SHARES = np.array([[0.75, 0.25], [0.004, 0.996]])


def test_cells_say_what_they_are_and_the_strong_ones_are_written_in_the_papers_colour():
    root = ET.fromstring(confusion(SHARES, NAMES, NAMES, "of <this>"))
    name = "{http://www.w3.org/2000/svg}"
    cells = root.findall(f"{name}rect")
    assert [cell.find(f"{name}title").text for cell in cells][:2] == [
        "wave & bow taken for wave & bow: 75.0 %",
        f"wave & bow taken for {NAMES[1]}: 25.0 %",
    ]
    assert [(cell.get("class"), float(cell.get("fill-opacity"))) for cell in cells] == [
        ("right", 0.75),
        ("wrong", 0.25),
        ("wrong", 0.004),
        ("right", 0.996),
    ]
    numbers = [(text.text, text.get("class")) for text in root.findall(f"{name}text") if text.text.isdigit()]
    assert numbers == [("75", "strong"), ("25", None), ("100", "strong")]  # 0.4 % stays empty
    assert root.get("aria-label") == "of <this>"
    assert sum(text.text == "a class with a name l…" for text in root.findall(f"{name}text")) == 2


def test_everything_lies_within_the_picture():
    text = confusion(SHARES, NAMES, NAMES, "x")
    width, height = (float(re.search(rf'{key}="([\d.]+)"', text)[1]) for key in ("width", "height"))
    for cell in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}rect"):
        x, y, wide, high = (float(cell.get(key)) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= width - wide
        assert 0 <= y <= height - high


@pytest.mark.parametrize(
    ("shares", "words"),
    [(SHARES[:1], "shape"), (np.zeros((2, 0)), "shape"), (SHARES * 2, "between 0 and 1"), (SHARES * np.nan, "between")],
)
def test_what_is_no_matrix_of_shares_is_refused(shares, words):
    with pytest.raises(ValueError, match=words):
        confusion(shares, NAMES, NAMES, "x")
