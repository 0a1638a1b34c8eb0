"""The open vocabulary: the same recipe for ever, others for others, and shares as the tables have them."""

from collections import Counter
from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest

from pipeline.synthesis import vocabulary
from pipeline.synthesis.body import COLUMN, LEG
from pipeline.synthesis.stages import Recipe, mirrored
from pipeline.synthesis.variants import same_motion
from pipeline.synthesis.vocabulary import LEG_MOVES, arm_track, fidget, leg_track, recipe, trunk_track, walk_track

pytestmark = pytest.mark.slow

N = 400
ARM_COLUMNS = {
    side: [c for name, c in COLUMN.items() if name[0:2] == f"{side}_" and name[2:] not in LEG] for side in "rl"
}
LEG_COLUMNS = [c for name, c in COLUMN.items() if name[1] == "_" and name[2:] in LEG]


@pytest.fixture(scope="module")
def recipes() -> list[Recipe]:
    return [recipe(class_id) for class_id in range(N)]


def test_a_recipe_is_a_function_of_its_number_alone(recipes: list[Recipe]) -> None:
    for class_id in (0, 7, 4321):
        np.testing.assert_equal(astuple(recipe(class_id)), astuple(recipe(class_id)))
    seen = {str([track.keys_KD.tolist() for stage in one.stages for track in stage]) for one in recipes}
    assert len(seen) == N


def test_a_family_has_three_classes_that_are_nearly_its_first(recipes: list[Recipe]) -> None:
    shared = []
    for family in range(0, N, vocabulary.FAMILY):
        first, *others = recipes[family : family + vocabulary.FAMILY]
        keys = {_told(key) for key in _keys(first)}
        assert all(not same_motion(first, other) for other in others)
        akin = [len(keys & {_told(sign) for key in _keys(other) for sign in _sides(key)}) for other in others]
        shared.append(max(akin))
    strangers = [
        len({_told(key) for key in _keys(a)} & {_told(key) for key in _keys(b)}) for a, b in pairwise(recipes[::4])
    ]
    assert np.mean(strangers) < 0.1


def _keys(one: Recipe) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [key for stage in one.stages for track in stage for key in track.keys_KD]


def _sides(key: np.ndarray) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    return key, -key, mirrored(key)


def _told(key: np.ndarray) -> tuple[float, ...]:  # type: ignore[type-arg]
    return tuple(np.round(np.abs(key), 9))


@pytest.mark.parametrize(
    "table",
    [
        *(
            vocabulary.STAGES,
            vocabulary.ARMS,
            vocabulary.ARM_MOTIONS,
            vocabulary.STANCES,
            vocabulary.ARM_POSES,
            vocabulary.ARM_REPEATS,
        ),
        *(vocabulary.LEG_REPEATS, vocabulary.TURNS, {name: move.share for name, move in LEG_MOVES.items()}),
    ],
)
def test_the_shares_of_a_table_are_probabilities(table: dict[object, float]) -> None:
    assert sum(table.values()) == pytest.approx(1.0)


def test_every_stage_moves_something_and_their_number_is_as_the_table_says(recipes: list[Recipe]) -> None:
    counts = Counter(len(one.stages) for one in recipes)
    for n_stages, share in vocabulary.STAGES.items():
        assert counts[n_stages] / N == pytest.approx(share, abs=0.1)
    assert all(stage for one in recipes for stage in one.stages)
    held = sum(bool(one.stance_D.any()) for one in recipes)
    assert held / N == pytest.approx(1 - vocabulary.STANCES["stand"], abs=0.08)


def test_left_and_right_are_equally_often_the_side() -> None:
    firsts = [recipe(vocabulary.FAMILY * family) for family in range(N)]
    tracks = [track.keys_KD.any(axis=0) for one in firsts for stage in one.stages for track in stage]
    right = sum(moves[ARM_COLUMNS["r"]].any() and not moves[ARM_COLUMNS["l"]].any() for moves in tracks)
    left = sum(moves[ARM_COLUMNS["l"]].any() and not moves[ARM_COLUMNS["r"]].any() for moves in tracks)
    assert min(right, left) > 60
    assert 0.7 < right / left < 1.4


