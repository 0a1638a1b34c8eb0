"""The folder of a run. It holds

  train/config.json          the configuration as resolved, which shards, versions, git revision
  train/seed-<n>/last.pt     weights, optimiser and position after the last checkpoint; best.pt: the best validation
  curves.csv                 every epoch of every seed; train/curves.json: its digest
  eval/<what is scored>/     metrics.json, with the digests of episodes.csv and predictions.parquet
  report.html

`record`, `checkpoint`, `results` and `limits` write and read these files, `files` writes them completely or not at all,
and `run_folder` says which files are ours. `sealed` finds damage, `mending` repairs lost and damaged checkpoints, and
`whereabouts` finds the shards of a run from any folder. `fit` refuses data that the weights were not trained for,
`seen_classes` knows the classes that they were trained on, `device` chooses where a run computes, and `load` returns
the trained network. `encoders` has the shipped encoders; `locks` keep two commands from working in one folder.
"""
