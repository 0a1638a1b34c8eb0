"""Mirrored bodies: who is whose partner, what a mirror shows, and which skeletons have no sides."""

from dataclasses import replace

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import COCO17, LAYOUTS, NTU25, Layout
from dastm.training.mirroring import checked_partners, mirrored, partners

PAIR = Layout(name="pair", joints=("HandLeft", "hip", "HandRight"), bones=((0, 1), (2, 1)))
STICK = Layout(name="stick", joints=("foot", "hip", "head"), bones=((1, 0), (2, 1)))


def test_left_and_right_joints_change_places_and_x_its_sign():
    assert partners(PAIR) == (2, 1, 0)
    body = torch.arange(9.0).view(1, 1, 3, 3)
    seen = mirrored(torch.cat([body, body]), torch.tensor([True, False]), partners(PAIR))
    assert seen[0, 0].tolist() == [[-6, 7, 8], [-3, 4, 5], [0, 1, 2]]
    assert torch.equal(seen[1], body[0])


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_a_mirror_before_a_mirror_shows_what_is_and_keeps_the_bones(layout, generator):
    order = partners(layout)
    assert [order[order[joint]] for joint in range(layout.n_joints)] == list(range(layout.n_joints))
    assert all("left" in layout.joints[order[i]] for i, name in enumerate(layout.joints) if "right" in name)
    turned = {frozenset((order[a], order[b])) for a, b in layout.bones}
    assert turned == {frozenset(bone) for bone in layout.bones}
    bodies, which = torch.randn(2, 4, layout.n_joints, 3, generator=generator), torch.ones(2, dtype=torch.bool)
    assert torch.equal(mirrored(mirrored(bodies, which, order), which, order), bodies)
    assert not mirrored(torch.zeros_like(bodies), which, order).any()


def test_a_layout_that_names_no_sides_or_one_of_two_is_refused():
    with pytest.raises(ValueError, match="layout stick has no joints that are told apart as left and right"):
        partners(STICK)
    with pytest.raises(ValueError, match="layout pair has a joint 'handleft' and none 'handright'"):
        partners(replace(PAIR, joints=("HandLeft", "hip", "R hand")))
    with pytest.raises(ValueError, match="told apart as left and right"):
        partners(replace(PAIR, joints=("left hand", "Left Hand", "right hand")))


def test_shards_that_have_no_mirrored_clips_are_refused_in_one_line():
    manifest = Manifest(dataset="toy", layout=STICK, frames=4, subsets={}, definition={}, contents="", versions={})
    with pytest.raises(RunError, match=r"pretrain\.mirror: toy: layout stick has no .*; rename the joints, or"):
        checked_partners(manifest)
    assert checked_partners(replace(manifest, layout=COCO17)) == partners(COCO17)
    scrambled = replace(manifest, layout=NTU25, definition={"split": {"frame_order": "scrambled"}})
    with pytest.raises(RunError, match=r"pretrain\.mirror: not of shards whose frames are scrambled"):
        checked_partners(scrambled)
