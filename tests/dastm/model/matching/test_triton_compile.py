"""The kernels compile for GPUs that are not there: whole, within the shared memory of all of them, in registers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("triton", reason="Triton is not installed")
ROOT = Path(__file__).resolve().parents[4]
KERNELS = {"_forward_kernel", "_backward_kernel", "_distance_kernel", "_gradient_kernel", "_root_kernel"}


def test_every_kernel_compiles_and_fits(pytestconfig):
    # kept between runs of the tests: Triton names what it compiled by the code, the options and its own version
    kept = pytestconfig.cache.mkdir("triton")
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.compile_kernels", "80", "90"],
        cwd=ROOT,
        env=environment | {"TRITON_CACHE_DIR": str(kept)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    compiled = [json.loads(line) for line in done.stdout.splitlines()]
    found = {(facts["kernel"], facts["target"]) for facts in compiled}
    assert found == {(kernel, target) for kernel in KERNELS for target in (80, 90)}
    for facts in compiled:
        assert facts["cubin"] > 0
        assert facts["shared"] < 100_000, facts  # bytes a block; the smallest limit from 8.0 on is 99 KiB
        assert facts["stack"] <= 256, facts  # bytes a thread: a few spilled registers, no more
