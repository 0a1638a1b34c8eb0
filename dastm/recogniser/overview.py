"""What a recogniser knows, as text: a line per action, how well its examples tell it apart, and which look odd.

In: a recogniser. Out: lines of text. Every example is classified by all others (leave one out) and, if the recordings
say who acts, by those of all other people (leave one person out), as a clip would be but for the limits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from dastm.contract.wording import listed
from dastm.recogniser.decision import by_action, to_actions
from dastm.recogniser.examples import Example
from dastm.recogniser.recogniser import ActionRecogniser

MOST_ODD = 8


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """An example, classified by all others."""

    key: str
    action: str
    nearest: str
    """The nearest action, by the other examples."""
    subject: int | None
    """Who acts."""

    @property
    def is_right(self) -> bool:
        """Whether it would have been recognised."""
        return self.nearest == self.action


def leave_one_out(recogniser: ActionRecogniser) -> list[LeftOut]:
    """Every example whose action has another one, by all others."""
    return _left_out(recogniser, range(len(_shown(recogniser))))


def leave_one_person_out(recogniser: ActionRecogniser) -> list[LeftOut]:
    """Every example whose action others show too, by other people's; none unless all say who acts."""
    subjects = [example.clip.subject for example in _shown(recogniser)]
    return [] if None in subjects else _left_out(recogniser, subjects)


def _shown(recogniser: ActionRecogniser) -> list[Example]:
    return [example for example in recogniser.examples if example.action is not None]


def _left_out(recogniser: ActionRecogniser, groups: Sequence[int | None]) -> list[LeftOut]:
    """Each example of an action by those outside its group, if its action is shown there; none of a single action."""
    if len(recogniser.actions) < 2:
        return []
    places = [i for i, example in enumerate(recogniser.examples) if example.action is not None]
    examples = [recogniser.examples[i] for i in places]
    showing: dict[str | None, set[int | None]] = {}
    for example, group in zip(examples, groups, strict=True):
        showing.setdefault(example.action, set()).add(group)
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    group_L = torch.tensor([numbers[group] for group in groups], dtype=torch.int64)
    between_LL = recogniser.between[places][:, places].masked_fill(group_L[:, None] == group_L, torch.inf)
    own = by_action(str(example.action) for example in examples)
    actions, rule = list(own), recogniser.encoder.examples
    nearest = to_actions(between_LL, list(own.values()), rule).argmin(1).tolist() if places else []
    return [
        LeftOut(
            key=example.name,
            action=str(example.action),
            nearest=actions[near],
            subject=example.clip.subject,
        )
        for example, group, near in zip(examples, groups, nearest, strict=True)
        if showing[example.action] != {group}
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
    apart = leave_one_person_out(recogniser)
    if apart:
        right = sum(one.is_right for one in apart)
        who = listed(sorted({one.subject for one in apart if one.subject is not None}))
        lines.append(f"each example judged by other people's alone: {right} of {len(apart)} right (people: {who})")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def overview_lines(recogniser: ActionRecogniser, *, each: bool = False) -> list[str]:
    """`short_lines`, a table of the actions, one of the people and, if `each`, every example."""
    parts = [short_lines(recogniser), list(_table(recogniser)), list(_people(recogniser))]
    parts += [list(_each(recogniser))] if each else []
    return [line for part in parts if part for line in ("", *part)][1:]


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


def _people(recogniser: ActionRecogniser) -> Iterator[str]:
    """A line a person, where examples can be judged by those of others."""
    apart = leave_one_person_out(recogniser)
    if apart:
        yield "person  examples  right by other people's examples"
    for subject in sorted({one.subject for one in apart if one.subject is not None}):
        own = [one for one in apart if one.subject == subject]
        count = sum(example.clip.subject == subject for example in _shown(recogniser))
        yield f"{subject:6}  {count:8}  {sum(one.is_right for one in own):>25} of {len(own)}"


def _nearest(recogniser: ActionRecogniser, action: str) -> tuple[str, float]:
    """The action that is nearest to any example of this one, and its distance; an empty name if there is no other."""
    own = by_action(example.action for example in recogniser.examples)
    mine = own.pop(action)
    own.pop(None, None)  # negatives
    if not own:
        return "", 0.0
    distances_W = to_actions(recogniser.between[mine], list(own.values()), recogniser.encoder.examples).amin(0)
    return str(list(own)[int(distances_W.argmin())]), float(distances_W.min())


def _each(recogniser: ActionRecogniser) -> Iterator[str]:
    for example in recogniser.examples:
        clip = example.clip
        seconds = f", {clip.n_frames / clip.fps:.1f} s" if clip.fps else ""
        action = example.action if example.action is not None else "none of the actions"
        who = f"; person {clip.subject}" if clip.subject is not None else ""
        yield f"{example.name}: {action}{who}; {clip.source}; {clip.n_frames} frames{seconds}; added {example.added}"
