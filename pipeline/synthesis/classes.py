"""What each class does: class number -> `Script`; it never depends on the seed or the number of classes.

Classes come in blocks of six, so that space and time both matter: a move repeated; a, then b; b, then a; c while d;
the same c, then d; and two people facing each other. `class_name(i)` says it in words.
"""

from dataclasses import dataclass
from itertools import combinations

from pipeline.synthesis.moves import SOLO_MOVES

BLOCK = 6
MAX_CLASSES = 64 * BLOCK
TIMES = {1: "", 2: " twice", 3: " three times"}


@dataclass(frozen=True, kw_only=True)
class Action:
    """One move of `moves.MOVES`, how many times over, and how large (1 = as written)."""

    move: str
    times: int = 1
    size: float = 1.0

    def __str__(self) -> str:
        return self.move + TIMES[self.times] + ("" if self.size == 1.0 else " slightly")


Stage = tuple[Action, ...]
"""Actions made at once; none: the body waits."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """The stages of one class, one after the other; `other` are those of the second body, stage by stage."""

    name: str
    stages: tuple[Stage, ...]
    other: tuple[Stage, ...] = ()
    distance: float = 0.0
    """Metres between the two bodies at the start."""

    @property
    def n_bodies(self) -> int:
        """How many bodies act."""
        return 2 if self.other else 1


def _meeting(name: str, mine: str | None, other: str | None, distance: float) -> Script:
    stages = tuple((((Action(move=move),) if move else ()),) for move in (mine, other))
    return Script(name=name, stages=stages[0], other=stages[1], distance=distance)


MEETINGS = (
    _meeting("shake hands", "shake hands", "shake hands", 0.95),
    _meeting("punch the other", "punch with right fist", "recoil", 0.95),
    _meeting("walk towards each other", "walk", "walk", 2.4),
    _meeting("kick the other", "kick with right leg", "step back", 1.05),
    _meeting("hug", "hug", "hug", 0.75),
    _meeting("wave to each other", "wave right hand", "wave right hand", 1.6),
    _meeting("push the other", "push with both hands", "step back", 0.85),
    _meeting("high five", "high five", "high five", 1.0),
    _meeting("point at the other", "point with right hand", "shake head", 1.3),
    _meeting("bow to each other", "bow", "bow", 1.5),
    _meeting("back away", "step back", "step back", 0.9),
    _meeting("give something", "hand over", "hand over", 1.05),
)
_NAMES = tuple(move.name for move in SOLO_MOVES)
_AT_ONCE = tuple((a.name, b.name) for a, b in combinations(SOLO_MOVES, 2) if not a.limbs & b.limbs)


def class_script(class_id: int) -> Script:
    """What class `class_id` does.

    Raises: ValueError outside 0 .. MAX_CLASSES - 1.
    """
    if not 0 <= class_id < MAX_CLASSES:
        raise ValueError(f"class {class_id}: the synthesiser knows classes 0 to {MAX_CLASSES - 1}")
    block, place = divmod(class_id, BLOCK)
    if place == 0:
        return _one(_NAMES[7 * block % len(_NAMES)], 1 + (block + block // len(_NAMES)) % 3)
    if place in (1, 2):
        first = 5 * block % len(_NAMES)
        pair = (_NAMES[first], _NAMES[(first + 4 + block // len(_NAMES)) % len(_NAMES)])
        return _in_turn(*(pair if place == 1 else pair[::-1]))
    if place in (3, 4):
        one, two = _AT_ONCE[(17 + 101 * block) % len(_AT_ONCE)]
        return _at_once(one, two) if place == 3 else _in_turn(one, two, size=0.6)
    return _two_people(block)


def class_name(class_id: int) -> str:
    """In words, e.g. 'wave right hand, then bow'; distinct for every class."""
    return class_script(class_id).name


def _one(move: str, times: int) -> Script:
    action = Action(move=move, times=times)
    return Script(name=str(action), stages=((action,),))


def _in_turn(first: str, second: str, size: float = 1.0) -> Script:
    one, two = Action(move=first, size=size), Action(move=second)
    return Script(name=f"{one}, then {two}", stages=((one,), (two,)))


def _at_once(first: str, second: str) -> Script:
    # The shorter of the two is stretched to the longer one's time.
    one, two = Action(move=first), Action(move=second)
    return Script(name=f"{one} and {two} at once", stages=((one, two),))


def _two_people(block: int) -> Script:
    """The twelve meetings first, then each followed by another."""
    later, index = divmod(block, len(MEETINGS))
    one = MEETINGS[index]
    if later == 0:
        return Script(name=f"two people: {one.name}", stages=one.stages, other=one.other, distance=one.distance)
    two = MEETINGS[(index + later) % len(MEETINGS)]
    return Script(
        name=f"two people: {one.name}, then {two.name}",
        stages=one.stages + two.stages,
        other=one.other + two.other,
        distance=max(one.distance, two.distance),
    )
