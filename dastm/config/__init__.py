"""The options of a training (`schema`) and of an evaluation (`evaluation`). `values` has their kinds of values, `load`
reads them, `presets/` has recipes and methods.

In: presets, params.yaml and `--set`. Out: a frozen `Config` or `EvalConfig`, which is saved with the run.
"""
