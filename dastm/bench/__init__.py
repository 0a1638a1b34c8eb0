"""Benchmarks, `dastm bench`: how long each part of the method takes and how much memory, as ratios within one run.

`cases` says what is timed and against what, `measure` times it, `table` and `plot` show it, `run` does all of that.
Nothing else of the package imports this folder. `make bench` adds the literal versions that live in the tests.
"""
