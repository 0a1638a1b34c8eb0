"""Joint layouts: which joint is which, which joints are connected, and the landmarks that normalisation uses.

In: nothing, or a mapping from a data set definition or a shard manifest. Out: a checked, frozen `Layout`. The layouts
here are those of the paper's data and the common ones; `layouts` has those of other tools and data sets.

Sources: NTU-25 names and bones, Shahroudy et al., CVPR 2016 (Kinect v2); OpenPose-18, Cao et al., CVPR 2017, with the
bones of ST-GCN (Yan et al., AAAI 2018), whose partition roots are `hub`; origin, spine and shoulders as in
2s-AGCN's pre-normalisation (Shi et al., CVPR 2019); COCO-17, Lin et al., ECCV 2014, with bones and root as in PYSKL
(Duan et al., ACM MM 2022).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

MAX_JOINTS = 1024


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One skeleton: the names of its joints; bones and landmarks as indices of joints.

    Raises: ValueError if an index is out of range, or the bones do not connect all joints into one skeleton.

    >>> import dastm
    >>> stick = dastm.Layout(name="stick", joints=("foot", "hip", "head"), bones=((1, 0), (2, 1)), centre=1, hub=1)
    >>> stick.n_joints, stick.is_image
    (3, False)
    """

    name: str
    joints: tuple[str, ...]
    """Names, in the order in which the joints are stored."""
    bones: tuple[tuple[int, int], ...]
    """(joint, its parent joint); together they connect all joints."""
    coordinates: tuple[str, ...] = ("x", "y", "z")
    """Names of the last axis; ("x", "y", "confidence") for 2-D poses, in fractions of the image, y down in the
    source."""
    centre: int = 0
    """The joint that `origin:` moves to the origin."""
    hub: int = 0
    """The joint that graph distances are measured from (ST-GCN's spatial partition)."""
    spine: tuple[int, int] | None = None
    """(hip, spine above it): the bone that `rotate: upright` turns onto z."""
    shoulders: tuple[int, int] | None = None
    """(left, right): the line from left to right that `rotate:` turns onto x."""
    torso: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    """Two groups of joints; the distance of their means is the torso length that `scale: torso` divides by."""

    def __post_init__(self) -> None:
        n_joints = len(self.joints)
        if not 1 <= n_joints <= MAX_JOINTS or len(set(self.joints)) != n_joints:
            raise ValueError(f"layout {self.name}: needs 1 to {MAX_JOINTS} joints with distinct names, got {n_joints}")
        if len(self.coordinates) not in (2, 3):
            raise ValueError(f"layout {self.name}: 2 or 3 coordinates, got {list(self.coordinates)}")
        named = [i for bone in self.bones for i in bone] + [self.centre, self.hub]
        named += [*(self.spine or ()), *(self.shoulders or ()), *(i for group in self.torso or () for i in group)]
        wrong = [i for i in named if not 0 <= i < n_joints]
        if wrong:
            raise ValueError(f"layout {self.name}: no joint {wrong[0]}, there are {n_joints}")
        if self.torso is not None and not all(self.torso):
            raise ValueError(f"layout {self.name}: each end of the torso needs at least one joint")
        apart = _unreached(n_joints, self.bones, self.hub)
        if apart:
            raise ValueError(f"layout {self.name}: no bones lead from joint {self.hub} to joint {min(apart)}")

    @property
    def n_joints(self) -> int:
        """Number of joints."""
        return len(self.joints)

    @property
    def n_space(self) -> int:
        """Number of spatial coordinates, without a confidence."""
        return len(self.coordinates) - self.is_image

    @property
    def is_image(self) -> bool:
        """Whether the source is a 2-D pose in fractions of the image with a confidence."""
        return self.coordinates[-1] == "confidence"

    def to_dict(self) -> dict[str, Any]:
        """The mapping that `Layout.from_dict` reads; plain lists and strings only."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> "Layout":
        """Build from a mapping as in a definition or a manifest; ValueError names an unknown or missing key."""
        unknown = set(fields) - set(Layout.__dataclass_fields__)
        if unknown:
            raise ValueError(f"layout: unknown key {min(unknown)!r}; known: {', '.join(Layout.__dataclass_fields__)}")
        try:
            return Layout(**{key: _frozen(value) for key, value in fields.items()})
        except TypeError as error:
            raise ValueError(f"layout {fields.get('name', '?')}: {error}") from error


def _unreached(n_joints: int, bones: tuple[tuple[int, int], ...], start: int) -> set[int]:
    reached, frontier = {start}, {start}
    while frontier:
        frontier = {b for bone in bones for a, b in (bone, bone[::-1]) if a in frontier} - reached
        reached |= frontier
    return set(range(n_joints)) - reached


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


NTU25 = Layout(
    name="ntu25",
    joints=(
        *("hip centre", "spine", "neck", "head", "left shoulder", "left elbow", "left wrist", "left hand"),
        *("right shoulder", "right elbow", "right wrist", "right hand", "left hip", "left knee", "left ankle"),
        *("left foot", "right hip", "right knee", "right ankle", "right foot", "spine shoulder"),
        *("left hand tip", "left thumb", "right hand tip", "right thumb"),
    ),
    bones=(
        *((0, 1), (1, 20), (2, 20), (3, 2), (4, 20), (5, 4), (6, 5), (7, 6), (8, 20), (9, 8), (10, 9), (11, 10)),
        *((12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18)),
        *((21, 22), (22, 7), (23, 24), (24, 11)),
    ),
    centre=1,
    hub=20,
    spine=(0, 1),
    shoulders=(4, 8),
    torso=((0,), (20,)),
)

OPENPOSE18 = Layout(
    name="openpose18",
    joints=(
        *("nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist"),
        *("right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle"),
        *("right eye", "left eye", "right ear", "left ear"),
    ),
    bones=(
        *((4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9), (9, 8), (11, 5), (8, 2), (5, 1), (2, 1)),
        *((0, 1), (15, 0), (14, 0), (17, 15), (16, 14)),
    ),
    coordinates=("x", "y", "confidence"),
    centre=1,
    hub=1,
    shoulders=(5, 2),
    torso=((8, 11), (1,)),
)

COCO17 = Layout(
    name="coco17",
    joints=(
        *("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder"),
        *("left elbow", "right elbow", "left wrist", "right wrist", "left hip", "right hip"),
        *("left knee", "right knee", "left ankle", "right ankle"),
    ),
    bones=(
        *((15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5), (10, 8), (8, 6)),
        *((5, 0), (6, 0), (1, 0), (3, 1), (2, 0), (4, 2)),
    ),
    coordinates=("x", "y", "confidence"),
    centre=0,
    hub=0,
    shoulders=(5, 6),
    torso=((11, 12), (5, 6)),
)

LAYOUTS = {layout.name: layout for layout in (NTU25, OPENPOSE18, COCO17)}

BODY19 = Layout(
    name="body19",
    joints=(
        *("hip centre", "neck", "head", "left shoulder", "left elbow", "left wrist", "right shoulder", "right elbow"),
        *("right wrist", "left hip", "left knee", "left ankle", "right hip", "right knee", "right ankle"),
        *("left hand", "right hand", "left foot", "right foot"),
    ),
    bones=(
        *((1, 0), (2, 1), (3, 1), (4, 3), (5, 4), (6, 1), (7, 6), (8, 7)),
        *((9, 0), (10, 9), (11, 10), (12, 0), (13, 12), (14, 13)),
        *((15, 5), (16, 8), (17, 11), (18, 14)),
    ),
    centre=0,
    hub=1,
    spine=(0, 1),
    shoulders=(3, 6),
    torso=((0,), (1,)),
)

POSE15 = replace(
    BODY19,
    name="pose15",
    joints=BODY19.joints[:15],
    bones=BODY19.bones[:14],
    coordinates=("x", "y", "confidence"),
    spine=None,
)

STANDARD19 = replace(BODY19, name="standard19")

COMMON = {layout.name: layout for layout in (BODY19, STANDARD19, POSE15)}
"""Layouts of joints that nearly every source has, in 3-D and 2-D; `dastm.contract.mapping` maps to them. If a source
lacks hip centre or neck, they are means of other joints. The 2-D one has no hands and feet, which few sources have.
`standard19` has the joints of `body19` on a body of standard proportions (`dastm.episodes.standard_body`)."""
