"""Compares clips without training, by the directions along their paths through the space of all joints.

In: joints of clips. Out: the terms of each clip, and from the terms of two sets the distances of all pairs.
The method is that of Taranta et al., "Jackknife: A Reliable Recognizer with Few Samples and Many Modalities" (CHI
2017), implemented from its description: a clip is resampled to 16 points at equal distances along its path; the unit
vectors between successive points are compared by dynamic time warping (band 2) with cost 1 - inner product; the sum is
divided by the cosine of the two clips' path lengths per coordinate, and by that of their extents per coordinate.
With `matching.path_power` the distance of a trained network is multiplied by this one, each raised to its power. It is
computed from the clips that the network sees, in 3-D with joints relative to the centre joint, so that the movement of
the body through the room does not outweigh that of its limbs. There `matching.path_frames: poses` compares more than
the direction of each step: where the joints are at that time, and how far that is from their mean place in the clip.
`weighted_poses` also compares the directions of bones, and the joints that move most count most. The weight of a joint
in a pair of clips is the product of what it has in each: the joints of query and example weigh each other.

Axes: L clips, M bodies, T frames, V joints, C coordinates; Q queries, S examples; P points, P - 1 steps; R = P + 1
vectors of a clip: its steps, its path lengths, its extents; X numbers of a joint in each vector, C, 3 C or 4 C;
D = M V X.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from dastm.layers.centring import about, from_parents, of_parents
from dastm.layers.gaps import without_gaps
from dastm.layers.path_points import along_path, even_shares
from dastm.model.matching.soft_dtw import hard_dtw

POINTS = 16
STEPS = POINTS - 1
BAND = 2
POSE_WEIGHTS = (0.1, 0.2, 0.7)
"""Weights in the inner product of two steps with their poses: of the step's direction, of the place of its middle
relative to the mean of the clip, and of the pose there (docs/results.md)."""
BONE_WEIGHTS = (0.2, 0.1, 0.3, 0.4)
"""Weights of the same three parts, and of the directions of the bones at the middle of the step."""
SHARE_AT_REST = 0.1
"""Added to how much a joint moves, as a share of the largest: joints at rest keep some weight."""
LEAST_AWAY = 1e-3
"""A middle that is nearer to the mean place, as a share of the farthest, is at it: its direction would be rounding.
A bone that is shorter than this share of the longest of its body in that frame has no direction either."""
LEAST_MOVING = 1e-6
"""A clip in which no joint moves more, as a share of the largest coordinate, is at rest: the rest is rounding."""
LEAST_LEARNED = 1e-4
"""Smallest learned distance in a product: near 0, a power below 1 has no useful gradient."""
LEAST_COSINE = 0.01
"""Smallest cosine; smaller ones come from clips in which entirely different joints move."""
LEAST_ALIKE = 0.1
"""Smallest `likeness` in a product: pairs with less are far apart anyway, and would dominate the training."""


def path_terms(
    joints_LMTVC: Tensor,
    *,
    is_image: bool,
    points: int | None = POINTS,
    centre: int | None = None,
    poses: bool = False,
    parents: Sequence[int] | None = None,
) -> Tensor:
    """The terms of each clip: steps along its path, path lengths, extents; vectors of norm 1, or 0 for no movement.

    Args:
        points: number of points at equal distances along the path; None: the frames already are such points.
        centre: a joint; all others are taken relative to it, frame by frame, and it keeps its own movement.
        poses: a step is its direction, the place of its middle relative to the mean place in the clip, and the pose
            there (places relative to the centre joint, which must be given), weighted by `POSE_WEIGHTS`.
        parents: with poses, the parent joint of every joint (itself at the root). Then a step is also the directions of
            the bones at its middle, weighted by `BONE_WEIGHTS`, and joints that move more count more (`_weights`).

    Shapes: joints_LMTVC (L, M, T, V, C) -> (L, M, R, V, X), float64; X is C, 3 C with poses, 4 C with bones, and C is
    without the confidence of images.
    A joint of an image that was not measured in a frame (place and confidence 0) stays where it was measured last, or
    before that where it is measured first; one that never was stays at zero. So gaps make no jumps. A joint that is
    hidden, whose place was guessed, is at that place. Absent bodies are zeros and add nothing. A clip that does not
    move has zeros for all its vectors; with poses, it keeps the parts of its pose and bones, of a smaller norm.
    Raises: ValueError for poses without `centre`, or `parents` without poses or of another number of joints.
    """
    if parents is not None and (not poses or len(parents) != joints_LMTVC.shape[3]):
        raise ValueError(f"parents of joints: need poses, and a parent for each of {joints_LMTVC.shape[3]} joints")
    places_LMTVC = (without_gaps(joints_LMTVC) if is_image else joints_LMTVC).double()
    if centre is not None:
        places_LMTVC = about(places_LMTVC, centre, places_LMTVC.shape[-1])
    if points is not None:
        shares_LP = even_shares(points).to(places_LMTVC.device).expand(len(places_LMTVC), -1)
        places_LMTVC = along_path(places_LMTVC, shares_LP, places_LMTVC.shape[-1])
    steps_LMPVC = places_LMTVC.diff(dim=2)
    extents_LMVC = places_LMTVC.amax(2) - places_LMTVC.amin(2)
    sums_LM2VC = _units(torch.stack([steps_LMPVC.abs().sum(2), extents_LMVC], dim=2))
    if not poses:
        return torch.cat([_units(steps_LMPVC), sums_LM2VC], dim=2)
    if centre is None:
        raise ValueError("poses of a path: need the centre joint that they are relative to")
    is_centre_V1 = (torch.arange(places_LMTVC.shape[3], device=places_LMTVC.device) == centre)[:, None]
    of_steps = [steps_LMPVC, *_middles(places_LMTVC, is_centre_V1)]
    if parents is not None:
        is_measured_LMTV1 = places_LMTVC.any(-1, keepdim=True) | is_centre_V1
        of_steps.append(_bone_directions(of_steps[-1], is_measured_LMTV1, parents))
        weights_LM1V1 = _weights(places_LMTVC, is_measured_LMTV1, is_centre_V1)
        of_steps = [part_LMPVC * weights_LM1V1 for part_LMPVC in of_steps]
    shares = POSE_WEIGHTS if parents is None else BONE_WEIGHTS
    parts = [share**0.5 * _units(part_LMPVC) for share, part_LMPVC in zip(shares, of_steps, strict=True)]
    empty = (len(parts) - 1) * sums_LM2VC.shape[-1]
    return torch.cat([torch.cat(parts, dim=-1), functional.pad(sums_LM2VC, (0, empty))], dim=2)


def _middles(places_LMTVC: Tensor, is_centre_V1: Tensor) -> tuple[Tensor, Tensor]:
    """Where the middle of every step is, relative to the mean of the clip, and as a pose -> twice (L, M, P, V, C)."""
    middles_LMPVC = (places_LMTVC[:, :, 1:] + places_LMTVC[:, :, :-1]) / 2
    from_mean_LMPVC = middles_LMPVC - middles_LMPVC.mean(2, keepdim=True)
    sizes_L1P11 = torch.linalg.vector_norm(from_mean_LMPVC, dim=(1, 3, 4), keepdim=True)
    is_there_L1P11 = sizes_L1P11 < LEAST_AWAY * sizes_L1P11.amax(2, keepdim=True)
    return from_mean_LMPVC.masked_fill(is_there_L1P11, 0), middles_LMPVC.masked_fill(is_centre_V1, 0)


def _bone_directions(pose_LMPVC: Tensor, is_measured_LMTV1: Tensor, parents: Sequence[int]) -> Tensor:
    """The direction of the bone to every joint, of norm 1, or 0 where there is no bone, no length or no joint."""
    bones_LMPVC = from_parents(pose_LMPVC, parents)
    lengths_LMPV1 = torch.linalg.vector_norm(bones_LMPVC, dim=-1, keepdim=True)
    is_measured_LMPV1 = is_measured_LMTV1[:, :, 1:] & is_measured_LMTV1[:, :, :-1]
    has_ends_LMPV1 = is_measured_LMPV1 & of_parents(is_measured_LMPV1, parents)
    is_none_LMPV1 = (lengths_LMPV1 <= LEAST_AWAY * lengths_LMPV1.amax(3, keepdim=True)) | ~has_ends_LMPV1
    directions_LMPVC: Tensor = bones_LMPVC.masked_fill(is_none_LMPV1, 0) / lengths_LMPV1.masked_fill(is_none_LMPV1, 1)
    return directions_LMPVC


def _weights(places_LMTVC: Tensor, is_measured_LMTV1: Tensor, is_centre_V1: Tensor) -> Tensor:
    """The weight of every joint in the steps of its clip -> (L, M, 1, V, 1), the root of a share + `SHARE_AT_REST`.

    A joint moves as much as the standard deviation of its measured places says; the share is that of the most moving
    joint of all bodies, not counting centres. A centre goes through the room, and its share is at most 1.
    """
    n_LM1V1 = is_measured_LMTV1.sum(2, keepdim=True).clamp(min=1)
    means_LM1VC = places_LMTVC.sum(2, keepdim=True) / n_LM1V1
    away_LMTVC = (places_LMTVC - means_LM1VC).masked_fill(~is_measured_LMTV1, 0)
    moved_LM1V1 = torch.linalg.vector_norm(away_LMTVC, dim=(2, 4), keepdim=True) / n_LM1V1.sqrt()
    largest_L1111 = moved_LM1V1.masked_fill(is_centre_V1, 0).amax((1, 3), keepdim=True)
    rests_L1111 = largest_L1111 <= LEAST_MOVING * places_LMTVC.abs().amax((1, 2, 3, 4), keepdim=True)
    shares_LM1V1 = moved_LM1V1.masked_fill(rests_L1111, 0) / largest_L1111.masked_fill(rests_L1111, 1)
    weights_LM1V1: Tensor = (shares_LM1V1.clamp(max=1) + SHARE_AT_REST).sqrt()
    return weights_LM1V1


def _units(vectors_LMRVC: Tensor) -> Tensor:
    """Divided by the norm of all bodies and joints; zeros stay."""
    sizes_L1R11 = torch.linalg.vector_norm(vectors_LMRVC, dim=(1, 3, 4), keepdim=True)
    units_LMRVC: Tensor = vectors_LMRVC / sizes_L1R11.masked_fill(sizes_L1R11 == 0, 1)
    return units_LMRVC


def path_distances(query_QMRVC: Tensor, example_SMRVC: Tensor, *, band: int = BAND) -> Tensor:
    """Distance of every query to every example, from the terms of both -> (Q, S), float64, never negative.

    The numbers of bodies may differ: bodies that are missing count as zeros.
    Without poses, a clip that does not move is equally far from all.
    Raises: ValueError if a term is nan or infinite (on the CPU).
    """
    sums_QS, alike_QS = _sums_and_likeness(query_QMRVC, example_SMRVC, band)
    return sums_QS / alike_QS


def likeness(query_QMRVC: Tensor, example_SMRVC: Tensor) -> Tensor:
    """How much the same coordinates move in a pair: the product of two cosines, the divisor of its sum -> (Q, S), 0..1.

    The numbers of bodies may differ, as in `path_distances`.
    """
    return _likeness(*_flat(query_QMRVC[:, :, -2:], example_SMRVC[:, :, -2:]))


def band_of(steps: int) -> int:
    """The band for another number of points than `POINTS`, with a learned distance: a fifth of the steps."""
    return steps // 5


def path_factor(query_QMRVC: Tensor, example_SMRVC: Tensor, power: float) -> Tensor:
    """The factor of a learned distance to the power 1 - `power` -> (Q, S), float64.

    It is the mean cost of the path's steps to the power `power`, divided by `likeness`, which divides the product of
    both distances once.
    """
    steps = query_QMRVC.shape[2] - 2
    sums_QS, alike_QS = _sums_and_likeness(query_QMRVC, example_SMRVC, band_of(steps))
    factor_QS: Tensor = (sums_QS / steps) ** power / alike_QS.clamp(min=LEAST_ALIKE)
    return factor_QS


def times_path(learned_QS: Tensor, factor_QS: Tensor, power: float) -> Tensor:
    """The product of learned distances (not negative except by rounding) and those of the path (`path_factor`)."""
    return learned_QS.clamp(min=LEAST_LEARNED) ** (1 - power) * factor_QS.to(learned_QS.dtype)


def same_bodies(query_QMRVC: Tensor, example_SMRVC: Tensor) -> tuple[Tensor, Tensor]:
    """Terms of both for the same number of bodies; missing ones are zeros."""
    bodies = max(query_QMRVC.shape[1], example_SMRVC.shape[1])
    query, example = (
        functional.pad(terms, (0, 0) * 3 + (0, bodies - terms.shape[1])) for terms in (query_QMRVC, example_SMRVC)
    )
    return query, example


def _sums_and_likeness(query_QMRVC: Tensor, example_SMRVC: Tensor, band: int) -> tuple[Tensor, Tensor]:
    """The sum of costs along the best alignment of steps, and `likeness`, of every pair."""
    query_QRD, example_SRD = _flat(query_QMRVC, example_SMRVC)
    alike_QS = _likeness(query_QRD, example_SRD)
    inner_QPSP = torch.tensordot(query_QRD[:, :-2], example_SRD[:, :-2], dims=([2], [2]))
    cost_QSPP = (1 - inner_QPSP.transpose(1, 2)).clamp(min=0)
    return hard_dtw(cost_QSPP.flatten(0, 1), band=band).view(alike_QS.shape), alike_QS


def _flat(query_QMRVC: Tensor, example_SMRVC: Tensor) -> tuple[Tensor, Tensor]:
    """(Q, R, D) and (S, R, D) of the same bodies."""
    query, example = (terms.transpose(1, 2).flatten(2) for terms in same_bodies(query_QMRVC, example_SMRVC))
    return query, example


def _likeness(query_QRD: Tensor, example_SRD: Tensor) -> Tensor:
    """Of the last two vectors of each clip."""
    return _cosines(query_QRD[:, -2], example_SRD[:, -2]) * _cosines(query_QRD[:, -1], example_SRD[:, -1])


def _cosines(first_QD: Tensor, second_SD: Tensor) -> Tensor:
    return (first_QD @ second_SD.mT).clamp(min=LEAST_COSINE)
