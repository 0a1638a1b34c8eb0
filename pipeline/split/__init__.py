"""Parsed table -> class-split shards. Read `run` first.

One clip goes through `body_choice` (which bodies), then `normalise` (fill, move, turn, scale, sample frames). `cache`
keeps normalised clips between runs; `exemplars` finds the examples that a one-shot protocol gives.
"""
