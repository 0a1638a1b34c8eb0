"""What the two halves agree on, and what both must do alike: the only package of `dastm` that `pipeline` imports.

The agreement: `skeleton` (layouts), `clip` (what a shard holds), `shards` (the one reader of shard folders), `errors`.
Alike: `ownership` (what may be replaced), `documents`, `faults` and `names` (reading what others wrote), `compiled`
(where numba's kernels are kept), `os_errors`, `progress`, `spreadsheet`. Nothing here needs torch.
"""
