"""Spatial activation as the released code has it: frame t of a query attends to frame t of a prototype, and that to it.

In: query and prototype features. Out: the distance of every activated query frame to every activated prototype frame
of a pair of clips. One attention block a side (`matching.attention`): Ĥ^q_t comes from H^q_t and H^s_t, and so
does Ĥ^s_t, so both belong to the pair; what follows, frame distances included, is done for every pair of clips.

Axes: Q queries, W ways, T frames of either side (S: those of the prototype, as many), V joints, D channels; A clips of
the side that is activated, B clips of the other one; P = Q W pairs.
"""

import torch
from torch import Tensor, nn

from dastm.config.schema import FrameDistance
from dastm.model.matching.attention import AttentionBlock, check_frames
from dastm.model.matching.chunks import in_chunks
from dastm.model.matching.frame_distance import PAIRED, check_features, check_name, same_frames

Masks = tuple[Tensor | None, Tensor | None]
_CHUNK_BYTES = {"cpu": 1 << 22}
"""Size of one activated tensor of a chunk by device: on a CPU it should stay in the cache."""
_CHUNK_BYTES_ELSEWHERE = 1 << 28
_KEPT_BYTES = 1 << 28
"""Size of the activated queries for which the backward pass finds everything as the forward pass left it."""


class BlockActivation(nn.Module):
    """An attention block for the query's side and one for the prototype's.

    Args:
        dropout: of the blocks.
        distance: of frames, `frobenius` or `cosine`.
        chunk_queries: queries worked on at a time; None chooses from the sizes. It changes memory and speed, not the
            result.
    """

    def __init__(
        self,
        n_features: int,
        *,
        dropout: float,
        distance: FrameDistance,
        chunk_queries: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_name(distance)
        self.chunk_queries = chunk_queries
        self.distance = PAIRED[distance]
        self.query_side = AttentionBlock(n_features, dropout=dropout, generator=generator)
        self.support_side = AttentionBlock(n_features, dropout=dropout, generator=generator)

    def forward(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distances of all pairs of activated frames.

        Shapes: query_QTVD (Q, T, V, D), prototypes_WSVD (W, T, V, D) -> (Q, W, T, T).
        Raises: ValueError if the shapes do not fit, the number of frames included.
        """
        check_features(query_QTVD, prototypes_WSVD)
        same_frames(query_QTVD, prototypes_WSVD)
        check_frames(query_QTVD[:1], query_QTVD[:1], self.query_side.n_features)
        q, s = self.query_side, self.support_side
        query = query_QTVD, q.rows(query_QTVD), q.values(query_QTVD), s.key(query_QTVD)
        support = prototypes_WSVD, s.rows(prototypes_WSVD), s.values(prototypes_WSVD), q.key(prototypes_WSVD)
        n_ways = len(prototypes_WSVD)
        # Drawn for all pairs before they are cut into chunks, which so change no result.
        q_masks, s_masks = _masks(q, query_QTVD, n_ways), _masks(s, prototypes_WSVD, len(query_QTVD))

        def some(chunk: slice) -> Tensor:
            own, rows, values, keys = (tensor[chunk] for tensor in query)
            q_chunk = tuple(mask if mask is None else mask[chunk] for mask in q_masks)
            s_chunk = tuple(mask if mask is None else mask[:, :, chunk] for mask in s_masks)
            activated_q = _pairs(q, (own, rows, values), support[3], q_chunk).transpose(1, 2).flatten(0, 1)
            activated_s = _pairs(s, support[:3], keys, s_chunk).permute(2, 0, 1, 3, 4).flatten(0, 1)
            distances_PTS = self.distance(activated_q, activated_s)
            return distances_PTS.view(-1, n_ways, *distances_PTS.shape[1:])

        n_at_once, n_kept = self._chunks(query_QTVD, n_ways)
        return in_chunks(some, len(query_QTVD), n_at_once, n_kept)

    def attention(self, query_VD: Tensor, prototype_VD: Tensor) -> tuple[Tensor, Tensor]:
        """A of the query's and of the prototype's block, for explanation, as `Activation.attention`.

        Shapes: query_VD and prototype_VD (..., V, D) -> two (..., V, V). Raises: ValueError if they do not fit.
        """
        query_map = self.query_side.attention(query_VD, prototype_VD)
        return query_map, self.support_side.attention(prototype_VD, query_VD)

    def _chunks(self, query_QTVD: Tensor, n_ways: int) -> tuple[int, int]:
        """Queries a chunk, and queries whose way is kept for the backward pass."""
        query_bytes = query_QTVD[0].numel() * query_QTVD.element_size() * n_ways
        chunk_bytes = _CHUNK_BYTES.get(query_QTVD.device.type, _CHUNK_BYTES_ELSEWHERE)
        return self.chunk_queries or max(1, chunk_bytes // query_bytes), max(1, _KEPT_BYTES // query_bytes)


def _masks(block: AttentionBlock, own_ATVD: Tensor, n_others: int) -> Masks:
    """Dropout of the attention (A, T, B, V, V) and of what is added to the residual (A, T, B, V, D) of all pairs."""
    n_clips, n_frames, n_joints, n_channels = own_ATVD.shape
    shape = n_clips, n_frames, n_others, n_joints
    attention = block.drop_attention.mask(own_ATVD.new_empty(1).expand(*shape, n_joints))
    return attention, block.drop_output.mask(own_ATVD.new_empty(1).expand(*shape, n_channels))


def _pairs(
    block: AttentionBlock,
    own: tuple[Tensor, ...],
    keys_BTVD: Tensor,
    masks: tuple[Tensor | None, ...],
) -> Tensor:
    """Every own clip activated by every other clip, frame t by frame t -> (A, T, B, V, D)."""
    own_ATVD, rows_ATVD, values_ATVD = own
    attention_mask, output_mask = masks
    weights_ATBVV = _scores(rows_ATVD, keys_BTVD).softmax(-1)
    if attention_mask is not None:
        weights_ATBVV = weights_ATBVV * attention_mask
    added = (weights_ATBVV.flatten(2, 3) @ values_ATVD).view(*weights_ATBVV.shape[:4], -1)
    added = added.add_(block.output.bias)
    if output_mask is not None:
        added = added.mul_(output_mask)
    activated: Tensor = block.norm(added.add_(own_ATVD[:, :, None]))
    return activated


def _scores(rows_ATVD: Tensor, keys_BTVD: Tensor) -> Tensor:
    """Products of all joints of frame t of all clips, one matrix product a frame -> (A, T, B, V, V)."""
    (n_own, n_frames, n_joints), n_others = rows_ATVD.shape[:3], len(keys_BTVD)
    rows, keys = (tensor.transpose(0, 1).flatten(1, 2) for tensor in (rows_ATVD, keys_BTVD))
    scores = (rows @ keys.mT).view(n_frames, n_own, n_joints, n_others, n_joints)
    return scores.permute(1, 0, 3, 2, 4).contiguous()
