"""A second, independent reading of a shard folder: it shares no code with the writers.

So one mistake cannot hide in both. Read `run` first; `decisions` checks which bodies were kept, `people` and `posture`
whether the skeletons can be people.
"""