def test_times_and_sizes_are_those_of_people(recipes: list[Recipe]) -> None:
    tracks = [track for one in recipes for stage in one.stages for track in stage]
    seconds = np.concatenate([track.seconds_K for track in tracks])
    assert seconds.min() > 0.05
    assert seconds.max() < 6.0
    assert all(len(track.keys_KD) == len(track.seconds_K) >= 1 for track in tracks)
    assert np.abs(np.concatenate([track.keys_KD for track in tracks])).max() < np.radians(290.0)


def test_both_arms_alike_wave_together_or_against_each_other() -> None:
    kinds = set()
    for seed in range(60):
        track = arm_track("rl", np.random.default_rng(seed))
        assert (track.keys_KD[:, ARM_COLUMNS["r"]] == track.keys_KD[:, ARM_COLUMNS["l"]]).all()
        if track.wave is not None and track.wave.sine_D.any():
            right, left = (track.wave.sine_D[ARM_COLUMNS[side]] for side in "rl")
            kinds.add("alike" if (right == left).all() else "against" if (right == -left).all() else "odd")
    assert kinds == {"alike", "against"}


def test_a_stroke_stays_near_its_first_pose(monkeypatch: pytest.MonkeyPatch) -> None:
    spread = {}
    monkeypatch.setattr(vocabulary, "ARM_MOTIONS", {"poses": 1.0})
    monkeypatch.setattr(vocabulary, "STROKE_DEGREES", 5.0)
    for rate in (0.0, 1.0):
        monkeypatch.setattr(vocabulary, "STROKE_RATE", rate)
        monkeypatch.setattr(vocabulary, "ARM_POSES", {3: 1.0})
        tracks = [arm_track("r", np.random.default_rng(seed)) for seed in range(40)]
        spread[rate] = np.mean([np.abs(np.diff(track.keys_KD, axis=0)).sum() for track in tracks])
    assert spread[1.0] < 0.4 * spread[0.0]


def test_every_leg_move_is_drawn_on_both_sides_and_some_stay(rng: np.random.Generator) -> None:
    tracks = [leg_track(rng) for _ in range(400)]
    assert all(track.keys_KD.any() for track in tracks)
    sides = Counter(np.sign(track.keys_KD[-1, COLUMN["sideways"]]) for track in tracks)
    assert sides[1.0] > 3
    assert sides[-1.0] > 3
    assert any(track.keys_KD[-1, COLUMN["lift"]] >= 0.1 for track in tracks)
    stay = sum(not track.returns for track in tracks)
    share = sum(move.share for move in LEG_MOVES.values() if move.can_stay) * vocabulary.STAY_RATE
    assert stay / 400 == pytest.approx(share, abs=0.06)


def test_walks_go_forwards_backwards_and_turn_and_stay_where_they_end(rng: np.random.Generator) -> None:
    tracks = [walk_track(rng) for _ in range(300)]
    ways = np.array([track.keys_KD[0, COLUMN["forward"]] for track in tracks])
    turns = np.array([track.keys_KD[0, COLUMN["turn"]] for track in tracks])
    assert (ways > 0).sum() > 3 * (ways < 0).sum() > 0
    assert (ways == 0).mean() == pytest.approx(vocabulary.ON_THE_SPOT_RATE, abs=0.08)
    assert (turns == 0).mean() == pytest.approx(vocabulary.TURNS["none"], abs=0.1)
    for track in tracks:
        assert not track.returns
        assert track.wave is not None
        assert track.wave.hertz is None
        assert track.wave.sine_D[LEG_COLUMNS].any()


def test_trunk_and_head_take_a_pose_or_go_to_and_fro(rng: np.random.Generator) -> None:
    tracks = [trunk_track(rng) for _ in range(300)]
    waves = [track for track in tracks if track.wave is not None]
    assert len(waves) / 300 == pytest.approx(vocabulary.TRUNK_WAVE_RATE, abs=0.08)
    assert any(track.keys_KD.any() for track in waves)
    assert sum(not track.keys_KD.any() for track in waves) > 10


def test_a_fidget_is_small_and_waves_at_nobody(rng: np.random.Generator) -> None:
    fidgets = [fidget(rng) for _ in range(100)]
    assert all(track.wave is None for track in fidgets)
    assert np.mean([np.abs(track.keys_KD).max() for track in fidgets]) < np.radians(40.0)
