"""Parsed table -> class-split shards. Read `run` first.

One clip goes through `mapped` (joints of another layout), `body_choice` (which bodies are kept) and `normalise` (fill
gaps, move, turn, scale, sample frames; `gaps` has the ways to fill). `apart` keeps the people of train and test apart,
`exemplars` finds the given examples of a one-shot protocol, and `cache` keeps normalised clips between runs.
"""
