"""One performance of a recipe by a random person: `Recipe` -> joint angles at any frames, and the person.

In: a recipe and a generator. Out: `Act`, whose `points` are joints in space. Everything that differs between two clips
of a class is drawn here, except for the sensor: the person, pace, sizes, timing, idle time, sway, a fidget.
First everything is drawn, then only the frames asked for are computed.

Axes: T frames, K poses of a track, D channels, V joints, C coordinates.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.synthesis.body import CHANNELS, COLUMN, Array, Subject, draw_subject, pose
from pipeline.synthesis.motion import FPS, smooth_step, sway
from pipeline.synthesis.stages import Recipe, Track
from pipeline.synthesis.vocabulary import fidget

MIN_FRAMES, MAX_FRAMES = 12, 600
BONE_SPREAD, PLACE_SPREAD = 0.08, 0.012
"""How sensors differ in where they see a body's joints: logarithm of a bone's length, and its end in body heights."""
TIPS = 21
"""Finger tips, thumbs and face are from here on: they stay where they are on hand and head."""
PACE_SPREAD, PACE = 0.2, (0.6, 1.8)
IDLE_RATE, IDLE_BEFORE, IDLE_AFTER = 0.7, 20.0, 16.0
"""How often the body waits before, and after; the most frames that it does."""
LAG, OVERLAP, PAUSE = 5.0, -6.0, 10.0
"""Frames: the most by which a track of a stage comes late; between stages, from one already begun to a rest."""
TRACK_SIZE, CHANNEL_SIZE, STANCE_SIZE = 0.14, 0.10, 0.1
ASIDE, ASIDE_MOST, MOVED = np.radians((6.0, 14.0, 12.0))
"""How far beside the mark a pose is, at most, and which angles move at all."""
KEY_TIME, PAUSE_TIME, WAVE_TIME, WAVE_SIZE = 0.22, 0.3, 0.2, 0.2
BACK_SECONDS, BACK_SPREAD = 0.5, 0.25
WAVE_EDGE, WAVE_LEAD = 0.15, 0.3
"""A wave's share of time in which it swells and fades; how much of the way to the last pose it has begun before."""
SWAY, FIDGET_RATE, HEADING = 0.8, 0.35, np.radians(20.0)


@dataclass(frozen=True, kw_only=True)
class _Wave:
    sine_D: Array
    cosine_D: Array
    bias_D: Array
    beats: int
    start: float
    stop: float


@dataclass(frozen=True, kw_only=True)
class _Take:
    """A track as it is done this time; times in frames."""

    keys_KD: Array
    starts_K: Array
    frames_K: Array
    wave: _Wave | None
    back: tuple[float, float] | None
    """When it goes back, and in how many frames."""
    stop: float


@dataclass(frozen=True, kw_only=True)
class Act:
    """One performance, of `n_frames` at 30 frames a second."""

    subject: Subject
    n_frames: int
    stance_TD: Array
    takes: tuple[_Take, ...]

    def points(self, frames_T: Array) -> Array:
        """(T, 30, 3) joints of these frames, metres, y up from the ground, about facing negative z."""
        angles = self.stance_TD[frames_T.astype(np.int64)]
        for take in self.takes:
            angles = angles + _angles(take, frames_T)
        points, _ = pose(angles, self.subject)
        return points


def act(recipe: Recipe, rng: np.random.Generator) -> Act:
    """Somebody does what the recipe says."""
    subject = _person(rng)
    pace = 1.0 / float(np.clip(subject.pace * np.exp(rng.normal(0.0, PACE_SPREAD)), *PACE))
    before, after = rng.uniform(0.0, (IDLE_BEFORE, IDLE_AFTER)) * (rng.random(2) < IDLE_RATE)
    takes: list[_Take] = []
    at = float(before)
    for stage in recipe.stages:
        done = [_take(track, at + rng.uniform(0.0, LAG), subject, pace, rng) for track in stage]
        at = max(take.stop for take in done) + rng.uniform(OVERLAP, PAUSE)
        takes += done
    n_frames = int(np.clip(at + after, MIN_FRAMES, MAX_FRAMES))
    if rng.random() < FIDGET_RATE:
        takes.append(_take(fidget(rng), rng.uniform(0.0, n_frames), subject, pace, rng))
    stance = recipe.stance_D * np.exp(rng.normal(0.0, STANCE_SIZE)) + subject.posture_D + SWAY * sway(n_frames, rng)
    stance[:, COLUMN["turn"]] += rng.normal(0.0, HEADING)
    return Act(subject=subject, n_frames=n_frames, stance_TD=stance, takes=tuple(takes))


