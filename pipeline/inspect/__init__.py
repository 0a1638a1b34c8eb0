"""Looking at data: one clip (raw beside normalised, in the terminal, animated) and a whole data set (counts, plots)."""
