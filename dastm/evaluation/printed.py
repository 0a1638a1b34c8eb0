"""metrics.json as text: the title, the warnings, and the table that `dastm eval` prints."""

from collections.abc import Mapping
from typing import Any

from dastm.contract.wording import listed
from dastm.evaluation.baselines import BASELINES
from dastm.evaluation.by_group import DRAWS, group_lines
from dastm.evaluation.open_rows import open_lines
from dastm.evaluation.shots import shots_lines

WITHOUT_LEARNING: Mapping[str, str] = {name: baseline.words for name, baseline in BASELINES.items()}
"""Baselines that a training has to beat -> their descriptions."""
COMPARE = (
    "whether training helped is not measured; --baseline coordinates --baseline path score the same episodes without it"
)
ADVICE = "train longer, on more classes, or with another preset, and look at the curves in the report"


def title(metrics: Mapping[str, Any]) -> str:
    """What was scored, e.g. `toy test: 5-way 1-shot, 5 queries a class, 500 episodes (seed 0)`."""
    settings, where = metrics["settings"], f"{metrics['dataset']} {metrics['settings']['part']}"
    if settings.get("protocol") == "one-shot":
        queries = sum(entry["queries"] for entry in metrics["classes"].values())
        return f"{where}: one-shot protocol, {len(metrics['classes'])} classes at once, {queries} queries"
    if settings.get("protocol") == "leave-one-out":
        each, by, clips = metrics["groups"], settings["by"], sum(one["clips"] for one in metrics["groups"].values())
        shown = f"{settings['k_shot']}-shot, examples of the others drawn {DRAWS} times (seed {settings['seed']})"
        return f"{where}: leave one {by} out, {len(each)} {by}s, {clips} clips, {shown}"
    unknown = f", {settings['open_set']} unknown classes" if settings.get("open_set") else ""
    shape = f"{settings['n_way']}-way {settings['k_shot']}-shot{unknown}, {settings['n_query']} queries a class"
    by = f", queries of other {settings['by']}s than examples" if settings.get("by") else ""
    return f"{where}: {shape}{by}, {settings['episodes']} episodes (seed {settings['seed']})"


def warnings(metrics: Mapping[str, Any]) -> list[str]:
    """Lines about classes that the run was trained on, about what cannot be known, and about baselines that it loses
    to."""
    lines = [metrics["seen_note"]] if metrics.get("seen_note") else []
    lines += [f"converted to fit: {line}" for line in metrics.get("converted", [])] + metrics.get("left_out", [])
    seen = metrics.get("seen_classes", [])
    if seen is None:
        lines.append("the run may have seen these classes in training: its record does not say")
        return lines + worse_than(metrics)
    classes = "1 class" if len(seen) == 1 else f"{len(seen)} classes"
    lines += [f"{classes} seen in training or validation: {listed(seen)}"] if seen else []
    return lines + worse_than(metrics)


def worse_than(metrics: Mapping[str, Any]) -> list[str]:
    """A line for each baseline that the trained network does not beat."""
    first = next(iter(metrics["rows"]))
    lines = []
    for name, difference in metrics["differences"].items():
        baseline, mean = name.removeprefix(f"{first} - "), difference["mean"]
        if baseline not in WITHOUT_LEARNING or first in WITHOUT_LEARNING or mean > 0:
            continue
        beaten = "as good as" if mean == 0 else f"{-mean:.2f} points worse than"
        sure = "" if mean == 0 or -mean > difference["interval"] else " (within the interval: it may be chance)"
        lines.append(f"{first} is {beaten} {WITHOUT_LEARNING[baseline]}{sure}; {ADVICE}")
    return lines


def table_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The table that `dastm eval` prints."""
    lines = [f"{title(metrics)}; % ± 95 % interval", *(f"  note: {line}" for line in warnings(metrics))]
    for name, row in metrics["rows"].items():
        seeds = f"  over {len(row['seeds'])} seeds ± {row['interval_over_seeds']:.2f}" if "seeds" in row else ""
        lines.append(f"  {name:<24} {row['mean']:6.2f} ± {row['interval']:.2f}{seeds}")
    if not any(name in WITHOUT_LEARNING for name in metrics["rows"]):
        lines.append(f"  {COMPARE}")
    for name, difference in metrics["differences"].items():
        lines.append(f"  {name:<24} {difference['mean']:+6.2f} ± {difference['interval']:.2f}  (paired)")
    if each := metrics.get("groups"):
        lines += group_lines(each, metrics["settings"]["by"])
    if by_shots := metrics.get("shots"):
        lines += shots_lines(by_shots)
    if told := metrics.get("open_set"):
        lines += open_lines(told) + ([f"  note: {told['note']}"] if "note" in told else [])
    return lines
