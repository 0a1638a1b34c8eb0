"""What the paths of recordings say: classes, subjects, keys."""

import re

import pytest

from pipeline.recordings.naming import naming_of, subject_named


def facts(naming, source):
    match = re.fullmatch(naming.pattern, source)
    assert match is not None
    return match["key"], match["class"], match.groupdict().get("subject")


def test_a_folder_a_class_needs_no_pattern():
    naming = naming_of(["wave/1.npy", "sit/1.npy", "sit/2.csv"], ["wave", "sit", "sit"])
    assert naming is not None
    assert (naming.pattern, naming.classes, naming.subjects, naming.by_folder) == (None, ("sit", "wave"), (), True)


@pytest.mark.parametrize(
    ("source", "other", "key"),
    [
        ("wave/P07/a_1.npy", "wave/P12/a_2.npy", "a_1"),
        ("wave/day 1/subject_7/a_1.npy", "wave/subject_9/a_2.npy", "a_1"),
        ("wave/S07/a.npy", "wave/S08/a.npy", "wave/S07/a"),
        ("wave/a_p07_1.npy", "wave/a_p08_1.npy", "a_p07_1"),
        ("wave/Subject7.npy", "wave/Subject8.npy", "Subject7"),
        ("set/wave/u7/a.npy", "set/wave/u8/b.npy", "a"),
        ("wave.zip/p7/a.npy", "wave.zip/p8/b.npy", "a"),
    ],
)
def test_subjects_are_found_in_folders_and_names(source, other, key):
    naming = naming_of([source, other], ["wave", "wave"])
    assert naming is not None
    assert facts(naming, source) == (key, "wave", re.search(r"7|07", source)[0] if "07" not in source else "07")
    assert len(naming.subjects) == 2
    assert naming.classes == ("wave",)


def test_who_is_always_the_same_or_not_always_named_is_no_subject():
    for sources in (["wave/P1/a.npy", "wave/P1/b.npy"], ["wave/P1/a.npy", "wave/x/b.npy"]):
        naming = naming_of(sources, ["wave", "wave"])
        assert naming is not None
        assert naming.subjects == ()
        assert facts(naming, sources[0])[1:] == ("wave", None)


@pytest.mark.parametrize(
    ("sources", "classes", "subjects"),
    [
        ([f"S001C001P00{p}R001A00{a}.npy" for p in (1, 2) for a in (1, 2)], ("001", "002"), (1, 2)),
        ([f"x/a0{a}_s0{s}_e01_skeleton.csv" for s in (1, 2) for a in (1, 2)], None, ()),
        ([f"a0{a}_s0{s}_e01_skeleton.csv" for s in (1, 2) for a in (1, 2)], ("01", "02"), (1, 2)),
        ([f"{c}_P0{p}_003.npy" for p in (1, 2) for c in ("sit down", "wave")], ("sit down", "wave"), (1, 2)),
        ([f"{c}{n}.npy" for n in (1, 2) for c in ("sit_", "wave")], ("sit", "wave"), ()),
        ([f"clip{n}.npy" for n in range(9)], None, ()),
        (["wave.npy", "sit.npy"], None, ()),
    ],
)
def test_names_of_files_in_one_folder_may_say_their_class(sources, classes, subjects):
    naming = naming_of(sources, [None] * len(sources))
    if classes is None:
        assert naming is None
        return
    assert naming is not None
    assert (naming.classes, naming.subjects, naming.by_folder) == (classes, subjects, False)


def test_classes_are_in_the_order_of_their_numbers():
    names = ["a10", "a9", "B1"]
    naming = naming_of([f"{name}/1.npy" for name in names], names)
    assert naming is not None
    assert naming.classes == ("a9", "a10", "B1")


def test_where_folders_do_not_agree_nobody_says_a_class():
    assert naming_of(["wave/1.npy", "x/sit/1.npy"], ["wave", "sit"]) is None
    assert naming_of(["elsewhere/1.npy"], ["wave"]) is None


def test_two_files_of_one_key_are_left_to_parse():
    naming = naming_of(["wave/1.npy", "wave/1.csv"], ["wave", "wave"])
    assert naming is not None
    assert (naming.pattern, naming.classes) == (None, ("wave",))
    assert naming_of(["wave/x/1.npy", "wave/x/1.csv"], ["wave", "wave"]) is None


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("wave/P03/take_2", 3),
        ("wave/wave_p12_1", 12),
        ("subject-4", 4),
        ("clips/S001C002P007R001A010", 7),
        ("wave/a03_s09_e01", 9),
        ("wave/clip_2", None),
        ("step2", None),
    ],
)
def test_one_name_may_say_who_acts(path, subject):
    assert subject_named(path) == subject
