"""Episodes in, weights out. Read `trainer` first; it calls the rest.

`step` (one step of the optimiser), `ranks` (several processes that train together), `sharing` (a step divided among
them), `validation` (after each epoch), `run_ownership` (whether a folder belongs to this training), `state` (what a
checkpoint holds), `beginning` (start from another run), `pretraining` (as a classifier of the training classes,
optional) with `mirroring`, `schedule` (learning rate, and when to stop), `loss` (Eq. 1 and 8 of the paper).
"""
