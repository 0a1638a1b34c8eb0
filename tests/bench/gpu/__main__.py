"""`python -m tests.bench.gpu [--device cpu] [--out DIR]`: does the GPU compute what the CPU does, and how fast?

About four minutes on a GPU. Exit status 1 if a check fails or there is no GPU. `--device cpu` runs what needs none, at
small sizes: that shows whether the checks themselves work.
"""

import argparse
import sys
from pathlib import Path

from dastm.contract.errors import RunError
from dastm.runs.device import pick_device
from tests.bench.gpu import ceilings, kernels, networks, steps
from tests.bench.gpu.findings import Findings

CHECKS = (
    ceilings.ceilings,
    kernels.activation,
    kernels.alignment,
    kernels.rank_term,
    kernels.full_digits,
    networks.weight_gradients,
    steps.against_cpu,
    steps.same_bits,
    steps.never_waits,
    steps.replayed,
    steps.times,
)


def main(words: list[str]) -> int:
    """Run all checks -> exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 ..; cpu: what needs no GPU")
    parser.add_argument("--out", type=Path, default=Path("build/gpu-check"))
    asked = parser.parse_args(words)
    try:
        device = pick_device(asked.device)
    except RunError as error:
        sys.stderr.write(f"gpu-check: {error}; `--device cpu` runs what needs no GPU\n")
        return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    found = Findings(device, asked.out)
    for check in CHECKS:
        found.section(check)
    found.write()
    sys.stdout.write(f"{len(found.failed)} failed\n" + "".join(f"  {name}\n" for name in found.failed))
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
