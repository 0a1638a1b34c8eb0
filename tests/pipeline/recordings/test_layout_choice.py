"""Which joints an array holds."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import COCO17, COMMON, NTU25
from pipeline.parse.sources.folder_arrays import parse_clip
from pipeline.recordings.arrays import Terms, spec_of
from pipeline.recordings.layout_choice import bone_share, guess, layout_named
from tests.recorded import npy, person


def test_a_layout_is_named_or_described_in_a_file(tmp_path):
    assert layout_named("body19") is COMMON["body19"]
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


def read(array):
    """As `guess` is given it: the clip read as if it had a layout."""

    def as_if(layout):
        return parse_clip("a.npy", npy(array), spec_of(Terms(), layout))

    return array.shape[1], array.shape[2], as_if


KNOWN = [layout for layout in KNOWN_LAYOUTS.values() if not layout.name.startswith(("hands", "florence"))]


@pytest.mark.parametrize("layout", KNOWN, ids=lambda layout: layout.name)
def test_a_known_layout_is_told_by_its_number_of_joints_and_its_bones(layout):
    clip = person(layout=layout)
    if not layout.is_image:
        clip -= np.float32(0.5)  # around the middle of the body
    assert guess(*read(clip)).layout.name == layout.name


def test_layouts_with_the_same_bones_are_one():
    assert guess(*read(person(layout=KNOWN_LAYOUTS["florence15"]))).layout.name == "openni15"


def test_what_can_be_no_confidence_is_the_third_dimension():
    clip = person(layout=KNOWN_LAYOUTS["blazepose33_world"], size=4)
    assert guess(*read(clip)).layout.name == "blazepose33_world"
    clip[..., 2] = 0.9
    found = guess(*read(clip))
    assert found.layout.name == "blazepose33"
    assert found.tracks.joints_PVC.shape[2] == 2


def test_a_number_of_joints_that_no_layout_has_is_refused():
    with pytest.raises(RefusedError, match=r"14 joints of 3 numbers; .*: none; say which joints .*--layout NAME"):
        guess(*read(np.ones((4, 14, 3))))
    with pytest.raises(RefusedError, match="26 joints of 5 numbers; known layouts with this number of joints: halpe26"):
        guess(*read(np.ones((4, 26, 5))))


def test_what_may_be_two_layouts_is_refused_by_name(monkeypatch):
    other = replace(NTU25, name="other", bones=(*NTU25.bones[1:], (0, 20)))
    monkeypatch.setattr("pipeline.recordings.layout_choice.KNOWN_LAYOUTS", {"ntu25": NTU25, "other": other})
    with pytest.raises(RefusedError, match=r"25 joints that may be (ntu25 or other|other or ntu25); say which"):
        guess(*read(person()))


@pytest.mark.parametrize("layout", [NTU25, COCO17], ids=lambda layout: layout.name)
def test_joints_in_another_order_are_no_body(layout):
    with pytest.raises(RefusedError, match="in that order they are no body"):
        guess(*read(person(layout=layout)[:, np.random.default_rng(5).permutation(layout.n_joints)]))


def test_what_cannot_be_measured_is_not_doubted():
    assert np.isnan(bone_share(np.full((3, 25, 3), np.nan), NTU25))
    assert np.isnan(bone_share(np.zeros((3, 25, 3)), NTU25))
    lost = person() - np.float32(0.5)
    lost[:, 3] = np.nan
    assert guess(*read(lost)).layout is NTU25
