"""A page of predictions: counts, timelines and rows; whose file it replaces; how it looks in a browser."""

import pytest

from dastm.contract.ownership import NotOurs
from dastm.report import predictions_page
from dastm.report.predictions_page import Page, page_results, timelines, write_predictions
from tests.browser import check_width_and_colours, needs_browser

pytestmark = pytest.mark.slow

ROW = {"source": "a<b>.npy", "key": "a", "body": 0, "action": "wave", "score": 0.9, "distance": 0.2, "margin": 0.3}
OTHER = {**ROW, "action": None, "margin": None}


def event(action, start, end, fps=10.0, source="long.npy"):
    return {
        **ROW, "source": source, "action": action, "start_frame": start, "end_frame": end, "start_s": start / fps,
        "end_s": end / fps,
    }  # fmt: skip


def test_a_page_counts_actions_and_has_every_row(tmp_path):
    path = tmp_path / "page.html"
    write_predictions(Page(rows=[ROW, ROW, OTHER]), path, "mine.dastm")
    page = path.read_text()
    assert "a&lt;b&gt;.npy" in page
    assert page.count("<tr>") == 4
    assert page.index('class="name">wave') < page.index('class="name">none of these')
    assert "<svg" not in page
    write_predictions(Page(), path, "mine.dastm")
    assert "0 rows" in path.read_text()


def test_events_are_drawn_where_they_are_in_lanes_of_their_actions():
    (drawn,) = timelines([ROW, event("wave", 10, 20), event("kick", 30, 40)], {})
    assert (drawn.lanes, drawn.end) == (("kick", "wave"), "4.00 s")
    assert [(span.x, span.width, span.lane) for span in drawn.spans] == [(250, 250, 1), (750, 250, 0)]
    assert drawn.spans[0].words == "wave, 1.00 to 2.00 s, score 0.90"
    (whole,) = timelines([event("wave", 10, 20)], {"long.npy": 8.0})
    assert (whole.end, whole.spans[0].x) == ("8.00 s", 125)


def test_every_body_has_a_timeline_of_its_own():
    events = [event("a", 1, 2, source="x"), event("a", 1, 2, source="y"), {**event("b", 3, 4, source="y"), "body": 1}]
    assert [t.source for t in timelines(events, {})] == ["x", "y, body 0", "y, body 1"]


def test_what_is_not_in_the_table_is_named(tmp_path):
    page = Page(
        rows=[event("wave", 10, 20), {**event("wave", 50, 60), "body": 2}], quiet=["q.npy"], left_out=["e.npy: empty"]
    )
    write_predictions(page, tmp_path / "page.html", "mine.dastm")
    text = (tmp_path / "page.html").read_text()
    assert "Recordings without an event" in text
    assert "<li>q.npy</li>" in text
    assert "<li>e.npy: empty</li>" in text
    assert "1.00 to 2.00" in text
    assert '<td class="number">2</td>' in text
    write_predictions(Page(rows=[OTHER]), tmp_path / "page.html", "mine.dastm")
    text = (tmp_path / "page.html").read_text()
    assert '<span class="muted">none of these</span>' in text
    assert "Left out" not in text


def test_a_long_table_is_cut_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions_page, "MOST_ROWS", 2)
    write_predictions(Page(rows=[ROW] * 5), tmp_path / "page.html", "mine.dastm")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<tr>") == 3
    assert "And 3 more rows" in page


def test_only_a_page_of_ours_is_replaced(tmp_path):
    (tmp_path / "theirs.html").write_text("<p>mine</p>")
    with pytest.raises(NotOurs):
        write_predictions(Page(rows=[ROW]), tmp_path / "theirs.html", "mine.dastm")
    assert (tmp_path / "theirs.html").read_text() == "<p>mine</p>"


def test_a_page_is_written_when_all_rows_are_there_and_not_after_a_fault(tmp_path):
    path = tmp_path / "page.html"
    with pytest.raises(KeyError), page_results(path, "mine.dastm") as page:
        page.rows.append({}["no row"])
    assert not path.exists()
    with page_results(path, "mine.dastm") as page:
        page.rows.append(ROW)
    assert "1 row." in path.read_text()


@needs_browser
def test_a_browser_shows_it_whole_in_light_and_dark_on_a_desk_and_on_a_phone(tmp_path):
    rows = [event(f"an action with a long name {n % 5}", 40 * n, 40 * n + 30) for n in range(30)]
    more = {**event("kick", 5, 9), "body": 1}
    page = Page(
        rows=[*rows, more], quiet=["a recording in which nothing is done.npy"], left_out=["a.npy: " + "long " * 40]
    )
    write_predictions(page, tmp_path / "page.html", "mine.dastm")
    check_width_and_colours(tmp_path / "page.html")
