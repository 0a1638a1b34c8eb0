"""The examples of a recogniser: of actions, and negatives, which show none of them.

In: clips and the name of an action. Out: `Example`s, which are identified by their content.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import numpy as np

from dastm.contract.names import composed, folded
from dastm.contract.shard_format import checksum
from dastm.recogniser.clips import Clip

OTHER = "other"
"""The name of recordings that show none of the actions, in folders, lists and on the command line."""
NONE = "none of these"
"""What is said of a clip that shows none of the actions."""
LEAST_FRAMES = 4
MOST_FRAMES = 3000
"""Longest example: it is one action, and at 30 frames a second this is more than a minute and a half."""
MOST_NAME = 120
STILL = 1e-5
"""A body whose joints all stay within this share of its size does not move."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """One clip that shows an action or, if `action` is None, none of them.

    Raises: ValueError for a name that `checked_action` refuses. The name is kept in the form that it returns.
    """

    action: str | None
    clip: Clip
    added: str
    """The day it was enrolled, UTC: 2026-11-28."""

    def __post_init__(self) -> None:
        if self.action is not None:
            object.__setattr__(self, "action", checked_action(self.action))

    @property
    def name(self) -> str:
        """Its name among all examples, e.g. for `dastm remove`."""
        return self.clip.key

    def digest(self) -> str:
        """A digest of the joints alone: the same recording has the same digest under any name."""
        return checksum(np.ascontiguousarray(self.clip.joints_TVC).tobytes())


def today() -> str:
    """The date of today, UTC."""
    return datetime.now(UTC).date().isoformat()


def checked_action(action: str) -> str:
    """The name of an action in the form in which it is kept: in Unicode NFC, without spaces around it.

    Raises: ValueError for what is no text, an empty name, or one that is not a line of text.
    """
    if not isinstance(action, str):
        raise ValueError(f"the name of an action is a text, got {action!r}")
    name = composed(action).strip()
    if not name or not name.isprintable() or len(name) > MOST_NAME:
        raise ValueError(f"the name of an action is a line of 1 to {MOST_NAME} characters, got {action[:40]!r}")
    return name


def refuse_answer(action: str | None) -> None:
    """Raise ValueError for a new action that is called as answers call clips of no action."""
    if action is not None and folded(action) == NONE:
        raise ValueError(f"{action!r} is what is said of a clip that shows no action; give the action another name")


def long_enough(clip: Clip) -> Clip:
    """The clip itself. Raises: ValueError if it is too short to show an action."""
    if clip.n_frames < LEAST_FRAMES:
        raise ValueError(f"{clip.source}: {clip.n_frames} frames, an action needs at least {LEAST_FRAMES}")
    return clip


def check_example(clip: Clip) -> None:
    """Raise ValueError if a clip cannot be an example: too short, too long for one action, or without movement."""
    long_enough(clip)
    if clip.n_frames > MOST_FRAMES:
        raise ValueError(
            f"{clip.source}: {clip.n_frames} frames, an example is one action of at most {MOST_FRAMES}; cut it out"
        )
    if not _moves(clip):
        raise ValueError(f"{clip.source}: nothing moves in it, and an action is told by its movement")


def _moves(clip: Clip) -> bool:
    """Whether any joint is measured at two positions whose distance is larger than rounding errors."""
    measured_TV, n_space = clip.measured(), clip.layout.n_space
    places_TVC = np.where(measured_TV[..., None], clip.joints_TVC[..., :n_space].astype(np.float64), np.nan)
    seen_V = measured_TV.any(axis=0)
    low_VC, high_VC = np.nanmin(places_TVC[:, seen_V], axis=0), np.nanmax(places_TVC[:, seen_V], axis=0)
    size = float((high_VC.max(axis=0) - low_VC.min(axis=0)).max())
    return bool((high_VC - low_VC).max() > STILL * size)


def enrolled(known: Sequence[Example], new: Sequence[Example]) -> list[Example]:
    """The known examples and the new ones that are not among them, all with different names.

    Raises: ValueError naming both actions if one recording would be an example of two.
    """
    kept, by_digest = list(known), {example.digest(): example for example in known}
    names = {example.name for example in known}
    for example in new:
        check_example(example.clip)
        same = by_digest.setdefault(example.digest(), example)
        if same is example:
            kept.append(_named(example, names))
            names.add(kept[-1].name)
        elif same.action != example.action:
            raise ValueError(
                f"{example.clip.source} is to show {told(example.action)}, and {same.clip.source} with the same"
                f" joints {told(same.action)}; keep one of them"
            )
    return kept


def _named(example: Example, taken: set[str]) -> Example:
    """The example under its own name or, if that is taken, with a number added."""
    if example.name not in taken:
        return example
    numbered = (f"{example.name}~{number}" for number in count(2))
    name = next(name for name in numbered if name not in taken)
    return replace(example, clip=replace(example.clip, key=name))


def told(action: str | None) -> str:
    """The name of an action for a message."""
    return "none of the actions" if action is None else repr(action)
