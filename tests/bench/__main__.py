"""`python -m tests.bench [case ...]`: every variant of every case in a process of its own.

Prints the median time, the ratio to the first variant and the peak memory above the set-up; writes build/bench.json.
"""

import json
import multiprocessing
import sys
from pathlib import Path

import torch

from tests.bench.cases import CASES
from tests.bench.measure import measure


def main() -> None:
    wanted = [case for case in CASES if not sys.argv[1:] or any(word in case for word in sys.argv[1:])]
    results: dict[str, dict[str, dict[str, float]]] = {}
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'case':<32} {'variant':<16} {'median':>10} {'ratio':>7} {'peak MB':>8}")
    spawn = multiprocessing.get_context("spawn")
    for case in wanted:
        results[case] = {}
        for variant in CASES[case]:
            with spawn.Pool(1) as pool:
                result = pool.apply(measure, (case, variant))
            results[case][variant] = result
            ratio = result["median_s"] / next(iter(results[case].values()))["median_s"]
            print(f"{case:<32} {variant:<16} {result['median_s'] * 1e3:8.1f}ms {ratio:7.2f} {result['peak_mb']:8.0f}")
    path = Path("build/bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {path}")


if __name__ == "__main__":
    main()
