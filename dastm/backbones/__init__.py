"""Backbones by the name that a configuration gives them: present bodies in, features of every frame and joint out.

A backbone is built as `BACKBONES[name](layout, **options)`; it maps bodies_BTVC to features_BTVD and has `n_features`,
`strides` (in time, one a block), `n_frames_out(n_frames)` and `reset(generator)`.
"""

from dastm.backbones.st_gcn import STGCN

BACKBONES = {"st_gcn": STGCN}
