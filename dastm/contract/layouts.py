"""The joint layouts of other tools and data sets; `skeleton` has those of the paper's data.

In: nothing, or the names of joints as a file states them. Out: `Layout`s. Bones and landmarks follow from the names by
one table: the parent of `left elbow` is the left shoulder in every layout. To add a layout, add its joints here.

Sources of order and names: BODY_25 and COCO-18, OpenPose's doc/02_output.md (COCO-18 is `openpose18` of `skeleton`);
Halpe-26, Halpe-FullBody's README; COCO-WholeBody 133, its README (Jin et al., ECCV 2020); BlazePose 33 and the hand of
21, MediaPipe's guides to pose and hand landmarks; Kinect v1, the Kinect SDK's NUI_SKELETON_POSITION_INDEX; MSR-Action3D
and UTD-MHAD, their authors' drawing scripts; Azure Kinect, its body tracking SDK's k4abt_joint_id_t; OpenNI, NiTE's
XnSkeletonJoint without collars and hands' tips, and KARD's and Florence 3D's own descriptions of the same 15 joints;
Human3.6M, VideoPose3D's h36m_dataset.py after its 15 doubles are left out; SMPL, smplx's joint_names.py; Penn Action,
JHMDB and FPHA, their READMEs.

If a layout exists in two and in three dimensions, the rarer one ends in `_world` (MediaPipe's metres) or `_2d`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dastm.contract.names import folded
from dastm.contract.skeleton import LAYOUTS, Layout

IMAGE = ("x", "y", "confidence")
SPACE = ("x", "y", "z")

_LIMB: Mapping[str, tuple[str, ...]] = {
    "elbow": ("shoulder",),
    "wrist": ("elbow",),
    "hand": ("wrist", "elbow"),
    "hand wrist": ("wrist",),
    "hand tip": ("hand", "wrist"),
    "thumb": ("wrist", "hand"),
    "index": ("wrist",),
    "pinky": ("wrist",),
    "shoulder": ("clavicle", "collar"),
    "knee": ("hip",),
    "ankle": ("knee",),
    "foot": ("ankle", "knee"),
    "heel": ("ankle",),
    "big toe": ("ankle",),
    "small toe": ("ankle",),
    "foot index": ("ankle",),
    "toe": ("foot", "ankle"),
    "ear": ("eye outer", "eye"),
    "eye outer": ("eye",),
    "eye": ("eye inner",),
}
"""Joint of one side -> its possible parents on the same side, the best first."""
_NECK = ("spine shoulder", "shoulder centre", "neck", "thorax")
_PELVIS = ("hip centre", "mid hip", "pelvis", "waist", "root")
_SPINES = ("spine", "spine navel", "torso", "belly", "spine1")
_OTHER_NAMES = {
    **dict.fromkeys(("hip center", "spine base", "base of spine"), "hip centre"),
    **dict.fromkeys(("spine mid", "mid spine"), "spine"),
    "shoulder center": "shoulder centre",
}
"""What others call a joint of the tables, a Kinect's own names among them."""
_MIDDLE: Mapping[str, tuple[str, ...]] = {
    "head": ("neck nose", "neck", *_NECK, "nose"),
    "neck nose": ("thorax",),
    "nose": ("head", "neck"),
    "face": ("neck",),
    "neck": ("spine shoulder", "thorax", "spine chest", "spine3", *_SPINES, *_PELVIS),
    "shoulder centre": (*_SPINES, *_PELVIS),
    "thorax": (*_SPINES, *_PELVIS),
    "spine navel": ("spine chest",),
    "spine1": ("spine2",),
    "spine2": ("spine3",),
    "waist": ("torso",),
    **dict.fromkeys(("hip centre", "mid hip", "pelvis", "root"), (*_SPINES, *_NECK)),
}
_TOP = ("spine shoulder", "shoulder centre", "neck", "thorax", "head", "nose", "face")
_FACE, _CHEST = ("nose", "head"), ("spine chest", "spine3")
_FINGERS = ("thumb", "index finger", "middle finger", "ring finger", "pinky")


def plain(name: str) -> str:
    """A joint's name as it is compared and shown: `words_of`, the side first as in `left elbow`.

    >>> plain("Left_Elbow"), plain("leftElbow"), plain("HIP_RIGHT"), plain("leftelbow"), plain("mouth_left")
    ('left elbow', 'left elbow', 'right hip', 'left elbow', 'mouth left')
    """
    return side_first(words_of(name))


def words_of(name: str) -> str:
    """The lower-case words of a joint's name, the same for `leftElbow` and `LEFT_ELBOW`."""
    words = folded(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).translate(str.maketrans("_-.", "   ")))
    return re.sub(r"^(left|right)(?=[a-z]{3})", r"\1 ", words)


