"""SIGKILL at many places, a full disk: the same command goes on and ends with the bytes of a run never interrupted."""

import pytest

from tests.pipeline.big_enough import attempt, dastm_data, tree, write_workplace

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

PARSE = ("parse", "--dataset", "mine.yaml", "--raw", "raw", "--out", "parsed", "--workers", 1)
SPLIT = ("split", "--dataset", "mine.yaml", "--parsed", "parsed", "--out", "shards", "--workers", 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never killed."""
    folder = tmp_path_factory.mktemp("whole")
    write_workplace(folder)
    dastm_data(folder, *PARSE)
    dastm_data(folder, *SPLIT)
    return folder


@pytest.fixture
def workplace(tmp_path, whole):
    (tmp_path / "mine.yaml").write_bytes((whole / "mine.yaml").read_bytes())
    (tmp_path / "raw").symlink_to(whole / "raw")
    return tmp_path


def times(folder, pattern="*"):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob(pattern)}


def test_parse_killed_again_and_again_ends_with_the_same_bytes(workplace, whole):
    for place in ("plan.json", "refused-00000", "clips-00002", "00003.json", "summary.json"):
        dastm_data(workplace, *PARSE, kill=place)
    said = dastm_data(workplace, *PARSE)
    assert said.startswith("8 of 8 table files are as they were")
    assert tree(workplace / "parsed") == tree(whole / "parsed")


def test_split_killed_again_and_again_ends_with_the_same_bytes(workplace, whole):
    (workplace / "parsed").symlink_to(whole / "parsed")
    notes = workplace / ".shards.done"
    for place in ("work.json", "prepared-000-00000.clips", "prepared-000-00003.json"):
        dastm_data(workplace, *SPLIT, kill=place)
    first = times(notes, "prepared-000-0000[0-2].*")
    for place in ("prepared-001", "-000.tar#3", "index.parquet", "manifest.json"):
        dastm_data(workplace, *SPLIT, kill=place)
    assert times(notes, "prepared-000-0000[0-2].*") == first
    assert len(first) == 6
    assert not (workplace / "shards").exists()
    dastm_data(workplace, *SPLIT, kill="whole.json")
    assert "8 of 8 table files are done already" in dastm_data(workplace, *SPLIT)
    assert tree(workplace / "shards") == tree(whole / "shards")
    assert sorted(times(notes)) == ["lock", "whole.json", "work.json"]


def test_what_is_unchanged_is_not_done_twice(whole):
    before = times(whole / "shards", "**/*")
    said = dastm_data(whole, *SPLIT)
    assert said.startswith("the parsed table, the definition and the shards are as they were, nothing is done again\n")
    assert times(whole / "shards", "**/*") == before


def test_workers_change_no_byte(workplace, whole):
    dastm_data(workplace, *PARSE[:-1], 3)
    dastm_data(workplace, *SPLIT[:-1], 3)
    assert tree(workplace / "parsed") == tree(whole / "parsed")
    assert tree(workplace / "shards") == tree(whole / "shards")


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(workplace, whole):
    full = attempt(workplace, *PARSE, limit=6000)
    assert (full.status, full.err.count("\n")) == (1, 1)
    assert full.err.startswith("dastm-data: parsed/clips-00000.parquet: cannot be written: ")
    assert "File too large" in full.err
    assert sorted(times(workplace / "parsed")) == ["plan.json", "refused-00000.parquet"]
    dastm_data(workplace, *PARSE)
    assert tree(workplace / "parsed") == tree(whole / "parsed")
    for limit, place in ((1000, ".shards.done/prepared-000-00002.clips"), (8000, ".shards.new/train/000-000.tar")):
        full = attempt(workplace, *SPLIT, limit=limit)
        assert full.status == 1
        assert f"{place}: cannot be written: File too large; files of this size are not allowed there" in full.err
        assert not (workplace / "shards").exists()
        assert list(workplace.glob(".shards.done/.*.new")) == []
    dastm_data(workplace, *SPLIT)
    assert tree(workplace / "shards") == tree(whole / "shards")
