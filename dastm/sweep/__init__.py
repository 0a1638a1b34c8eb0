"""Sweeps: many trainings and their evaluations, each in its own process, and the table of their results.

From a grid to its table: `grid` (a YAML file) -> `cells` (one training of one seed each, with its configuration) ->
`process` (`dastm train` and `dastm eval` of one cell), many at a time by `local` or `on_ray` -> `results` (read from
the folders) -> `statistics` -> `table`. `run` is `dastm sweep`. To add a sweep, add a YAML file to `grids/`.
"""
