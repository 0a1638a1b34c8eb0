"""Trained weights and shards in, accuracies with intervals out. Read `evaluator` first.

Every row of a result is scored on the same episodes: the trained network, and the `baselines` that need no training.
`open_rows` adds unknown classes (`open_set` the measures, `limits` and `calibration` when a clip is none of them).
`one_shot` is the protocol with given exemplars, `by_group` tests on people who showed no example, `shots` with more
examples; `accuracy` the score, `predictions` what was answered to each query;
`feature_cache` computes the features of each clip once. Then `intervals`, `metrics` (what metrics.json
holds), `results_folder` (the folder of an evaluation) and `printed` (what `dastm eval` prints).
"""
