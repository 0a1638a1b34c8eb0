"""`Why` -> one HTML page that opens offline: the sentence, bars, and a player for each comparison.

In: an explanation, and the name of the recogniser's file. Out: the bytes of the page; the same input gives the same
bytes. Colours and sizes have the same scale on the whole page, so that the two nearest actions can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from dastm.contract.ownership import PAGE, check_file, remove_unfinished
from dastm.recogniser.why import Comparison, Seen, Why, facts
from dastm.report.figures.costs import cost_map
from dastm.report.template import rendered
from dastm.runs.files import write_bytes

MOST_CANDIDATES = 20
MOST_JOINTS = 8
ROOM = 1.25
"""Longest bar, as a multiple of what matters most: the limit and the first two distances. Longer ones are cut."""
DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row of a bar chart."""

    name: str
    value: str
    share: float
    """Of the length of the longest, 0 to 1."""
    kind: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class View:
    """One comparison on the page."""

    heading: str
    words: str
    scene: dict[str, Any]
    """What the player reads."""
    costs: Markup
    most_cost: str
    """That of the darkest cell."""
    joints: list[Bar]
    rest: str
    """The sum of the joints that have no bar."""


def write_why(why: Why, path: Path, recogniser: str) -> None:
    """Write the page. Raises: NotOurs if another file lies there; RunError if it cannot be written."""
    check_file(path, PAGE)
    page = rendered(
        "why.html",
        why=why,
        recogniser=recogniser,
        clip=facts(why.clip),
        candidates=candidate_bars(why),
        hidden=max(0, len(why.decision.candidates) - MOST_CANDIDATES),
        views=views(why),
    )
    remove_unfinished(path.parent, path.name.__eq__)
    write_bytes(path, page.encode())


def candidate_bars(why: Why) -> list[Bar]:
    """A bar for the distance of every candidate, and one for the limit beyond which a clip is none of them."""
    candidates = list(zip(why.decision.candidates, why.nearest, strict=True))[:MOST_CANDIDATES]
    most = ROOM * max(why.limit, *(candidate.distance for candidate, _ in candidates[:2])) or 1.0
    bars = [
        Bar(
            name=candidate.action,
            value=f"{candidate.distance:.2f}",
            share=min(1.0, candidate.distance / most),
            kind="chosen" if candidate.action == why.decision.action else "cut" if candidate.distance > most else "",
            note=f"score {candidate.score:.2f}; nearest example {example.name} at {candidate.nearest:.2f}",
        )
        for candidate, example in candidates
    ]
    limit = Bar(
        name="none of these",
        value=f"{why.limit:.2f}",
        share=why.limit / most,
        kind="limit chosen" if why.refused else "limit",
        note="from this distance on, a clip like it is none of the actions",
    )
    place = sum(candidate.distance < why.limit for candidate, _ in candidates)
    return [*bars[:place], limit, *bars[place:]]


def views(why: Why) -> list[View]:
    """Every comparison of a decision."""
    return views_of([(_heading(why, number), why.query, one) for number, one in enumerate(why.comparisons)])


def views_of(compared: Sequence[tuple[str, Seen, Comparison]]) -> list[View]:
    """Comparisons under their headings, each with the clip that was asked about, on common scales."""
    if not compared:
        return []
    scales = {
        "joint": max(float(one.shares.max()) for _, _, one in compared),
        "step": max(float(one.parts_PV.max()) for _, _, one in compared),
        "cost": max(float(one.cost_TS.max()) for _, _, one in compared),
    }
    return [_view(*one, scales) for one in compared]


def _heading(why: Why, number: int) -> str:
    action = why.comparisons[number].action
    if action is None:
        return "An example of none of the actions"
    if number:
        return f"Against the next action, {action}"
    return f"Against the nearest action, {action}"


def _view(heading: str, query: Seen, one: Comparison, scales: dict[str, float]) -> View:
    order = np.argsort(-one.shares, kind="stable")
    names = query.layout.joints
    bars = [
        Bar(
            name=names[v],
            value=_short(one.shares[v]),
            share=float(one.shares[v]) / (scales["joint"] or 1.0),
            kind="joint",
        )
        for v in order[:MOST_JOINTS]
    ]
    others = order[MOST_JOINTS:]
    whole = f"distance to it {one.distance:.2f}; clip and example differ most {one.words}"
    times = [[side.when(place) for place in range(len(side.frames_T))] for side in (query, one.seen)]
    about = f"Cost of every pair of frames, {heading}"
    svg = cost_map(one.cost_TS, one.path_P2, (times[0], times[1]), scales["cost"], about)
    return View(
        heading=heading,
        words=f"{one.about}: {whole}.",
        scene=_scene(query, one, scales),
        costs=Markup(svg),
        most_cost=_short(scales["cost"]),
        joints=bars,
        rest=f"{len(others)} others {_short(one.shares[others].sum())}, together {_short(one.distance)}",
    )


def _scene(query: Seen, one: Comparison, scales: dict[str, float]) -> dict[str, Any]:
    """What the player draws, short: positions and shares are rounded."""
    sides = (query, one.seen)
    reach = max(float(np.abs(side.poses_TVC - _middle(side)).max()) for side in sides) or 1.0
    return {
        "joints": list(query.layout.joints),
        "bones": [list(bone) for bone in query.layout.bones],
        "turns": not query.layout.is_image,
        "path": one.path_P2.tolist(),
        "parts": _rounded(one.parts_PV, 6),
        "shares": _rounded(one.shares, 6),
        "steps": _rounded(one.parts_PV.sum(1), 6),
        "distance": round(one.distance, 6),
        "mostJoint": round(scales["joint"], 6),
        "mostStep": round(scales["step"], 6),
        "panels": [
            {
                "poses": _rounded((side.poses_TVC - _middle(side)) / reach, DIGITS),
                "seen": side.measured_TV.astype(int).tolist(),
                "when": [_moments(side, place) for place in range(len(side.frames_T))],
            }
            for side in sides
        ],
    }


def _middle(side: Seen) -> Any:
    """The middle of all joints at all times, so that the picture has room for all."""
    seen = side.poses_TVC[side.measured_TV]
    return (seen.min(0) + seen.max(0)) / 2 if len(seen) else np.zeros(side.poses_TVC.shape[2])


def _moments(side: Seen, place: int) -> str:
    frame = f"frame {side.frames_T[place] + 1:.0f}"
    return f"{side.when(place)} ({frame})" if side.fps else frame


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _rounded(values: Any, digits: int) -> Any:
    return (np.round(values, digits) + 0.0).tolist()
