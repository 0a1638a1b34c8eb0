"""`dastm-data doctor`: what is damaged, odd or suspicious in raw files, zips, parsed tables and shard folders.

The journey of a doubt: walk (PATH -> what lies there) -> clips (one raw file or table row -> its facts and doubts, by
checks over its arrays) -> census (doubts that only many clips together show) -> report (table, CSV, JSON).
"""
