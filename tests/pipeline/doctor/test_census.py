"""Copies, names used twice, and what is missing against definition and lists."""

from dataclasses import replace

import pytest

from pipeline.definitions import load_definition
from pipeline.doctor.census import Census, expected_clips
from pipeline.doctor.clips import Examined
from tests.pipeline.raw_files import definition


def clip(key, digest=None, class_id=0, is_usable=True, source=None):
    return Examined(
        source=source or f"{key}.json", key=key, findings=(), class_id=class_id, digest=digest, is_usable=is_usable
    )


def census_of(*clips):
    census = Census("here")
    return census, [(f.check, f.source, f.what) for one in clips for f in census.add(one)]


def test_copies_name_the_first_and_the_classes_where_they_differ():
    _, found = census_of(
        clip("a", b"1"), clip("b", b"2"), clip("c", b"1"), clip("d", b"1", class_id=4), clip("e", b"3")
    )
    what = "the same joints in the same frames as 'a.json'"
    assert found == [
        ("duplicate", "c.json", what),
        ("duplicate", "d.json", f"{what}, which is of class 0, this one of 4"),
    ]


def test_a_clip_that_cannot_be_read_is_no_copy():
    assert census_of(clip("a"), clip("b"), clip(None), clip(None))[1] == []


def test_a_name_used_twice_counts_once_and_says_whether_the_joints_agree():
    again = [clip("a", digest, source=f"{i}.json") for i, digest in enumerate((b"1", b"1", b"2", None))]
    census, found = census_of(*again)
    assert found == [
        ("same_file", "1.json", "the same name as '0.json', with the same joints"),
        ("same_name", "2.json", "the same name as '0.json', but not with its joints"),
        ("same_name", "3.json", "the same name as '0.json', but not with its joints"),
    ]
    assert census.clips == {0: 1}


def against(census, spec):
    return [(f.check, f.what) for f in census.against(spec)]


def test_what_a_demo_should_hold_is_counted():
    demo = load_definition("demo-ntu", {"synth": {"n_classes": 30, "clips_per_class": 16}})
    whole = [clip(f"{i}-{n}", class_id=i) for i in range(30) for n in range(16)]
    assert against(census_of(*whole)[0], demo) == []
    fewer = [c for c in whole if c.class_id > 9 and not (c.class_id == 29 and c.key > "29-12")]
    census, _ = census_of(*fewer, clip("x", class_id=9, is_usable=False))
    few = census.clips[29]
    assert 0 < few < 15
    assert against(census, demo) == [
        ("classes", "no usable clip of 10 of 30 classes: 0, 1, 2, 3, 4, 5, 6, 7, .."),
        ("classes", f"fewer than the 15 clips that split takes in 1 classes: 29 ({few})"),
        ("clip_count", f"{19 * 16 + few} usable clips, demo-ntu has 480"),
    ]


def test_ntu_should_hold_all_that_is_not_on_its_missing_list():
    ntu = load_definition("ntu-t")
    assert expected_clips(ntu) == 114_480 - len(ntu.parse.missing)
    census, _ = census_of(*(clip(f"{i}-{n}", class_id=i) for i in range(120) for n in range(30)))
    assert against(census, ntu) == [("clip_count", "3600 usable clips, ntu-t has 113945")]


@pytest.mark.parametrize("classes", ["all", "split"])
def test_classes_outside_the_split_are_missed_only_where_all_are_parsed(classes):
    kinetics = load_definition("kinetics", {"split": {"clips_per_class": None}})
    kinetics = replace(kinetics, parse=replace(kinetics.parse, classes=classes))
    in_split = [i for ids in kinetics.split.class_split.values() for i in ids]
    found = against(census_of(*(clip(str(i), class_id=i) for i in in_split))[0], kinetics)
    assert [check for check, _ in found] == ([] if classes == "split" else ["classes"])
    assert expected_clips(kinetics) is None


def test_nobody_says_how_many_clips_a_users_own_data_set_has():
    assert expected_clips(replace(definition("demo-ntu"), synth=None)) is None


def test_clips_that_a_list_names_and_nobody_has_are_counted():
    census, _ = census_of(clip("a"))
    census.note("b", "b.json")
    census.note(None, "c.json")
    assert list(census.against_list("list", {"a": 0, "b": 0})) == []
    (found,) = census.against_list("list", dict.fromkeys("abcdefg", 0))
    assert (found.source, found.what) == ("list", "5 of 7 clips on it are not there: 'c', 'd', 'e', ..")
