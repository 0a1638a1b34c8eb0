"""Parsed table -> class-split shards. Read `run` first.

One clip goes through `body_choice` (which bodies), then `normalise` (fill, move, turn, scale, sample frames). `cache`
keeps clips that are ready between runs; `exemplars` are examples that a protocol gives.
"""
