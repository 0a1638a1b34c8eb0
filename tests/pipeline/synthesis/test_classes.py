"""Classes: distinct, stable, and made so that order and simultaneity matter."""

import pytest

from pipeline.synthesis.classes import BLOCK, MAX_CLASSES, class_name, class_script
from pipeline.synthesis.moves import MOVES

ALL = [class_script(i) for i in range(MAX_CLASSES)]


def test_every_class_has_a_name_of_its_own() -> None:
    assert len({script.name for script in ALL}) == MAX_CLASSES == 384


def test_every_class_does_something_else() -> None:
    assert len({(script.stages, script.other) for script in ALL}) == MAX_CLASSES


def test_the_first_classes_are_what_they_have_always_been() -> None:
    assert [class_name(i) for i in range(BLOCK + 1)] == [
        "wave right hand",
        "wave right hand, then kick with left leg",
        "kick with left leg, then wave right hand",
        "wave right hand and march in place at once",
        "wave right hand slightly, then march in place",
        "two people: shake hands",
        "punch with left fist twice",
    ]


def test_all_moves_exist() -> None:
    asked = {action.move for script in ALL for stage in script.stages + script.other for action in stage}
    assert asked <= set(MOVES)


@pytest.mark.parametrize("block", range(MAX_CLASSES // BLOCK))
def test_a_block_holds_an_order_its_reverse_and_a_pair_at_once(block: int) -> None:
    repeated, forth, back, at_once, in_turn, together = ALL[BLOCK * block : BLOCK * (block + 1)]
    assert len(repeated.stages) == 1
    assert forth.stages == back.stages[::-1] != back.stages
    assert [len(stage) for stage in at_once.stages] == [2]
    first, second = (MOVES[action.move].limbs for action in at_once.stages[0])
    assert not first & second
    moves_of = [sorted(action.move for stage in script.stages for action in stage) for script in (at_once, in_turn)]
    assert moves_of[0] == moves_of[1]
    assert [len(stage) for stage in in_turn.stages] == [1, 1]
    assert [script.n_bodies for script in (repeated, forth, back, at_once, in_turn, together)] == [1] * 5 + [2]
    assert len(together.stages) == len(together.other)
    assert together.distance >= 0.7


def test_a_meeting_after_another_happens_second() -> None:
    assert class_name(12 * BLOCK + 5) == "two people: shake hands, then punch the other"
    assert [stage[0].move for stage in class_script(12 * BLOCK + 5).other] == ["shake hands", "recoil"]


@pytest.mark.parametrize("class_id", [-1, MAX_CLASSES])
def test_a_class_outside_the_list_is_refused(class_id: int) -> None:
    with pytest.raises(ValueError, match=f"class {class_id}: the synthesiser knows classes 0 to 383"):
        class_script(class_id)
