"""Checks a shard folder by reading it a second time, with code that is independent of the writers.

So a mistake in one cannot be hidden by the other. Read `run` first; `promise` reads manifest and index, `clips` one
shard. `decisions` checks which bodies were kept, and `people`, `posture`, `landmarks` and `origin` whether skeletons
can be people.
"""
