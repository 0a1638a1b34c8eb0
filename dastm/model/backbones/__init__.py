"""Bodies in, features of every frame and joint out: bodies_BTVC -> features_BTVD, by the backbone of a configuration.

`st_gcn` is the backbone of the paper; `agcn` has other graphs, `ms_g3d` other graphs and convolutions over time
(`ms_g3d_graph`, `ms_tcn`); `lstm` has no graph. `streams` runs one network each for joints, bones and their motion, or
one for all. Shared parts are in `dastm.layers`. To add one, add a module and a row of `BACKBONES` and `OPTIONS`. It
needs `n_features`, `strides` (in time, one per block), `n_frames_out(n_frames)` and `reset(generator)`;
test_contract.py has the rest.
"""

from collections.abc import Callable

from dastm.config.schema import BackboneConfig, BackboneName
from dastm.contract.skeleton import Layout
from dastm.model.backbones.agcn import AGCN
from dastm.model.backbones.lstm import LSTM
from dastm.model.backbones.ms_g3d import MSG3D
from dastm.model.backbones.st_gcn import STGCN
from dastm.model.backbones.streams import SideBySide, Streams

Network = STGCN | AGCN | MSG3D | LSTM

BACKBONES: dict[BackboneName, Callable[..., Network]] = {"st_gcn": STGCN, "agcn": AGCN, "ms_g3d": MSG3D, "lstm": LSTM}

PUBLISHED_STREAMS: dict[BackboneName, tuple[str, ...]] = {"agcn": ("joint", "bone")}
"""The streams of a backbone that was published with more than its joints."""

OPTIONS: dict[BackboneName, tuple[str, ...]] = {
    "st_gcn": ("dropout", "pair_norm", "drop_edge", "edge_importance", "channels", "block_strides"),
    "agcn": ("dropout", "pair_norm", "drop_edge", "body_slots"),
    "ms_g3d": ("dropout", "pair_norm", "drop_edge", "body_slots"),
    "lstm": ("dropout", "pair_norm"),
}
"""The options of the configuration that each backbone uses; the others have no effect on it."""


def build(layout: Layout, config: BackboneConfig) -> Network | Streams | SideBySide:
    """Build the backbone of a configuration; for several streams, one network each or one for all.

    Shapes: the network maps bodies (B, T, V, C) to features (B, T', V, D), D = its `n_features`.
    Raises: ValueError for a value that the backbone refuses. Source: the module of each backbone names its paper.

    >>> import dastm, torch
    >>> backbone = dastm.build_backbone(dastm.LAYOUTS["ntu25"], dastm.BackboneConfig(n_blocks=4))
    >>> features = backbone(torch.zeros(2, 8, 25, 3))
    >>> features.shape[-1] == backbone.n_features
    True
    """
    streams = PUBLISHED_STREAMS.get(config.name, ("joint",)) if config.streams is None else config.streams
    options = {option: getattr(config, option) for option in OPTIONS[config.name]}
    if "body_slots" in options:
        options["body_slots"] = config.body_slots or 1
    if config.n_blocks is not None:
        options["n_blocks"] = config.n_blocks
    backbone = BACKBONES[config.name]
    if streams == ("joint",):
        return backbone(layout, **options)
    if config.fusion == "input":
        return SideBySide(layout, streams, backbone(layout, **options, n_streams=len(streams)))
    return Streams(layout, {stream: backbone(layout, **options) for stream in streams})
