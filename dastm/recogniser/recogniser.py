"""A recogniser: an encoder and examples. Enrol, predict, remove, save.

In: clips, or arrays of joints. Out: predictions. The examples are all that it knows about the actions: adding and
removing them teaches and removes actions, and no weight changes.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.errors import RunError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.names import folded
from dastm.contract.shard_format import checksum
from dastm.contract.skeleton import Layout
from dastm.contract.wording import listed
from dastm.recogniser.clips import Clip, numbers, real
from dastm.recogniser.container import check_replaceable, held, write_container
from dastm.recogniser.decision import Candidate, Decision, Judge, decide, judge_of
from dastm.recogniser.encoder import CHUNK, Encoder, Features, joined, load_encoder, usual_encoder
from dastm.recogniser.examples import OTHER, Example, checked_action, enrolled, long_enough, refuse_answer, today, told

if TYPE_CHECKING:
    from dastm.recogniser.why import Why

MOST_TOP = 5
Joints = NDArray[np.floating[Any]]
ONE_CLIP = 3
"""Dimensions of the joints of one clip: frames, joints, coordinates."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The prediction for one body of a recording."""

    source: str
    key: str
    body: int
    decision: Decision
    first_frame: int = 0
    n_frames: int = 0
    fps: float | None = None

    @property
    def action(self) -> str | None:
        """The recognised action; None for none of these."""
        return self.decision.action

    @property
    def score(self) -> float:
        """How sure the answer is, from 0 to 1."""
        return self.decision.score

    @property
    def distance(self) -> float:
        """The distance to the nearest action."""
        return self.decision.candidates[0].distance

    @property
    def margin(self) -> float:
        """How much farther away the second nearest action is; infinite for a single action."""
        return self.decision.margin

    def top(self, most: int = MOST_TOP) -> tuple[Candidate, ...]:
        """The nearest actions, the nearest first."""
        return self.decision.candidates[:most]

    def to_dict(self, most: int = MOST_TOP) -> dict[str, Any]:
        """The values for JSON; the margin is null if there is a single action."""
        return {
            "source": self.source,
            "key": self.key,
            "body": self.body,
            "action": self.action,
            "score": self.score,
            "distance": self.distance,
            "margin": self.margin if np.isfinite(self.margin) else None,
            "top": [candidate.to_dict() for candidate in self.top(most)],
        }


