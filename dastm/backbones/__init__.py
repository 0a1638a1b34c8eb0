"""Backbones by the name that a configuration gives them: bodies in, features of every frame and joint out.

A backbone is built as `BACKBONES[name](layout, **options)`; it maps bodies_BTVC to features_BTVD and has `n_features`,
`strides` (in time, one a block), `n_frames_out(n_frames)` and `reset(generator)`. `build` makes one of the knobs of a
configuration, with a network for each of several streams.
"""

from collections.abc import Callable, Sequence
from typing import Any

from dastm.backbones.agcn import AGCN
from dastm.backbones.lstm import LSTM
from dastm.backbones.ms_g3d import MSG3D
from dastm.backbones.st_gcn import STGCN
from dastm.backbones.streams import Streams
from dastm.skeleton import Layout

Network = STGCN | AGCN | MSG3D | LSTM

BACKBONES: dict[str, Callable[..., Network]] = {"st_gcn": STGCN, "agcn": AGCN, "ms_g3d": MSG3D, "lstm": LSTM}

PUBLISHED_STREAMS = {"agcn": ("joint", "bone")}
"""The streams of a backbone that was published with more than its joints."""

OPTIONS = {
    "st_gcn": ("dropout", "pair_norm", "drop_edge", "edge_importance"),
    "agcn": ("dropout", "pair_norm", "drop_edge", "body_slots"),
    "ms_g3d": ("dropout", "pair_norm", "drop_edge", "body_slots"),
    "lstm": ("dropout", "pair_norm"),
}
"""The options of `build` that a backbone has; the others do not change it."""


def build(
    layout: Layout,
    name: str,
    *,
    n_blocks: int | None = None,
    streams: Sequence[str] | None = None,
    dropout: float = 0.0,
    edge_importance: bool = True,
    pair_norm: float = 0.0,
    drop_edge: float = 0.0,
    body_slots: int = 1,
) -> Network | Streams:
    """The backbone of a configuration.

    Args:
        name: one of `BACKBONES`.
        n_blocks: blocks, or layers of the LSTM; None: as many as the backbone has by default.
        streams: of `streams.STREAMS`, one network each; ("joint",) is the network itself. None: as published.
        dropout: within every backbone, each in its place.
        edge_importance: ST-GCN only; the others have no such weights, or always theirs.
        pair_norm: PairNorm's scale, in every backbone; 0 for none.
        drop_edge: DropEdge's share of the bones; the LSTM has none to drop.
        body_slots: of the input norm of 2s-AGCN and MS-G3D; the others have one for all bodies, as published.

    Raises: ValueError for an unknown name or stream, or a value that the backbone refuses.
    """
    streams = PUBLISHED_STREAMS.get(name, ("joint",)) if streams is None else streams
    if len(set(streams)) < len(streams):
        raise ValueError(f"streams: each one once, got {', '.join(streams)}")
    if name not in BACKBONES:
        raise ValueError(f"backbone: one of {', '.join(BACKBONES)}, got {name!r}")
    values: dict[str, Any] = {
        "dropout": dropout,
        "edge_importance": edge_importance,
        "pair_norm": pair_norm,
        "drop_edge": drop_edge,
        "body_slots": body_slots,
    }
    options = {option: values[option] for option in OPTIONS[name]}
    if n_blocks is not None:
        options["n_blocks"] = n_blocks
    if tuple(streams) == ("joint",):
        return BACKBONES[name](layout, **options)
    return Streams(layout, {stream: BACKBONES[name](layout, **options) for stream in streams})
