"""What to find out first on a machine with a GPU: `make gpu-check`. Read `__main__`; it runs the rest.

`ceilings` (how fast this card copies and multiplies), `kernels` (each against float64), `networks` (gradients of every
weight), `steps` (a whole step: against the CPU, twice, without waiting, and its time). Each check adds lines to a
`Findings`; a line with a limit passes or fails.
"""
