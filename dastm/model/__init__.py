"""The model: an episode's clips in, distances to its classes out.

`backbones` make features of clips, `matching` compares the features of two clips, and `network` is where the two meet.
Backbones and matching know nothing of each other, nor of episodes. What both are built from is in `dastm.layers`.
"""
