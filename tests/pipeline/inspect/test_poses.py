from itertools import combinations

import numpy as np
import pytest

from dastm.contract.skeleton import LAYOUTS, NTU25, Layout
from pipeline.inspect.poses import pose_of
from tests.oracles.hand_made import STICK


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), STICK], ids=lambda layout: layout.name)
def test_no_joint_hides_another(layout):
    pose = np.array(pose_of(layout), float)
    assert pose.shape == (layout.n_joints, 2)
    size = np.ptp(pose, axis=0).max()
    assert min(np.hypot(*(a - b)) for a, b in combinations(pose, 2)) > 0.03 * size


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_known_layouts_stand_upright_with_left_and_right_mirrored(layout):
    at = dict(zip(layout.joints, pose_of(layout), strict=True))
    assert at["left shoulder"][1] > at["left hip"][1] > at["left knee"][1] > at["left ankle"][1]
    for name, (x, y) in at.items():
        if name.startswith("left "):
            assert at[name.replace("left ", "right ")] == (-x, y)


def test_another_layout_becomes_the_tree_of_its_bones():
    layout = Layout(name="y", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)
    assert pose_of(layout) == ((0.5, 0.0), (0.5, -1.0), (0.0, -2.0), (1.0, -2.0))
    renamed = Layout(name="ntu25", joints=tuple(f"j{v}" for v in range(25)), bones=NTU25.bones, hub=20)
    assert pose_of(renamed) != pose_of(NTU25)
