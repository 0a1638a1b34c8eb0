"""`dastm-data doctor`: what is damaged, odd or suspicious in raw files, zips, parsed tables and shard folders.

The journey of a doubt, in the order to read: walk (PATH -> what lies there), clips (one raw file or table row -> its
findings: observed lays its arrays out, checks doubt them by limits), census (doubts that only many clips together
show), report (table, CSV, JSON). tables and shards do the same for what `parse` and `split` have written; run joins
all, findings names every check with its severity and advice.
"""
