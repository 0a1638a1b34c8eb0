"""`python -m dastm`: the command, for whoever has the package but not its script, and for the processes of a sweep."""

from dastm.cli import main

if __name__ == "__main__":
    main(prog_name="dastm")
