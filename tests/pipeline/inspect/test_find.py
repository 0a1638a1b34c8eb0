import shutil
from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import DataError
from pipeline.inspect.find import SearchFolders, both_sides, find_clip, stored_clip, with_tracks
from pipeline.split.normalise import normalise_clip
from tests.oracles.hand_made import STANDING, definition_of, parsed_clip, tracks_of
from tests.pipeline.inspect.made import definition_2d, haunted_clip, seen_clip
from tests.pipeline.parse.sources.source_files import annotation, define, write_pickle
from tests.pipeline.raw_files import SKELETON, clip, definition, write_json, write_ntu, zip_folder
from tests.pipeline.shard_damage import change_manifest

NAME = "S001C002P003R001A002.skeleton"
KEY = "S001C002P003R001A002"


@pytest.fixture
def two():
    """NTU's text with a skeleton of two joints."""
    return definition("ntu-t")


def test_a_key_finds_the_table_and_the_shards(places):
    found = find_clip("clip000", places)
    assert (found.key, found.class_id, found.class_name, found.subset) == ("clip000", 0, "wave", "train")
    assert found.normalised.made_by.startswith("train/000-")
    prepared = normalise_clip(found.tracks, places.definition.split, places.definition.parse.layout)
    assert np.array_equal(found.normalised.joints_MTVC, prepared.joints_MTVC)
    assert found.normalised.frame_index == prepared.frame_index


def test_without_shards_the_clip_is_prepared_as_the_definition_says(places):
    both, alone = find_clip("clip000", places), find_clip("clip000", replace(places, shards=None))
    assert alone.normalised.made_by == "prepared as made says"
    assert np.array_equal(alone.normalised.joints_MTVC, both.normalised.joints_MTVC)


def test_random_frames_are_those_that_split_draws(places):
    drawn = replace(places.definition, split=replace(places.definition.split, frame_sampling="random", seed=3))
    first, second = (find_clip("clip000", SearchFolders(definition=drawn, parsed=places.parsed)) for _ in range(2))
    assert first.normalised.frame_index == second.normalised.frame_index


def test_shards_alone_show_the_normalised_side(places):
    found = find_clip("clip000", SearchFolders(shards=places.shards))
    assert found.tracks is None
    assert found.spec == places.definition.split
    assert (found.frames, found.class_name, found.source) == (8, "wave", "raw/clip000.skeleton")


def test_a_clip_outside_the_split_is_found_in_the_table(places):
    key = next(f"clip{n * 7 % 100:03d}" for n in range(15) if n % 5 == 4)
    found = find_clip(key, places)
    assert (found.subset, found.normalised.made_by) == (None, "prepared as made says")


def test_a_key_is_found_in_a_file_of_many_clips(tmp_path):
    write_pickle(tmp_path / "raw" / "a.pkl", [annotation("a", 0), annotation("b", 3, frames=12), annotation("a", 1)])
    places = SearchFolders(definition=define(tmp_path, "pyskl_pickle", "ntu25"), raw=tmp_path / "raw")
    found = find_clip("b", places)
    assert (found.frames, found.class_id, found.source) == (12, 3, "a.pkl[1]")
    with pytest.raises(DataError, match="c"):
        find_clip("c", places)
    write_pickle(tmp_path / "raw" / "a.pkl", [annotation("a", 0, keypoint=np.zeros((1, 5, 25, 3)))])
    with pytest.raises(DataError, match=r"raw: a.pkl\[0\]: no body in any of 5 frames"):
        find_clip("a", places)


def test_a_raw_file_is_found_by_its_path(tmp_path, two):
    write_ntu(tmp_path, [NAME])
    found = find_clip(str(tmp_path / NAME), SearchFolders(definition=two))
    assert (found.key, found.class_id, found.class_name, found.frames) == (KEY, 1, "eat meal/snack", 3)
    assert found.source == NAME


