"""What a user names -> recordings, one after the other, whether anybody says what they show or not.

Read in this order: `walk` (files, folders, zips, lists -> what there is to read), `reading` (one of them -> its
recordings), `arrays` (files that do not describe themselves), `stored` (parsed tables and shards), `layouts` (which
joints they are, if nobody says so), `bodies` (tracks -> one array a body). `dastm.cli.recordings` is for whom all this
is; `init` writes a definition for the folder that it is shown.
"""
