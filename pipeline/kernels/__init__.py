"""Inner loops, compiled by numba and kept on disk (see `dastm.contract.compiled`)."""
