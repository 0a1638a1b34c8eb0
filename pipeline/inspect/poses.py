"""Where to put the joints of a skeleton that stands for all of a data set's: a pose in which none hides another.

In: a layout. Out: a place a joint, x right and y up. The known layouts are drawn by hand; any other is laid out as
the tree that its bones make.
"""

from dastm.contract.skeleton import COCO17, NTU25, OPENPOSE18, Layout

Pose = tuple[tuple[float, float], ...]

_KNOWN: dict[tuple[str, ...], Pose] = {
    NTU25.joints: (
        *((0, 0), (0, 14), (0, 33), (0, 43)),
        *((-10, 27), (-18, 14), (-25, 2), (-28, -4), (10, 27), (18, 14), (25, 2), (28, -4)),
        *((-6, -3), (-8, -24), (-9, -43), (-14, -47), (6, -3), (8, -24), (9, -43), (14, -47)),
        *((0, 27), (-33, -13), (-24, -11), (33, -13), (24, -11)),
    ),
    OPENPOSE18.joints: (
        *((0, 38), (0, 28), (-10, 27), (-18, 13), (-25, 0), (10, 27), (18, 13), (25, 0)),
        *((-7, -2), (-8, -23), (-9, -44), (7, -2), (8, -23), (9, -44)),
        *((-4, 42), (4, 42), (-9, 39), (9, 39)),
    ),
    COCO17.joints: (
        *((0, 38), (4, 42), (-4, 42), (9, 39), (-9, 39), (10, 27), (-10, 27), (18, 13), (-18, 13)),
        *((25, 0), (-25, 0), (7, -2), (-7, -2), (8, -23), (-8, -23), (9, -44), (-9, -44)),
    ),
}


def pose_of(layout: Layout) -> Pose:
    """(x, y) of every joint."""
    return _KNOWN.get(layout.joints) or _tree(layout)


def _tree(layout: Layout) -> Pose:
    """The hub on top, every joint one step below the one nearer to it, leaves side by side."""
    near: dict[int, list[int]] = {v: [] for v in range(layout.n_joints)}
    for a, b in layout.bones:
        near[a].append(b)
        near[b].append(a)
    depth, order = {layout.hub: 0}, [layout.hub]
    below: dict[int, list[int]] = {}
    for v in order:
        below[v] = sorted({w for w in near[v] if w not in depth})
        depth |= dict.fromkeys(below[v], depth[v] + 1)
        order += below[v]
    leaf = 0
    across: dict[int, float] = {}
    for v in _leaves_first(layout.hub, below):
        if below[v]:
            across[v] = sum(across[w] for w in below[v]) / len(below[v])
        else:
            across[v], leaf = float(leaf), leaf + 1
    return tuple((across[v], -float(depth[v])) for v in range(layout.n_joints))


def _leaves_first(hub: int, below: dict[int, list[int]]) -> list[int]:
    """Every joint after all that are below it, from left to right."""
    waiting, order = [hub], []
    while waiting:
        order.append(waiting.pop())
        waiting += below[order[-1]]
    return order[::-1]
