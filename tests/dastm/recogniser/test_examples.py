"""What is enrolled has a name that can be kept, and one of its own."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.recogniser.examples import Example, checked_action, enrolled
from tests.actions import clip_of


def example(action, seed=0, key=None):
    clip = clip_of("wave", seed)
    return Example(action=action, clip=replace(clip, key=key or clip.key), added="2026-11-28")


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "a\ttab", "x" * 121])
def test_no_example_is_made_of_a_name_that_no_file_could_give_back(name):
    with pytest.raises(ValueError, match="the name of an action is a line of 1 to 120 characters"):
        example(name)


def test_the_name_of_an_action_is_the_same_however_its_accents_are_written():
    assert example("Cafe\u0301 ").action == example("Caf\u00e9").action == checked_action("Caf\u00e9")
    assert example(None).action is None


def test_examples_of_one_name_get_numbers_and_keep_them_apart():
    first = enrolled([], [example("wave", 0, "001"), example("kick", 1, "001")])
    again = enrolled(first, [example("wave", 2, "001")])
    assert [one.name for one in again] == ["001", "001~2", "001~3"]
    assert [one.action for one in again] == ["wave", "kick", "wave"]
    assert np.array_equal(again[1].clip.joints_TVC, clip_of("wave", 1).joints_TVC)


def test_one_recording_is_no_example_of_two_actions():
    with pytest.raises(ValueError, match="with the same joints 'wave'; keep one of them"):
        enrolled([example("wave")], [example("kick")])
