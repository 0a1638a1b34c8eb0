"""What every figure promises: a single SVG element, the same bytes again, nothing from outside, ids of its own."""

import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from dastm.contract.skeleton import Layout
from dastm.report.figures import accuracy_histogram, alignment, curves, joint_similarity, matching_pair
from dastm.report.figures.svg import NUMBER, _rounded, drawing, to_svg
from tests.oracles.svg import labels

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

NAMES = ('<a&b> "c"', "$x_1$ 50%", "手")
ROWS = [{"seed": 1, "episode": e, "part": "val", "accuracy": 0.5, "accuracy_interval": 0.1} for e in (1, 2)]
PAIR = Layout(name="pair", joints=NAMES[:2], bones=((0, 1),))
BODY_VC = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
FIGURES = {
    "curves": lambda: curves(ROWS),
    "histogram": lambda: accuracy_histogram(np.array([0.5, 0.6]), 0.1),
    "similarity": lambda: joint_similarity(np.eye(3), NAMES, NAMES[0]),
    "alignment": lambda: alignment(np.eye(2), np.array([[0, 0], [1, 1]]), np.eye(2), NAMES[1]),
    "pair": lambda: matching_pair(BODY_VC, BODY_VC, np.eye(2), PAIR, NAMES[:2]),
}


@pytest.fixture(scope="module", params=FIGURES.values(), ids=list(FIGURES))
def draw(request):
    return request.param


@pytest.fixture(scope="module")
def text(draw):
    return draw()


def test_figure_is_one_element_without_prolog_comment_or_style_sheet(text):
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg" role="img" ')
    assert text.endswith("</svg>\n")
    assert not re.search(r"<[?!]|<style|<metadata|<script", text)
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"


def test_figure_refers_to_nothing_outside_itself(text):
    assert re.findall(r"\w+://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    ids = [element.get("id") for element in ET.fromstring(text).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    references = re.findall(r'href="([^"]*)"', text) + re.findall(r"url\(([^)]*)\)", text)
    assert references
    for reference in references:
        assert reference[1:] in ids
    assert "<image" not in text  # the policy of the pages would leave it out


def test_same_input_gives_the_same_bytes_and_no_trace_of_time_or_machine(draw, text):
    assert text == draw()
    assert not re.search(r"20\d\d-|[Mm]atplotlib v|/home|/usr", text)


def test_matplotlib_is_left_as_it_was_and_its_settings_change_no_figure(draw, text):
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other", "lines.linewidth": 9}):
        mine = dict(mpl.rcParams)
        assert draw() == text
        assert dict(mpl.rcParams) == mine
    assert dict(mpl.rcParams) == before


def test_names_are_text_as_they_were_written():
    text = joint_similarity(np.eye(3), NAMES, NAMES[0])
    assert all(labels(text).count(name) == 2 + (name == NAMES[0]) for name in NAMES)
    assert ET.fromstring(text).get("aria-label") == f"Cosine similarity of joints: {NAMES[0]}"


def test_two_figures_share_no_id_unless_they_are_the_same():
    ids = [set(re.findall(r' id="([^"]+)"', joint_similarity(value * np.eye(2), "ab", "t"))) for value in (1.0, 0.9)]
    assert len(ids[0]) > 10
    assert not ids[0] & ids[1]


def test_noise_in_the_last_bits_of_the_layout_changes_nothing():
    def drawn(left: float) -> str:
        with drawing(2, 2) as figure:
            figure.set_layout_engine("none")
            figure.add_axes((left, 0.1, 0.8, 0.8)).plot([0, 1, 2], [0, 1, 0], marker="o")
            return to_svg(figure, "")

    assert drawn(0.1) == drawn(0.1 + 1e-13)
    assert drawn(0.1) != drawn(0.11)


def test_a_description_is_never_taken_for_a_reference():
    with drawing(1, 1) as figure:
        root = ET.fromstring(to_svg(figure, "url(#here) 1.23456"))
    assert root.get("aria-label") == "url(#here) 1.23456"


def test_size_is_that_asked_for_and_shrinks_with_the_page():
    with drawing(2, 1) as figure:
        root = ET.fromstring(to_svg(figure, ""))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("144pt", "72pt", "0 0 144 72")
    assert root.get("style").startswith("max-width:100%;height:auto;")


def test_coordinates_have_at_most_two_decimals():
    with drawing(2, 2) as figure:
        figure.subplots().plot([0, 1, 2], [0, 1 / 3, 2 / 3], gid="line")
        text = to_svg(figure, "")
    path = next(g for g in ET.fromstring(text).iter() if (g.get("id") or "").endswith("-line"))[0].get("d")
    assert re.fullmatch(r"M [\d.]+ [\d.]+( L [\d.]+ [\d.]+)+", path)
    assert not re.search(r"\.\d{3}", path)


@pytest.mark.parametrize(
    ("number", "short"),
    [("1.005859", "1.01"), ("-0.001", "0"), ("-0", "0"), ("-0.5", "-0.5"), ("10.000", "10"), ("-20", "-20")],
)
def test_numbers_are_as_short_as_two_decimals_allow(number, short):
    assert NUMBER.sub(_rounded, f"M {number} {number}") == f"M {short} {short}"


@pytest.mark.parametrize("texts", [["one"], ["one", "two", "three"]])
def test_marks_and_texts_must_be_as_many(texts):
    with drawing(2, 2) as figure:
        figure.subplots().scatter([0, 1], [0, 1], s=[4, 9], gid="dots")
        with pytest.raises(ValueError, match="argument 2 is"):
            to_svg(figure, "", {"dots": texts})
