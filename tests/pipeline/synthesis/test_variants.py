"""A variant differs from its recipe in what its name says, and in nothing else."""

import numpy as np
import pytest

from pipeline.synthesis.body import CHANNELS
from pipeline.synthesis.stages import Recipe, Track, mirrored
from pipeline.synthesis.variants import (
    LEFT_ARM,
    RIGHT_ARM,
    mirrored_sides,
    nudged,
    other_arms,
    reversed_order,
    same_motion,
    with_other_tracks,
    without_one,
)

LEGS = [i for i in range(len(CHANNELS)) if i not in (*RIGHT_ARM, *LEFT_ARM)]


def track(columns, n_keys=2, returns=True):
    keys = np.zeros((n_keys, len(CHANNELS)))
    keys[:, columns] = 1 + np.arange(n_keys)[:, None] + 0.1 * np.arange(len(columns))
    return Track(keys_KD=keys, seconds_K=np.arange(1.0, n_keys + 1), pause=0.1, returns=returns)


@pytest.fixture
def recipe():
    arm, legs = track(RIGHT_ARM), track(LEGS[:3], n_keys=1, returns=False)
    return Recipe(stance_D=np.zeros(len(CHANNELS)), stages=((arm,), (legs, track(LEFT_ARM))))


def test_the_reverse_begins_where_the_recipe_stays_and_goes_back(recipe, rng):
    turned = reversed_order(recipe, rng)
    (legs, left), (arm,) = turned.stages
    assert np.array_equal(turned.stance_D, recipe.stages[1][0].keys_KD[0])
    assert np.array_equal(legs.keys_KD, -recipe.stages[1][0].keys_KD)
    assert np.array_equal(arm.keys_KD, recipe.stages[0][0].keys_KD[::-1])
    assert np.array_equal(left.seconds_K, recipe.stages[1][1].seconds_K[::-1])


def test_one_arm_becomes_both_and_both_become_one(recipe, rng):
    (arm,), (legs, left) = other_arms(recipe, rng).stages
    for one, before in ((arm, RIGHT_ARM), (left, LEFT_ARM)):
        stage = recipe.stages[0 if before is RIGHT_ARM else 1]
        own = stage[-1].keys_KD[:, before]
        assert np.array_equal(one.keys_KD[:, RIGHT_ARM], own)
        assert np.array_equal(one.keys_KD[:, LEFT_ARM], own)
    assert np.array_equal(legs.keys_KD, recipe.stages[1][0].keys_KD)
    again = other_arms(other_arms(recipe, rng), rng).stages[0][0]
    assert np.array_equal(again.keys_KD, recipe.stages[0][0].keys_KD)


def test_a_nudge_moves_one_pose_of_one_track_in_the_angles_that_it_has(recipe, rng):
    changed = nudged(recipe, rng)
    pairs = [
        (one.keys_KD, other.keys_KD)
        for before, after in zip(recipe.stages, changed.stages, strict=True)
        for one, other in zip(before, after, strict=True)
    ]
    moved = [(a != b).any(1) for a, b in pairs]
    assert sum(rows.sum() for rows in moved) == 1
    assert all((a[a == 0] == b[a == 0]).all() for a, b in pairs)


def test_the_other_side_does_it_all(recipe, rng):
    changed = mirrored_sides(recipe, rng)
    assert np.array_equal(changed.stages[0][0].keys_KD, mirrored(recipe.stages[0][0].keys_KD))


def test_a_track_goes_missing_only_where_another_stays(recipe, rng):
    for _ in range(10):
        sizes = [len(stage) for stage in without_one(recipe, rng).stages]
        assert sizes in ([1, 1], [1, 2])
    assert [1, 1] in [[len(s) for s in without_one(recipe, rng).stages] for _ in range(20)]


def test_arms_of_one_stage_do_something_else_and_legs_go_on(recipe, rng):
    other = track([RIGHT_ARM[0]])
    for _ in range(10):
        changed = with_other_tracks(lambda _: (other,))(recipe, rng)
        kept = [one for stage in changed.stages for one in stage]
        assert sum(one is other for one in kept) == 1
        assert any(np.array_equal(one.keys_KD, recipe.stages[1][0].keys_KD) for one in kept)


def test_what_has_no_other_side_is_told_as_the_same(recipe, rng):
    assert same_motion(recipe, recipe)
    assert not same_motion(recipe, nudged(recipe, rng))
    assert not same_motion(recipe, Recipe(stance_D=recipe.stance_D, stages=recipe.stages[:1]))
    both = other_arms(Recipe(stance_D=recipe.stance_D, stages=recipe.stages[:1]), rng)
    assert same_motion(mirrored_sides(both, rng), both)
