"""A shipped encoder has a page: its results in data/runs, clips of the shards that are named, no curves."""

import re

import pytest

from dastm.contract.skeleton import BODY19
from tests.browser import check_width_and_colours, needs_browser
from tests.command_line import done
from tests.toy import toy_shards

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which `motion3d` was scored on shards of ours; all of it made once."""
    root = tmp_path_factory.mktemp("place")
    patch = pytest.MonkeyPatch()
    with patch.context() as changed:
        changed.chdir(root)
        toy_shards(root / "mine", layout=BODY19, dataset="mine", frames=9, noise=2.0)
        done("dastm", "eval", "--run", "motion3d", "--shards", "mine", "--n-way", 3, "--n-query", 2, "--episodes", 3)
        yield root


@pytest.fixture(scope="module")
def reported(place):
    """What the command says as it makes the page, which takes seconds."""
    return done("dastm", "report", "motion3d", "--shards", "mine")


def test_an_encoder_has_a_page_with_the_clips_of_the_shards_that_are_named(place, reported):
    assert reported.splitlines() == [
        "motion3d: the clips drawn are of mine in mine, not of the encoder's training",
        "report: data/runs/motion3d-report.html",
    ]
    page = (place / "data" / "runs" / "motion3d-report.html").read_text()
    assert "mine test: 3-way 1-shot, 2 queries a class, 3 episodes" in page
    assert "Which joints the distance comes from" in page
    assert "<h3>Training" not in page
    links, places = re.findall(r'<a href="#([^"]+)"', page), re.findall(r'<h4 id="([^"]+)"', page)
    assert links
    assert set(links) <= set(places)
    assert page.count('<div class="player">') == 2 * len(places)
    assert "<td>class " in page


@pytest.mark.usefixtures("blank_figures")
def test_an_encoder_without_shards_has_its_results_alone(place):
    said = done("dastm", "report", "motion3d", "--out", "alone.html")
    assert "name some with --shards" in said
    page = (place / "alone.html").read_text()
    assert "mine test: 3-way 1-shot" in page
    assert "How similar" not in page
    assert "<script" not in page


@needs_browser
@pytest.mark.usefixtures("reported")
def test_a_browser_shows_an_encoders_page_whole(place):
    check_width_and_colours(place / "data" / "runs" / "motion3d-report.html")
