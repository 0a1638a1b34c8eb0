"""Joints of one frame attend to those of another: one side of Eq. 4-5, and the attention block of the released code.

In: `own` frames, whose joints are rows and give the values, and `other` frames, whose joints are columns. Out: the own
frames activated. NGM (Guo et al., ECCV 2018, as DASTM enhanced it) gives every frame to itself.
  equations   A = softmax_rows((H W1)(H' W2)^T / sqrt(d)),                      Ĥ = A (H W3)
  block       A = softmax_rows((H Wq + bq)(H' Wk + bk)^T / sqrt(d)),
              Ĥ = norm(H + drop(drop(A) (H Wv + bv) Wo + bo))                   norm: over the d channels of a joint

Axes: V joints, D channels; whatever stands before them (clips, frames) is the same on both sides.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from dastm.config.schema import Init
from dastm.layers.dropout import Dropout
from dastm.layers.weights import Linear
from dastm.model.matching.projections import coded, start

EPSILON = 1e-12
"""Epsilon of the layer norm, as released."""


class EquationAttention(nn.Module):
    """Three d x d projections without bias, named as in Eq. 4: W1 rows, W2 columns, W3 values.

    `init` is how they begin (`projections.start`); `code_VD` is where the learned codes of the joints begin
    (`projections.joint_codes`); None: there are none.
    """

    def __init__(
        self,
        n_features: int,
        *,
        init: Init,
        generator: torch.Generator | None = None,
        code_VD: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.n_features = n_features
        self.W1, self.W2, self.W3 = (nn.Parameter(torch.empty(n_features, n_features)) for _ in range(3))
        start(self.named_parameters(), generator, init)
        self.code_VD = None if code_VD is None else nn.Parameter(code_VD.clone())

    def forward(self, own_VD: Tensor, other_VD: Tensor) -> Tensor:
        """Ĥ. Shapes: (..., V, D) and (..., V, D) -> (..., V, D). Raises: ValueError if they do not fit."""
        return self.attention(own_VD, other_VD) @ (own_VD @ self.W3)

    def attention(self, own_VD: Tensor, other_VD: Tensor) -> Tensor:
        """A. Shapes: (..., V, D) and (..., V, D) -> (..., V, V), every row adding up to one. Raises: as forward."""
        check_frames(own_VD, other_VD, self.n_features)
        # (H W1)(H' W2)^T = H (H' W2 W1^T)^T: one projection of frames, not two.
        keys_VD = coded(other_VD, self.code_VD) @ (self.W2 @ self.W1.T / math.sqrt(self.n_features))
        return (coded(own_VD, self.code_VD) @ keys_VD.mT).softmax(-1)


class AttentionBlock(nn.Module):
    """Single-head attention with biased projections, an output projection, dropout, residual and layer norm.

    `dropout` applies to the attention and to what is added to the residual. Projections begin as nn.Linear's do, drawn
    from `generator`; masks follow from `dastm.layers.dropout.reseed_dropout`.
    """

    def __init__(self, n_features: int, *, dropout: float, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.n_features = n_features
        self.query, self.key, self.value, self.output = (Linear(n_features, n_features) for _ in range(4))
        self.drop_attention, self.drop_output = Dropout(dropout), Dropout(dropout)
        self.norm = nn.LayerNorm(n_features, eps=EPSILON)
        self.reset(generator)

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights again; the same generator state gives the same numbers."""
        bound = 1 / math.sqrt(self.n_features)
        for layer in (self.query, self.key, self.value, self.output):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
        self.norm.reset_parameters()

    def forward(self, own_VD: Tensor, other_VD: Tensor) -> Tensor:
        """Ĥ. Shapes: (..., V, D) and (..., V, D) -> (..., V, D). Raises: ValueError if they do not fit."""
        weights_VV = self.drop_attention(self.attention(own_VD, other_VD))
        added_VD = weights_VV @ self.values(own_VD) + self.output.bias
        activated_VD: Tensor = self.norm(own_VD + self.drop_output(added_VD))
        return activated_VD

    def attention(self, own_VD: Tensor, other_VD: Tensor) -> Tensor:
        """A, before dropout. Shapes: (..., V, D) and (..., V, D) -> (..., V, V). Raises: as forward."""
        check_frames(own_VD, other_VD, self.n_features)
        scores_VV: Tensor = self.rows(own_VD) @ self.key(other_VD).mT
        return scores_VV.softmax(-1)

    def rows(self, own_VD: Tensor) -> Tensor:
        """The queries of the joints, divided by sqrt(d)."""
        return self.query(own_VD) / math.sqrt(self.n_features)  # type: ignore[no-any-return]

    def values(self, own_VD: Tensor) -> Tensor:
        """The values that attention gathers, output projection included: once per frame instead of once per pair."""
        return functional.linear(self.value(own_VD), self.output.weight)


def check_frames(own_VD: Tensor, other_VD: Tensor, n_features: int) -> None:
    """Raise ValueError unless both have the same shape and this number of channels."""
    if own_VD.shape != other_VD.shape or own_VD.ndim < 2 or own_VD.shape[-1] != n_features:
        shapes = tuple(own_VD.shape), tuple(other_VD.shape)
        raise ValueError(f"expected frames (..., V, {n_features}) of one shape, got {shapes[0]} and {shapes[1]}")
