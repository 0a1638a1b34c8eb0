"""Measured cases -> the document that becomes bench.json, and from that a Markdown table for the eye."""

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from dastm.bench.case import Case, Setting
from dastm.bench.measure import Measured
from dastm.runs.device import accelerator
from dastm.runs.record import software

Document = Mapping[str, Any]
COLUMNS = ("case", "variant", "time", "ratio", "least", "most", "memory")


def machine(setting: Setting) -> dict[str, Any]:
    """What the figures hold for; `load` is how many processes were running before this one did anything."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": str(setting.device),
        "precision": setting.precision,
        "software": software(),
        **accelerator(setting.device),
    }


def processor() -> str:
    """The processor as it calls itself."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def case_entry(case: Case, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Everything about one case: time, ratio and memory of each variant, and the shares that are of interest."""
    base = measured[case.compared_with]
    entry: dict[str, Any] = {
        "compared_with": case.compared_with,
        "variants": {name: _variant(of, base) for name, of in measured.items()},
    }
    if case.axis:
        entry["axis"] = case.axis
    if case.inner:
        rest = [1 - inner / whole for inner, whole in zip(measured[case.inner].seconds, base.seconds, strict=False)]
        entry["share"] = {"of": f"of the time outside the {case.inner}", **spread(rest)}
    if case.limit:
        limit = measured[case.limit]
        most = limit.flops / base.flops
        shares = [bound / (own * most) for bound, own in zip(limit.seconds, base.seconds, strict=False)]
        entry["share"] = {"of": f"of the rate of a large {case.limit}", **spread(shares)}
    return entry


def _variant(of: Measured, base: Measured) -> dict[str, Any]:
    seconds = statistics.median(of.seconds)
    entry = {
        "seconds": seconds,
        "least_seconds": min(of.seconds),
        "rounds": len(of.seconds),
        "ratio": spread([own / other for own, other in zip(of.seconds, base.seconds, strict=False)]),
        "memory_mb": of.memory / 1e6,
    }
    if of.flops:
        entry |= {"gflop": of.flops / 1e9, "gflop_per_second": of.flops / 1e9 / seconds}
    return entry


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most over the rounds."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def table(document: Document) -> str:
    """The whole document in Markdown, columns aligned so that it reads as it stands."""
    cases = document["cases"]
    rows = [row for name, entry in cases.items() for row in _rows(name, entry)]
    notes = [f"- {name}: {_share(entry)}" for name, entry in cases.items() if "share" in entry]
    blocks = [_facts(document["machine"]), "\n".join(_aligned(rows))]
    return "\n\n".join([*blocks, "\n".join(notes)] if notes else blocks) + "\n"


def _facts(machine: Mapping[str, Any]) -> str:
    software, gpu = machine["software"], f"{machine['gpu']}, " if "gpu" in machine else ""
    return (
        f"dastm {software['dastm']}, torch {software['torch']}, {gpu}{machine['processor']},"
        f" {machine['threads']} threads, load {machine['load']:.1f} beforehand, {machine['precision']};"
        " a ratio is the median over rounds of the time to that of the first row (growth: the row of 1.00),"
        " beside the least and the most."
    )


def _rows(name: str, entry: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    for variant, of in entry["variants"].items():
        ratio = of["ratio"]
        spreads = ("", "") if variant == entry["compared_with"] else (f"{ratio['least']:.2f}", f"{ratio['most']:.2f}")
        yield name, variant, duration(of["seconds"]), f"{ratio['median']:.2f}", *spreads, megabytes(of["memory_mb"])


def _share(entry: Mapping[str, Any]) -> str:
    share = entry["share"]
    base = entry["variants"][entry["compared_with"]]
    rate = f"{base['gflop_per_second']:.0f} GFLOP/s, " if "gflop_per_second" in base else ""
    percent = {key: 100 * share[key] for key in ("median", "least", "most")}
    return f"{rate}{percent['median']:.0f} % ({percent['least']:.0f} to {percent['most']:.0f}) {share['of']}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [COLUMNS, *rows]) for i in range(len(COLUMNS))]

    def line(cells: Sequence[str]) -> str:
        words = [cell.ljust(width) for cell, width in zip(cells[:2], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
        return f"| {' | '.join(words + numbers)} |"

    rule = [":" + "-" * (width - 1) for width in widths[:2]] + ["-" * (width - 1) + ":" for width in widths[2:]]
    return [line(COLUMNS), line(rule), *(line(row) for row in rows)]


def megabytes(megabytes: float) -> str:
    """Whole ones; one decimal below ten."""
    return f"{megabytes:.{1 if megabytes < 10 else 0}f} MB"


def duration(seconds: float) -> str:
    """Three or four figures with their unit."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.{2 if seconds < 10 * size else 1 if seconds < 100 * size else 0}f} {unit}"
    return f"{seconds * 1e6:.0f} µs"
