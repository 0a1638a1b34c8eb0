"""Numbers without names: what geometry tells, and what the definition's layout decides."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from pipeline.parse.tools.guesses import guessed, layout_by_count


def body(n_joints, n_places, scale=0.5):
    return np.full((2, n_joints, n_places), scale)


@pytest.mark.parametrize(
    ("places", "layout", "pixels"),
    [
        (body(33, 3), "blazepose33", False),
        (body(33, 2, 300.0), "blazepose33", True),
        (body(17, 2), "coco17", False),
        (body(17, 3), "h36m17", False),
        (body(20, 3), "kinect20", False),
        (body(25, 2), "body25", False),
        (body(25, 3), "ntu25", False),
        (body(32, 3, 900.0), "kinect32", True),
        (body(21, 3), "hands21", False),
        (body(5, 2), "joints5", False),
    ],
)
def test_joints_are_known_by_their_number(places, layout, pixels):
    found = guessed(places, None)
    assert (found["layout"].name, found["pixels"], found["up"]) == (layout, pixels, "y")


def test_the_middle_of_the_hips_at_the_origin_makes_world_landmarks():
    places = body(33, 3)
    places[:, 23], places[:, 24] = [0.1, 0, 0], [-0.1, 0, 0.01]
    assert (guessed(places, None)["layout"].name, guessed(places, None)["up"]) == ("blazepose33_world", "-y")
    assert guessed(np.full((1, 33, 3), np.nan), None)["layout"].name == "blazepose33"


def test_the_layout_that_is_wanted_decides():
    assert guessed(body(21, 3), KNOWN_LAYOUTS["hands21_world"])["layout"].name == "hands21_world"
    assert guessed(body(33, 3), KNOWN_LAYOUTS["blazepose33_world"])["up"] == "-y"
    assert guessed(body(20, 3), KNOWN_LAYOUTS["kinect20"])["up"] == "y"


def test_names_make_a_layout_of_their_own():
    found = guessed(body(2, 2), None, ("left elbow", "left shoulder"))
    assert (found["named"], found["layout"].bones) == (True, ((1, 0),))


def test_joints_that_are_too_many_are_refused():
    with pytest.raises(RefusedError, match="1 to 1024 joints"):
        layout_by_count(2000, image=True)


def test_joints_of_no_known_number_are_numbered():
    assert layout_by_count(4, image=False).joints == ("joint 0", "joint 1", "joint 2", "joint 3")
