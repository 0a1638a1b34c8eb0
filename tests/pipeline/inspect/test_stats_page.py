import pytest

from pipeline.inspect.stats import Stats
from pipeline.inspect.stats_page import stats_page, view_of
from tests.oracles.hand_made import STICK
from tests.pipeline.inspect.test_numbers import stats


def test_the_page_has_a_section_a_source():
    page = stats_page([stats(), stats(of="shards", missing_V=None, empty_frames=0)]).decode()
    assert "<h1>Data set made</h1>" in page
    assert '<h2 id="parsed">Parsed table of made</h2>' in page
    assert '<h2 id="shards">Shards of made</h2>' in page
    assert page.count("<svg") == 6 + 4  # lengths, bodies, missing twice, subjects, classes; shards: none missing
    assert "refused: no body in any frame" in page
    assert "2 frames without a body, in 1 clips." in page
    assert "<script" not in page
    assert stats_page([stats()]) == stats_page([stats()])


def test_a_section_in_words():
    view = view_of(stats())
    assert view.first == "3 clips of 1 classes, 12 source frames; a clip has 3 to 6 frames, half of them 3 to 6."
    assert view.subsets == (("val", "1", "3", "3", "3", "12"),)
    assert view.missing == "Missing joints: 18.75 % (most: chest 50.0 %, right 25.0 %)."
    assert view.oddities == (
        *(("crlf", "2"), ("body dropped by the step short", "5"), ("body dropped by the step rank", "2")),
        ("refused: no body in any frame", "1"),
    )


def test_what_holds_no_clip_has_no_section():
    page = stats_page([Stats(of="shards", dataset="made", layout=STICK)]).decode()
    assert "<h2" not in page
    with pytest.raises(ValueError, match="no stats"):
        stats_page([])
