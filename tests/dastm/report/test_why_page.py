"""The page of an explanation: all its numbers, no network, the same bytes again; in a browser it plays and steps."""

import re

import pytest

from dastm.contract.ownership import NotOurs
from dastm.recogniser.encoder import load_encoder
from dastm.recogniser.examples import Example
from dastm.recogniser.recogniser import ActionRecogniser
from dastm.report.why_page import MOST_CANDIDATES, candidate_bars, views, write_why
from tests.actions import clip_of
from tests.browser import check_width_and_colours, needs_browser, opened

pytestmark = pytest.mark.slow

LONG = "a_very_long_name_of_a_file_that_nobody_breaks_anywhere_" * 3


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("motion3d")


def recogniser_of(encoder, *actions):
    examples = [Example(action=a, clip=clip_of(a, s, fps=30.0), added="2026-11-28") for a in actions for s in (0, 1)]
    return ActionRecogniser(encoder, examples)


@pytest.fixture(scope="module")
def why(encoder):
    clip = clip_of("wave", 7, fps=30.0, source=f"ward/<b>{LONG}.npy")
    return recogniser_of(encoder, "wave", "push", "kick").explain(clip)


@pytest.fixture
def page(why, tmp_path):
    write_why(why, tmp_path / "why.html", "mine.dastm")
    return tmp_path / "why.html"


def test_the_page_says_everything_by_name_and_in_seconds(why, page):
    text = page.read_text()
    assert why.sentence in text
    assert "Recogniser mine.dastm, encoder motion3d" in text
    assert re.search(r"wave/[01]\.npy, 40 frames from 0\.00 s to 1\.30 s, added 2026-11-28", text)
    assert "feature frame" not in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text


def test_the_page_needs_no_network(page):
    text = page.read_text()
    assert not re.findall(r"(?:href|src|url)\s*[=(]\s*\"?(?!#)[^\"\s)>]+", text)
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "default-src 'none'" in text


def test_the_same_explanation_gives_the_same_bytes_and_no_other_file_is_replaced(why, page, tmp_path):
    before = page.read_bytes()
    write_why(why, page, "mine.dastm")
    assert page.read_bytes() == before
    (tmp_path / "notes.html").write_text("mine")
    with pytest.raises(NotOurs):
        write_why(why, tmp_path / "notes.html", "mine.dastm")


def test_bars_are_in_order_with_the_limit_among_them_and_long_ones_are_cut(why):
    bars = candidate_bars(why)
    assert [bar.name for bar in bars][:2] == ["wave", "none of these"]
    assert bars[0].kind == "chosen"
    assert max(bar.share for bar in bars) <= 1
    assert [bar.kind for bar in bars if bar.share == 1] == ["cut"]


def test_a_refused_clip_has_its_limit_chosen(encoder, tmp_path):
    why = recogniser_of(encoder, "wave", "push").explain(clip_of("bow", 3))
    bars = candidate_bars(why)
    assert (bars[0].name, bars[0].kind) == ("none of these", "limit chosen")
    assert next(view.heading for view in views(why)).startswith("Against the nearest action, ")
    write_why(why, tmp_path / "why.html", "mine.dastm")
    assert "<h1>None of these</h1>" in (tmp_path / "why.html").read_text()


def test_what_is_none_of_the_actions_has_a_heading_of_its_own(encoder):
    recogniser = recogniser_of(encoder, "wave", "push")
    recogniser.add([Example(action=None, clip=clip_of("bow", 0), added="2026-11-28")])
    assert views(recogniser.explain(clip_of("bow", 3)))[-1].heading == "An example of none of the actions"


def test_of_many_actions_the_nearest_have_bars(encoder, tmp_path):
    names = [f"wave {i}" for i in range(MOST_CANDIDATES + 2)]
    examples = [Example(action=name, clip=clip_of("wave", i), added="2026-11-28") for i, name in enumerate(names)]
    why = ActionRecogniser(encoder, examples).explain(clip_of("wave", 99))
    assert len(candidate_bars(why)) == MOST_CANDIDATES + 1
    write_why(why, tmp_path / "why.html", "mine.dastm")
    assert "and 2 more actions, farther away" in (tmp_path / "why.html").read_text()


def test_what_is_compared_has_one_scale(why):
    nearest, runner_up = views(why)
    assert nearest.scene["mostJoint"] == runner_up.scene["mostJoint"] == max(runner_up.scene["shares"])
    assert max(bar.share for bar in nearest.joints) < max(bar.share for bar in runner_up.joints) == pytest.approx(1)
    assert sum(nearest.scene["shares"]) == pytest.approx(nearest.scene["distance"], abs=1e-4)


@needs_browser
def test_a_browser_shows_it_whole_in_light_and_dark_on_a_desk_and_on_a_phone(page):
    check_width_and_colours(page)


PICTURE = "document.querySelector('canvas').toDataURL()"


@needs_browser
def test_a_browser_plays_it_step_by_step_and_turns_it(page):
    with opened(page) as shown:
        told, range_ = shown.locator(".told").first, shown.locator("input[type=range]").first
        assert re.match(r"step 1 of \d+: [\d.]+ of the distance [\d.]+", told.inner_text())
        marks = [shown.locator(".now").first.get_attribute("cx")]
        shown.locator(".on").first.click()
        shown.locator(".on").first.click()
        assert told.inner_text().startswith("step 3 of ")
        marks.append(shown.locator(".now").first.get_attribute("cx"))
        assert marks[0] != marks[1]
        shown.locator(".back").first.click()
        assert range_.input_value() == "1"
        before = shown.evaluate(PICTURE)
        shown.locator(".of").first.select_option("step")
        stepwise = shown.evaluate(PICTURE)
        assert stepwise != before
        shown.locator("canvas").first.press("ArrowLeft")
        assert shown.evaluate(PICTURE) != stepwise
        shown.locator(".play").first.click()
        for _ in range(200):
            shown.wait_for_timeout(50)
            if int(range_.input_value()) > 2:
                break
        assert int(range_.input_value()) > 2
        assert "pause" in shown.locator(".play").first.inner_text()
        shown.locator(".play").first.click()
        assert "play" in shown.locator(".play").first.inner_text()


@needs_browser
def test_pointing_and_dragging_name_joints_and_turn_the_skeleton(page):
    with opened(page) as shown:
        canvas = shown.locator("canvas").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        before = shown.evaluate(PICTURE)
        shown.mouse.move(*middle)
        shown.mouse.down()
        shown.mouse.move(middle[0] + 90, middle[1] + 20)
        shown.mouse.up()
        shown.mouse.move(5, 5)
        assert shown.evaluate(PICTURE) != before
