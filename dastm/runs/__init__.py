"""The folder of a run: what is in it (`checkpoint`, `results`), which files are ours (`run_folder`), who may write.

`sealed` finds damage, `mending` makes what is damaged or gone again, `whereabouts` finds the shards of a run from any
folder. `fit` refuses data that the weights were not trained for, `seen_classes` tells which classes they have seen, and
`device` picks where a run computes, `load` gives the trained network; `locks` keep two commands apart.
"""
