"""What the two halves agree on, and what both must do alike: the only package of `dastm` that `pipeline` imports.

The agreement: `skeleton` (layouts), `shard_format` (what a shard holds), `shard_reading` (the one reader of shard
folders), `errors`.
Alike: `ownership` (what may be replaced), `documents`, `faults` and `names` (reading what others wrote), `compiled`
(where numba's kernels are kept), `os_errors`, `progress`, `spreadsheet`, `wording`. Nothing here needs torch.
"""
