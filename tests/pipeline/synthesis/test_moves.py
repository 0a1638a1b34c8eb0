"""The vocabulary: mirror images, limbs, and units."""

import numpy as np
import pytest

from pipeline.synthesis.body import COLUMN
from pipeline.synthesis.moves import MOVES, PARTS, SOLO_MOVES, make_move


def test_names_are_distinct_and_there_are_enough_of_them() -> None:
    assert len({move.name for move in SOLO_MOVES}) == len(SOLO_MOVES) >= 50
    assert len(MOVES) == len(SOLO_MOVES) + 7


@pytest.mark.parametrize("name", [name for name in MOVES if "right" in name.split()])
def test_every_right_handed_move_has_its_mirror_image(name: str) -> None:
    right, left = MOVES[name], MOVES[name.replace("right", "left")]
    assert (right.seconds, right.beats) == (left.seconds, left.beats)
    for channel, column in COLUMN.items():
        other = {"r_": "l_", "l_": "r_"}.get(channel[:2], channel[:2]) + channel[2:]
        sign = -1 if channel in ("lean", "twist", "tilt", "look", "turn", "sideways") else 1
        np.testing.assert_array_equal(sign * left.parts_KD[:, COLUMN[other]], right.parts_KD[:, column])


def test_degrees_become_radians_and_hundredths_become_heights() -> None:
    move = make_move("x", 1.0, hold={"r_flex": 180}, ramp={"forward": 50, "turn": -90})
    expected = np.zeros_like(move.parts_KD)
    expected[PARTS.index("hold"), COLUMN["r_flex"]] = np.pi
    expected[PARTS.index("ramp"), COLUMN["forward"]] = 0.5
    expected[PARTS.index("ramp"), COLUMN["turn"]] = -np.pi / 2
    np.testing.assert_allclose(move.parts_KD, expected)


def test_an_unknown_channel_or_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="tail"):
        make_move("wag", 1.0, hold={"tail": 10})
    with pytest.raises(ValueError, match="not in tuple"):
        make_move("wag", 1.0, shake={"r_flex": 10})


@pytest.mark.parametrize(
    ("name", "limbs"),
    [
        ("raise left arm", {"l arm"}),
        ("clap", {"l arm", "r arm"}),
        ("march in place", {"legs"}),
        ("nod", {"head"}),
        ("bow", {"trunk", "head"}),
        ("turn to the left", {"legs"}),
        ("punch with right fist", {"r arm", "trunk"}),
    ],
)
def test_a_move_knows_its_limbs(name: str, limbs: set[str]) -> None:
    assert MOVES[name].limbs == limbs
