"""`dastm-data doctor`: what is damaged, odd or suspicious in raw files, zips, parsed tables and shard folders.

Read in this order: `walk` (PATH -> what is there), `clips` (one raw file or table row -> its findings: `observed`
arranges its arrays, `checks` compares them with `limits`), `census` (findings that only many clips together show),
`report` (table, CSV, JSON). `tables` and `shards` do the same for the results of `parse` and `split`. `run` joins all;
`findings` has every check with its severity and advice. To add a check, add a function in `checks` and a row of
`findings.KINDS`.
"""
