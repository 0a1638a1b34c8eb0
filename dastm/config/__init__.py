"""The options of a training and of an evaluation: `schema` has them, `values` says what kinds of values there are,
`load` reads them, `presets/` has recipes and methods.

In: presets, params.yaml and `--set`. Out: a frozen `Config` or `EvalConfig`, which is saved with the run.
"""
