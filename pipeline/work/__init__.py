"""How work is done: worker processes, a Ray cluster, resuming, paths and URLs, files and folders written as a whole."""
