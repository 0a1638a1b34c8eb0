"""`make benchmark KINECTSETS=DIR`: shipped encoders beside what needs no training, on recordings of people.

In: a folder of data sets, each a definition `<name>.yaml` and its raw files `<name>.zip`. Out: a table (Markdown), one
row a set, and each evaluation in the folder of results. A set is parsed and split as a user would do it; what
is there already is taken. All columns of a row are scored on the same episodes. 2-D sets are scored by `motion2d`, 3-D
ones by `motion3d`, or both by `--run`.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.shard_format import MANIFEST_NAME
from dastm.contract.shard_reading import read_manifest
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.runs.encoders import run_of
from dastm.runs.record import TrainingRecord
from pipeline.cli import main as data_command

SHOTS = (1, 5)
BASELINES = ("coordinates", "path")


def main(words: list[str]) -> int:
    """Every set of the folder; 0 also where there is no folder, which is said."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kinectsets", description=__doc__)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--run", default=None, help="A run or encoder for all sets; default: motion3d, motion2d.")
    parser.add_argument("--only", nargs="*", default=(), help="Names of sets; default: all.")
    parser.add_argument("--out", type=Path, default=Path("build/benchmark"))
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--subset", default="test")
    asked = parser.parse_args(words)
    definitions = [path for path in found_in(asked.sets) if not asked.only or path.stem in asked.only]
    if not definitions:
        click.echo(f"{asked.sets}: no data sets (<name>.yaml with <name>.zip) there; nothing is scored")
        return 0
    torch.set_num_threads(1)
    shards = {path.stem: prepared(path, asked.out) for path in definitions}
    folder = asked.out / "results"
    results = {name: scored(its, asked.run, folder, asked.episodes, asked.subset) for name, its in shards.items()}
    lines = table(results)
    (asked.out / "table.md").write_text("\n".join(lines) + "\n")
    click.echo("\n".join(lines))
    return 0


def found_in(sets: Path) -> list[Path]:
    """The definitions of a folder that have their raw files beside them."""
    return [path for path in sorted(sets.glob("*.yaml")) if path.with_suffix(".zip").is_file()]


def scored(
    shards: Path, named: str | None, results: Path, episodes: int, subset: str, *, allow_seen: bool = False
) -> dict[int, dict[str, Any]]:
    """Shots -> metrics.json of one set, for a run or, without a name, the shipped encoder of its dimensions."""
    is_image = read_manifest(shards).layout.is_image
    run = run_of(named or ("motion2d" if is_image else "motion3d"))
    record = TrainingRecord.read(run)
    metrics = {}
    for k_shot in SHOTS:
        config = EvalConfig(
            subset=subset,
            k_shot=k_shot,
            episodes=episodes,
            baselines=BASELINES,
            too_few="leave_out",
            allow_seen=allow_seen,
        )
        begun = time.monotonic()
        folder = results / f"{shards.name}-{record.dataset}-{k_shot}shot"
        metrics[k_shot] = evaluate_and_write(config, run, str(shards), "cpu", folder, log=click.echo)
        click.echo(f"{shards.name}, {k_shot} shots: {time.monotonic() - begun:.0f} s", err=True)
    return metrics


def prepared(definition: Path, out: Path) -> Path:
    """The shards of a set: parsed and split, unless they are there."""
    parsed, shards = out / "parsed" / definition.stem, out / "shards" / definition.stem
    if not (shards / MANIFEST_NAME).is_file():
        raw = str(definition.with_suffix(".zip"))
        run_data_command("parse", "--dataset", str(definition), "--raw", raw, "--out", str(parsed))
        run_data_command("split", "--dataset", str(definition), "--parsed", str(parsed), "--out", str(shards))
    return shards


def run_data_command(*words: str) -> None:
    """A command of `dastm-data`, in this process."""
    data_command(list(words), standalone_mode=False)


def table(results: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> list[str]:
    """Lines of Markdown: a row a set, a column a method, with 1-shot / 5-shot and the intervals over episodes."""
    methods = list(next(iter(results.values()))[SHOTS[0]]["rows"])
    learned = [name for name in methods if name not in BASELINES]
    names = [*BASELINES, *learned]
    lines = [f"| set | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
    for name, by_shots in results.items():
        cells = [" / ".join(_cell(by_shots[k]["rows"].get(method)) for k in SHOTS) for method in names]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cell(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else f"{row['mean']:.1f} ± {row['interval']:.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
