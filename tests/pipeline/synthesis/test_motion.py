"""Performances: what a move adds over time, timing, who stands where."""

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25
from pipeline.synthesis.body import COLUMN, draw_subject
from pipeline.synthesis.classes import Action, Script, class_script
from pipeline.synthesis.motion import Tempo, draw_timing, move_angles, perform, smooth_step, stand, turned
from pipeline.synthesis.moves import MOVES, make_move

TEMPO = Tempo(45, 140)
BOW = Script(name="bow", stages=((Action(move="bow"),),))


def test_smooth_step_values() -> None:
    np.testing.assert_allclose(smooth_step(np.array([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])), [0, 0, 0.103515625, 0.5, 1, 1])


def test_a_move_adds_nothing_before_and_leaves_only_its_ramp() -> None:
    move = make_move(
        "all", 2.0, 2, hold={"r_flex": 90}, sine={"bend": 9}, cosine={"lean": 9}, pulse={"nod": 9}, ramp={"turn": 90}
    )
    before, after = move_angles(move, np.array([-0.5, 1.5]), times=3)
    np.testing.assert_allclose(before, 0.0, atol=1e-12)
    expected = np.zeros_like(after)
    expected[COLUMN["turn"]] = 3 * np.pi / 2
    np.testing.assert_allclose(after, expected, atol=1e-12)


def test_the_parts_of_a_move_in_its_middle() -> None:
    move = make_move("one", 2.0, 1, hold={"r_flex": 90}, sine={"bend": 90}, cosine={"lean": 90}, pulse={"nod": 90})
    (middle,) = move_angles(move, np.array([0.5]), times=1)
    assert middle[COLUMN["r_flex"]] == pytest.approx(np.pi / 2)
    assert middle[COLUMN["bend"]] == pytest.approx(0.0)
    assert middle[COLUMN["lean"]] == pytest.approx(-np.pi / 2)
    assert middle[COLUMN["nod"]] == pytest.approx(np.pi / 2)


def test_a_repeated_move_is_made_that_many_times() -> None:
    raised = move_angles(MOVES["bow"], np.linspace(0.0, 1.0, 601), times=3)[:, COLUMN["bend"]]
    half = raised.max() / 2
    assert np.count_nonzero((raised[:-1] < half) & (raised[1:] >= half)) == 3


@pytest.mark.parametrize("class_id", [0, 1, 3, 5, 77])
def test_timing_keeps_the_stages_in_order_and_inside_the_clip(class_id: int, rng: np.random.Generator) -> None:
    for _ in range(100):
        windows, n_frames = draw_timing(class_script(class_id), 1.0, TEMPO, rng)
        assert TEMPO.fewest <= n_frames <= TEMPO.most
        edges = windows.ravel()
        assert edges[0] >= 0.0
        assert edges[-1] <= n_frames + 1
        assert (np.diff(edges) >= 0.0).all()


def test_pace_and_delay_vary(rng: np.random.Generator) -> None:
    drawn = [draw_timing(BOW, 1.0, TEMPO, rng) for _ in range(300)]
    lasting = np.array([windows[0, 1] - windows[0, 0] for windows, _ in drawn])
    assert lasting.max() / lasting.min() > 2.0
    assert np.ptp([windows[0, 0] for windows, _ in drawn]) > 30


def test_a_performance_has_rigid_bones_and_is_repeatable() -> None:
    def once(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return perform(class_script(1), (draw_subject(rng),), TEMPO, rng).bodies[0].points_TV3

    child, parent = np.array(NTU25.bones).T
    points = once(4)
    lengths = np.linalg.norm(points[:, child] - points[:, parent], axis=2)
    assert np.ptp(lengths, axis=0).max() < 1e-9
    np.testing.assert_array_equal(points, once(4))
    assert points.shape != once(5).shape or not np.array_equal(points, once(5))


def test_a_bow_lowers_the_head_and_comes_back(rng: np.random.Generator) -> None:
    for _ in range(20):
        head = perform(BOW, (draw_subject(rng),), TEMPO, rng).bodies[0].points_TV3[:, 3, 1]
        assert head.min() < 0.9 * head.max()
        assert head.min() < head[0] - 0.1


def test_two_people_face_each_other_and_both_move(rng: np.random.Generator) -> None:
    subjects = (draw_subject(rng), draw_subject(rng))
    scene = perform(class_script(5), subjects, TEMPO, rng)
    assert len(scene.bodies) == 2
    left, right = (body.points_TV3 for body in scene.bodies)
    assert left[0, 0, 0] < 0 < right[0, 0, 0]
    assert left[0, 25, 0] > left[0, 3, 0]  # noses towards each other
    assert right[0, 25, 0] < right[0, 3, 0]
    for points in (left, right):
        assert np.ptp(points[:, 11], axis=0).max() > 0.15


def test_wrong_number_of_subjects_is_an_error(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="shorter"):
        perform(class_script(5), (draw_subject(rng),), TEMPO, rng)


def test_somebody_standing_hardly_moves(rng: np.random.Generator) -> None:
    place = np.array([1.0, 0.0, 2.0])
    points = stand(draw_subject(rng), 90, place, rng).points_TV3
    assert points.shape == (90, 30, 3)
    np.testing.assert_allclose(points[:, 0, [0, 2]].mean(axis=0), place[[0, 2]], atol=0.1)
    assert points[:, 3].std(axis=0).max() < 0.1


def test_turning_a_body_turns_points_and_rotations(rng: np.random.Generator) -> None:
    body = stand(draw_subject(rng), 3, np.zeros(3), rng)
    quarter = turned(body, np.pi / 2, np.array([0.0, 1.0, 0.0]))
    x, y, z = np.moveaxis(body.points_TV3, -1, 0)
    np.testing.assert_allclose(quarter.points_TV3, np.stack([z, y + 1, -x], axis=-1), atol=1e-12)
    np.testing.assert_allclose(quarter.rotations_TV33[..., 1, :], body.rotations_TV33[..., 1, :], atol=1e-12)
