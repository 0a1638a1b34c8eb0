"""Suffixes in capitals or not, from the name of a file to what is read of it."""

import shutil

import numpy as np
import pytest

from pipeline.doctor.walk import walk
from pipeline.inspect.find import SearchFolders, find_clip
from pipeline.parse.formats import FORMATS, format_of
from pipeline.parse.plan import find_files, make_plan, run_job
from pipeline.parse.suffixes import has_suffix, without_suffix
from tests.pipeline.parse.sources.source_files import STICK, define, motion, ntu_names, write_pickle
from tests.pipeline.raw_files import clip, definition, write_json, write_ntu, zip_folder

HEADER = "frame,x_0,y_0,z_0,x_1,y_1,z_1"
NTU = "S001C001P001R001A001"


def clips_of(spec, folder):
    return [run_job(job, spec) for job in make_plan(spec, [folder]).jobs]


@pytest.mark.parametrize("name", ["a.npy", "a.NPY", "A.Npy"])
def test_a_suffix_may_be_in_capitals(name):
    assert has_suffix(name, ".csv", ".npy")
    assert without_suffix(name, ".npy") == name[0]
    assert not has_suffix(name, ".npz")
    assert without_suffix(name, ".npz") == name


@pytest.mark.parametrize("suffix", [".SKELETON", ".Skeleton"])
def test_clips_of_ntu_are_read_whatever_the_case_of_their_suffix(tmp_path, suffix):
    write_ntu(tmp_path / "raw", [NTU + suffix])
    zip_folder(tmp_path / "raw", tmp_path / "all.zip").rename(tmp_path / "ALL.ZIP")
    for place in ("raw", "ALL.ZIP", f"raw/{NTU}{suffix}"):
        (found,) = clips_of(definition("ntu-t"), tmp_path / place)
        assert found.key == NTU
        assert found.tracks.frames
        assert len(walk([tmp_path / place], tuple(FORMATS)).clips) == 1
    by_path = SearchFolders(definition=definition("ntu-t"))
    for place in ("raw", "ALL.ZIP"):
        assert find_clip(str(tmp_path / place / f"{NTU}{suffix}"), by_path).key == NTU
    shutil.rmtree(tmp_path / "raw")
    assert [found.key for found in clips_of(definition("ntu-t"), tmp_path)] == [NTU]
    assert len(walk([tmp_path], tuple(FORMATS)).clips) == 1


def test_clips_and_label_lists_of_kinetics_are_known_whatever_the_case_of_their_suffix(tmp_path):
    entries = {"a": {"has_skeleton": True, "label": "abseiling", "label_index": 0}}
    write_json(tmp_path / "kinetics_train_label.JSON", entries)
    write_json(tmp_path / "clips" / "a.Json", clip(label="abseiling", label_index=0))
    spec = definition("kinetics", classes="all", class_names=("abseiling",))
    files = find_files(spec, [tmp_path])
    assert [file.name for file in files.label_lists] == ["kinetics_train_label.JSON"]
    (found,) = clips_of(spec, tmp_path)
    assert (found.key, found.class_name) == ("a", "abseiling")
    looked_at = walk([tmp_path], tuple(FORMATS))
    assert (len(looked_at.label_lists), len(looked_at.clips)) == (1, 1)
    assert format_of("a.JSON") == "kinetics_json"


@pytest.mark.parametrize("suffix", [".NPY", ".CSV"])
def test_arrays_and_tables_in_folders_are_read_whatever_the_case_of_their_suffix(tmp_path, suffix):
    (tmp_path / "raw" / "wave").mkdir(parents=True)
    joints = motion(0, 1, 6, STICK)[0]
    with (tmp_path / "raw" / "wave" / f"one{suffix}").open("wb") as file:
        if suffix == ".NPY":
            np.save(file, joints)
        else:
            rows = [f"{t},{','.join(map(str, frame.ravel()))}" for t, frame in enumerate(joints)]
            file.write("\n".join([HEADER, *rows]).encode())
    spec = define(tmp_path, "folder_arrays", STICK, class_names=["wave"])
    (found,) = clips_of(spec, tmp_path / "raw")
    assert (found.key, found.tracks.frames) == ("wave_one", 6)


def test_a_stack_and_the_labels_beside_it_are_found_whatever_the_case_of_their_suffix(tmp_path):
    names, labels = zip(*ntu_names(), strict=True)
    data_NCTVM = np.stack([motion(label, 1, 8).transpose(3, 1, 2, 0) for label in labels])
    np.save(tmp_path / "train.npy", data_NCTVM)
    (tmp_path / "raw").mkdir()
    (tmp_path / "train.npy").rename(tmp_path / "raw" / "train_data.NPY")
    write_pickle(tmp_path / "raw" / "train_label.PKL", (list(names), list(labels)))
    spec = define(tmp_path, "array_stack", "ntu25")
    assert [found.key for found in clips_of(spec, tmp_path / "raw")] == list(names)
