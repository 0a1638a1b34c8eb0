"""`python -m tests.bench.data [--out build/bench]`: how fast raw files are read and clips made ready, as ratios.

Writes data.json and data.md, each whole or not at all; with `--growth` growth-parse.json, .md and .svg too.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from dastm.bench.case import Setting
from dastm.bench.run import bench
from dastm.bench.table import machine, table
from dastm.runs.files import write_bytes, write_json
from tests.bench.data_cases import FORMAT_OF
from tests.bench.parse_growth import SIZES, grow, growth_figure, growth_table
from tests.bench.raw_files import FOLDER, N_CLIPS, clips, size_of, write_clips

TURN_SECONDS, CASE_SECONDS = 0.3, 12.0


def main(words: list[str]) -> None:
    """Measure, show and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.data", description=__doc__)
    parser.add_argument("words", nargs="*", help="cases that have one of these in their names; none: all")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--clips", type=int, default=N_CLIPS, help="generated clips of either format")
    parser.add_argument("--seconds", type=float, default=CASE_SECONDS, help="for a case")
    parser.add_argument("--growth", action="store_true", help="parse more and more clips, too")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args(words)
    setting = Setting(device=torch.device("cpu"), turn_seconds=TURN_SECONDS, case_seconds=chosen.seconds)
    document = measured(chosen.words, setting, chosen.clips)
    write_json(chosen.out / "data.json", document)
    shown = table(document) + "\n" + rates(document)
    write_bytes(chosen.out / "data.md", shown.encode())
    _say(shown)
    if chosen.growth:
        _growth(chosen.out, chosen.sizes, chosen.workers, setting)


def measured(words: list[str], setting: Setting, n_clips: int) -> dict[str, Any]:
    """The document of `dastm.bench`, with the amount of data that every case is about."""
    with TemporaryDirectory() as folder:
        write_clips(Path(folder), n_clips)
        sizes = {suffix: size_of(clips(suffix, Path(folder))) for suffix in set(FORMAT_OF.values())}
        os.environ[FOLDER] = folder
        try:
            document = bench(words, setting, growth=False, source="tests.bench.data_cases", log=_say)
        finally:
            del os.environ[FOLDER]
    for name, entry in document["cases"].items():
        entry["data"] = sizes[FORMAT_OF[name]]
    return document


def rates(document: dict[str, Any]) -> str:
    """MB/s and frames/s of every variant, in Markdown."""
    lines = ["| case | variant | MB/s | frames/s |", "|:-----|:-----|-----:|-----:|"]
    for name, entry in document["cases"].items():
        of = entry["data"]
        for variant, taken in entry["variants"].items():
            mb, frames = of["bytes"] / taken["seconds"] / 1e6, of["frames"] / taken["seconds"]
            lines.append(f"| {name} | {variant} | {mb:.0f} | {frames:,.0f} |")
    return "\n".join(lines) + "\n"


def _growth(out: Path, sizes: list[int], workers: int, setting: Setting) -> None:
    rows = grow(sizes, workers, _say)
    write_json(out / "growth-parse.json", {"machine": machine(setting), "workers": workers, "rows": rows})
    write_bytes(out / "growth-parse.md", growth_table(rows).encode())
    write_bytes(out / "growth-parse.svg", growth_figure(rows, workers).encode())
    _say(growth_table(rows))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
