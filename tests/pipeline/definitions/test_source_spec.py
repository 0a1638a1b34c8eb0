"""The block parse.source: what each format takes, and one line for what it does not."""

import os

import pytest
import yaml

from dastm.contract.errors import DataError
from pipeline.definitions.definition import load_definition
from pipeline.definitions.source_spec import SourceSpec
from tests.pipeline.parse.sources.source_files import STICK, define


def test_formats_that_need_no_block_have_the_defaults(tmp_path):
    for name in ("pyskl_pickle", "array_stack", "folder_arrays"):
        definition = define(tmp_path, name, STICK)
        assert definition.parse.source == SourceSpec()
        assert definition.to_dict()["parse"]["source"]["labels"] == 0
    assert load_definition("ntu-t").parse.source is None
    assert "source" not in load_definition("ntu-t").to_dict()["parse"]


@pytest.mark.parametrize(
    ("format_name", "source", "reason"),
    [
        ("ntu_skeleton", {}, "format ntu_skeleton takes no such block"),
        ("pyskl_pickle", 3, "parse.source: expected a mapping, got 3"),
        ("pyskl_pickle", {"pattern": "x"}, "parse.source.pattern: only folder_arrays takes it"),
        ("openpose_json", {"axes": "TVC"}, "parse.source.axes: only folder_arrays takes it, not openpose_json"),
        ("pyskl_pickle", {"unit_m": 0}, "parse.source.unit_m: .*greater than 0"),
        ("pyskl_pickle", {"up": "w"}, "parse.source.up: "),
        ("pyskl_pickle", {"ups": "y"}, "parse.source.ups: no such key; did you mean up"),
        ("array_stack", {"image": "centred", "image_size": [1, 1]}, "image_size goes with image: pixels"),
        ("folder_arrays", {"axes": "TVCC"}, "axes: T, V and C"),
        ("folder_arrays", {"delimiter": ";;"}, "delimiter: one character"),
        ("folder_arrays", {"frame_step": 0}, "parse.source.frame_step: "),
        ("array_stack", {"frame_step": 10}, "parse.source.frame_step: only folder_arrays takes it"),
        ("folder_arrays", {"pattern": "("}, "pattern: not a regular expression"),
        ("folder_arrays", {"pattern": "(?P<class>x)"}, "pattern: no group named key"),
        ("folder_arrays", {"pattern": "(?P<key>x)(?P<age>y)"}, "pattern: unknown group age"),
        ("folder_arrays", {"labels": ["x"]}, "parse.source.labels: the name of a CSV file"),
        ("folder_arrays", {"labels_file": "x"}, "labels_file: not a key that you can set"),
        ("folder_arrays", {"labels": "none.csv"}, "none.csv: cannot read these labels"),
    ],
)
def test_a_wrong_block_is_one_line(tmp_path, format_name, source, reason):
    with pytest.raises(DataError, match=reason) as caught:
        define(tmp_path, format_name, STICK, source=source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: columns "),
        ("key,label\n", "line 1: columns key, label; expected key, class"),
        ("key,class,age\n", "line 1: columns key, class, age"),
        ("key,class,class\na,1,2\n", "line 1: columns key, class, class; expected key, class, .., each once"),
        ("key,class\na,1\na,2\n", "line 3: a key seen before, 'a'"),
        ("key,class\nb/a.npy,1\n./b\\a.NPY,2\n", "line 3: a key seen before, 'b_a'"),
        ("key,class\n.npy,1\n", "line 2: '.npy' cannot be a clip's key"),
        ("key,class\na\n", "line 2: another number of columns"),
        ("key,class\na,b,c\n", "line 2: another number of columns"),
        ('key,class\n"a,b\n', "cannot read these labels"),
    ],
)
def test_a_wrong_labels_file_is_one_line(tmp_path, text, reason):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=f"labels.csv: {reason}"):
        define(tmp_path, "folder_arrays", STICK, source={"labels": "labels.csv"})


def test_a_labels_file_that_is_a_pipe_or_a_device_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "/dev/zero"):
        with pytest.raises(DataError, match=r"cannot read these labels \(not a regular file\)"):
            define(tmp_path, "folder_arrays", STICK, source={"labels": name})


def test_a_layout_of_two_coordinates_is_refused(tmp_path):
    flat = STICK.to_dict() | {"coordinates": ["x", "y"]}
    with pytest.raises(DataError, match=r"parse.layout: pyskl_pickle needs three coordinates"):
        _define(tmp_path, flat)


def _define(folder, layout):
    document = {"parse": {"format": "pyskl_pickle", "layout": layout}, "split": {"class_split": {"train": [0]}}}
    (folder / "mine.yaml").write_text(yaml.safe_dump(document))
    return load_definition(folder / "mine.yaml")


def test_a_source_without_a_layout_is_asked_for_one(tmp_path):
    with pytest.raises(DataError, match=r"parse.layout: one of ntu25, openpose18, .*smpl24, or a mapping, got None"):
        _define(tmp_path, None)
