"""Raw files -> parsed table. Read `run` first.

`raw_files` finds files in folders and zips, `plan` turns them into clips to read, `labels` gives each its class,
`formats/` reads one clip a file, `sources/` many clips a file, `summary` counts the results. Nothing is chosen or
changed here.
"""
