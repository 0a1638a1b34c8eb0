import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from pipeline.inspect import plots
from pipeline.inspect.stats import ClassCount
from tests.pipeline.inspect.test_numbers import stats


def drawn(svg):
    return ET.fromstring(str(svg))


def titles(svg, tag="rect"):
    return [mark.find("title").text for mark in drawn(svg).iter(tag)]


def classes(count):
    return [ClassCount(class_id=i, name=f"action {i}", subset="train", clips=i + 1, frames=9) for i in range(count)]


@pytest.mark.parametrize("count", [1, plots.MOST_NAMED, plots.MOST_NAMED + 1, 400])
def test_every_class_has_a_bar_as_long_as_its_clips(count):
    svg = plots.classes(stats(classes=classes(count)))
    side = "width" if count <= plots.MOST_NAMED else "height"
    bars = [float(bar.get(side)) for bar in drawn(svg).iter("rect")]
    assert len(bars) == count
    assert bars[0] / bars[-1] == pytest.approx(1 / count, abs=0.01)
    assert titles(svg)[-1] == f"{count - 1} action {count - 1} (train): {count} clips, 9 frames"


@pytest.mark.parametrize("lengths", [{5: 3}, {26: 1, 299: 4, 300: 2}, dict.fromkeys(range(1, 2000, 7), 1)])
def test_no_clip_is_lost_in_the_histogram_of_lengths(lengths):
    texts = titles(plots.lengths(stats(lengths=Counter(lengths))))
    assert sum(int(re.search(r": (\d+) clips", text)[1]) for text in texts) == sum(lengths.values())
    assert len(texts) <= plots.MOST_BARS + 1
    for text in texts:
        ends = [int(number) for number in re.findall(r"\d+", text.partition(" frames")[0])]
        clips = sum(count for n, count in lengths.items() if ends[0] <= n <= ends[-1])
        assert f": {clips} clips" in text


def test_bars_reach_as_high_as_the_axis_says():
    svg = drawn(plots.bodies(stats(bodies=Counter({1: 50, 2: 100}))))
    heights = [float(bar.get("height")) for bar in svg.iter("rect")]
    assert heights[1] == pytest.approx(plots.HEIGHT - plots.TOP - plots.BOTTOM)
    assert heights[0] == pytest.approx(heights[1] / 2)
    assert {"0", "50", "100", "bodies of a clip"} <= {text.text for text in svg.iter("text")}


def test_marks_lie_within_their_picture():
    for svg in (
        plots.classes(stats(classes=classes(60))),
        plots.classes(stats(classes=classes(7))),
        plots.lengths(stats()),
        plots.people_and_places(stats(), "subject"),
        plots.missing(stats()),
        plots.missing_by_joint(stats()),
    ):
        root = drawn(svg)
        width, height = float(root.get("width")), float(root.get("height"))
        for bar in root.iter("rect"):
            assert float(bar.get("x")) >= 0
            assert float(bar.get("x")) + float(bar.get("width")) <= width
            assert 0 <= float(bar.get("y")) <= float(bar.get("y")) + float(bar.get("height")) <= height
        for joint in root.iter("circle"):
            assert float(joint.get("r")) <= float(joint.get("cx")) <= width - float(joint.get("r"))
            assert float(joint.get("r")) <= float(joint.get("cy")) <= height - float(joint.get("r"))


def test_joints_are_larger_the_more_often_they_are_missing():
    svg = plots.missing(stats())
    radius = {mark.find("title").text: float(mark.get("r")) for mark in drawn(svg).iter("circle")}
    assert list(radius) == [
        f"{name}: {share} % missing"
        for name, share in (("hip", "0.00"), ("chest", "50.00"), ("left", "0.00"), ("right", "25.00"))
    ]
    hip, chest, left, right = radius.values()
    assert chest > right > hip == left
    assert titles(plots.missing_by_joint(stats())) == ["chest: 50.00 %", "right: 25.00 %"]
    assert plots.missing(stats(missing_V=None)) is None
    assert plots.missing(stats(missing_V=[0.0] * 4)) is not None


def test_names_from_the_data_are_escaped_and_cut():
    evil = ClassCount(class_id=1, name="<script>&" + "long " * 20, subset="train", clips=1, frames=2)
    svg = str(plots.classes(stats(classes=[evil])))
    assert "<script>" not in svg
    assert "&lt;script&gt;&amp;" in svg
    shown = drawn(svg).find("text")
    assert len(shown.text) == plots.LONGEST_NAME
    assert shown.find("title").text.startswith(f"1 {evil.name}")
