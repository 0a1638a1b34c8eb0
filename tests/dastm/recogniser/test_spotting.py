"""Actions in long recordings: found once each, while they are going on, and nothing where nothing is."""

import contextlib
from fractions import Fraction

import numpy as np
import pytest
import torch

from dastm.contract.skeleton import COCO17, NTU25
from dastm.recogniser import spotting
from dastm.recogniser.clips import Clip
from dastm.recogniser.clock import BEGUN_AGAIN, Clock
from dastm.recogniser.recogniser import ActionRecogniser
from dastm.recogniser.spotting import LOST_S, PATIENCE_S, Spotter, Spotting, spot
from dastm.recogniser.track import SMOOTHED_S
from tests.actions import clip_of, joints_of, standing

pytestmark = pytest.mark.slow

SAID = ("wave", "kick", "push", "kick", "wave")
REST, LENGTH = 45, 40


def still(rng, n_frames, layout=NTU25):
    return (standing(layout) + rng.normal(0, 0.004, (n_frames, layout.n_joints, 3))).astype(np.float32)


@pytest.fixture
def stream(rng):
    parts = [still(rng, REST)]
    for action in SAID:
        parts += [clip_of(action, 50 + len(parts)).joints_TVC, still(rng, REST)]
    return np.concatenate(parts)


def clip(joints_TVC, **facts):
    return Clip(key="day", source="day.npy", layout=facts.pop("layout", NTU25), joints_TVC=joints_TVC, **facts)


def pushed(spotter, frames):
    """Events with the frame in which each was told."""
    told = [(number, event) for number, frame in enumerate(frames) for event in spotter.push(frame)]
    return told, spotter.finish()


def test_gestures_between_stretches_of_rest_are_found_once_each(recogniser, stream):
    events = spot(recogniser, clip(stream, fps=30.0))
    assert tuple(event.action for event in events) == SAID
    for number, event in enumerate(events):
        begin = REST + number * (REST + LENGTH)
        assert abs(event.start_frame - begin) < 16
        assert abs(event.end_frame - (begin + LENGTH)) < 16
        assert event.end_s == pytest.approx(event.end_frame / 30)
        assert 0.5 < event.score <= 1


def test_an_event_is_told_within_half_a_second_after_its_end(recogniser, stream):
    told, last = pushed(Spotter(recogniser), stream)
    assert not last
    most = (PATIENCE_S + SMOOTHED_S) * 30 + 1
    assert most < 15
    assert max(number - event.end_frame for number, event in told) <= most


def test_frames_one_by_one_and_a_whole_clip_give_the_same_events(recogniser, stream):
    told, last = pushed(Spotter(recogniser, fps=30.0), stream)
    assert [event for _, event in told] + last == spot(recogniser, clip(stream))


def test_what_comes_later_does_not_change_what_was_told(recogniser, stream):
    told, _ = pushed(Spotter(recogniser), stream)
    half = told[2][0] + 1
    assert pushed(Spotter(recogniser), stream[:half])[0] == told[:3]


def test_nothing_is_found_while_nobody_moves(recogniser, rng):
    assert spot(recogniser, clip(still(rng, 300))) == []


def test_nothing_is_found_in_a_movement_that_was_never_shown(recogniser, rng):
    joints_TVC = np.concatenate([still(rng, REST), clip_of("bow", 3).joints_TVC, still(rng, REST)])
    assert spot(recogniser, clip(joints_TVC)) == []


def test_a_gesture_at_the_very_end_is_told_when_the_stream_ends(recogniser, rng):
    told, last = pushed(Spotter(recogniser), np.concatenate([still(rng, REST), clip_of("kick", 60).joints_TVC]))
    assert not told
    assert [event.action for event in last] == ["kick"]


def test_memory_is_bounded(recogniser, stream):
    spotter = Spotter(recogniser)
    pushed_once = [spotter.push(frame) for frame in stream]
    track = spotter._bodies[0].track
    size = len(track.points_TD)
    for _ in range(3):
        for frame in stream:
            spotter.push(frame)
    assert pushed_once
    assert len(track.points_TD) == size
    assert track.n_raw == 4 * len(stream)


def test_two_bodies_are_told_apart(recogniser, rng):
    one = np.concatenate([still(rng, REST), clip_of("wave", 61).joints_TVC, still(rng, 2 * REST)])
    other = np.concatenate([still(rng, 2 * REST), clip_of("kick", 62).joints_TVC, still(rng, REST)]) + np.float32(1)
    spotter = Spotter(recogniser)
    frames = [{"ann": a, "bob": b} for a, b in zip(one, other, strict=True)]
    told, last = pushed(spotter, frames)
    assert [(event.body, event.action) for _, event in told] == [("ann", "wave"), ("bob", "kick")]
    assert not last


