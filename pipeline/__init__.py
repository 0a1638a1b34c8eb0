"""Raw skeleton files in, class-split shards out: parse, split, audit.

A clip is `tracks` (as read), then a row of the parsed table, then part of a shard (both in `storage/`). `parse/` reads
raw files, `split/` writes shards, `audit/` checks them, `doctor/` and `inspect/` look at data. `definitions/` describes
data sets, `recordings/` reads what users name for `enrol` and `predict`, `exchange/` imports and exports, `synthesis/`
makes synthetic raw files, `kernels/` has compiled loops, and `work/` divides work among processes.
"""