class ActionRecogniser:
    """Recognises actions by comparing clips with enrolled examples. `dastm.load` reads one from a file.

    Raises: ValueError and RunError, see the methods.

    >>> import dastm, numpy
    >>> rng = numpy.random.default_rng(0)
    >>> wave, jump = (rng.normal(size=(40, 25, 3)).cumsum(0) for _ in range(2))
    >>> recogniser = dastm.ActionRecogniser.new("motion3d")
    >>> recogniser.enrol("wave", [wave], layout="ntu25")
    >>> recogniser.enrol("jump", [jump], layout="ntu25")
    >>> recogniser.predict(wave).action
    'wave'
    """

    def __init__(
        self, encoder: Encoder, examples: Iterable[Example] = (), *, saved: Mapping[Path, str] | None = None
    ) -> None:
        self.encoder = encoder
        self._examples = tuple(examples)
        self._saved = dict(saved or {})
        """Files that it was read from or saved to, with the digest that each had then."""

    @classmethod
    def new(cls, encoder: str | Path | None = None, *, layout: Layout | str | None = None) -> "ActionRecogniser":
        """A recogniser without examples.

        Args:
            encoder: a run folder, `motion3d` or `motion2d`; None: the shipped one for recordings of `layout`.

        Raises: RunError if the encoder cannot be used; ValueError if neither is given, or no encoder fits the layout.
        """
        if encoder is None:
            if layout is None:
                raise ValueError("name an encoder, or the layout of the recordings")
            encoder = usual_encoder(layout_of(layout))
        return cls(load_encoder(encoder))

    def __repr__(self) -> str:
        """A summary for people."""
        counts = f"{len(self.actions)} actions, {len(self._examples)} examples"
        return f"<{type(self).__name__}: {counts}, encoder {self.encoder.name}>"

    @property
    def examples(self) -> tuple[Example, ...]:
        """All examples, negatives included, in the order in which they were enrolled."""
        return self._examples

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the actions, in the order in which they were first enrolled."""
        return tuple(dict.fromkeys(e.action for e in self._examples if e.action is not None))

    def enrol(
        self,
        action: str | None,
        clips: Iterable[Clip | Joints],
        *,
        layout: Layout | str | None = None,
        fps: float | None = None,
    ) -> None:
        """Add examples of an action; existing examples are kept.

        Args:
            action: the name of the action; None: the clips show none of the actions.
            clips: `Clip`s, or arrays (T, V, C) of one body each: y up in 3-D, y down with a confidence in images.
            layout: the layout of arrays; None: that of the first example.

        Raises: ValueError in one line, and nothing is enrolled, if there is no clip, an array does not fit its layout,
        a clip is too short, or it is already an example of another action; also for the name `other`.
        """
        name = None if action is None else checked_action(action)
        first = len(self._examples)
        made = [
            self._clip(c, layout, fps, f"{name or OTHER}/{first + i}") for i, c in enumerate(several(clips, "enrol"))
        ]
        if not made:
            raise ValueError(f"no clip to enrol as {told(name)}")
        own = [replace(clip, joints_TVC=clip.joints_TVC.copy()) for clip in made]  # the caller may use his arrays again
        self.add([Example(action=name, clip=clip, added=today()) for clip in own])

    def add(self, examples: Sequence[Example]) -> None:
        """Add `Example`s; ValueError as `enrol`."""
        if named := next((e.action for e in examples if e.action is not None and folded(e.action) == OTHER), None):
            raise ValueError(f"{named!r} stands for clips of none of the actions: enrol them as None")
        for example in examples:
            refuse_answer(example.action)
        before = len(self._examples)
        kept = enrolled(self._examples, examples)
        if len(kept) > before:  # encoded first: of clips that cannot be, none is enrolled
            features = self.encoder.encode([example.clip for example in kept[before:]])
            known = self._features if before else None
            self._examples = tuple(kept)
            self._forget()
            self.__dict__["_features"] = features if known is None else joined([known, features])

    def remove(self, action: str | None = None, key: str | None = None) -> int:
        """Remove an action, or one example by its key -> number of examples removed.

        `other` stands for all examples of none of the actions.

        Raises: ValueError if there is no such action or example.
        """
        named = None if action is None else checked_action(action)
        gone = [e for e in self._examples if _is_called(e, named) and (key is None or e.name == key)]
        if not gone or (action is None and key is None):
            wanted = f"example {key!r}" if key is not None else f"action {action!r}"
            there = self.actions if key is None else [e.name for e in self._examples]
            raise ValueError(f"no {wanted}; there are: {listed(there) if there else 'none yet'}")
        self._examples = tuple(e for e in self._examples if all(e is not one for one in gone))
        self._forget()
        return len(gone)

    def predict(
        self,
        clips: Clip | Joints | Sequence[Clip | Joints],
        *,
        layout: Layout | str | None = None,
        fps: float | None = None,
    ) -> Any:
        """Recognise what a clip shows -> a `Prediction`; for several clips, a list in their order.

        Args:
            clips: one `Clip` or array (T, V, C), or a list of these.
            layout: the layout of arrays; None: that of the first example.

        Raises: ValueError if nothing is enrolled, an array does not fit its layout, or a clip is too short.
        """
        if isinstance(clips, Clip) or _dimensions(clips) == ONE_CLIP:
            one: Any = clips
            return next(self.predict_each([long_enough(self._clip(one, layout, fps, "clip"))]))
        each = enumerate(several(clips, "predict"))
        made = [long_enough(self._clip(clip, layout, fps, f"clip {number}")) for number, clip in each]
        return list(self.predict_each(made))

    def predict_each(self, clips: Iterable[Clip]) -> Iterator[Prediction]:
        """`predict` for any number of clips, in their order; only a few dozen are in memory at a time."""
        if not self.actions:
            raise ValueError("nothing is enrolled yet: there is no action to tell")
        waiting = iter(clips)
        while batch := list(islice(waiting, CHUNK)):
            decisions = self.decide(self.encoder.encode(batch))
            for clip, decision in zip(batch, decisions, strict=True):
                yield Prediction(
                    source=clip.source,
                    key=clip.key,
                    body=clip.body,
                    decision=decision,
                    first_frame=clip.first_frame,
                    n_frames=clip.n_frames,
                    fps=clip.fps,
                )

    def decide(self, features: Features) -> list[Decision]:
        """Decide about clips that are already encoded."""
        distances_QL = self.encoder.distances(features, self._features)
        to_known_QK = self.encoder.to_known(features)
        shown_QL, others_QN = distances_QL[:, self._shown], distances_QL[:, self._others]
        return decide(shown_QL, others_QN, to_known_QK, self.actions, self.judge)

    def features_at(self, places: Sequence[int]) -> Features:
        """Features of some examples, by their indices."""
        return self._features.at(places)

    def explain(self, clip: Clip | Joints, *, layout: Layout | str | None = None, fps: float | None = None) -> "Why":
        """Explain the decision about a clip: what `dastm explain` shows, as numbers and a sentence.

        Args:
            clip: a `Clip`, or an array (T, V, C) with its `layout` and `fps`.

        Raises: ValueError as `predict`; RunError if the encoder's distances are not sums over joints.
        """
        from dastm.recogniser.why import explained

        made = long_enough(self._clip(clip, layout, fps, "clip"))
        decision = self.predict(made).decision
        return explained(self.encoder, self._examples, made, decision)

    def save(self, path: str | Path, *, replace: bool = False) -> None:
        """Write the recogniser file, completely or not at all.

        Args:
            replace: whether a recogniser file that is there, with other examples, is replaced.

        Raises: RunError or NotOurs if it cannot be written; RunError, unless it is to be replaced, if another
        recogniser is there, or if another program has changed the file since it was loaded or saved.
        """
        path, place = Path(path), Path(path).resolve()
        with held(path):
            check_replaceable(path)
            data = path.read_bytes() if path.is_file() and not replace else b""
            if data and checksum(data) != self._saved.get(place):
                how = "was changed by another program since it was loaded" if place in self._saved else "already exists"
                raise RunError(
                    f"{path}: {how}, and its examples would be lost; load it and change that, save under another name,"
                    " or replace it (replace=True, --replace)"
                )
            digest = write_container(path, self.encoder, self._examples)
            self._saved = {**self._saved, place: digest}  # not changed in place: a shallow copy has its own

    @cached_property
    def judge(self) -> Judge:
        """The limits beyond which a clip is none of the actions, from the examples."""
        between_XL, known_XK = self.between[self._shown], self.encoder.to_known(self.features_at(self._shown))
        between_XX, others_XN = between_XL[:, self._shown], between_XL[:, self._others]
        encoder = self.encoder
        return judge_of(between_XX, self._labels, known_XK, others_XN, encoder.limits, encoder.examples)

    @cached_property
    def between(self) -> Tensor:
        """Distance of every example to every other one, negatives included -> (L, L)."""
        return self.encoder.distances(self._features, self._features)

    @cached_property
    def _features(self) -> Features:
        return self.encoder.encode([example.clip for example in self._examples])

    @property
    def _shown(self) -> list[int]:
        return [i for i, example in enumerate(self._examples) if example.action is not None]

    @property
    def _others(self) -> list[int]:
        return [i for i, example in enumerate(self._examples) if example.action is None]

    @property
    def _labels(self) -> list[int]:
        place = {action: number for number, action in enumerate(self.actions)}
        return [place[e.action] for e in self._examples if e.action is not None]

    def _forget(self) -> None:
        for name in ("judge", "between", "_features"):
            self.__dict__.pop(name, None)

    def _clip(self, given: Clip | Joints, layout: Layout | str | None, fps: float | None, key: str) -> Clip:
        if isinstance(given, Clip):
            return given
        if given is None or isinstance(given, str | Path):
            raise ValueError(f"clips are arrays or `dastm.Clip`s, got {given!r}; the command `dastm` reads files")
        known = self._examples[0].clip.layout if self._examples else None
        if layout is None and known is None:
            raise ValueError("arrays do not say which joints they have: give layout=, e.g. 'ntu25'")
        chosen = layout_of(layout) if layout is not None else known
        rate = None if fps is None else real(fps, "fps: a number above 0", lambda rate: 0 < rate < math.inf)
        joints = numbers(given, np.float32)
        return Clip(key=key, source=key, layout=chosen, joints_TVC=joints, fps=rate)  # type: ignore[arg-type]


def _is_called(example: Example, action: str | None) -> bool:
    """Whether it is an example of an action, or `other` and of none of them; None: of any."""
    return action is None or example.action == action or (example.action is None and folded(action) == OTHER)


def several(clips: Any, verb: str) -> Iterable[Clip | Joints]:
    """The clips themselves. Raises: ValueError if they are no several clips."""
    if clips is None or isinstance(clips, Clip | str | Path) or not hasattr(clips, "__iter__"):
        raise ValueError(
            f"{verb} takes a list of arrays or `dastm.Clip`s, got {clips!r}; the command `dastm` reads files"
        )
    if _dimensions(clips) == ONE_CLIP:
        raise ValueError(f"{verb} takes a list of arrays (T, V, C), got one; put it into a list")
    return clips  # type: ignore[no-any-return]


def _dimensions(given: Any) -> int:
    """The number of dimensions of an array, or of lists in lists by their first entries."""
    n_dimensions: int | None = getattr(given, "ndim", None)
    if n_dimensions is not None:
        return n_dimensions
    return 1 + _dimensions(given[0]) if isinstance(given, list | tuple) and given else 0


def layout_of(layout: Layout | str) -> Layout:
    """The layout itself, or the known one with this name. Raises: ValueError listing the known names."""
    if isinstance(layout, Layout):
        return layout
    if layout not in KNOWN_LAYOUTS:
        raise ValueError(f"no layout {layout!r}; there are: {', '.join(KNOWN_LAYOUTS)}")
    return KNOWN_LAYOUTS[layout]
