"""Grids: many trainings and their evaluations, in processes of their own, and the table that they make.

The way of a grid: `grid` (a YAML file) -> `cells` (one training of one seed each, with its configuration) -> `process`
(one cell's `dastm train` and `dastm eval`), many at a time by `local` or `on_ray` -> `results` (what the folders hold)
-> `statistics` -> `table`. `run` is `dastm sweep`.
"""
