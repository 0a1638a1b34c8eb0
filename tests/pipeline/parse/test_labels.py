import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.labels import Label, no_class, settle

NAMES = ("abseiling", "air drumming", "zumba")


@pytest.mark.parametrize(
    ("listed", "own", "names", "expected"),
    [
        (("zumba", 2), ("zumba", 2), NAMES, (2, "zumba")),
        (("zumba", 2), (None, None), NAMES, (2, "zumba")),
        ((None, None), ("zumba", 2), (), (2, "zumba")),
        (("zumba", None), (None, 2), NAMES, (2, "zumba")),
        (("zumba", None), (None, None), NAMES, (2, "zumba")),
        (("zumba", None), ("zumba", 7), (), (7, "zumba")),
        ((None, 2), (None, None), NAMES, (2, None)),
        ((None, 0), (None, 0), (), (0, None)),
        (("zumba", None), (None, None), (), (None, "zumba")),
        ((None, None), (None, None), NAMES, (None, None)),
        ((None, 5), (None, None), NAMES, (5, None)),
    ],
)
def test_what_one_place_lacks_the_other_says(listed, own, names, expected):
    assert settle([Label("list", *listed), Label("clip", *own)], names) == expected


@pytest.mark.parametrize(
    ("listed", "own", "names", "reason"),
    [
        (("zumba", 2), ("abseiling", 2), (), "label 'zumba' in the list, but 'abseiling' in the clip"),
        ((None, 2), ("abseiling", 0), (), "label_index 2 in the list, but 0 in the clip"),
        ((None, 0), ("abseiling", 2), (), "label_index 0 in the list, but 2 in the clip"),
        (("zumba", 0), (None, None), NAMES, "'zumba' with label_index 0, .*class_names call 'abseiling'"),
        (("zumba", 9), (None, None), NAMES, "'zumba' with label_index 9, .*class_names call nothing"),
        (("yoga", None), (None, None), NAMES, "label 'yoga' is not among the definition's class_names"),
    ],
)
def test_contradictions_are_refused_and_both_sides_named(listed, own, names, reason):
    with pytest.raises(RefusedError, match=reason):
        settle([Label("list", *listed), Label("clip", *own)], names)


@pytest.mark.parametrize(
    ("format_name", "place"),
    [
        ("kinetics_json", "name its class on the label list beside it or in the clip"),
        ("pyskl_pickle", "name its class in the clip"),
        ("folder_arrays", "name its class in a labels file (parse.source.labels) or in the clip"),
        ("auto", "name its class in a labels file (parse.source.labels) or in the clip"),
    ],
)
def test_a_clip_without_class_asks_for_what_its_format_reads(format_name, place):
    assert place in no_class(None, format_name).reason
    assert "class_names" in no_class("wave", format_name).reason


def test_nobody_says_anything():
    assert settle([], NAMES) == (None, None)
