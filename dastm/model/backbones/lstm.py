"""LSTM over whole skeletons: joints of one body over time in, features of every frame and joint out.

Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, in the form of Gers et al. (2000)
of PyTorch. DASTM's appendix has one row "LSTM" without further details; this is the plain reading of it, with these
choices:

- A frame is the vector of all coordinates of all joints, after a batch norm of every coordinate of every joint, as in
the
  graph backbones: so metres and fractions of an image train equally well.
- Two layers of 256 units, forward in time only.
- The state of a frame belongs to the whole skeleton. A learned linear map turns it into one feature vector for every
  joint. Unchanged, it would be a skeleton of one joint: the softmax of the spatial activation would be 1 and the
  nuclear norm a plain length. For ProtoNet and DTW the map is no loss: distances become those of the same states under
  a learned metric. A cheaper map, such as the state added to an embedding of every joint, would bound the rank.
- PairNorm, where it is asked for, follows the map to joints: there is no graph convolution. DropEdge has no bones to
  drop: its row of a table is that of DTW.
- No stride in time: every frame has its state, so m = T, and the matching compares T * T pairs of frames.

Axes: B bodies, T frames, V joints, C coordinates, H units, D = 256 features.
"""

import math

import torch
from torch import Tensor, nn

from dastm.contract.skeleton import Layout
from dastm.layers.dropout import Dropout
from dastm.layers.input_norm import InputNorm, body_shape
from dastm.layers.pair_norm import PairNorm
from dastm.layers.weights import Linear, Undrawn, draw_uniform, fresh_norms

N_UNITS = 256


class LSTM(nn.Module):
    """Skeleton features by recurrence over the frames.

    Args:
        layout: the joints and their coordinates; bones are not used.
        n_blocks: layers of `N_UNITS` units each.
        dropout: between the layers.
        pair_norm: PairNorm's scale, after the map to joints; 0 for none.
        n_streams: number of input streams, side by side: each joint has this many times the layout's coordinates.

    The weights are those of a fixed seed until `reset` or `load_state_dict`; no global generator is touched.
    Raises: ValueError for n_blocks < 1, dropout outside [0, 1), or pair_norm below 0.
    """

    n_features = 256
    strides: tuple[int, ...] = ()

    def __init__(
        self, layout: Layout, *, n_blocks: int = 2, dropout: float = 0.0, pair_norm: float = 0.0, n_streams: int = 1
    ) -> None:
        super().__init__()
        if n_blocks < 1:
            raise ValueError(f"n_blocks: at least 1, got {n_blocks}")
        self.n_joints, width = layout.n_joints, math.prod(body_shape(layout, n_streams))
        self.data_bn = InputNorm(layout, n_streams=n_streams)
        # One module a layer: the dropout inside nn.LSTM would draw from the process-wide generator.
        self.layers = nn.ModuleList(
            _Layer(width if i == 0 else N_UNITS, N_UNITS, batch_first=True) for i in range(n_blocks)
        )
        self.dropout = Dropout(dropout)
        self.project = Linear(N_UNITS, layout.n_joints * self.n_features)
        self.pair_norm = PairNorm(pair_norm)
        self.reset(torch.Generator().manual_seed(0))

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Features of every frame and every joint, of what was seen up to that frame.

        Shapes: bodies (B, T, V, C), present bodies only -> (B, T, V, 256).
        Raises: ValueError if the shape is not that of the layout.
        """
        # in bf16 not every processor has a recurrence
        with torch.autocast(bodies_BTVC.device.type, enabled=False):
            x_BTH, _ = self.layers[0](self.data_bn(bodies_BTVC).flatten(2))
            for layer in self.layers[1:]:
                x_BTH, _ = layer(self.dropout(x_BTH))
        features_BTVD: Tensor = self.project(x_BTH).unflatten(-1, (self.n_joints, self.n_features))
        normed_BDTV: Tensor = self.pair_norm(features_BTVD.permute(0, 3, 1, 2))
        return normed_BDTV.permute(0, 2, 3, 1)

    def n_frames_out(self, n_frames: int) -> int:
        """The number of feature frames, which equals the number of frames."""
        return n_frames

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights again; what comes out depends on the generator's state only, on any device.

        PyTorch's default distributions: everything uniform within 1 / sqrt(units); batch norm the identity.
        """
        fresh_norms(self)
        for parameter in (*self.layers.parameters(), *self.project.parameters()):
            draw_uniform(parameter, 1 / math.sqrt(N_UNITS), generator)


class _Layer(Undrawn, nn.LSTM):
    """`nn.LSTM` whose weights are yet to be drawn."""
