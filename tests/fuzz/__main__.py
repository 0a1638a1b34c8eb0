"""`python -m tests.fuzz [--inputs 20000] [--seed 0] [--decimals 1000000] [--out build/fuzz]`: exit 1 on a finding."""

import argparse
import sys
from hashlib import blake2b
from pathlib import Path

import numpy as np

from tests.fuzz.decimals import decimals, disagreements
from tests.fuzz.readers import READERS
from tests.fuzz.run import fuzz_apart


def main(words: list[str]) -> int:
    """Everything; the inputs of findings are left in the folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--decimals", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    chosen = parser.parse_args(words)
    chosen.out.mkdir(parents=True, exist_ok=True)
    n_findings, n_each = 0, -(-chosen.inputs // len(READERS))
    for name in READERS:
        current = chosen.out / "current"
        current.unlink(missing_ok=True)
        tally = fuzz_apart(name, n_each, chosen.seed, current)
        n_findings += len(tally.findings)
        _say(f"{name}: {dict(tally.outcomes)}, slowest {tally.slowest * 1e3:.0f} ms, {len(tally.findings)} findings")
        for what, data in tally.findings:
            path = chosen.out / f"{blake2b(data, digest_size=6).hexdigest()}.bin"
            path.write_bytes(data)
            _say(f"  {path}: {what}")
    return 1 if n_findings + _decimals(chosen.decimals, chosen.seed) else 0


def _decimals(n_texts: int, seed: int) -> int:
    rng = np.random.default_rng([seed, n_texts])
    n_wrong, n_unknown = 0, 0
    for start in range(0, n_texts, 10_000):
        wrong, unknown = disagreements(decimals(rng, min(10_000, n_texts - start)))
        n_wrong, n_unknown = n_wrong + len(wrong), n_unknown + unknown
        for text in wrong:
            _say(f"  float32 of {text}")
    _say(f"decimals: {n_texts}, {n_unknown} left to Python, {n_wrong} findings")
    return n_wrong


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
