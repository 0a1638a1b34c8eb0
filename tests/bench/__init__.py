"""Benchmarks: `make bench`. Ratios within one run, with memory beside them; never part of the tests."""
