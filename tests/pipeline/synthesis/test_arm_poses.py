"""Poses of an arm: where its hand may be, and that all that is drawn is kept to it."""

import numpy as np
import pytest

from pipeline.synthesis.arm_poses import REGIONS, beside, draw_arm_pose, hand_of, is_possible, of_sides
from pipeline.synthesis.body import COLUMN


@pytest.mark.parametrize(
    ("hand", "possible"),
    [
        ((0.1, -0.2, -0.3), True),  # in front of the chest
        ((0.1, 0.1, 0.2), False),  # behind the head
        ((0.2, -0.35, 0.15), True),  # swung back beside the hip
        ((0.0, -0.2, -0.01), False),  # within the chest
        ((-0.3, -0.1, -0.3), False),  # further across than an arm goes
    ],
)
def test_a_hand_is_where_a_body_leaves_room(hand: tuple[float, float, float], possible: bool) -> None:
    assert is_possible(np.array(hand)) is possible


def test_every_pose_that_is_drawn_is_possible_and_they_differ(rng: np.random.Generator) -> None:
    hands = np.array([hand_of(draw_arm_pose(rng)) for _ in range(100)])
    assert all(map(is_possible, hands))
    assert (np.ptp(hands, axis=0) > 0.35).all()


def test_the_regions_shares_are_probabilities() -> None:
    assert sum(region.share for region in REGIONS.values()) == pytest.approx(1.0)


def test_a_pose_beside_another_one_is_near_it(rng: np.random.Generator) -> None:
    arm = draw_arm_pose(rng)
    off = np.array([[beside(arm, 10.0, rng)[name] - value for name, value in arm.items()] for _ in range(300)])
    assert np.abs(off.mean(axis=0)).max() < 3.0
    assert 8.0 < off.std() < 12.0


def test_both_arms_take_the_same_pose() -> None:
    vector = of_sides({"flex": 90.0}, "rl")
    assert vector[COLUMN["r_flex"]] == vector[COLUMN["l_flex"]] == pytest.approx(np.pi / 2)
    assert np.count_nonzero(vector) == 2
    assert np.count_nonzero(of_sides({"flex": 90.0}, "l")) == 1
