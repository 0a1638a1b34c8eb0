"""How work is done, never what: worker processes, a Ray cluster, resuming, paths and URLs, whole files and folders."""
