"""What the operating system refuses is one line that names the file and says what to do, of every command."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from dastm.contract.os_errors import ADVICE, naming, os_line
from dastm.contract.ownership import unfinished_name
from dastm.runs import files
from tests.command_line import failed
from tests.shard_folder import make_shard_folder

FULL = "No space left on device; make room there or name another place, then run the same command again"


PARTS = {"train": {0: 9, 1: 9}, "val": {2: 9, 3: 9}, "test": {4: 9, 5: 9}}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full") / "shards"
    make_shard_folder(folder, parts=PARTS, rng=np.random.default_rng(3))
    return folder


@pytest.mark.parametrize("kind", [str, os.fsencode])
def test_a_file_that_is_being_written_has_its_final_name(kind):
    error = OSError(errno.EACCES, "no", kind(unfinished_name(Path("a/b.csv"))))
    assert os_line(error) == f"a/b.csv: no; {ADVICE[errno.EACCES]}"


@pytest.mark.parametrize("number", ADVICE)
def test_a_known_error_says_what_to_do(number):
    error = OSError(number, os.strerror(number), "a/b")
    assert os_line(error) == f"a/b: {os.strerror(number)}; {ADVICE[number]}"


def test_the_file_of_the_error_goes_before_the_place_where_it_happened():
    assert os_line(OSError(errno.ENOSPC, "No space left on device", b"a\xff"), "out") == rf"a\xff: {FULL}"
    assert os_line(OSError(errno.ENOSPC, "No space left on device"), "out", "cannot be written") == (
        f"out: cannot be written: {FULL}"
    )
    assert os_line(OSError(errno.ENOSPC, "No space left on device", 3), "out") == f"out: {FULL}"


@pytest.mark.parametrize(
    ("error", "line"),
    [(OSError("two\nlines"), "two lines"), (OSError(), "no reason is given"), (OSError(9999, "odd"), "odd")],
)
def test_an_unknown_error_is_told_in_one_line_as_it_is(error, line):
    assert os_line(error) == line


def test_an_error_without_a_file_gets_the_one_that_was_written(tmp_path):
    for given, named in (
        (OSError(errno.ENOSPC, "full"), str(tmp_path)),
        (OSError(errno.ENOSPC, "full", "b"), "b"),
        (OSError("odd"), None),
    ):
        with pytest.raises(OSError, match=r"full|odd") as caught, naming(tmp_path):
            raise given
        assert caught.value.filename == named


@pytest.mark.parametrize(
    "words",
    [
        ("dastm-data", "export", "--out", "/dev/full"),
        ("dastm-data", "export", "--out", "link.pkl"),
        ("dastm-data", "audit", "--out", "/dev/full"),
        ("dastm-data", "audit", "--report", "/dev/full"),
        ("dastm-data", "doctor", "--csv", "/dev/full"),
        ("dastm-data", "doctor", "--json", "/dev/full"),
    ],
)
def test_a_full_disk_names_the_file_and_says_what_to_do(words, shards, tmp_path):
    program, command, option, name = words
    place = tmp_path / name
    if name != "/dev/full":
        place.symlink_to("/dev/full")
    given = [shards] if command == "doctor" else ["--shards", shards]
    line = failed(program, command, *given, option, place)
    assert line.startswith(f"{place}: ")
    assert line.endswith(FULL)


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("command", ["train", "eval"])
def test_a_full_disk_under_results_names_the_file_and_says_what_to_do(command, shards, tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", full)
    quick = ("--preset", "small", "--set", "episode.n_way=2")
    words = {
        "train": ("--shards", shards, "--out", tmp_path / "run", *quick),
        "eval": ("--shards", shards, "--baseline", "coordinates", "--n-way", 2, "--n-query", 1, "--out", tmp_path),
    }
    line = failed("dastm", command, *words[command])
    assert line.startswith(f"{tmp_path}/")
    assert line.endswith(FULL)
