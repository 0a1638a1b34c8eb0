"""The folder of a run. It holds

  train/config.json          the configuration as resolved, which shards, versions, git revision
  train/seed-<n>/last.pt     weights, optimiser and position after the last checkpoint; best.pt: the best validation
  curves.csv                 every epoch of every seed; train/curves.json: its digest
  eval/<what is scored>/     metrics.json, with the digests of episodes.csv and predictions.parquet
  report.html

`record`, `checkpoint` and `results` write and read these, `files` writes them whole or not at all, `run_folder` says
which files are ours. `sealed` finds damage, `mending` makes what is damaged or gone again, `whereabouts` finds the
shards of a run from any folder. `fit` refuses data that the weights were not trained for, `seen_classes` tells which
classes they have seen, and `device` picks where a run computes, `load` gives the trained network; `locks` keep two
commands apart.
"""
