"""`python -m tests.bench [words]`: `dastm bench` with the literal versions, and with all its options."""

import sys

from dastm.cli import main

if __name__ == "__main__":
    main(["bench", *sys.argv[1:]], prog_name="python -m tests.bench", obj="tests.bench.cases")
