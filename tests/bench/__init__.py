"""`make bench`: the cases of `dastm bench`, and beside them the literal versions that only the tests have."""