def test_a_body_that_leaves_is_forgotten_and_its_last_action_told(recogniser, rng):
    spotter = Spotter(recogniser)
    for frame in np.concatenate([still(rng, REST), clip_of("kick", 63).joints_TVC]):
        assert not spotter.push({7: frame})
    gone = [event for _ in range(int(LOST_S * 30) + 2) for event in spotter.push({})]
    assert [(event.action, event.body) for event in gone] == [("kick", 7)]
    assert not spotter._bodies


def test_the_number_of_bodies_is_bounded(recogniser, monkeypatch):
    monkeypatch.setattr(spotting, "MOST_BODIES", 2)
    spotter = Spotter(recogniser)
    spotter.push({name: standing(NTU25) for name in range(5)})
    assert list(spotter._bodies) == [3, 4]


def test_missing_joints_and_frames_are_borne(recogniser, stream):
    broken = stream.copy()
    broken[::7, 3:9] = np.nan
    broken[60:64] = np.nan
    assert tuple(event.action for event in spot(recogniser, clip(broken))) == SAID


def test_frames_have_their_own_numbers_and_times(recogniser, rng):
    joints_TVC = np.concatenate([still(rng, REST), clip_of("kick", 64).joints_TVC, still(rng, REST)])
    spotter, events = Spotter(recogniser), []
    for number, frame in enumerate(joints_TVC):
        events += spotter.push(frame, frame=1000 + number, time=5 + number / 25)
    (event,) = events
    assert event.start_frame >= 1000 + REST - 10
    assert event.start_s == pytest.approx(5 + (event.start_frame - 1000) / 25)
    assert spot(recogniser, clip(joints_TVC, first_frame=200, body=3))[0].body == 3


@pytest.mark.parametrize("says", ["frame", "time"])
@pytest.mark.parametrize("rate", [1, 2])
def test_a_stream_of_another_rate_tells_the_same_events(recogniser, stream, says, rate):
    """Frames that are left out, or that come twice as often as examples were recorded."""
    whole = spot(recogniser, clip(stream))
    spotter, events = Spotter(recogniser, fps=30 / rate), []
    for number in range(0, len(stream), 3 - rate):
        told = {"frame": number} if says == "frame" else {"time": 1.8e9 + number / 30}
        events += spotter.push(stream[number], **({"time": 1.8e9 + number / 30} if rate == 2 else told))
    assert [event.action for event in events] == [event.action for event in whole]
    for found, expected in zip(events, whole, strict=True):
        begin_s = found.start_s - 1.8e9 if found.start_s > 1e9 else found.start_s
        assert begin_s == pytest.approx(expected.start_s, abs=0.3)


def test_a_body_is_lost_by_the_time_as_well(recogniser, rng):
    wave, spotter = clip_of("wave", 61).joints_TVC, Spotter(recogniser)
    parts = [still(rng, REST), wave[:20], wave[20:], still(rng, REST)]
    hour = np.repeat([0, 0, 3600, 3600], [len(part) for part in parts])
    frames = np.concatenate(parts)
    assert not [e for i, frame in enumerate(frames) for e in spotter.push(frame, time=i / 30 + hour[i])]
    assert not spotter.finish()


@pytest.mark.parametrize(
    "times",
    [
        lambda n: 0.0 * n,
        lambda n: n // 30,
        lambda n: n / 30 % 6,
        lambda n: n / 30 - 3600.0 * (n >= 60),
        lambda n: n / 30 + 1e9 * (n == 20),
    ],
    ids=["stands still", "whole seconds", "begins again", "is set back", "is wrong once"],
)
def test_a_clock_may_be_coarse_or_set(recogniser, stream, times):
    spotter, events = Spotter(recogniser), []
    for number, frame in enumerate(stream):
        events += spotter.push(frame, time=float(times(number)))
    assert [event.action for event in (*events, *spotter.finish())] == [*SAID]


