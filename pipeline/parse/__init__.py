"""Raw files -> parsed table. Read `run` first.

`raw_files` finds files in folders and zips, `plan` turns them into clips to read, and `labels` gives each its class.
Three folders read the files: `formats/` (a data set's own format, one clip a file), `tools/` (the files of pose
estimators, cameras and motion capture), `sources/` (many clips a file, or arrays that a definition describes).
`summary` counts the results. Nothing is chosen or changed here.
"""
