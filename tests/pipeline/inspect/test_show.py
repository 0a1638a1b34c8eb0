import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from dastm.contract.errors import DataError
from pipeline.inspect.find import SearchFolders, both_sides, find_clip
from pipeline.inspect.show import player_of, summary_of, write_animation
from tests.oracles.hand_made import definition_of
from tests.pipeline.inspect.made import definition_2d, haunted_clip, seen_clip

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def found():
    return both_sides(haunted_clip(), definition_of(bodies=1))


def test_the_page_has_the_animation_and_the_summary(found, tmp_path):
    write_animation(found, tmp_path / "clip.html")
    page = (tmp_path / "clip.html").read_text(encoding="utf-8")
    assert "<title>haunted: action 0</title>" in page
    assert page.count("<canvas") == 3
    assert "source, metres" in page
    assert "normalised, 4 frames" in page
    assert "body 77, seen in 2 frames" in page
    assert summary_of(found)[0] in page
    assert "Drag to turn" in page


def test_an_image_cannot_be_turned_and_one_side_needs_no_left_and_right(places, tmp_path):
    write_animation(both_sides(seen_clip(), definition_2d()), tmp_path / "seen.html")
    assert "Drag to turn" not in (tmp_path / "seen.html").read_text(encoding="utf-8")
    write_animation(find_clip("clip000", SearchFolders(shards=places.shards)), tmp_path / "stored.html")
    assert "Left as the source" not in (tmp_path / "stored.html").read_text(encoding="utf-8")


def test_the_page_needs_no_network(found, tmp_path):
    write_animation(found, tmp_path / "clip.html")
    page = (tmp_path / "clip.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:href|src|url)\s*[=(]\s*\"?(?!#)[^\"\s)>]+", page)
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page


def test_the_same_clip_gives_the_same_bytes(found, tmp_path):
    for suffix in (".html", ".gif"):
        one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
        write_animation(found, one)
        write_animation(found, two)
        assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes()[:6] == b"GIF89a"


def test_bodies_that_cannot_be_ranked_are_one_clear_error(found):
    wrong = replace(found, spec=definition_2d().split)
    with pytest.raises(DataError, match="clip haunted: rank: confidence needs confidences"):
        player_of(wrong)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no browser")
def test_a_browser_plays_it(found, tmp_path):
    write_animation(found, tmp_path / "clip.html")
    words = (
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *("--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'user'}"),
        *("--virtual-time-budget=1000", "--dump-dom", (tmp_path / "clip.html").as_uri()),
    )
    shown = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False).stdout
    assert re.search(r"<output>source frame [1-6] of 6, sampled frame \d \(source \d\)</output>", shown)
    assert "pause" in shown
