"""Imported before processes are forked: with its first kernel numba imports what takes half a second in each."""

import numba

numba.njit(lambda number: number + 1)(1)
