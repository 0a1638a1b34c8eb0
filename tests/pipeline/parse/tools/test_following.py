"""Bodies followed from frame to frame: by nearness, by overlap, never two at once, anew after a second."""

import numpy as np

from pipeline.parse.tools.following import MOST_GAP, follow

POSE = np.array([[0.0, 0.0], [0.0, 4.0], [3.0, 4.0]])


def ids(*seen):
    """`seen`: (frame, offset in x) of bodies of the same pose."""
    frames = np.array([frame for frame, _ in seen], np.int32)
    return follow(frames, np.stack([POSE + np.array([x, 0.0]) for _, x in seen])).tolist()


def test_a_body_goes_on_as_the_nearest_one_whatever_its_place_in_the_list():
    assert ids((0, 0), (0, 20), (1, 21), (1, 1), (2, 2), (2, 22)) == [0, 1, 1, 0, 0, 1]


def test_nearest_pairs_are_joined_first_and_each_body_once():
    assert ids((0, 0), (1, 1), (1, 0.1)) == [0, 1, 0]


def test_who_jumps_further_than_half_its_size_is_another():
    assert ids((0, 0), (1, 3), (2, 50)) == [0, 1, 2]
    assert ids((0, 0), (1, 2.4)) == [0, 0]


def test_a_body_is_known_again_for_a_second_of_video():
    assert ids((0, 0), (MOST_GAP, 0)) == [0, 0]
    assert ids((0, 0), (MOST_GAP + 1, 0)) == [0, 1]


def test_bodies_without_a_common_joint_are_told_by_their_boxes():
    one, other = np.full((2, 4, 2), np.nan)
    one[:2] = [[0, 0], [4, 4]]
    other[2:] = [[0, 1], [4, 4]]
    far = other + 100
    assert follow(np.array([0, 1, 1], np.int32), np.stack([one, far, other])).tolist() == [0, 1, 0]
