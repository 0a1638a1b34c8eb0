"""OpenPose: projection by hand, and each kind of trouble at about its rate."""

import numpy as np
import pytest

from pipeline.synthesis import video_camera
from pipeline.synthesis.body import draw_subject
from pipeline.synthesis.classes import class_script
from pipeline.synthesis.motion import Scene, Tempo, perform
from pipeline.synthesis.video_camera import ASPECT, Film, Lens, film, project

pytestmark = pytest.mark.slow


def scene(rng: np.random.Generator, class_id: int = 0) -> Scene:
    script = class_script(class_id)
    subjects = tuple(draw_subject(rng) for _ in range(script.n_bodies))
    return perform(script, subjects, Tempo(60, 240), rng)


@pytest.fixture(scope="module")
def many() -> list[Film]:
    films = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        films.append(film(scene(rng), rng))
    return films


def test_projection_of_known_points() -> None:
    lens = Lens(distance=4.0, focal_T=np.array([2.0, 4.0]), centre_T2=np.array([[0.5, 0.5], [0.6, 0.4]]), middle=1.0)
    points = np.array([[0.0, 1.0, 4.0], [ASPECT, 1.0, 4.0], [0.0, 1.5, 4.0]])
    xy = project(np.stack([points, points]), lens)
    np.testing.assert_allclose(xy[0], [[0.5, 0.5], [0.0, 0.5], [0.5, 0.25]])  # right goes left, up goes to small y
    np.testing.assert_allclose(xy[1], [[0.6, 0.4], [-0.4, 0.4], [0.6, -0.1]])


def test_the_neck_lies_between_the_shoulders(monkeypatch: pytest.MonkeyPatch) -> None:
    for rate in ("MISSING_SHARE", "EMPTY_SHARE", "CLOSE_UP_RATE"):
        monkeypatch.setattr(video_camera, rate, 0.0)
    monkeypatch.setattr(video_camera, "CROWD_SIZES", (1.0,))
    rng = np.random.default_rng(2)
    (person,) = film(scene(rng), rng).people
    shown = (person.score_TV > 0)[:, [1, 2, 5]].all(axis=1)
    neck = person.xy_TV2[shown, 1] - person.xy_TV2[shown][:, [2, 5]].mean(axis=1)
    assert np.abs(neck.mean(axis=0)).max() < 0.003
    upright = (person.score_TV > 0)[:, [0, 1, 10]].all(axis=1)
    assert (person.xy_TV2[upright, 0, 1] < person.xy_TV2[upright, 1, 1]).all()  # nose above neck: y down
    assert (person.xy_TV2[shown, 2, 0] < person.xy_TV2[shown, 5, 0]).mean() > 0.9  # the right side is left


def test_a_joint_without_a_score_lies_at_zero_and_only_such_a_joint(many: list[Film]) -> None:
    for shown in many[:40]:
        for person in shown.people:
            lost = person.score_TV == 0
            assert (person.xy_TV2[lost] == 0.0).all()
            assert person.xy_TV2[~lost].any(axis=1).all()
            np.testing.assert_array_equal(person.present_T, ~lost.all(axis=1))


def test_about_a_third_of_the_joints_and_of_the_frames_are_missing(many: list[Film]) -> None:
    zero = np.concatenate([p.score_TV[p.present_T].ravel() == 0 for f in many for p in f.people])
    assert 0.25 < zero.mean() < 0.4
    empty = np.concatenate([f.empty_T for f in many])
    assert 0.24 < empty.mean() < 0.34
    begun = sum((f.empty_T[1:] & ~f.empty_T[:-1]).sum() for f in many)
    assert 4.0 < empty.sum() / begun < 10.0  # in runs
    assert all((~f.empty_T).sum() >= 8 for f in many)


def test_scores_and_coordinates_go_a_little_beyond_1(many: list[Film]) -> None:
    scores = np.concatenate([p.score_TV.ravel() for f in many for p in f.people])
    xy = np.concatenate([p.xy_TV2.reshape(-1, 2) for f in many for p in f.people])
    assert 1.0 < scores.max() <= 1.2
    assert 1.0 < xy.max() <= 1.12
    assert xy.min() >= -0.12
    assert 0.0 < (xy > 1.0).mean() < 0.02


def test_up_to_six_people_and_the_crowd_is_less_certain() -> None:
    numbers, certain, crowd = set(), [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        shown = film(scene(rng, class_id=5), rng)
        sums = sorted((p.score_TV.sum(axis=1).mean() for p in shown.people), reverse=True)
        numbers.add(len(sums))
        certain += sums[:2]
        crowd += sums[2:]
    assert numbers == {2, 3, 4, 5, 6}
    assert np.mean(crowd) < 0.4 * np.mean(certain)


def test_the_camera_is_held_by_hand(rng: np.random.Generator) -> None:
    lens = video_camera._lens(299, 1.6, 1, rng)
    assert 0.0 < np.ptp(lens.focal_T) / lens.focal_T.mean() < 0.15
    assert (np.ptp(lens.centre_T2, axis=0) > 0.0).all()
    assert (np.ptp(lens.centre_T2, axis=0) < 0.07).all()


def test_a_close_up_cuts_the_feet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_camera, "CLOSE_UP_RATE", 1.0)
    monkeypatch.setattr(video_camera, "CROWD_SIZES", (1.0,))
    missing = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        (person,) = film(scene(rng), rng).people
        missing.append([(person.score_TV[:, joints] == 0).mean() for joints in ([10, 13], [1])])
    feet, neck = np.mean(missing, axis=0)
    assert feet > 0.7
    assert neck < 0.25