def side_first(words: str) -> str:
    """The words of a joint with its side in front, where a Kinect has `elbow left`; `mouth left` is a corner of it."""
    side_last = re.fullmatch(r"(?!mouth)(.+) (left|right)", words)
    return f"{side_last[2]} {side_last[1]}" if side_last else words


def layout_of(name: str, joints: Sequence[str], *, image: bool) -> Layout:
    """A layout made from the names of joints: with bones from the table if they are names of body parts, else a star.

    Raises: ValueError if names repeat or there are too many.
    """
    names = [_OTHER_NAMES.get(plain(joint), plain(joint)) for joint in joints]
    number = {joint: v for v, joint in reversed(list(enumerate(names)))}
    hub = next((number[top] for top in _TOP if top in number), 0)
    hangs = {v: _hung(joint, number, hub) for v, joint in enumerate(names) if v != hub}
    bones = tuple((v, parent) for v, parent in _rooted(hangs, hub).items())
    hips = _first(number, _PELVIS)
    both_hips, shoulders = _both(number, "hip"), _both(number, "shoulder")
    low = (hips,) if hips is not None else both_hips
    neck = _first(number, _NECK)
    high = (neck,) if neck is not None else shoulders
    spine = _first(number, (*_SPINES, *_NECK))
    centre = next((v for v in (hips, neck, _first(number, ("nose",))) if v is not None), hub)
    return Layout(
        name=name,
        joints=tuple(joints),
        bones=bones,
        coordinates=IMAGE if image else SPACE,
        centre=centre,
        hub=hub,
        spine=(hips, spine) if hips is not None and spine is not None and not image else None,
        shoulders=(shoulders[0], shoulders[1]) if shoulders else None,
        torso=(low, high) if low and high else None,
    )


