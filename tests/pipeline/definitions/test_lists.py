"""Lists of keys and names: what editors and spreadsheets make of them is understood, or refused; never passed over."""

import os
import unicodedata

import numpy as np
import pytest
import yaml

from dastm.contract.errors import DataError
from pipeline.definitions.definition import load_definition
from pipeline.definitions.lists import key_of, nfc, read_keys, read_names, without_clip
from pipeline.parse.plan import make_plan
from tests.command_line import done, failed

KEY = "S001C001P001R001A004"
SPLIT = {"class_split": {"train": [0], "val": [1], "test": [2]}, "n_frames": 4}


def listed(tmp_path, data, format_name="ntu_skeleton"):
    (tmp_path / "list.txt").write_bytes(data)
    return read_keys("list.txt", "parse.missing", tmp_path, format_name)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + KEY.encode(),
        f"{KEY}.skeleton\n".encode(),
        f"\r\n  {KEY} \r\n\r\n".encode(),
    ],
)
def test_a_mark_a_suffix_and_carriage_returns_are_no_part_of_a_key(tmp_path, data):
    assert listed(tmp_path, data) == (KEY,)
    assert read_keys([f"{KEY}.skeleton"], "split.exemplars", tmp_path, "ntu_skeleton") == (KEY,)


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("wave/000.npy", "wave_000"),
        (" wave_000 ", "wave_000"),
        ("./wave/000.npy", "wave_000"),
        ("wave\\000.npy", "wave_000"),
        ("wave//./000.NPY", "wave_000"),
        ("clip.v1.npy", "clip_v1"),
        ("a/clip.v1", "a_clip_v1"),
        (f"{KEY}.SKELETON", KEY),
        (f"nturgb+d_skeletons/{KEY}.skeleton", KEY),
        (f"a/{KEY}.skeleton.npy", KEY),
        ("a/b.skeleton.npy", "a_b"),
        (".npy", ""),
        ("./", ""),
    ],
)
def test_however_an_entry_is_written_it_means_the_key_of_its_clip(entry, key):
    assert key_of(entry) == key
    assert key_of(key) == key


def test_every_list_of_keys_finds_the_clip_of_a_file_whose_name_has_dots(tmp_path):
    for name in ("wave/clip.v1.npy", "nod/clip.v1.npy", "bow/000.npy", f"bow/{KEY}.skeleton.npy"):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "raw" / name, np.ones((4, 2, 3)))
    (tmp_path / "lost.txt").write_text(f"./wave/clip.v1.npy\nbow\\000.npy\n{KEY}.SKELETON\n")
    (tmp_path / "labels.csv").write_text(f"key,class\n./wave/clip.v1.NPY,0\nnod/clip.v1,1\nbow\\000,2\n{KEY},2\n")
    document = {
        "parse": {
            "format": "folder_arrays",
            "layout": {"name": "stick", "joints": ["a", "b"], "bones": [[1, 0]]},
            "missing": "lost.txt",
            "source": {"labels": "labels.csv"},
        },
        "split": {**SPLIT, "exemplars": ["nod/clip.v1.npy"]},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document))
    plan = make_plan(load_definition(tmp_path / "mine.yaml"), [tmp_path / "raw"])
    assert plan.notes == ()
    assert {job.name.key: (job.labels[0].class_id, job.problem is None) for job in plan.jobs} == {
        "wave_clip_v1": (0, False),
        "nod_clip_v1": (1, True),
        "bow_000": (2, False),
        KEY: (2, False),
    }


@pytest.mark.parametrize(
    ("line", "format_name"),
    [
        (f"{KEY},missing", "ntu_skeleton"),
        ("The following samples have missing skeletons:", "ntu_skeleton"),
        ("skeleton", "ntu_skeleton"),
        ("a\tb", "folder_arrays"),
        (".npy", "folder_arrays"),
        ("./", "folder_arrays"),
        ("x" * 256, "folder_arrays"),
    ],
)
def test_a_line_that_cannot_be_a_key_is_refused_with_its_place(tmp_path, line, format_name):
    with pytest.raises(DataError, match=r"list\.txt: line 2: '.*' cannot be a clip's key; write one key a line"):
        listed(tmp_path, f"{KEY}\n{line}\n".encode(), format_name)


