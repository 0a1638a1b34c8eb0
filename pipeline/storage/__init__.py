"""What is kept of a clip on disk: a row of the parsed table, then a member of a shard.

`table` writes and reads the Parquet files that `parse` makes; `shard_writing` writes what `split` makes. The reader of
shards is `dastm.contract.shard_reading`, for training needs nothing of this half.
"""
