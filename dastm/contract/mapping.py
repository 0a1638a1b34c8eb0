"""Maps the joints of one layout to those of another: by name, or as the middle of other joints.

In: the layout of a source and the wanted layout. Out: for each wanted joint, the joints of the source that it is
computed from; or an error that names a joint that cannot be computed. An encoder needs every joint of its common layout
except hands and feet, which may be put at wrists and ankles (`halves`). For other layouts (`mapping_to`), missing
joints are put at their parent joints. How the words of a name are written makes no difference (`plain`).

Axes: U joints of the source, V wanted joints.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dastm.contract.layouts import plain
from dastm.contract.skeleton import BODY19, POSE15, Layout

Way = tuple[str, ...]
"""One joint of a source, or several whose mean is used."""
WAYS: dict[str, tuple[Way, ...]] = {
    "hip centre": (
        *(("hip centre",), ("hip center",), ("mid hip",), ("spine base",), ("base of spine",), ("pelvis",)),
        ("left hip", "right hip"),
    ),
    "neck": (
        ("spine shoulder",),
        ("shoulder centre",),
        ("shoulder center",),
        ("thorax",),
        ("neck",),
        ("left shoulder", "right shoulder"),
    ),
    "head": (("head",), ("face",), ("nose",), ("left ear", "right ear"), ("left eye", "right eye")),
    "left wrist": (("left wrist",), ("left hand",)),
    "right wrist": (("right wrist",), ("right hand",)),
    "left ankle": (("left ankle",), ("left foot",)),
    "right ankle": (("right ankle",), ("right foot",)),
    "spine": (
        *(("spine",), ("torso",), ("mid spine",), ("spine mid",), ("spine navel",), ("belly",), ("spine2",)),
        ("left hip", "right hip", "left shoulder", "right shoulder"),
    ),
}
"""Wanted joint -> ways to compute it, the best first; single joints in a row are other names of the same place. NTU's
`neck` is above the line of the shoulders, its `spine shoulder` is on it, which others call neck. Joints that are not
listed are matched by their name only."""
ENDS = ("left hand", "right hand", "left foot", "right foot")
"""Joints of a common layout that are put at wrist or ankle if a source lacks them."""
MOST_LACKING = 0.5
"""If a source lacks a larger share of a layout's joints, it is not mapped to it."""
FILLED = 0.8
"""The larger side of a 3-D clip as a share of the image that is made of it."""
_PLACES = tuple((tuple(way[0] for way in ways if len(way) == 1), ways) for ways in WAYS.values())


def common_of(layout: Layout) -> Layout:
    """The common layout of encoders for recordings of a layout, whether or not it has the joints."""
    return POSE15 if layout.is_image else BODY19


