"""Trained weights and shards in, accuracies with intervals out. Read `evaluator` first.

Every row of a result is scored on the same episodes: the trained network, and the `baselines` that need no training.
`accuracy` is the score, `predictions` the answer to each query; `feature_cache` computes the features of each clip
once. Unknown classes: `open_rows` scores them, with the measures of `open_set`; `limits` fits the distance beyond which
a clip is none of the classes, for `calibration` (`dastm calibrate`). Other protocols: `one_shot` has given exemplars,
`by_group` tests on people who showed no examples, `shots` varies the number of examples. Results: `intervals`,
`metrics` (the content of metrics.json), `results_folder` (the folder of an evaluation) and `printed` (what `dastm eval`
prints).
"""