def _person(rng: np.random.Generator) -> Subject:
    """Somebody as a sensor sees this person: joints where this sensor and clip have them."""
    subject = draw_subject(rng)
    rest = subject.offsets_V3.copy()
    rest[:TIPS] *= np.exp(rng.normal(0.0, BONE_SPREAD, (TIPS, 1)))
    rest[:TIPS] += rng.normal(0.0, PLACE_SPREAD * subject.height, (TIPS, 3))
    return replace(subject, offsets_V3=rest)


def _take(track: Track, start: float, subject: Subject, pace: float, rng: np.random.Generator) -> _Take:
    n_keys = len(track.keys_KD)
    frames_K = track.seconds_K * np.exp(rng.normal(0.0, KEY_TIME, n_keys)) * pace * FPS
    arrived = start + frames_K.sum()
    leaves = arrived + _pause(track, pace, rng)
    back = FPS * BACK_SECONDS * pace * float(np.exp(rng.normal(0.0, BACK_SPREAD)))
    return _Take(
        keys_KD=_done_by(track.keys_KD, subject, rng),
        starts_K=start + np.cumsum(frames_K) - frames_K,
        frames_K=frames_K,
        wave=_waved(track, start, arrived - WAVE_LEAD * frames_K[-1], leaves, subject, rng),
        back=(leaves, back) if track.returns else None,
        stop=float(leaves + back * track.returns),
    )


def _pause(track: Track, pace: float, rng: np.random.Generator) -> float:
    """Frames at the last pose."""
    pause = track.pause * FPS * pace * np.exp(rng.normal(0.0, PAUSE_TIME))
    if track.wave is None or track.wave.hertz is None:
        return float(pause)
    return float(max(pause, track.wave.beats / track.wave.hertz * FPS * np.exp(rng.normal(0.0, WAVE_TIME))))


def _done_by(keys_KD: Array, subject: Subject, rng: np.random.Generator) -> Array:
    """The poses as this person takes them this time: every angle with its own size, and a little beside the mark."""
    sizes = np.exp(rng.normal(0.0, TRACK_SIZE) + rng.normal(0.0, CHANNEL_SIZE, keys_KD.shape))
    aside = np.clip(rng.normal(0.0, ASIDE, keys_KD.shape), -ASIDE_MOST, ASIDE_MOST)
    done: Array = keys_KD * subject.style_D * sizes + aside * (np.abs(keys_KD) > MOVED)
    return done


def _waved(
    track: Track, start: float, leads: float, stop: float, subject: Subject, rng: np.random.Generator
) -> _Wave | None:
    wave = track.wave
    if wave is None:
        return None
    beats = wave.beats + (int(rng.integers(-1, 2)) if wave.beats > 2 else 0)
    size = subject.style_D * np.exp(rng.normal(0.0, WAVE_SIZE))
    if wave.hertz is None and rng.random() < 0.5:  # the other foot first
        size = -size
    return _Wave(
        sine_D=size * wave.sine_D,
        cosine_D=size * wave.cosine_D,
        bias_D=wave.bias_D,
        beats=beats,
        start=start if wave.hertz is None else leads,
        stop=stop,
    )


def _angles(take: _Take, frames_T: Array) -> Array:
    """(T, D) what the take adds to the stance; after it what remains of it."""
    steps_KD = np.diff(take.keys_KD, axis=0, prepend=np.zeros((1, len(CHANNELS))))
    out: Array = smooth_step((frames_T[:, None] - take.starts_K) / take.frames_K) @ steps_KD
    if take.wave is not None:
        out = out + _swings(take.wave, frames_T)
    if take.back is not None:
        leaves, lasting = take.back
        out = out - smooth_step((frames_T - leaves) / max(lasting, 1.0))[:, None] * take.keys_KD[-1]
    return out


def _swings(wave: _Wave, frames_T: Array) -> Array:
    u = np.clip((frames_T - wave.start) / max(wave.stop - wave.start, 1.0), 0.0, 1.0)
    envelope = smooth_step(u / WAVE_EDGE) * smooth_step((1.0 - u) / WAVE_EDGE)
    cycle = 2.0 * np.pi * wave.beats * u
    basis = envelope[:, None] * np.stack([np.sin(cycle), np.cos(cycle), np.ones_like(u)], axis=1)
    swings: Array = basis @ np.stack([wave.sine_D, wave.cosine_D, wave.bias_D])
    return swings
