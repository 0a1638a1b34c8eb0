"""What the two halves agree on, and what both do in the same way: the only package of `dastm` that `pipeline` imports.

The agreement: `skeleton`, `layouts` and `mapping` (joints), `shard_format` (what a shard holds), `shard_reading` (the
one reader of shard folders), `clips` (how one clip is prepared), `errors`.
Done in the same way: `ownership` (what may be replaced), `documents`, `faults` and `names` (reading what others wrote),
`compiled` (where numba's kernels are kept), `os_errors`, `progress`, `spreadsheet`, `wording`. Nothing here needs
torch.
"""
