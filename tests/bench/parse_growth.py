"""`dastm-data parse` of more and more clips: seconds, and the most memory of the parent, of a worker, of all together.

Every size is a run of its own, watched from outside: memory is read from /proc all the while. Pages that processes
share count for each of them, so that all together is an upper bound.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dastm.report.figures.svg import FAINT, PALETTE, drawing, to_svg
from tests.bench.raw_files import write_many

SIZES = (1000, 2000, 5000, 10_000, 20_000)
N_DISTINCT = 500
EVERY_S = 0.05
COMMAND = "from pipeline.cli import main; main()"
MEMORY = {"all": "all processes", "worker": "largest worker", "parent": "parent"}


def grow(sizes: Sequence[int], workers: int, log: Any) -> list[dict[str, Any]]:
    """A row for each size: clips, seconds, megabytes of parent, worker and all."""
    rows = []
    for n_clips in sizes:
        with TemporaryDirectory() as folder:
            raw, out = Path(folder, "raw"), Path(folder, "parsed")
            write_many(raw, n_clips, min(N_DISTINCT, n_clips))
            rows.append({"clips": n_clips, **watched_parse(raw, out, workers)})
        log(", ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()))
    return rows


def watched_parse(raw: Path, out: Path, workers: int) -> dict[str, float]:
    """Parse a folder in a process of its own; RuntimeError where that fails."""
    words = ["parse", "--dataset", "demo-ntu", "--raw", str(raw), "--out", str(out), "--workers", str(workers)]
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", COMMAND, *words], stdout=subprocess.DEVNULL) as process:
        most = {"parent": 0.0, "worker": 0.0, "all": 0.0}
        while process.poll() is None:
            memory = {pid: resident(pid) for pid in (process.pid, *descendants(process.pid))}
            now = {
                "parent": memory.pop(process.pid),
                "worker": max(memory.values(), default=0.0),
                "all": sum(memory.values()),
            }
            now["all"] += now["parent"]
            most = {name: max(most[name], now[name]) for name in most}
            time.sleep(EVERY_S)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"parse of {raw} ended with {process.returncode}")
    return {"seconds": seconds, **most}


def resident(pid: int) -> float:
    """Megabytes of a process that are in memory; 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS:")), 0.0)


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in path.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def growth_figure(rows: Sequence[Mapping[str, Any]], workers: int) -> str:
    """Seconds beside the straight line nearest to them, and megabytes -> SVG text."""
    sizes = [row["clips"] for row in rows]
    with drawing(8.0, 3.4) as figure:
        left, right = figure.subplots(1, 2)
        seconds = [row["seconds"] for row in rows]
        slope, start = np.polyfit(sizes, seconds, 1)
        label = f"{start:.1f} s + {1000 * slope:.2f} ms a clip"
        left.plot([0, sizes[-1]], [start, start + slope * sizes[-1]], "--", color=FAINT, linewidth=1, label=label)
        _line(left, sizes, seconds, PALETTE[0], "parse")
        for color, (name, label) in zip(PALETTE[1:], MEMORY.items(), strict=False):
            _line(right, sizes, [row[name] for row in rows], color, label)
        for axes, ylabel in ((left, "seconds"), (right, "peak memory, MB")):
            axes.set(xlabel="clips", ylabel=ylabel, ylim=(0, None), xlim=(0, None))
            axes.locator_params(axis="x", nbins=5)
            axes.grid(alpha=0.25)
            axes.legend()
        return to_svg(figure, f"Time and memory of dastm-data parse with {workers} workers as clips grow")


def _line(axes: Axes, sizes: list[int], values: list[float], color: str, label: str) -> None:
    axes.plot(sizes, values, marker="o", markersize=4, linewidth=1.4, color=color, label=label)


def growth_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """In Markdown."""
    head = "| clips | seconds | clips/s | parent MB | worker MB | all MB |\n|-----:|-----:|-----:|-----:|-----:|-----:|"
    lines = [
        f"| {row['clips']} | {row['seconds']:.1f} | {row['clips'] / row['seconds']:.0f} |"
        f" {row['parent']:.0f} | {row['worker']:.0f} | {row['all']:.0f} |"
        for row in rows
    ]
    return "\n".join([head, *lines]) + "\n"
