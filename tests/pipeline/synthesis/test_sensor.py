"""A depth sensor's habits: each at about its rate, and nothing else changes when it does not occur."""

import numpy as np
import pytest

from pipeline.synthesis import sensor
from pipeline.synthesis.render import act
from pipeline.synthesis.sensor import jitter, recorded_frames, sensed, tilted
from pipeline.synthesis.vocabulary import recipe

BODY = act(recipe(2), np.random.default_rng(1))
POINTS = BODY.points(np.arange(BODY.n_frames, dtype=float))
STILL = np.repeat(POINTS[:1], 50, axis=0)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOST_A_CLIP", "TILT_RATE", "ON_LIMB_RATE", "FACING", "FAR_A_METRE"):
        monkeypatch.setattr(sensor, name, 0.0)
    monkeypatch.setattr(sensor, "NOISE_DECADES", (-12.0, -12.0))


def offset(points: np.ndarray, true: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return points - points[0, 0] - (true[:, :25] - true[0, 0])


@pytest.mark.usefixtures("exact")
def test_without_its_habits_the_sensor_only_places_the_body(rng: np.random.Generator) -> None:
    seen = sensed(POINTS, rng)
    assert seen.shape == (BODY.n_frames, 25, 3)
    np.testing.assert_allclose(offset(seen, POINTS), 0.0, atol=1e-9)
    assert 1.0 < seen[..., 2].mean() < 5.0


@pytest.mark.usefixtures("exact")
def test_a_lost_limb_wanders_off_and_comes_back(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "LOST_A_CLIP", 1.0)
    monkeypatch.setattr(sensor, "LOST_FRAMES", (2.0, 3.0))
    lost = [np.linalg.norm(offset(sensed(STILL, rng), STILL), axis=2) for _ in range(100)]
    away = [set(np.flatnonzero(one.max(axis=0) > 1e-6)) for one in lost]
    known = set().union(*sensor.LOST)
    assert all(joints <= known for joints in away)
    assert 20 < sum(not joints for joints in away) < 55  # Poisson: 37 in 100
    assert all((one.min(axis=0) < 1e-6).all() for one in lost)


@pytest.mark.usefixtures("exact")
def test_a_device_of_fifteen_joints_puts_wrists_on_the_limb(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor, "ON_LIMB_RATE", 1.0)
    seen = sensed(POINTS, rng)
    np.testing.assert_allclose(seen[:, 6], 0.85 * seen[:, 7] + 0.15 * seen[:, 5], atol=1e-9)
    np.testing.assert_allclose(seen[:, 18], 0.9 * seen[:, 19] + 0.1 * seen[:, 17], atol=1e-9)


@pytest.mark.usefixtures("exact")
def test_a_tilted_camera_turns_the_body_as_a_whole(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "TILT_RATE", 1.0)
    seen = sensed(POINTS, rng)
    assert np.abs(offset(seen, POINTS)).max() > 1e-3
    spans = [np.linalg.norm(one[:, 3] - one[:, 14], axis=1) for one in (seen, POINTS)]
    np.testing.assert_allclose(*spans, atol=1e-9)


def test_a_tilt_about_x_lifts_what_is_behind_and_one_about_z_what_is_beside() -> None:
    points = np.array([[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]])
    about_x = tilted(points, np.pi / 2, 0.0)
    np.testing.assert_allclose(about_x[0], [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]], atol=1e-12)
    about_z = tilted(points, np.pi / 2, -np.pi / 2)
    np.testing.assert_allclose(about_z[0], [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], atol=1e-12)


def test_noise_is_as_strong_at_the_ends_and_has_its_size() -> None:
    drawn = np.stack([jitter((40, 25, 3), (-2.0, -2.0), np.random.default_rng(seed)) for seed in range(200)])
    size = drawn.std(axis=(0, 2, 3))
    assert size.min() > 0.9 * size.max()
    assert np.median(np.abs(drawn)) == pytest.approx(0.0067 * 0.93, rel=0.1)
    joints = drawn.std(axis=(1, 3))
    assert 0.4 < np.log(joints).std() < 0.6


def test_a_file_holds_all_frames_or_every_second_one_but_for_the_ends() -> None:
    drawn = [recorded_frames(100, np.random.default_rng(seed)) for seed in range(300)]
    steps = [set(np.diff(frames)) for frames in drawn]
    assert all(step in ({1.0}, {2.0}) for step in steps)
    assert sum(step == {2.0} for step in steps) / 300 == pytest.approx(sensor.HALF_RATE, abs=0.1)
    assert all(frames[0] <= 14 and frames[-1] >= 85 for frames in drawn)
    whole = sum(frames[0] <= 1 and frames[-1] >= 98 for frames in drawn)
    assert 0.1 < whole / 300 < 0.35
    short = [recorded_frames(12, np.random.default_rng(seed)) for seed in range(50)]
    assert all(len(frames) >= 8 and (np.diff(frames) == 1).all() for frames in short)


@pytest.mark.usefixtures("exact")
def test_limbs_on_the_far_side_of_a_body_that_faces_past_the_camera_are_lost(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor, "FAR_A_METRE", 4.0)
    for turn in (1.0, -1.0):
        aside = STILL @ sensor.axis_rotation("y", np.array([turn]))[0].T
        lost = [np.linalg.norm(offset(sensed(aside, rng), aside), axis=2).max(axis=0) > 1e-6 for _ in range(60)]
        farther = aside[0, sensor.LEFT, 2] > aside[0, sensor.RIGHT, 2]
        far, near = (set().union(*sensor.FAR_SIDE[side]) for side in ((0, 1) if farther else (1, 0)))
        seen = set(np.flatnonzero(np.any(lost, axis=0)))
        assert seen == far
        assert not seen & near
    monkeypatch.setattr(sensor, "FACING", np.pi)
    turned = sensed(POINTS, rng)
    spans = [np.linalg.norm(one[:, 4] - one[:, 14], axis=1) for one in (turned, POINTS)]
    assert np.median(np.abs(spans[0] - spans[1])) < 1e-6