def _first(number: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((number[name] for name in names if name in number), None)


def _both(number: Mapping[str, int], part: str) -> tuple[int, ...]:
    sides = (f"left {part}", f"right {part}")
    return tuple(number[side] for side in sides) if all(side in number for side in sides) else ()


def _hung(name: str, number: Mapping[str, int], hub: int) -> int:
    """The joint that a joint hangs on; the hub where no table knows better."""
    side, _, part = name.partition(" ")
    if side in ("left", "right"):
        hangs = [f"{side} {joint}" for joint in _LIMB.get(part, ())]
        hangs += {"hip": (*_PELVIS, *_SPINES, f"{side} shoulder"), "eye": _FACE, "eye inner": _FACE, "ear": _FACE}.get(
            part, _CHEST if part in ("clavicle", "collar") else ()
        )
        found = _first(number, [*hangs, *_finger(f"{side} ", part)])
    else:
        found = _first(number, [*_MIDDLE.get(name, ()), *_finger("", name)])
    return hub if found is None else found


def _finger(side: str, part: str) -> list[str]:
    """The joint of a finger before this one; the wrist for its first."""
    hand = "hand " if part.startswith("hand ") else ""
    bare = part.removeprefix("hand ")
    finger = next((finger for finger in _FINGERS if bare.startswith(f"{finger} ")), None)
    if finger is None:
        return []
    order = ("cmc", "mcp", "ip", "tip") if finger == "thumb" else ("mcp", "pip", "dip", "tip")
    at = order.index(bare.rsplit(" ", 1)[1]) if bare.rsplit(" ", 1)[1] in order else 0
    before = [f"{side}{hand}{finger} {order[at - 1]}"] if at else []
    return [*before, f"{side}{hand}wrist", f"{side}wrist"]


def _rooted(hangs: Mapping[int, int], hub: int) -> dict[int, int]:
    """The same, with whatever hangs in a circle put on the hub."""
    rooted = dict(hangs)
    for joint in hangs:
        seen, at = {joint}, rooted[joint]
        while at != hub and at not in seen:
            seen.add(at)
            at = rooted[at]
        if at != hub:
            rooted[joint] = hub
    return rooted


def _sides(first: str, *parts: str) -> tuple[str, ...]:
    """Each part of one side and then the other: `_sides("left", "eye")` is left eye, right eye."""
    second = "right" if first == "left" else "left"
    return tuple(f"{side} {part}" for part in parts for side in (first, second))


def _limbs(first: str, *parts: str) -> tuple[str, ...]:
    """All parts of one side, then all of the other."""
    second = "right" if first == "left" else "left"
    return tuple(f"{side} {part}" for side in (first, second) for part in parts)


_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_COCO = LAYOUTS["coco17"].joints
_FEET = ("big toe", "small toe", "heel")
_HAND21 = (
    *("wrist", "thumb cmc", "thumb mcp", "thumb ip", "thumb tip"),
    *(f"{finger} {part}" for finger in _FINGERS[1:] for part in ("mcp", "pip", "dip", "tip")),
)
_FPHA = (
    *("wrist", "thumb cmc", *(f"{finger} mcp" for finger in _FINGERS[1:]), "thumb mcp", "thumb ip", "thumb tip"),
    *(f"{finger} {part}" for finger in _FINGERS[1:] for part in ("pip", "dip", "tip")),
)
_HANDS = tuple(f"{side} hand {joint}" for side in ("left", "right") for joint in _HAND21)
_BLAZE = (
    *("nose", "left eye inner", "left eye", "left eye outer", "right eye inner", "right eye", "right eye outer"),
    *(*_sides("left", "ear"), "mouth left", "mouth right", *_sides("left", *_ARM, "pinky", "index", "thumb")),
    *_sides("left", *_LEG, "heel", "foot index"),
)
_KINECT_ARM, _KINECT_LEG = (*_ARM, "hand"), (*_LEG, "foot")
_NITE_ARM, _NITE_LEG = ("shoulder", "elbow", "hand"), ("hip", "knee", "foot")
_H36M = (
    *("hip centre", *_limbs("right", *_LEG), "spine", "thorax", "neck nose", "head"),
    *_limbs("left", *_ARM),
)
_IN_IMAGES: Mapping[str, Sequence[str]] = {
    "body25": (
        *("nose", "neck", *_limbs("right", *_ARM), "mid hip", *_limbs("right", *_LEG)),
        *(*_sides("right", "eye", "ear"), *_limbs("left", *_FEET)),
    ),
    "halpe26": (*_COCO, "head", "neck", "hip centre", *_sides("left", *_FEET)),
    "wholebody133": (
        *(*_COCO, *_limbs("left", *_FEET), *(f"face {i}" for i in range(68))),
        *_HANDS,
    ),
    "blazepose33": _BLAZE,
    "hands21": _HAND21,
    "hands42": _HANDS,
    "holistic75": (*_BLAZE, *_HANDS),
    "h36m17_2d": _H36M,
    "penn13": ("head", *_sides("left", *_ARM, *_LEG)),
    "jhmdb15": (
        *("neck", "belly", "face", "right shoulder", "left shoulder", "right hip", "left hip"),
        *_sides("right", "elbow", "knee", "wrist", "ankle"),
    ),
}
_IN_SPACE: Mapping[str, Sequence[str]] = {
    "blazepose33_world": _BLAZE,
    "hands21_world": _HAND21,
    "fpha21": _FPHA,
    "kinect20": (
        *("hip centre", "spine", "shoulder centre", "head", *_limbs("left", *_KINECT_ARM)),
        *_limbs("left", *_KINECT_LEG),
    ),
    "msr20": (
        *("left shoulder", "right shoulder", "shoulder centre", "spine", "left hip", "right hip", "hip centre"),
        *(*_sides("left", "elbow", "wrist", "hand", "knee", "ankle", "foot"), "head"),
    ),
    "utd20": (
        *("head", "shoulder centre", "spine", "hip centre", *_limbs("left", *_KINECT_ARM)),
        *_limbs("left", *_KINECT_LEG),
    ),
    "kinect32": (
        *("pelvis", "spine navel", "spine chest", "neck"),
        *_limbs("left", "clavicle", "shoulder", "elbow", "wrist", "hand", "hand tip", "thumb"),
        *(*_limbs("left", *_KINECT_LEG), "head", "nose", *_limbs("left", "eye", "ear")),
    ),
    "openni15": ("head", "neck", "torso", *_limbs("left", *_NITE_ARM), *_limbs("left", *_NITE_LEG)),
    "kard15": ("head", "neck", *_limbs("right", *_NITE_ARM), "torso", *_limbs("right", *_NITE_LEG)),
    "florence15": ("head", "neck", "spine", *_limbs("left", *_ARM), *_limbs("left", *_LEG)),
    "h36m17": _H36M,
    "smpl24": (
        *("pelvis", *_sides("left", "hip"), "spine1", *_sides("left", "knee"), "spine2", *_sides("left", "ankle")),
        *("spine3", *_sides("left", "foot"), "neck", *_sides("left", "collar"), "head"),
        *_sides("left", *_ARM, "hand"),
    ),
}

KNOWN_LAYOUTS: Mapping[str, Layout] = {
    **LAYOUTS,
    **{name: layout_of(name, joints, image=True) for name, joints in _IN_IMAGES.items()},
    **{name: layout_of(name, joints, image=False) for name, joints in _IN_SPACE.items()},
}
"""Every layout that a definition may name."""


def in_image(layout: Layout) -> Layout:
    """The same layout for images: x, y and a confidence."""
    if layout.is_image:
        return layout
    return replace(layout, name=f"{layout.name.removesuffix('_world')}_2d", coordinates=IMAGE, spine=None)
