"""Few-shot skeleton action recognition with spatial matching (DASTM, Ma et al., ECCV 2022): shards in, answers out."""

__version__ = "0.1.0"
