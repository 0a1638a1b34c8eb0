"""One variant of one case, timed in a process of its own."""

import resource
import statistics
import time

from tests.bench.cases import CASES

RUNS, SECONDS = 7, 20.0


def measure(case: str, variant: str) -> dict[str, float]:
    """Median seconds of up to RUNS runs after one to warm up, and MB of peak memory that the work adds."""
    work = CASES[case][variant]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    times: list[float] = []
    while len(times) < RUNS and (len(times) < 2 or sum(times) < SECONDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"median_s": statistics.median(times), "min_s": min(times), "peak_mb": peak / 1024, "runs": len(times)}