def halves(source: Layout, target: Layout) -> NDArray[np.int64]:
    """Each joint of `target` as the middle of two joints of `source` -> (target V, 2), their numbers.

    Raises: ValueError if a joint cannot be computed, or one layout is 3-D and the other for images.

    >>> from dastm.contract.skeleton import BODY19, NTU25
    >>> halves(NTU25, BODY19)[:3].tolist()  # hip centre, neck, head
    [[0, 0], [20, 20], [3, 3]]
    """
    if source.coordinates != target.coordinates:
        told = " and ".join(f"{one.name} has {', '.join(one.coordinates)}" for one in (source, target))
        raise ValueError(f"{told}; name a layout that has those of the data")
    made_of, hangs_on = _made(source, target), dict(target.bones)
    for v, name in enumerate(target.joints):
        made_of[v] = made_of[v] or (made_of[hangs_on[v]] if name in ENDS else ())
    lost = next((name for name, joints in zip(target.joints, made_of, strict=True) if not joints), None)
    if lost is not None:
        tried = ", or ".join(" and ".join(way) for way in WAYS.get(lost, ((lost,),)))
        raise ValueError(
            f"{target.name} needs {lost}, and {source.name} has none: no {tried}; it has {', '.join(source.joints)}"
        )
    return np.array([(joints[0], joints[-1]) for joints in made_of], dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class JointMapping:
    """How the joints of one layout are computed from those of another."""

    source: Layout
    target: Layout
    shares_VU: NDArray[np.float64]
    """The weights of the source's joints in each joint; rows add up to 1."""
    placed_V: NDArray[np.bool_]
    """Joints that the source lacks: they are put at their parent joint, and count as not measured in images."""

    def joints(
        self, joints_PUC: NDArray[np.float32], scores_PU: NDArray[np.float32] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Map the joints (P, U, C) of one clip -> (P, V, C), and their confidences: the lowest of the joints used.

        A 3-D joint is nan if one of the joints used is nan. 3-D joints become an image by `in_front`.
        """
        used_VU = self.shares_VU > 0
        joints_PVC = np.einsum("vu,puc->pvc", self.shares_VU, np.nan_to_num(joints_PUC.astype(np.float64)))
        lost_PV = np.isnan(joints_PUC).any(axis=2).astype(np.int64) @ used_VU.T.astype(np.int64) > 0
        joints_PVC[lost_PV] = np.nan
        if self.target.is_image and not self.source.is_image:
            scores_PU = np.ones(joints_PUC.shape[:2], np.float32) if scores_PU is None else scores_PU
            joints_PVC = in_front(joints_PVC, self.target)
        scored_PV = None
        if scores_PU is not None:
            scored_PV = np.stack([scores_PU[:, used].min(axis=1) for used in used_VU], axis=1)
            scored_PV[lost_PV] = 0
            if self.target.is_image:
                scored_PV[:, self.placed_V] = 0
        return joints_PVC.astype(np.float32), scored_PV

    def lines(self) -> list[str]:
        """What was done to the joints, for people."""
        made, placed = [], []
        for name, shares_U, is_placed in zip(self.target.joints, self.shares_VU, self.placed_V, strict=True):
            of = [self.source.joints[u] for u in np.flatnonzero(shares_U)]
            if is_placed:
                placed.append(name)
            elif [plain(one) for one in of] != [plain(name)]:
                made.append(f"{name} of {' and '.join(of)}")
        left_out = [self.source.joints[u] for u in np.flatnonzero(~(self.shares_VU > 0)[~self.placed_V].any(axis=0))]
        lacking = "not measured" if self.target.is_image else "on the joints that they hang on"
        told = {"made": made, f"{lacking}, as {self.source.name} lacks them": placed, "left out": left_out}
        seen = ", seen from the front" if self.target.is_image and not self.source.is_image else ""
        start = f"joints of {self.source.name} as {self.target.name}{seen}"
        return [f"{start}: {what}: {', '.join(names)}" for what, names in told.items() if names] or [
            f"{start}: by name"
        ]


def in_front(joints_PVC: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    """3-D joints of one clip as seen by a distant camera along z: fractions of a square image, x right and y down.

    The camera is on the side where the left shoulder appears on the right, as for a person who faces it. The whole clip
    fills `FILLED` of the image. Joints that were not measured are 0. Shapes: (P, V, 3) -> (P, V, 2).
    """
    shown_N2 = joints_PVC[..., :2].reshape(-1, 2)
    shown_N2 = shown_N2[np.isfinite(shown_N2).all(axis=1)]
    low, high = (shown_N2.min(axis=0), shown_N2.max(axis=0)) if len(shown_N2) else (np.zeros(2), np.ones(2))
    flat_PV2 = (joints_PVC[..., :2] - (low + high) / 2) * (FILLED / max(float((high - low).max()), 1e-9))
    left, right = layout.shoulders or (0, 0)
    turned = np.nansum(flat_PV2[:, left, 0] - flat_PV2[:, right, 0]) < 0
    seen_PV2: NDArray[np.float64] = 0.5 + flat_PV2 * np.array([-1.0 if turned else 1.0, -1.0])
    return np.nan_to_num(seen_PV2)


def mapping_to(source: Layout, target: Layout) -> JointMapping:
    """How the joints of `target` are computed from those of `source`.

    Raises: ValueError if the source is an image and the target 3-D, if a landmark of the target cannot be computed
    (clips are moved, turned and scaled by landmarks), or if most joints are missing.
    """
    if source.n_space < target.n_space:
        raise ValueError(f"{source.name} is of an image, from which the depth of {target.name} cannot be told")
    made_of = _made(source, target)
    lacking_V = np.array([not joints for joints in made_of])
    groups = (target.spine or (), target.shoulders or (), *(target.torso or ()), (target.centre,))
    lost = next((v for group in groups for v in group if lacking_V[v]), None)
    if lost is not None:
        raise ValueError(f"{target.name} needs {target.joints[lost]}, which {source.name} has no joints for")
    if lacking_V.mean() > MOST_LACKING:
        raise ValueError(f"{source.name} lacks {lacking_V.sum()} of the {target.n_joints} joints of {target.name}")
    hangs_on = dict(target.bones)
    shares_VU = np.zeros((target.n_joints, source.n_joints))
    for v in range(target.n_joints):
        at = v
        while lacking_V[at]:
            at = hangs_on.get(at, target.centre)
        shares_VU[v, list(made_of[at])] = 1 / len(made_of[at])
    return JointMapping(source=source, target=target, shares_VU=shares_VU, placed_V=lacking_V)


def _made(source: Layout, target: Layout) -> list[tuple[int, ...]]:
    """The joints of the source whose mean each joint of the target is; none where it has none."""
    number = {plain(name): u for u, name in reversed(list(enumerate(source.joints)))}
    wanted = [plain(name) for name in target.joints]
    return [_made_of(name, number, wanted) for name in wanted]


def _made_of(name: str, number: Mapping[str, int], wanted: Collection[str]) -> tuple[int, ...]:
    """The joints of the source whose mean one joint is.

    Of several joints of one place that are wanted (wrist and hand), only the first is made of the others' names.
    """
    names, ways = next((place for place in _PLACES if name in place[0]), ((name,), ()))
    is_first = name == next(other for other in names if other in wanted)
    if name in number and not (is_first and name == "neck"):
        return (number[name],)
    if not is_first:
        return ()
    return next((tuple(number[joint] for joint in way) for way in ways if set(way) <= set(number)), ())
