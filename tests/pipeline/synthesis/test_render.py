"""Acting: when a track is where, that two clips of a class differ, and that any frames can be asked for."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25
from pipeline.synthesis import render
from pipeline.synthesis.body import COLUMN, draw_subject
from pipeline.synthesis.moves import angles
from pipeline.synthesis.render import MAX_FRAMES, MIN_FRAMES, _angles, _take, act
from pipeline.synthesis.stages import Recipe, Track, Wave
from pipeline.synthesis.vocabulary import recipe

UP = angles({"r_flex": 90.0})
RAISE = Track(keys_KD=UP[None], seconds_K=np.array([0.5]), pause=1.0, returns=True)
FLEX = COLUMN["r_flex"]


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody misses the mark or the time."""
    for name in (
        "TRACK_SIZE",
        "CHANNEL_SIZE",
        "ASIDE",
        "KEY_TIME",
        "PAUSE_TIME",
        "WAVE_TIME",
        "WAVE_SIZE",
        "BACK_SPREAD",
    ):
        monkeypatch.setattr(render, name, 0.0)


def taken(track: Track, rng: np.random.Generator) -> render._Take:
    subject = draw_subject(rng)
    return _take(track, 10.0, replace(subject, style_D=np.ones_like(subject.style_D)), 1.0, rng)


@pytest.mark.usefixtures("exact")
def test_a_track_goes_to_its_pose_waits_and_returns(rng: np.random.Generator) -> None:
    take = taken(RAISE, rng)
    done = _angles(take, np.array([0.0, 10.0, 17.5, 25.0, 54.0, 70.0, 99.0]))[:, FLEX]
    np.testing.assert_allclose(done / UP[FLEX], [0, 0, 0.5, 1, 1, 0, 0], atol=1e-12)
    assert take.stop == pytest.approx(10 + 15 + 30 + 15)
    stays = taken(replace(RAISE, returns=False), rng)
    np.testing.assert_allclose(_angles(stays, np.array([9.0, 300.0]))[:, FLEX], [0.0, UP[FLEX]], atol=1e-12)
    assert stays.stop == pytest.approx(55)


@pytest.mark.usefixtures("exact")
def test_poses_follow_each_other(rng: np.random.Generator) -> None:
    two = replace(RAISE, keys_KD=np.stack([UP, -UP]), seconds_K=np.array([0.5, 1.0]))
    done = _angles(taken(two, rng), np.array([10.0, 25.0, 40.0, 56.0]))[:, FLEX]
    np.testing.assert_allclose(done / UP[FLEX], [0, 1, 0, -1], atol=1e-12)


@pytest.mark.usefixtures("exact")
def test_a_wave_swings_about_the_last_pose_and_ends(rng: np.random.Generator) -> None:
    nod = angles({"nod": 20.0})
    wave = Wave(sine_D=nod, cosine_D=0 * nod, bias_D=0 * nod, beats=2, hertz=1.0)
    take = taken(replace(RAISE, wave=wave), rng)
    frames = np.arange(0.0, 120.0)
    swings = _angles(take, frames)[:, COLUMN["nod"]]
    assert np.ptp(swings) > 1.6 * nod[COLUMN["nod"]]
    assert not swings[frames < 10 + 15 * (1 - render.WAVE_LEAD) - 1].any()
    np.testing.assert_allclose(swings[frames > 85], 0.0, atol=1e-12)  # 2 beats of a second after the pose
    assert ((swings[1:] > 0) & (swings[:-1] <= 0)).sum() == 2


@pytest.mark.usefixtures("exact")
def test_steps_last_as_long_as_the_walk_and_begin_with_either_foot() -> None:
    hip = angles({"r_hip": 20.0})
    wave = Wave(sine_D=hip, cosine_D=0 * hip, bias_D=hip, beats=2, hertz=None)
    walk = Track(keys_KD=angles({"forward": 50})[None], seconds_K=np.array([2.0]), pause=0.0, returns=False, wave=wave)
    signs = set()
    for seed in range(12):
        take = taken(walk, np.random.default_rng(seed))
        assert take.wave is not None
        assert (take.wave.start, take.wave.stop) == (10.0, take.stop)
        np.testing.assert_array_equal(take.wave.bias_D, hip)  # a knee never bends the other way
        signs.add(np.sign(take.wave.sine_D).sum())
    assert signs == {1.0, -1.0}


@pytest.mark.parametrize("class_id", range(12))
def test_an_act_is_a_function_of_its_generator_and_of_a_usual_length(class_id: int) -> None:
    done = recipe(class_id)
    one, same, other = (act(done, np.random.default_rng([class_id, seed])) for seed in (0, 0, 1))
    frames = np.arange(one.n_frames, dtype=float)
    np.testing.assert_array_equal(one.points(frames), same.points(frames))
    assert MIN_FRAMES <= one.n_frames <= MAX_FRAMES
    assert not np.array_equal(one.subject.offsets_V3, other.subject.offsets_V3)
    assert np.isfinite(one.points(frames)).all()


def test_some_frames_are_those_of_all() -> None:
    done = act(recipe(3), np.random.default_rng(0))
    every = done.points(np.arange(done.n_frames, dtype=float))
    some = done.points(np.arange(0.0, done.n_frames, 2.0))
    np.testing.assert_allclose(some - some[:, :1], (every - every[:, :1])[::2], atol=1e-9)


def test_a_person_differs_from_sensor_to_sensor_but_keeps_the_bones_through_a_clip() -> None:
    done = act(recipe(1), np.random.default_rng(4))
    points = done.points(np.arange(done.n_frames, dtype=float))
    lengths = np.linalg.norm([points[:, a] - points[:, b] for a, b in NTU25.bones], axis=2)
    assert np.ptp(lengths, axis=1).max() < 1e-9
    again = act(recipe(1), np.random.default_rng(5)).subject
    ratio = np.linalg.norm(again.offsets_V3[5:7], axis=1) / np.linalg.norm(done.subject.offsets_V3[5:7], axis=1)
    assert abs(ratio[0] / ratio[1] - 1.0) > 0.005


def test_a_clip_that_would_never_end_is_cut() -> None:
    long = Recipe(stance_D=0 * UP, stages=((replace(RAISE, seconds_K=np.array([90.0])),),))
    assert act(long, np.random.default_rng(0)).n_frames == MAX_FRAMES
