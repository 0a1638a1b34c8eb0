"""Clips compared without training, by the directions along their paths through the space of all joints.

In: joints of clips. Out: what is compared of each (its terms), and from two such the distances of all pairs.
The method is that of Taranta et al., "Jackknife: A Reliable Recognizer with Few Samples and Many Modalities" (CHI
2017), restated from its description: a clip is resampled to 16 points at equal distances along its path; the unit
vectors between successive points are compared by dynamic time warping (band 2) with cost 1 - inner product; the sum is
divided by the cosine of the two clips' path lengths a coordinate, and by that of their extents a coordinate.

Axes: L clips, M bodies, T frames, V joints, C coordinates; Q queries, S examples; P points, P - 1 = 15 steps; R = 17
vectors of a clip: its steps, its path lengths, its extents; D = M V C.
"""

import torch
from torch import Tensor
from torch.nn import functional

from dastm.layers.gaps import without_gaps
from dastm.layers.path_points import along_path, even_shares
from dastm.matching.soft_dtw import hard_dtw

POINTS = 16
STEPS = POINTS - 1
BAND = 2
LEAST_COSINE = 0.01
"""Smaller cosines, of clips that move different joints altogether, are taken for this."""


def path_terms(joints_LMTVC: Tensor, *, is_image: bool) -> Tensor:
    """What is compared of each clip, vectors of norm 1: 15 steps along its path, path lengths, extents.

    Shapes: joints_LMTVC (L, M, T, V, C) -> (L, M, R, V, C), float64; C without the confidence of images.
    A joint of an image that was not measured in a frame (place and confidence 0) stays where it was measured last, or
    before that where it is measured first; one that never was stays at zero. So gaps make no jumps. A joint that is
    hidden, whose place was guessed, is at that place. Absent bodies are zeros and add nothing. A clip that does not
    move has zeros for all its vectors.
    """
    places_LMTVC = (without_gaps(joints_LMTVC) if is_image else joints_LMTVC).double()
    shares_LP = even_shares(POINTS).to(places_LMTVC.device).expand(len(places_LMTVC), -1)
    path_LMPVC = along_path(places_LMTVC, shares_LP, places_LMTVC.shape[-1])
    steps_LMPVC = path_LMPVC.diff(dim=2)
    extents_LMVC = path_LMPVC.amax(2) - path_LMPVC.amin(2)
    vectors_LMRVC = torch.cat([steps_LMPVC, steps_LMPVC.abs().sum(2, keepdim=True), extents_LMVC[:, :, None]], dim=2)
    sizes_L1R11 = torch.linalg.vector_norm(vectors_LMRVC, dim=(1, 3, 4), keepdim=True)
    units_LMRVC: Tensor = vectors_LMRVC / sizes_L1R11.masked_fill(sizes_L1R11 == 0, 1)
    return units_LMRVC


def path_distances(query_QMRVC: Tensor, example_SMRVC: Tensor) -> Tensor:
    """Distance of every query to every example, from the terms of both -> (Q, S), float64, never negative.

    The numbers of bodies may differ: bodies that are missing count as zeros.
    A clip that does not move is equally far from all. Raises: ValueError if a term is nan or infinite (on the CPU).
    """
    bodies = max(query_QMRVC.shape[1], example_SMRVC.shape[1])
    query_QRD, example_SRD = (_flat(terms, bodies) for terms in (query_QMRVC, example_SMRVC))
    alike_QS = _likeness(query_QRD, example_SRD)
    inner_QPSP = torch.tensordot(query_QRD[:, :STEPS], example_SRD[:, :STEPS], dims=([2], [2]))
    cost_QSPP = (1 - inner_QPSP.transpose(1, 2)).clamp(min=0)
    distances_QS: Tensor = hard_dtw(cost_QSPP.flatten(0, 1), band=BAND).view(alike_QS.shape) / alike_QS
    return distances_QS


def likeness(query_QMRVC: Tensor, example_SMRVC: Tensor) -> Tensor:
    """How much the same coordinates move, what a pair's sum is divided by: the product of two cosines -> (Q, S), 0..1.

    The numbers of bodies may differ, as in `path_distances`.
    """
    bodies = max(query_QMRVC.shape[1], example_SMRVC.shape[1])
    return _likeness(*(_flat(terms[:, :, STEPS:], bodies) for terms in (query_QMRVC, example_SMRVC)))


def directions(joints_BTVC: Tensor, n_frames: int, *, is_image: bool) -> Tensor:
    """The steps of bodies from frame to frame, as means over `n_frames` equal stretches of the clip, the last repeated.

    Shapes: joints_BTVC (B, T, V, C) -> (B, n_frames, V, C), without the confidence of images.
    """
    places_BTVC = without_gaps(joints_BTVC) if is_image else joints_BTVC
    steps_BTVC = places_BTVC.diff(dim=1)
    steps_BTVC = torch.cat([steps_BTVC, steps_BTVC[:, -1:]], dim=1) if steps_BTVC.shape[1] else places_BTVC * 0
    means_BDT = functional.adaptive_avg_pool1d(steps_BTVC.flatten(2).mT, n_frames)
    return means_BDT.mT.reshape(-1, n_frames, *places_BTVC.shape[2:])


def beside_directions(features_LTVD: Tensor, steps_LTVC: Tensor, share: float) -> Tensor:
    """Frames of features with the direction of the whole body's step beside them -> (L, T, V, D + C).

    The direction has norm `share` ** 0.5, the features' frame, of norm 1 before, (1 - share) ** 0.5: the cosine of two
    such frames is a mean of both cosines. A frame without a step has no direction.
    """
    units_LTVC = functional.normalize(steps_LTVC.flatten(2), dim=2).view_as(steps_LTVC).to(features_LTVD.dtype)
    return torch.cat([features_LTVD * (1 - share) ** 0.5, units_LTVC * share**0.5], dim=-1)


def _flat(terms_LMRVC: Tensor, bodies: int) -> Tensor:
    """(L, R, D) of as many bodies for all."""
    padded = functional.pad(terms_LMRVC, (0, 0) * 3 + (0, bodies - terms_LMRVC.shape[1]))
    return padded.transpose(1, 2).flatten(2)


def _likeness(query_QRD: Tensor, example_SRD: Tensor) -> Tensor:
    """Of the last two vectors of each clip."""
    return _cosines(query_QRD[:, -2], example_SRD[:, -2]) * _cosines(query_QRD[:, -1], example_SRD[:, -1])


def _cosines(first_QD: Tensor, second_SD: Tensor) -> Tensor:
    return (first_QD @ second_SD.mT).clamp(min=LEAST_COSINE)
