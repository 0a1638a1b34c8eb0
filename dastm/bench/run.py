"""`dastm bench`: words in; the cases that have one of them in their name are measured, shown and written."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dastm.bench.case import Case, Setting
from dastm.bench.measure import measure_case
from dastm.bench.plot import growth_figure
from dastm.bench.table import case_entry, duration, machine, table
from dastm.contract.errors import RunError
from dastm.runs.device import precision
from dastm.runs.files import write_bytes, write_json

INSTALLED = "dastm.bench.cases"
Log = Callable[[str], None]


def bench(words: Sequence[str], setting: Setting, *, growth: bool, source: str = INSTALLED, log: Log) -> dict[str, Any]:
    """Measure cases -> the document that `write` writes.

    Args:
        words: cases with any of them in their name; none: all.
        growth: also the cases that show how the cost grows.
        source: module of the cases.
        log: gets a line a case.

    Raises: RunError for a word that is in no name, a precision that the device has not, or work that fails.
    """
    with precision(setting.device, setting.precision):
        pass  # which tells whether there is such a thing
    cases = importlib.import_module(source).cases(setting)
    names = chosen({name: case for name, case in cases.items() if growth or not case.axis}, words)
    document: dict[str, Any] = {"machine": machine(setting), "cases": {}}
    for i, name in enumerate(names, 1):
        entry = case_entry(cases[name], measure_case(source, name, cases[name], setting))
        document["cases"][name] = entry
        times = (f"{variant} {duration(of['seconds'])}" for variant, of in entry["variants"].items())
        log(f"[{i}/{len(names)}] {name}: {', '.join(times)}")
    return document


def chosen(cases: Mapping[str, Case], words: Iterable[str]) -> list[str]:
    """Names of the cases that any of the words is in, in their order; RunError for a word that is in none."""
    words = [word.casefold() for word in words]
    for word in words:
        if not any(word in name.casefold() for name in cases):
            raise RunError(f"no case has {word!r} in its name; cases: {'; '.join(cases)}")
    return [name for name in cases if not words or any(word in name.casefold() for word in words)]


def write(document: Mapping[str, Any], folder: Path) -> None:
    """Write bench.json, bench.md and, where growth was measured, growth.svg: each whole or not at all."""
    write_json(folder / "bench.json", document)
    write_bytes(folder / "bench.md", table(document).encode())
    if any("axis" in entry for entry in document["cases"].values()):
        write_bytes(folder / "growth.svg", growth_figure(document["cases"]).encode())