def test_a_list_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: cannot read this list: No such file or directory; check the name"):
        read_keys("none.txt", "parse.missing", tmp_path, "ntu_skeleton")
    with pytest.raises(DataError, match=r"list\.txt: cannot read this list: byte 1 is not UTF-8; save it as UTF-8"):
        listed(tmp_path, b"a\xe9")


def test_a_list_that_is_a_pipe_or_a_device_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "/dev/zero"):
        with pytest.raises(DataError, match="cannot read this list: not a regular file"):
            read_names(name, "parse.class_names", tmp_path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[yes, nod]", r"entry 1 is True to YAML, not text; write it in quotes: 'yes' \(or 'on', 'true'\)"),
        ("[nod, off]", r"entry 2 is False to YAML, not text; write it in quotes: 'no' \(or 'off', 'false'\)"),
        ("[null]", "entry 1 is None to YAML, not text; write it in quotes: 'null'"),
        ("[nod, 7]", "entry 2 is 7 to YAML, not text; write it in quotes: '7'"),
        ("[nod, {a: b}]", "entry 2 is {'a': 'b'} to YAML, not text"),
        ("{a: b}", "a list, or the name of a text file, got {'a': 'b'}"),
    ],
)
def test_what_yaml_does_not_take_for_text_is_refused_with_the_quotes_to_add(tmp_path, value, message):
    for read in (read_names, lambda *given: read_keys(*given, "folder_arrays")):
        with pytest.raises(ValueError, match=f"^parse.class_names: {message}"):
            read(yaml.safe_load(value), "parse.class_names", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wave\nbow\nwave\n", r"line 3: 'wave' is listed before, .*line 1; every class needs a name of its own"),
        (
            "0,wave\n1,bow\n",
            r"line 1: '0,wave' is no class name, every line begins with a number of its own; write one",
        ),
        ("0 wave\n1 bow\n", r"line 1: '0 wave' is no class name, every line begins with a number of its own"),
        ("# ids\n7: wave\n\n3: bow\n", r"line 2: '7: wave' is no class name, every line begins with a number"),
        ("A001. wave\nA002. bow\n", r"line 1: 'A001. wave' is no class name, every line begins with a number"),
        ("wave,0\nbow,0\n", r"line 1: 'wave,0' is no class name, every line is divided by as many commas; .* quotes$"),
        ('"id";"name"\n"0";"wave"\n', r"line 1: '\"id\";\"name\"' is no class name, every line is divided"),
        ('"name"\n"wave"\n', "line 1: 'name' looks like a header"),
        ("name,\nwave,\n", "line 1: 'name' looks like a header"),
        ("wave\n#bow\n", "line 2: '#bow': write a comment with a space after #, a name in quotes"),
        ('wave\n""\n', "line 2: '' is no class name"),
        ("wave\tbow\n", r"line 1: 'wave\\tbow' is no class name"),
        ("Class_Name\nwave\n", r"line 1: 'Class_Name' looks like a header; the first line is the name of class 0"),
        ("caf\u00e9\ncafe\u0301\n", r"line 2: 'café' is listed before"),
    ],
)
def test_a_list_of_class_names_that_would_shift_or_merge_classes_is_refused(tmp_path, text, message):
    (tmp_path / "names.txt").write_text(text, encoding="utf-8-sig")
    with pytest.raises(DataError, match=message):
        read_names("names.txt", "parse.class_names", tmp_path)


def test_comments_quotes_and_commas_at_the_end_are_no_part_of_a_name_or_key(tmp_path):
    """And an empty row of a spreadsheet is no entry."""
    text = '# my classes\n"wave",\n##\n\'stop, go\';\n"say ""hi"""\nbow,,\n,,\n#\n3, 2, 1 go\n'
    (tmp_path / "names.txt").write_text(text)
    names = ("wave", "stop, go", 'say "hi"', "bow", "3, 2, 1 go")
    assert read_names("names.txt", "parse.class_names", tmp_path) == names
    assert listed(tmp_path, f'# lost\n"{KEY}.skeleton",\n'.encode()) == (KEY,)
    with pytest.raises(DataError, match=r"line 1: '#.*': write a comment with a space after #"):
        listed(tmp_path, f"#{KEY}".encode())