def test_a_file_in_a_zip_is_found_by_its_path(tmp_path, two):
    write_ntu(tmp_path / "files", [NAME])
    archive = zip_folder(tmp_path / "files", tmp_path / "x.zip")
    for path, raw in ((str(archive / NAME), None), (f"x.zip/{NAME}", tmp_path)):
        found = find_clip(path, SearchFolders(definition=two, raw=raw))
        assert (found.key, found.source) == (KEY, f"x.zip/{NAME}")


def test_a_key_is_found_among_the_raw_files(tmp_path, two):
    write_ntu(tmp_path, {f"deep/{NAME}": SKELETON, "a note.skeleton": SKELETON})
    assert find_clip(KEY, SearchFolders(definition=two, raw=tmp_path)).source == f"deep/{NAME}"


def test_a_kinetics_clip_says_its_own_class(tmp_path):
    write_json(tmp_path / "kinetics_train" / "_abc.json", clip())
    found = find_clip(str(tmp_path / "kinetics_train" / "_abc.json"), SearchFolders(definition=definition("kinetics")))
    assert (found.key, found.class_id, found.class_name) == ("_abc", 0, "abseiling")
    assert found.tracks.scores_PV is not None


def test_a_raw_file_alone_is_read_as_the_usual_data_set(tmp_path):
    write_ntu(tmp_path, [NAME])
    with pytest.raises(DataError, match=rf"{NAME}: line 4: '2' joints, layout ntu25 has 25"):
        find_clip(str(tmp_path / NAME), SearchFolders())


def test_faults_of_raw_files_are_one_line(tmp_path, two):
    write_ntu(tmp_path, {NAME: "1\n2\n", "x.skeleton": SKELETON})
    archive = zip_folder(tmp_path, tmp_path.parent / "faults.zip")
    of = SearchFolders(definition=two, raw=tmp_path)
    for path, words in (
        (str(tmp_path / NAME), rf"{tmp_path / NAME}: line 2"),
        (str(tmp_path / "x.skeleton"), "the file name is not Sssss?CcccPpppRrrrAaaa"),
        (f"{archive}/S001C001P001R001A001.skeleton", "cannot be taken from the zip"),
        (f"{archive}/readme.txt", "not a .skeleton or .json file"),
    ):
        with pytest.raises(DataError, match=words):
            find_clip(path, of)


def test_what_is_nowhere_is_refused_with_the_places_looked_in(places, tmp_path):
    with pytest.raises(DataError, match="nobody: no raw file, and not there; a key needs --dataset"):
        find_clip("nobody", SearchFolders())
    with pytest.raises(DataError, match=f"no key of {places.parsed}, {places.shards}"):
        find_clip("nobody", places)
    with pytest.raises(DataError, match=r"nobody: no raw file, and there is nothing of \w+ to look in"):
        find_clip("nobody", SearchFolders(definition=definition_of()))


def test_joints_of_another_layout_ask_for_the_data_set(tmp_path):
    with pytest.raises(DataError, match=r"haunted.*needs.*name its data set with --dataset"):
        both_sides(haunted_clip(), definition_2d())


def test_a_clip_that_cannot_be_normalised_says_why():
    point = parsed_clip("point", 0, tracks_of([{0: np.zeros((4, 3))}], 2))
    found = both_sides(point, definition_of())
    assert found.normalised is None
    assert "no usable body" in found.problem
    assert found.tracks is point.tracks


def test_shards_made_from_other_data_are_not_shown_beside_it(places):
    stored = stored_clip(places.shards, "clip000")
    other = parsed_clip("clip000", 0, tracks_of([{0: STANDING, 1: STANDING}], 2))
    for one in (other, seen_clip()):
        with pytest.raises(DataError, match="made from other data; run `dastm-data split` again"):
            with_tracks(stored, one, None)


def test_shards_that_do_not_say_how_they_were_made_take_the_definitions_word(places, tmp_path):
    shards = shutil.copytree(places.shards, tmp_path / "shards")
    change_manifest(shards, lambda document: document["definition"].pop("split"))
    assert find_clip("clip000", SearchFolders(shards=shards)).spec is None
    assert find_clip("clip000", replace(places, shards=shards)).spec == places.definition.split
