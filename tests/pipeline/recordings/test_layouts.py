"""Which joints an array holds."""

import numpy as np
import pytest
import yaml

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.skeleton import COCO17, COMMON, LAYOUTS, NTU25, OPENPOSE18
from pipeline.recordings.layouts import MOST_BONE, bone_share, check_bones, layout_named, only_layout
from tests.recorded import person


def test_a_layout_is_named_or_described_in_a_file(tmp_path):
    assert layout_named("body15") is COMMON["body15"]
    path = tmp_path / "mine.yaml"
    for document in ({"layout": NTU25.to_dict()}, {"layout": "ntu25"}, {"name": "x", "parse": {"layout": "ntu25"}}):
        path.write_text(yaml.safe_dump(document))
        assert layout_named(str(path)) == NTU25


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("layout: {name: a, joints: [x, x], bones: []}", "distinct names"),
        ("layout: {name: a, joint: [x]}", "unknown key 'joint'"),
        ("layout: ntu26", "one of ntu25"),
        ("[1]", "got None"),
        ("parse: 3", "got None"),
        ("a: b: c", "not readable as YAML"),
        (None, "No such file"),
    ],
)
def test_a_file_that_describes_none_is_one_line(tmp_path, text, why):
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=why) as refusal:
        layout_named(str(path))
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_wrong_name_says_which_there_are():
    with pytest.raises(DataError, match=r"no layout 'ntu': one of ntu25, .*pose15, or a \.yaml file"):
        layout_named("ntu")


def test_the_only_layout_of_so_many_joints_is_taken():
    assert [only_layout(*shape) for shape in ((25, 3), (25, 4), (17, 2), (17, 3), (18, 3))] == [
        *(NTU25, NTU25, COCO17, COCO17, OPENPOSE18)
    ]
    with pytest.raises(RefusedError, match=r"13 joints of 3 numbers; .*: none; say which joints .*--layout NAME"):
        only_layout(13, 3)
    with pytest.raises(RefusedError, match="ntu25 of 25"):
        only_layout(25, 2)


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), *COMMON.values()], ids=lambda layout: layout.name)
def test_joints_in_another_order_are_no_body(layout, rng):
    places = person(layout=layout)[..., : layout.n_space]
    assert bone_share(places, layout) < MOST_BONE
    check_bones(places, layout)
    with pytest.raises(RefusedError, match="in its order they are no body"):
        check_bones(places[:, rng.permutation(layout.n_joints)], layout)


def test_what_cannot_be_measured_is_not_doubted():
    assert np.isnan(bone_share(np.full((3, 25, 3), np.nan), NTU25))
    assert np.isnan(bone_share(np.zeros((3, 25, 3)), NTU25))
    check_bones(np.zeros((0, 25, 3)), NTU25)