@pytest.mark.parametrize("first", ["label", "name", "0 wave", "#selfie"])
def test_a_name_that_looks_like_a_header_or_a_number_is_written_in_quotes_or_in_yaml(tmp_path, first):
    (tmp_path / "names.txt").write_text(f'"{first}"\nbow\n')
    assert read_names("names.txt", "parse.class_names", tmp_path) == (first, "bow")
    assert read_names([first, "1 bow"], "parse.class_names", tmp_path) == (first, "1 bow")
    (tmp_path / "names.txt").write_text("bow\nlabel\n0 wave\nname\n")  # no first line, and not every line
    assert read_names("names.txt", "parse.class_names", tmp_path) == ("bow", "label", "0 wave", "name")


def test_names_may_hold_commas_numbers_and_codes(tmp_path):
    (tmp_path / "names.txt").write_text("A001 wave\n2 fingers\nstop, go\n", encoding="utf-8-sig")
    assert read_names("names.txt", "parse.class_names", tmp_path) == ("wave", "2 fingers", "stop, go")
    assert read_names(None, "parse.class_names", tmp_path) == ()


def test_entries_that_name_no_clip_are_told_all_or_some():
    assert without_clip(["a", "b.npy"], {"a", "b"}, "parse.missing") == []
    assert without_clip([], {"a"}, "parse.missing") == []
    assert without_clip(["a", "c", "d", "e", "f"], {"a"}, "parse.missing") == [
        "parse.missing: 4 of its 5 entries name no clip here: 'c', 'd', 'e', .."
    ]
    assert without_clip(["x", "y"], {"a"}, "parse.missing") == [
        "parse.missing: not one of its 2 entries names a clip here, so it says nothing of any: 'x', 'y'"
    ]


@pytest.fixture
def accents(tmp_path):
    """Folders of classes as one system writes them, and a definition and lists as another does."""
    split_up = unicodedata.normalize("NFD", "café")
    for name in (split_up, "nod", "bow"):
        (tmp_path / "raw" / name).mkdir(parents=True)
        for i in range(2):
            array = np.random.default_rng(i).normal(size=(4, 2, 3)).astype(np.float32)
            np.save(tmp_path / "raw" / name / f"{split_up}{i}.npy", array)
    (tmp_path / "lost.txt").write_text("\ufeffcafé/café1.npy\nnod/other\n", encoding="utf-8")
    layout = {"name": "stick", "joints": ["a", "b"], "bones": [[1, 0]]}
    document = {
        "parse": {
            "format": "folder_arrays",
            "layout": layout,
            "class_names": ["café", "nod", "bow"],
            "missing": "lost.txt",
        },
        "split": SPLIT,
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return tmp_path


def test_names_keys_and_labels_are_compared_as_they_look(accents):
    definition = load_definition(accents / "mine.yaml")
    plan = make_plan(definition, [accents / "raw"])
    refused = [(job.name.key, job.problem) for job in plan.jobs if job.problem]
    assert refused == [(nfc("café_café1"), "on the data set's list of missing skeletons")]
    assert {job.labels[0].name for job in plan.jobs} == {unicodedata.normalize("NFD", "café"), "nod", "bow"}


def test_parse_says_which_entries_of_a_list_name_no_clip(accents):
    words = ("parse", "--dataset", accents / "mine.yaml", "--raw", accents / "raw", "--out", accents / "out")
    said = done("dastm-data", *words, "--workers", 1)
    assert "note: parse.missing: 1 of its 2 entries name no clip here: 'nod_other'\n" in said
    assert "6 files: 5 clips of 3 classes" in said


def test_a_wrong_class_name_is_one_line_of_the_command(accents):
    text = (accents / "mine.yaml").read_text(encoding="utf-8").replace("- nod", "- on")
    (accents / "mine.yaml").write_text(text, encoding="utf-8")
    line = failed("dastm-data", "parse", "--dataset", accents / "mine.yaml", "--raw", accents / "raw")
    assert line.endswith(
        "parse.class_names: entry 2 is True to YAML, not text; write it in quotes: 'yes' (or 'on', 'true')"
    )
