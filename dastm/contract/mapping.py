"""From the joints of one layout to those of another: by name, or the middle of two joints.

In: the layout of a source, and the layout that is wanted. Out: for each joint wanted, which two joints of the source it
is the middle of (twice the same where there is such a joint); a refusal that names the joint that cannot be made.
Names are the same whatever their case, and whether their words are parted by spaces, `_` or `-`.

Axes: V joints.
"""

import re

import numpy as np
from numpy.typing import NDArray

from dastm.contract.names import folded
from dastm.contract.skeleton import Layout

Way = tuple[str, ...]
"""One joint of a source, or two whose middle is meant."""
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
    "left hand": (("left hand",), ("left index", "left pinky"), ("left wrist",)),
    "right hand": (("right hand",), ("right index", "right pinky"), ("right wrist",)),
    "left foot": (("left foot index",), ("left toe base",), ("left toe",), ("left foot",), ("left ankle",)),
    "right foot": (("right foot index",), ("right toe base",), ("right toe",), ("right foot",), ("right ankle",)),
}
"""Joint wanted -> ways to make it, the best first. NTU's `neck` lies above the line of the shoulders, its
`spine shoulder` on it, which is what others call neck. A skeleton that ends at wrists and ankles has its hands and feet
there. What is not here is made of the joint of its name only."""


def halves(source: Layout, target: Layout) -> NDArray[np.int64]:
    """Each joint of `target` as the middle of two joints of `source` -> (target V, 2), their numbers.

    Raises: ValueError if a joint cannot be made, or the coordinates are others: nothing 3-D is made of a 2-D pose.

    >>> from dastm.contract.skeleton import BODY19, NTU25
    >>> halves(NTU25, BODY19)[:3].tolist()  # hip centre, neck, head
    [[0, 0], [20, 20], [3, 3]]
    """
    if source.coordinates != target.coordinates:
        told = " and ".join(f"{one.name} has {', '.join(one.coordinates)}" for one in (source, target))
        raise ValueError(f"{told}; name the common layout that has those of the data")
    numbers = {_folded(name): number for number, name in enumerate(source.joints)}
    return np.array([_half(name, numbers, source, target) for name in target.joints], dtype=np.int64)


def _half(name: str, numbers: dict[str, int], source: Layout, target: Layout) -> tuple[int, int]:
    ways = WAYS.get(name, ((name,),))
    for way in ways:
        if all(joint in numbers for joint in way):
            return numbers[way[0]], numbers[way[-1]]
    tried = ", or ".join(" and ".join(way) for way in ways)
    raise ValueError(
        f"{target.name} needs {name}, and {source.name} has none: no {tried}; it has {', '.join(source.joints)}"
    )


def _folded(name: str) -> str:
    return folded(re.sub("[_-]", " ", name))