@pytest.mark.parametrize(
    ("times", "note"),
    [(lambda n: n // 30, "times stand still"), (lambda n: n * 33.0, "times are 33 s apart")],
    ids=["whole seconds", "milliseconds"],
)
def test_a_clock_that_cannot_be_used_is_not_and_says_so(recogniser, stream, times, note):
    spotter, events = Spotter(recogniser), []
    for number, frame in enumerate(np.concatenate([stream[:REST], stream])):
        events += spotter.push(frame, frame=number, time=float(times(number)))
    assert [event.action for event in events] == [*SAID]
    assert spotter.clock.unused.startswith(note)
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="time: expected seconds"):
            spotter.push(stream[0], time=wrong)


@pytest.mark.parametrize(
    "repeated", [lambda n: n == 60, lambda n: True, lambda n: n % 3 == 0], ids=["one", "all", "third"]
)
def test_a_frame_that_comes_twice_changes_nothing(recogniser, stream, repeated):
    spotter, events = Spotter(recogniser), []
    for number, frame in enumerate(stream):
        for _ in range(1 + repeated(number)):
            events += spotter.push(frame, time=number / 30)
    assert spotter.clock.unused == ""
    expected = Spotting(recogniser).events(clip(stream, fps=30.0))
    assert [(e.action, e.start_s, e.end_s) for e in events] == [(e.action, e.start_s, e.end_s) for e in expected]


def test_frames_in_bursts_of_one_time_count_as_equally_far_apart(recogniser, stream):
    spotter, events = Spotter(recogniser), []
    for number, frame in enumerate(np.concatenate([stream[:REST], stream])):
        events += spotter.push(frame, time=number // 4 * 4 / 30)
    assert spotter.clock.unused.startswith("times stand still")
    assert [event.action for event in events] == [*SAID]


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("number_of", [lambda n: n % 95, lambda n: 10**9 if n == 20 else n], ids=["again", "huge once"])
def test_numbers_that_begin_again_cost_ten_frames_and_no_event_spans_them(recogniser, stream, number_of, timed):
    spotter, events, refused = Spotter(recogniser), [], []
    for number, frame in enumerate(stream):  # the first begin again while nobody moves
        try:
            events += spotter.push(frame, frame=number_of(number), **({"time": number / 30} if timed else {}))
        except ValueError as error:
            refused.append(str(error))
    events += spotter.finish()
    assert [event.action for event in events] == [*SAID]
    assert all(event.start_frame < event.end_frame and event.start_s < event.end_s for event in events)
    assert len(refused) == BEGUN_AGAIN * (len(stream) // 95 if number_of(95) == 0 else 1)
    assert all("comes after frame" in why for why in refused)


def test_a_movement_in_which_numbers_begin_again_is_no_event(recogniser, rng):
    spotter, events = Spotter(recogniser), []
    for number, frame in enumerate(
        np.concatenate([still(rng, REST), clip_of("wave", 61).joints_TVC, still(rng, REST)])
    ):
        with contextlib.suppress(ValueError):
            events += spotter.push(frame, frame=number if number < REST + 20 else number - REST - 20)
    assert not [*events, *spotter.finish()]


@pytest.mark.parametrize("pause", [20, 0.6])
def test_frames_that_come_twice_around_a_pause_are_as_far_apart_as_once(pause):
    times = [
        0,
        1 / 30,
        2 / 30,
        *(3 / 30 + pause * k for k in range(1, 4)),
        *(0.2 + 3 * pause + k / 30 for k in range(3)),
    ]
    once, twice = Clock(30), Clock(30)
    rows = [once.next(once.number(None), time) for time in times]
    assert [[twice.next(twice.number(None), time) for _ in range(2)] for time in times] == [[row] * 2 for row in rows]
    assert rows[-1] > 30


@pytest.mark.parametrize("times", [[0.0], [0.0, 0.1, 0.2]], ids=["forwards", "back"])
def test_a_clock_that_stands_still_after_a_jump_is_not_used(times):
    clock = Clock(30)
    rows = [clock.next(clock.number(None), time) for time in (*times, *([9.0 if len(times) == 1 else -9.0] * 60))]
    assert clock.unused.startswith("times stand still")
    assert rows[-1] - rows[-20] == 19


@pytest.mark.parametrize("fps", [1, 5, 30])
def test_a_short_stop_turns_no_clock_off(fps):
    clock = Clock(fps)
    for time in (0, 0.1, 0.2, 0.2, 0.2, 0.2, 0.3):
        clock.next(clock.number(None), time)
    assert clock.unused == ""


def test_a_clock_of_long_steps_is_not_used_though_frames_come_twice(recogniser, stream):
    clock = Clock(30)
    for step in range(40):
        for _ in range(2):
            clock.next(clock.number(None), 0.6 * step)
    assert clock.unused.startswith("times are 0.6 s apart")


def test_late_frames_are_refused_one_by_one(recogniser, stream):
    spotter = Spotter(recogniser)
    for number, frame in enumerate(stream[:40]):
        spotter.push(frame, frame=number)
        if number >= 2:
            with pytest.raises(ValueError, match=f"frame {number - 1} comes after frame {number}"):
                spotter.push(frame, frame=number - 1)


def test_times_go_before_numbers_and_may_be_missing(recogniser, stream):
    whole = spot(recogniser, clip(stream))
    for told in (
        lambda n: {"frame": n, "time": n / 60},
        lambda n: {"time": n / 30} if n % 20 < 10 else {"frame": n},
        lambda n: {"time": n / 30 + 1e6 * (n in (100, 200))},
    ):
        spotter, events = Spotter(recogniser), []
        for number, frame in enumerate(
            np.repeat(stream, 2, axis=0) if told(1) == {"frame": 1, "time": 1 / 60} else stream
        ):
            events += spotter.push(frame, **told(number))
        assert [event.action for event in events] == [*SAID]
        assert events[1].distance == pytest.approx(whole[1].distance, abs=0.3)


def test_image_poses_are_spotted(rng):
    recogniser = ActionRecogniser.new("motion2d")
    for action in ("wave", "kick"):
        recogniser.enrol(action, [clip_of(action, seed, COCO17) for seed in (0, 1)])
    begin, middle = clip_of("wave", 70, COCO17).joints_TVC, clip_of("kick", 71, COCO17).joints_TVC
    rest = np.repeat(begin[-1:], REST, axis=0)
    joints_TVC = np.concatenate([rest, begin, rest, np.repeat(middle[:1], REST, axis=0), middle, rest])
    joints_TVC[30:33, :, 2] = 0
    assert [e.action for e in spot(recogniser, clip(joints_TVC, layout=COCO17))][:2] == ["wave", "kick"]


def test_what_cannot_be_spotted_is_refused(recogniser, encoder, rng):
    with pytest.raises(ValueError, match="nothing is enrolled yet"):
        Spotter(ActionRecogniser(encoder))
    for fps in (0.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="fps: from 1 to 1000"):
            Spotter(recogniser, fps=fps)
    with pytest.raises(ValueError, match="that has those of the data"):
        Spotter(recogniser, layout="coco17")
    spotter = Spotter(recogniser)
    with pytest.raises(ValueError, match=r"joints of shape \(3, 3\), ntu25 needs \(25, 3\)"):
        spotter.push(np.zeros((3, 3)))
    spotter.push(joints_of("wave", rng)[0], frame=5)
    with pytest.raises(ValueError, match="frame 5 comes after frame 5"):
        spotter.push(joints_of("wave", rng)[0], frame=5)


def test_examples_are_prepared_once_for_many_recordings(recogniser, stream, monkeypatch):
    calls, make = [], spotting.templates_of
    monkeypatch.setattr(spotting, "templates_of", lambda *words: calls.append(words) or make(*words))
    several = Spotting(recogniser)
    assert several.events(clip(stream[:130], fps=25.0))[0].action == "wave"
    assert several.events(clip(stream[:130], fps=25.0))
    assert len(calls) == 1


def test_an_event_is_a_line_of_json(recogniser, stream):
    event = spot(recogniser, clip(stream))[0]
    row = event.to_dict(1)
    assert [*row][:8] == ["body", "action", "start_frame", "end_frame", "start_s", "end_s", "score", "distance"]
    assert (row["action"], row["margin"]) == ("wave", event.margin if np.isfinite(event.margin) else None)
    assert row["top"] == [{"action": "wave", "score": event.score, "distance": event.distance}]
    assert str(event).startswith(f"wave  {event.start_s:.2f} to ")


@pytest.mark.parametrize(
    ("joints", "options", "said"),
    [
        (1e13, {}, "coordinates of up to .*; they must be below 1e"),
        (1j, {}, "complex"),
        (1.0, {"frame": 3.7}, "frame: expected a whole number, got 3.7"),
        (1.0, {"frame": 10**30}, "frame: expected a whole number"),
        (1.0, {"time": "a"}, "time: expected seconds, got 'a'"),
    ],
)
def test_a_frame_that_cannot_be_is_refused_and_the_stream_goes_on(recogniser, joints, options, said):
    spotter, clip = Spotter(recogniser), clip_of("wave", 50)
    with pytest.raises(ValueError, match=said):
        spotter.push(clip.joints_TVC[0] * joints, **options)
    for joints_VC in clip.joints_TVC:
        spotter.push(joints_VC)
    assert [event.action for event in spotter.finish()] == ["wave"]


def test_a_rate_that_is_no_number_is_refused(recogniser):
    with pytest.raises(ValueError, match="fps: from 1 to 1000 frames a second, got '30'"):
        Spotter(recogniser, fps="30")


def test_whole_numbers_and_seconds_of_any_kind_are_taken(recogniser):
    spotter, clip = Spotter(recogniser, fps=Fraction(30)), clip_of("wave", 50)
    for number, joints_VC in enumerate(clip.joints_TVC):
        frame = (float(number), np.int32(number), torch.tensor(number))[number % 3]
        spotter.push(joints_VC, frame=frame, time=torch.tensor(number / 30, dtype=torch.float64))
    (event,) = spotter.finish()
    assert (event.action, type(event.start_frame)) == ("wave", int)
