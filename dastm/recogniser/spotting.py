"""Finds actions in long recordings: when each begins and ends, reported as soon as it is over.

In: frames of one body or several, one after the other. Out: `Event`s. At every frame, segments of several lengths that
end there are compared with all examples (`dastm.recogniser.windows`). The nearest example becomes a candidate if its
distance is below its limit. If nothing nearer follows for a while, it is an event, and its frames are not used again.
Memory is limited to `LONGEST_S` seconds of every body, the delay to `PATIENCE_S` and the smoothing.
Rows of a body are 1 / `fps` apart (`clock`). Where frames are missing, it stays where it was; frames that come sooner
are left out. So with times speed and length of a movement are right at any rate.

Axes: K lengths, S examples, W actions, V joints, C coordinates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dastm.contract.skeleton import Layout
from dastm.model.matching.rejection import scores
from dastm.recogniser.clips import Clip, measured, numbers, real
from dastm.recogniser.clock import LOST_S, Clock
from dastm.recogniser.decision import Candidate
from dastm.recogniser.recogniser import MOST_TOP, ActionRecogniser, layout_of
from dastm.recogniser.templates import FARTHEST, Templates, templates_of
from dastm.recogniser.track import Track
from dastm.recogniser.windows import window_terms

SHORTEST_S, LONGEST_S, STEP = 0.4, 4.1, 1.13
"""Shortest and longest segment in seconds, and the ratio of two successive lengths."""
IN_TURN = 3
"""Each length is compared at every third frame, in turn, so that all frames cost the same."""
PATIENCE_S = 0.2
"""Seconds that a candidate waits for a better one."""
BETTER = 0.95
"""A better candidate must be nearer than this share of the distance: while a body comes to rest, longer segments get a
little nearer at every frame."""
MOST_BODIES = 32
FARTHEST_PLACE = 1e12
"""Largest coordinate of a frame: lengths of paths are running sums, which would lose a body's digits."""
MOST_FRAME = 2**53
"""Numbers of frames are smaller."""
USUAL_FPS = 30.0
FPS = (1, 1000)
TEMPERATURE = 0.2
"""The temperature of scores, see `dastm.model.matching.rejection`."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One action in a recording."""

    action: str
    start_frame: int
    end_frame: int
    """The last frame of the action."""
    start_s: float
    end_s: float
    score: float
    """From 0 to 1; the scores of all candidates and of `none of these` add up to 1."""
    distance: float
    """The distance to the nearest example along the path (docs/use.md); below 8."""
    margin: float
    """How much farther away the second nearest action was; infinite if no other had a similar length."""
    candidates: tuple[Candidate, ...]
    """The actions of similar length, the nearest first."""
    body: int | str = 0

    def __str__(self) -> str:
        times = f"{self.start_s:.2f} to {self.end_s:.2f} s"
        return f"{self.action}  {times}  {self.score:.2f}  (distance {self.distance:.2f})"

    def to_dict(self, most: int = MOST_TOP) -> dict[str, Any]:
        """The values for JSON; an infinite margin is null."""
        names = ("body", "action", "start_frame", "end_frame", "start_s", "end_s", "score", "distance")
        return {
            **{name: getattr(self, name) for name in names},
            "margin": self.margin if np.isfinite(self.margin) else None,
            "top": [candidate.to_dict() for candidate in self.candidates[:most]],
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    """A stretch that may be an event, in rows of its track."""

    begin: int
    end: int
    distance_S: NDArray[np.float64]
    """Of every template to the nearest of the stretches that end there."""
    nearest: int
    """The template that is nearest."""

    @property
    def distance(self) -> float:
        return float(self.distance_S[self.nearest])


class Spotter:
    """Finds actions in a stream of frames, as `dastm watch` does: frames in, events out.

    It keeps the actions that the recogniser has now: if one is enrolled or removed later, make a new spotter.

    Args:
        recogniser: it must have at least one example with movement.
        layout: the layout of the frames; None: that of the first example.
        fps: frames per second; None: that of the first example that has it, or 30.
        templates: those of another spotter with the same recogniser and `fps`, to save the time of making them.

    Raises: ValueError if nothing can be spotted, or the frames' layout does not fit.

    >>> import dastm, numpy
    >>> wave = numpy.random.default_rng(0).normal(size=(40, 25, 3)).cumsum(0)
    >>> recogniser = dastm.ActionRecogniser.new("motion3d")
    >>> recogniser.enrol("wave", [wave], layout="ntu25")
    >>> spotter = dastm.Spotter(recogniser)
    >>> still = numpy.repeat(wave[-1:], 20, axis=0)
    >>> [event.action for frame in (*wave, *still) for event in spotter.push(frame)]
    ['wave']
    """

    def __init__(
        self,
        recogniser: ActionRecogniser,
        *,
        layout: Layout | str | None = None,
        fps: float | None = None,
        templates: Templates | None = None,
    ) -> None:
        examples, self.actions = recogniser.examples, recogniser.actions
        if not self.actions:
            raise ValueError("nothing is enrolled yet: there is no action to tell")
        said = usual_fps(recogniser) if fps is None else fps
        expected = f"fps: from {FPS[0]} to {FPS[1]} frames a second"
        self.fps = real(said, expected, lambda rate: FPS[0] <= rate <= FPS[1])
        self.layout = examples[0].clip.layout if layout is None else layout_of(layout)
        self.common = recogniser.encoder.layout
        self.templates = templates or templates_of(examples, self.actions, self.common, self.fps)
        n_lengths = int(np.log(LONGEST_S / SHORTEST_S) / np.log(STEP)) + 1
        lengths_K = np.round(SHORTEST_S * STEP ** np.arange(n_lengths) * self.fps).astype(np.int64)
        self._lengths_K = np.unique(np.maximum(lengths_K, 2))
        self._bodies: dict[int | str, _Body] = {}
        self.clock = Clock(self.fps)
        self._new_track()  # refuses a layout that does not fit

    def push(
        self,
        joints: NDArray[Any] | Mapping[int | str, NDArray[Any]],
        *,
        frame: int | None = None,
        time: float | None = None,
    ) -> list[Event]:
        """Add the next frame -> the events that are certain now.

        Args:
            joints: (V, C) of one body, nan where a joint was not measured; or such an array for each body, by its name.
            frame: the number of the frame; None: one more than the last. If numbers begin again, up to ten are
                refused.
            time: the time in seconds, of any beginning; None: the number divided by `fps`. A frame with the time of the
                one before is left out.

        Raises: ValueError if the joints do not fit the layout or are farther away than `FARTHEST_PLACE`, the frame is
        no whole number after the last, or the time not finite.
        """
        number = self.clock.number(
            None if frame is None else int(real(frame, "frame: expected a whole number", _is_number))
        )
        time = None if time is None else real(time, "time: expected seconds")
        bodies = joints if isinstance(joints, Mapping) else {0: joints}
        checked = {name: self._checked(joints_VC) for name, joints_VC in bodies.items()}
        row = self.clock.next(number, time)
        events = self._lost(row)
        for name, joints_VC in checked.items():
            if joints_VC is None:
                continue
            body = self._bodies.pop(name, None) or _Body(name, self._new_track(), row - 1)
            self._bodies[name] = body  # the one seen last is the last
            body.push(joints_VC, row, number, number / self.fps if time is None else time)
            events += self._look(body)
        while len(self._bodies) > MOST_BODIES:
            events += self._end(next(iter(self._bodies)))
        return events

    def finish(self) -> list[Event]:
        """End the stream -> the events that were still uncertain."""
        return [event for name in list(self._bodies) for event in self._end(name)]

    def _checked(self, joints: Any) -> NDArray[np.float64] | None:
        """The joints of a body; None where none was measured."""
        joints_VC = numbers(joints, np.float64)
        expected = (self.layout.n_joints, len(self.layout.coordinates))
        if joints_VC.shape != expected:
            raise ValueError(f"joints of shape {joints_VC.shape}, {self.layout.name} needs {expected}")
        places_PC = joints_VC[measured(joints_VC, self.layout)]
        if (farthest := np.abs(places_PC).max(initial=0.0)) > FARTHEST_PLACE:
            raise ValueError(f"coordinates of up to {farthest:.1e}; they must be below {FARTHEST_PLACE:.0e}")
        return joints_VC if len(places_PC) else None

    def _new_track(self) -> Track:
        return Track(self.layout, self.common, longest=int(self._lengths_K[-1]), fps=self.fps)

    def _lost(self, row: int) -> list[Event]:
        gone = [name for name, body in self._bodies.items() if row - body.row > LOST_S * self.fps]
        return [event for name in gone for event in self._end(name)]

    def _end(self, name: int | str) -> list[Event]:
        body = self._bodies.pop(name)
        body.track.finish()
        events = self._look(body)
        return events if body.candidate is None else [*events, self._event(body, body.candidate)]

    def _look(self, body: "_Body") -> list[Event]:
        """At the rows that have become ready."""
        events = []
        for end in range(body.looked, body.track.n_rows):
            found = self._nearest(body, end)
            waiting = body.candidate
            if found is not None and (waiting is None or found.distance < BETTER * waiting.distance):
                body.candidate = waiting = found
            if waiting is not None and end - waiting.end >= PATIENCE_S * self.fps:
                events.append(self._event(body, waiting))
                body.free, body.candidate = waiting.end + 1, None
        body.looked = body.track.n_rows
        return events

    def _nearest(self, body: "_Body", end: int) -> _Candidate | None:
        """The nearest example to any stretch that ends at a row, if it is below its limit."""
        lengths_K = self._lengths_K[end % IN_TURN :: IN_TURN]
        begin_K = end - lengths_K + 1
        begin_K = begin_K[begin_K >= max(body.free, body.track.first)]
        if not len(begin_K):
            return None
        templates = self.templates
        distances_KS = templates.distances(window_terms(body.track, begin_K, np.full_like(begin_K, end)))
        k, s = np.unravel_index(distances_KS.argmin(), distances_KS.shape)
        if distances_KS[k, s] >= templates.limit_S[s]:
            return None
        return _Candidate(
            begin=int(begin_K[k]),
            end=end,
            distance_S=distances_KS.min(axis=0),
            nearest=int(s),
        )

    def _event(self, body: "_Body", found: _Candidate) -> Event:
        track = body.track
        begin, end = found.begin - track.first, found.end - track.first
        candidates = _candidates(found, self.templates, self.actions)
        distances = [*(candidate.distance for candidate in candidates), np.inf]
        return Event(
            action=candidates[0].action,
            start_frame=int(track.frame_T[begin]),
            end_frame=int(track.frame_T[end]),
            start_s=float(track.time_T[begin]),
            end_s=float(track.time_T[end]),
            score=candidates[0].score,
            distance=found.distance,
            margin=distances[1] - distances[0],
            candidates=candidates,
            body=body.name,
        )


class _Body:
    """What is known of one body while it is there."""

    def __init__(self, name: int | str, track: Track, row: int) -> None:
        self.name, self.track = name, track
        self.row = row
        """The row of the stream in which it was seen last; before that, the one before."""
        self.looked = 0
        """Rows that were looked at."""
        self.free = 0
        """The first row that belongs to no event yet."""
        self.candidate: _Candidate | None = None

    def push(self, joints_VC: NDArray[np.float64], row: int, frame: int, time: float) -> None:
        """Add a frame at a row of the stream; in the rows between, it was not seen. Nothing for a row that it has."""
        track, steps = self.track, row - self.row
        self.row = row
        if steps > 1:
            last = track.n_raw - 1 - track.first
            frames = np.linspace(track.frame_T[last], frame, steps + 1).round().astype(int)[1:-1]
            for between, then in zip(frames, np.linspace(track.time_T[last], time, steps + 1)[1:-1], strict=True):
                track.push(np.full_like(joints_VC, np.nan), int(between), float(then))
        if steps > 0:
            track.push(joints_VC, frame, time)


class Spotting:
    """Spots actions in whole recordings, one after the other, with one recogniser: its examples are prepared once.

    Raises: ValueError if nothing can be spotted.
    """

    def __init__(self, recogniser: ActionRecogniser) -> None:
        self._recogniser = recogniser
        self._templates: dict[float, Templates] = {}

    def events(self, clip: Clip) -> list[Event]:
        """The actions in a recording of one body, in the order of their ends, as a `Spotter` finds them.

        Raises: ValueError if the layout of the clip does not fit.
        """
        fps = clip.fps or usual_fps(self._recogniser)
        spotter = Spotter(self._recogniser, layout=clip.layout, fps=fps, templates=self._templates.get(fps))
        self._templates[fps] = spotter.templates
        found = []
        for number, joints_VC in enumerate(clip.joints_TVC, clip.first_frame):
            found += spotter.push({clip.body: joints_VC}, frame=number)
        return [*found, *spotter.finish()]


def spot(recogniser: ActionRecogniser, clip: Clip) -> list[Event]:
    """The actions in one recording of one body, see `Spotting`."""
    return Spotting(recogniser).events(clip)


def _is_number(frame: float) -> bool:
    """Whether it can be the number of a frame."""
    return frame.is_integer() and abs(frame) < MOST_FRAME


def usual_fps(recogniser: ActionRecogniser) -> float:
    """Frames per second of the first example that has it, or 30."""
    return next((e.clip.fps for e in recogniser.examples if e.clip.fps), USUAL_FPS)


def _candidates(found: _Candidate, templates: Templates, actions: tuple[str, ...]) -> tuple[Candidate, ...]:
    """The actions of similar length, the nearest first, with scores among all of them and none of these."""
    nearest_W, example_W = np.full(len(actions), np.inf), np.zeros(len(actions), dtype=np.int64)
    for place, action in enumerate(templates.action_S):
        if found.distance_S[place] < nearest_W[action]:
            nearest_W[action], example_W[action] = found.distance_S[place], templates.example_S[place]
    far_W = torch.from_numpy(np.minimum(nearest_W, 10 * FARTHEST))  # what does not fit at all is far
    limits_W = torch.full_like(far_W, float(templates.limit_S[found.nearest]))
    score_W = scores(far_W[None], limits_W, TEMPERATURE)[0].tolist()
    order = [int(w) for w in np.argsort(nearest_W, kind="stable") if np.isfinite(nearest_W[w])]
    return tuple(
        Candidate(
            action=actions[w],
            score=score_W[w],
            distance=float(nearest_W[w]),
            example=int(example_W[w]),
            nearest=float(nearest_W[w]),
        )
        for w in order
    )
