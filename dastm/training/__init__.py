"""Episodes in, weights out. Read `trainer` first; it calls the rest.

`step` (what the optimiser does with episodes), `ranks` (processes that share them out), `run_ownership` (is this folder
of this training?), `state` (what a checkpoint holds), `pretraining` (a classifier over the training classes, optional),
`schedule` (learning rate and when to stop), `loss` (Eq. 1 and 8 of the paper).
"""
