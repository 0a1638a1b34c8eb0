"""Recordings that a user names, read one after the other, whether or not anybody says what they show.

Read in this order: `walk` (files, folders, zips and lists -> what there is to read), `reading` (one of these -> its
recordings), `arrays` (files that do not describe themselves), `stored` (parsed tables and shards), `layout_choice`
(which joints they are, if nobody says so), `bodies` (tracks -> one array per body). `dastm.cli.recordings` uses it for
`enrol` and `predict`. `init` writes a definition for a folder of recordings.
"""
