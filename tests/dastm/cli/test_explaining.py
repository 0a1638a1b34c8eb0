"""`dastm explain` as a user types it: the sentence, the page, and one line where it is not clear what is meant."""

import numpy as np
import pytest

from dastm.recogniser.encoder import load_encoder
from dastm.recogniser.examples import Example
from dastm.recogniser.recogniser import ActionRecogniser
from tests.actions import clip_of
from tests.command_line import done, failed

SAID = ("--with", "mine.dastm", "--layout", "ntu25", "--fps", 30)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A recogniser file, a clip, and a folder of two."""
    root = tmp_path_factory.mktemp("explained")
    examples = [Example(action=a, clip=clip_of(a, 0, fps=30.0), added="2026-11-28") for a in ("wave", "push")]
    ActionRecogniser(load_encoder("motion3d"), examples).save(root / "mine.dastm")
    (root / "clips").mkdir()
    for name, path in (("wave", "clip.npy"), ("wave", "clips/a.npy"), ("push", "clips/b.npy")):
        np.save(root / path, clip_of(name, 7).joints_TVC)
    (root / "empty").mkdir()
    return root


@pytest.fixture
def place(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def test_explain_prints_the_sentence_and_writes_the_page(place):
    sentence, page = done("dastm", "explain", "clip.npy", *SAID, "--out", "out/why.html").splitlines()
    assert sentence.startswith("Called “wave”: distance ")
    assert page == "page: out/why.html"
    text = (place / "out" / "why.html").read_text()
    assert sentence in text
    assert "clip.npy" in text
    assert "Recogniser mine.dastm" in text


def test_of_several_recordings_one_is_named_by_its_key(place):
    line = failed("dastm", "explain", "clips", *SAID)
    assert "holds 2 recordings: " in line
    assert line.endswith("; name one with --key")
    key = line.split("recordings: ")[1].split(";")[0].split(", ")[1]
    assert done("dastm", "explain", "clips", "--key", key, *SAID).startswith("Called “push”")
    assert "no single recording 'c'" in failed("dastm", "explain", "clips", "--key", "c", *SAID)


def test_a_body_that_is_not_there_is_named_with_those_that_are(place):
    assert done("dastm", "explain", "clip.npy", "--body", 0, *SAID).startswith("Called “wave”")
    assert "no body 1; there are: 0" in failed("dastm", "explain", "clip.npy", "--body", 1, *SAID)


def test_what_cannot_be_read_is_one_line(place):
    assert "nothing could be read of empty" in failed("dastm", "explain", "empty", *SAID)
    (place / "clip.html").write_text("mine")
    assert "clip.html" in failed("dastm", "explain", "clip.npy", *SAID, "--out", "clip.html")
