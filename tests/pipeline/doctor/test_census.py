"""Copies, names used twice, and what is missing against definition and lists."""

from dataclasses import replace

import pytest

from pipeline.definitions.definition import load_definition
from pipeline.doctor.census import Census, expected_clips
from pipeline.doctor.clips import Examined
from tests.pipeline.raw_files import definition

pytestmark = pytest.mark.slow


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
    demo = load_definition("demo-ntu", {"synth": {"clips_per_class": 16}, "split": {"clips_per_class": 15}})
    whole = [clip(f"{i}-{n}", class_id=i) for i in range(90) for n in range(16)]
    assert against(census_of(*whole)[0], demo) == []
    fewer = [c for c in whole if c.class_id > 9 and not (c.class_id == 29 and c.key > "29-12")]
    census, _ = census_of(*fewer, clip("x", class_id=9, is_usable=False))
    few = census.clips[29]
    assert 0 < few < 15
    assert against(census, demo) == [
        ("classes", "no usable clip of 10 of 90 classes: 0-9"),
        ("classes", f"fewer than the 15 clips that split takes in 1 classes: 29 ({few})"),
        ("clip_count", f"{79 * 16 + few} usable clips, demo-ntu has 1440; too few of class 29 ({few} of 16)"),
    ]


@pytest.fixture(scope="module")
def ntu():
    return load_definition("ntu-t")


@pytest.fixture(scope="module")
def ntu_clips(ntu):
    """Setup and clip of as many clips as NTU-120 has, with the names of its setups, cameras and subjects."""
    clips = []
    for i, count in expected_clips(ntu).items():
        for n in range(count):
            setup = n % 17 + 1 if i < 60 else n % 15 + 18
            subject = n % 40 + 1 if i < 60 else n % 66 + 41
            key = f"S{setup:03d}C{n % 3 + 1:03d}P{subject:03d}R{n:03d}A{i + 1:03d}"
            clips.append((setup, clip(key, class_id=i)))
    return clips


def of_setups(clips, setups):
    return census_of(*(one for setup, one in clips if setup in setups))[0]


def test_ntu_should_hold_all_that_is_not_on_its_missing_list(ntu, ntu_clips):
    expected = expected_clips(ntu)
    assert sum(expected.values()) == 113_945 == 114_480 - len(ntu.parse.missing)
    assert sum(n for i, n in expected.items() if i < 60) == 56_880 - 302
    assert against(of_setups(ntu_clips, range(1, 33)), ntu) == []


def test_without_the_second_download_its_setups_and_subjects_are_named(ntu, ntu_clips):
    assert against(of_setups(ntu_clips, range(1, 18)), ntu) == [
        ("classes", "no usable clip of 60 of 120 classes: 60-119"),
        ("absent", "no clip of setups 18-32, subjects 41-106"),
        ("clip_count", "56578 usable clips, ntu-t has 113945"),
    ]


def test_a_download_that_was_cut_short_shows_by_class_and_setup(ntu, ntu_clips):
    census = of_setups(ntu_clips, {*range(1, 30), 31})
    found = dict(against(census, ntu))
    assert found["absent"] == "no clip of setups 30, 32"
    there = sum(one.class_id == 60 and setup not in (30, 32) for setup, one in ntu_clips)
    assert found["clip_count"].split("; ")[1].startswith(f"too few of class 60 ({there} of {expected_clips(ntu)[60]})")
    assert found["clip_count"].endswith(", ..")


def test_names_that_name_no_clip_are_of_no_setup(ntu):
    found = dict(against(census_of(clip("mine"))[0], ntu))
    assert found["absent"] == "no clip of setups 1-32, cameras 1-3, subjects 1-106"


@pytest.mark.parametrize("classes", ["all", "split"])
def test_classes_outside_the_split_are_missed_only_where_all_are_parsed(classes):
    kinetics = load_definition("kinetics", {"split": {"clips_per_class": None}})
    kinetics = replace(kinetics, parse=replace(kinetics.parse, classes=classes))
    in_split = [i for ids in kinetics.split.class_split.values() for i in ids]
    found = against(census_of(*(clip(str(i), class_id=i) for i in in_split))[0], kinetics)
    assert [check for check, _ in found] == ([] if classes == "split" else ["classes"])
    assert expected_clips(kinetics) == {}


def test_nobody_says_how_many_clips_a_users_own_data_set_has():
    assert expected_clips(replace(definition("demo-ntu"), synth=None)) == {}


def test_clips_that_a_list_names_and_nobody_has_are_counted():
    census, _ = census_of(clip("a"))
    census.note("b", "b.json")
    census.note(None, "c.json")
    assert list(census.against_list("list", {"a": 0, "b": 0})) == []
    assert list(census.against_list("list", {"a.json": 0, " b": 0})) == []  # entries mean keys, as for `parse`
    (found,) = census.against_list("list", dict.fromkeys("abcdefg", 0))
    assert (found.source, found.what) == ("list", "5 of 7 clips on it are not there: 'c', 'd', 'e', ..")
