"""What a recogniser knows, as text: a line per action, how well its examples tell it apart, and which look odd.

In: a recogniser. Out: lines of text. Every example is classified by all others (leave one out).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from dastm.contract.wording import listed
from dastm.recogniser.recogniser import ActionRecogniser

MOST_ODD = 8


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """An example, classified by all others."""

    key: str
    action: str
    nearest: str
    """The action of the nearest other example."""

    @property
    def is_right(self) -> bool:
        """Whether it would have been recognised."""
        return self.nearest == self.action


def leave_one_out(recogniser: ActionRecogniser) -> list[LeftOut]:
    """Classify every example whose action has a further example, by the nearest of all others."""
    shown = [i for i, example in enumerate(recogniser.examples) if example.action is not None]
    between = recogniser.between[shown][:, shown].clone()
    between.fill_diagonal_(torch.inf)
    examples = [recogniser.examples[i] for i in shown]
    names = [str(example.action) for example in examples]
    nearest = between.argmin(1).tolist() if len(shown) > 1 else []
    return [
        LeftOut(key=example.name, action=name, nearest=names[near])
        for example, name, near in zip(examples, names, nearest, strict=False)
        if names.count(name) > 1
    ]


def short_lines(recogniser: ActionRecogniser) -> list[str]:
    """The numbers of actions and examples, and the result of leave-one-out."""
    actions, examples = recogniser.actions, recogniser.examples
    n_other = sum(example.action is None for example in examples)
    other = f", {n_other} of none of them" if n_other else ""
    tested = leave_one_out(recogniser)
    counted = f"{_count(len(actions), 'action')}, {_count(len(examples) - n_other, 'example')}{other}"
    lines = [f"{counted}; encoder {recogniser.encoder.name}"]
    if tested:
        right = sum(one.is_right for one in tested)
        lines.append(f"each example judged by the others: {right} of {len(tested)} right")
        odd = [f"{one.key} ({one.action}) looks like {one.nearest}" for one in tested if not one.is_right]
        lines += [f"look at: {listed(odd, MOST_ODD)}"] if odd else []
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def overview_lines(recogniser: ActionRecogniser, *, each: bool = False) -> list[str]:
    """`short_lines`, a table of the actions and, if `each`, every example."""
    return [*short_lines(recogniser), "", *_table(recogniser), *(["", *_each(recogniser)] if each else [])]


def _table(recogniser: ActionRecogniser) -> Iterator[str]:
    tested = leave_one_out(recogniser)
    thresholds = recogniser.judge.thresholds_W.tolist()
    width = max(map(len, (*recogniser.actions, "action")))
    yield f"{'action':{width}}  examples  right when left out  threshold  nearest other action"
    for number, action in enumerate(recogniser.actions):
        own = [one for one in tested if one.action == action]
        right = f"{sum(one.is_right for one in own)} of {len(own)}" if own else "-"
        near, far = _nearest(recogniser, action)
        count = sum(example.action == action for example in recogniser.examples)
        yield (
            f"{action:{width}}  {count:8}  {right:>19}  {thresholds[number]:9.3f}  {near} ({far:.3f})"
            if near
            else (f"{action:{width}}  {count:8}  {right:>19}  {thresholds[number]:9.3f}  -")
        )


def _nearest(recogniser: ActionRecogniser, action: str) -> tuple[str, float]:
    """The other action with the nearest example, and its distance; an empty name if there is no other action."""
    mine = [i for i, example in enumerate(recogniser.examples) if example.action == action]
    others = [i for i, e in enumerate(recogniser.examples) if e.action not in (None, action)]
    if not others:
        return "", 0.0
    distances = recogniser.between[mine][:, others]
    place = int(distances.min(0).values.argmin())
    return str(recogniser.examples[others[place]].action), float(distances.min())


def _each(recogniser: ActionRecogniser) -> Iterator[str]:
    for example in recogniser.examples:
        clip = example.clip
        seconds = f", {clip.n_frames / clip.fps:.1f} s" if clip.fps else ""
        action = example.action if example.action is not None else "none of the actions"
        yield f"{example.name}: {action}; {clip.source}; {clip.n_frames} frames{seconds}; added {example.added}"
