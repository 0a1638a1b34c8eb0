import base64
import json
import re
import shutil

import numpy as np
import pytest

from pipeline.audit.run import audit
from pipeline.inspect.report import SHOWN, audit_page
from pipeline.storage.table import table_file_path
from tests.oracles.hand_made import STANDING, parsed_clip, tracks_of, write_table
from tests.pipeline.inspect.made import made
from tests.pipeline.shard_damage import rewrite, with_array, with_facts

pytestmark = pytest.mark.slow


@pytest.fixture
def shards(places, tmp_path):
    return shutil.copytree(places.shards, tmp_path / "shards")


def page_of(shards, parsed=None):
    return audit_page(audit(shards), shards, parsed).decode()


def test_the_verdict_comes_first_and_everything_is_on_the_page(places):
    page = page_of(places.shards, places.parsed)
    body = page.partition("<body>")[2]
    assert re.search(r'<h1>Audit of made</h1>\s*<p class="verdict good">✓ No problem found, 1 warning\.', body)
    assert "posture checked in part only" in body  # of sticks
    assert "12 clips of 4 classes, 4 frames and 4 joints each; 8 with 1 body; 4 with 2 bodies." in body
    for part in ("shards", "parsed", "clips"):
        assert f'<h2 id="{part}">' in body
        assert f'href="#{part}"' in body
    assert body.count('<div class="player">') == 4  # two classes of train, one of val, one of test
    assert body.count("source, metres</figcaption>") == body.count("normalised, 4 frames</figcaption>") == 4
    assert "Not shown" not in body


def test_without_the_parsed_table_clips_are_shown_as_training_sees_them(places):
    page = page_of(places.shards)
    assert "source, metres" not in page
    assert page.count('<div class="player">') == 4
    assert 'id="parsed"' not in page


def test_the_page_needs_no_network_and_is_the_same_again(places):
    page = page_of(places.shards, places.parsed)
    assert not re.findall(r"(?:href|src|url)\s*[=(]\s*\"?(?!#)[^\"\s)>]+", page)
    assert page == page_of(places.shards, places.parsed)


def test_problems_come_before_everything_else(shards):
    rewrite(shards, "train/000-000.tar", with_facts(class_name="<b>"))
    page = page_of(shards)
    assert '<p class="verdict bad">✗ ' in page
    assert page.index("<h2>Problems</h2>") < page.index('<h2 id="shards">')
    assert "facts say class_name &#39;&lt;b&gt;&#39;" in page
    assert "<b>" not in page


def test_many_problems_are_cut_short(places):
    report = {**audit(places.shards), "ok": False, "problems": [f"problem {i}" for i in range(SHOWN + 5)]}
    page = audit_page({**report, "warnings": ["frozen"]}, places.shards).decode()
    assert "and 5 more" in page
    assert f"problem {SHOWN}<" not in page
    assert "<h2>Warnings</h2>" in page


def test_warnings_are_counted_beside_a_good_verdict(places):
    report = {**audit(places.shards), "warnings": ["frozen", "frozen"]}
    assert "✓ No problem found, 2 warnings." in audit_page(report, places.shards).decode()


@pytest.mark.parametrize("name", ["manifest.json", "index.parquet", "train/000-000.tar"])
def test_shards_that_cannot_be_read_leave_their_sections_out_and_say_why(places, shards, name):
    (shards / name).write_bytes(b"PAR1")
    page = page_of(shards, places.parsed)
    assert "problems found: do not train" in page or "problem found: do not train" in page
    assert "<h2>Not shown</h2>" in page
    assert page.count('<div class="player">') < 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_facts(notes=7), "what is stored is not what it should be"),
        (with_facts(source_frames="many"), "facts without source_frames"),
        (with_facts(frame_index=[0, 1, 2, 900]), "frame_index is not that of its frames"),
        (with_array(lambda joints: joints[:, :, :2]), "has joints of shape (2, 3), its layout says (4, 3)"),
    ],
    ids=("notes", "source_frames", "frame_index", "joints"),
)
def test_clips_that_are_whole_but_wrong_are_told_and_stop_nothing(shards, change, words):
    rewrite(shards, "train/000-000.tar", change)
    page = page_of(shards)
    assert words in page
    assert page.count('<div class="player">') == 3


def test_places_that_are_no_numbers_are_marked_as_not_measured(shards):
    def with_nan(joints):
        joints[0, 1] = np.nan
        joints[0, 2, 0, 0] = np.inf
        return joints

    rewrite(shards, "train/000-000.tar", with_array(with_nan))
    page = page_of(shards)
    assert "values are NaN or infinite" in page
    assert page.count('<div class="player">') == 4
    first = json.loads(re.search(r'application/json">(.*?)</script>', page)[1])["panels"][0]
    measured = np.frombuffer(base64.b64decode(first["measured"]), np.uint8).reshape(-1, 4)
    assert measured[:4].all(axis=1).tolist() == [True, False, False, True]


def test_an_empty_folder_still_has_a_page(tmp_path):
    page = page_of(tmp_path)
    assert "Audit of a shard folder" in page
    assert "no shards there" in page
    assert "<script" not in page


def test_a_table_of_other_data_is_not_shown_beside_the_shards(places, tmp_path):
    keys = re.findall(r"<h3>\w+: [^(]+\((\w+)\)</h3>", page_of(places.shards))
    clips = [parsed_clip(keys[0], 0, tracks_of([{0: STANDING}], 1))]
    page = page_of(places.shards, write_table(tmp_path / "other", clips))
    assert "made from other data" in page
    assert "source, metres" not in page
    assert page.count('<div class="player">') == 4


def test_a_damaged_table_leaves_the_shards_side(places, tmp_path):
    parsed = shutil.copytree(places.parsed, tmp_path / "parsed")
    table_file_path(parsed, "clips", 0).write_bytes(b"PAR1")
    page = page_of(places.shards, parsed)
    assert "damaged; remove it and run `dastm-data parse` again" in page
    assert page.count('<div class="player">') == 4


def test_many_classes_have_two_examples_a_subset(tmp_path):
    places = made(tmp_path, class_split={"train": (0, 1, 2, 5, 7), "val": (), "test": ()})
    assert page_of(places.shards).count('<div class="player">') == 2
