"""Units, which way is up, and bones, by the numbers alone."""

import numpy as np
import pytest

from dastm.contract.skeleton import COCO17, NTU25, Layout
from pipeline.recordings.arrays import Terms, read_alone
from pipeline.recordings.geometry import image_of, layout_by_distance, space_of
from tests.recorded import npy, person


def standing(size=1.0, axes=(0, 1, 2), signs=(1, 1, 1)):
    """Somebody whose neck is above the hips, of about 1.5 m."""
    clip = person() - np.float32(0.5)
    clip *= np.float32(0.1)
    clip[:, :, 1] += np.linspace(0, 1.5, 25)[np.argsort(np.argsort([v not in (0, 12, 16) for v in range(25)]))]
    clip[:, 20, 1], clip[:, 0, 1] = 1.4, 0.7
    return clip[..., list(axes)] * np.array(signs, np.float32) * size


def tracks(array, layout=NTU25):
    return [read_alone("a.npy", npy(array.astype(np.float32)), Terms(layout=layout)).tracks]


@pytest.mark.parametrize(("size", "unit"), [(1, None), (100, 0.01), (1000, 0.001)])
def test_the_unit_is_told_by_the_size_of_a_body(size, unit):
    source, guessed, unknown = space_of(tracks(standing(size)), NTU25)
    assert source.get("unit_m") == unit
    assert len(guessed) == 2
    assert unknown == []


@pytest.mark.parametrize(
    ("axes", "signs", "up"),
    [
        ((0, 1, 2), (1, 1, 1), None),
        ((0, 2, 1), (1, 1, 1), "z"),
        ((0, 1, 2), (1, -1, 1), "-y"),
        ((1, 0, 2), (1, 1, 1), "x"),
    ],
)
def test_trunks_tell_which_way_is_up(axes, signs, up):
    assert space_of(tracks(standing(axes=axes, signs=signs)), NTU25)[0].get("up") == up


def test_what_cannot_be_told_is_said():
    source, _, unknown = space_of(tracks(standing(1e-4)), NTU25)
    assert source == {}
    assert "the unit: bodies have a size of 0.0001" in unknown[0]
    lying = standing()
    lying[..., 0] += lying[..., 1]
    assert "which way is up" in space_of(tracks(lying), NTU25)[2][0]
    lost = standing()
    lost[:, 0] = np.nan
    assert "which way is up" in space_of(tracks(lost), NTU25)[2][0]
    no_trunk = Layout(**{**vars(NTU25), "torso": None})
    assert "which way is up" in space_of(tracks(standing()), no_trunk)[2][0]


@pytest.mark.parametrize(
    ("scale", "shift", "source"),
    [
        (1, 0, {"image": "fractions"}),
        (0.8, -0.4, {"image": "centred"}),
        (600, 0, {"image": "pixels", "image_size": [640, 480]}),
        (1500, 0, {"image": "pixels", "image_size": [1920, 1080]}),
        (20000, 0, {"image": "pixels"}),
    ],
)
def test_places_in_images_are_fractions_centred_or_pixels(scale, shift, source):
    clip = person(layout=COCO17) * np.array([scale, scale, 1], np.float32) + np.array([shift, shift, 0], np.float32)
    found, guessed, unknown = image_of(tracks(clip, COCO17))
    assert source.items() <= found.items()
    assert (len(guessed), unknown) == (1, [])


def test_unnamed_joints_hang_on_the_nearest_one():
    line = np.zeros((3, 5, 3), np.float32)
    line[..., 0] = [0.1, 4, 1, 3, 2]
    unnamed = Layout(name="x", joints=tuple("abcde"), bones=tuple((v, 0) for v in range(1, 5)))
    layout = layout_by_distance(tracks(line, unnamed), 5, image=False)
    assert {frozenset(bone) for bone in layout.bones} == {frozenset(pair) for pair in ((0, 2), (2, 4), (4, 3), (3, 1))}
    assert (layout.hub, layout.joints[0], layout.name) == (4, "joint 0", "joints5")
    lost = tracks(line, layout)[0]
    lost.joints_PVC[:, 1] = np.nan
    assert len(layout_by_distance([lost], 5, image=True).bones) == 4
