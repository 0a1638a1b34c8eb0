"""A matched pair of frames as in DASTM's Fig. 4: query skeleton, its attention, support skeleton. And where no joint
attends to another: both skeletons with every joint's share of their distance.

In: joints of two frames and the activations A^q, A^s of their matching (DASTM Eq. 4-6), or each skeleton's attention to
its own joints (NGM). Out: SVG text.
Axes: V joints, C coordinates. Row i of A^q: how query joint i attends to the joints of the support.
"""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from dastm.contract.skeleton import Layout
from dastm.report.figures.heatmaps import Array, cell_texts, checked, draw_cells, draw_scale, name_ticks
from dastm.report.figures.svg import FAINT, INK, drawing, to_svg

COLOURS = "YlGnBu"
MOST_NAMED = 3


def matching_pair(
    query_VC: Array,
    support_VC: Array,
    activation_query_VV: Array,
    layout: Layout,
    titles: Sequence[str],
    activation_support_VV: Array | None = None,
    *,
    up: str = "y",
    within: bool = False,
) -> str:
    """Query skeleton | A^q | support skeleton, joints drawn larger and darker the more attention they receive.

    A support joint receives the mean of its column of A^q, a query joint that of its column of A^s; without A^s the
    query's joints are all of one size and grey. `within` a skeleton a query joint receives the mean of its column of
    A^q. The area of a joint is proportional to what it receives.

    Args:
        titles: of the query and of the support.
        up: the coordinate drawn upwards; "z" for clips whose spine was turned onto z.
        within: joints attend to those of their own skeleton.

    Raises: ValueError for shapes that are not those of the layout, or an unknown `up`.
    """
    n_joints = layout.n_joints
    if up not in layout.coordinates:
        raise ValueError(f"up: one of {', '.join(layout.coordinates)}, got {up!r}")
    if len(titles) != 2:
        raise ValueError(f"titles: one for the query and one for the support, got {len(titles)}")
    shape = (n_joints, len(layout.coordinates))
    bodies = [checked(query_VC, shape, "query"), checked(support_VC, shape, "support")]
    activation = checked(activation_query_VV, (n_joints, n_joints), "activation_query")
    support = activation_support_VV
    if support is not None:
        support = checked(support, activation.shape, "activation_support")
    by_support, by_query = (None if rows is None else rows.mean(axis=0) * n_joints for rows in (support, activation))
    received = (by_query, by_support) if within else (by_support, by_query)
    tooltips = {"cells": cell_texts(activation, layout.joints, layout.joints, "{} to {}: {:.3f}")}
    upwards = layout.coordinates.index(up)
    with drawing(10.6, 5.0) as figure:
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 2.3, 1))
        for i, (axes, side) in enumerate(((left, "query"), (right, "support"))):
            tooltips |= _draw_skeleton(
                axes, bodies[i][:, [0, upwards]], _seen(bodies[i], layout), layout, received[i], side
            )
            axes.set_title(fill(titles[i], 28))
        cells = draw_cells(middle, activation, (0.0, activation.max()), COLOURS)
        name_ticks(middle, layout.joints, layout.joints, 260)
        to, words = ("query", "each other") if within else ("support", "support joints")
        middle.set(title=f"A^q: how query joints attend to {words}", xlabel=f"{to} joint", ylabel="query joint")
        draw_scale(middle, cells, shrink=0.7)
        return to_svg(figure, f"Matched joints: {titles[0]} and {titles[1]}", tooltips)


def shared_distance(
    query_VC: Array, support_VC: Array, shares_V: Array, layout: Layout, titles: Sequence[str], *, up: str = "y"
) -> str:
    """Both skeletons, joints drawn larger and darker the more of the distance is theirs: the area is the share.

    Args:
        shares_V: as `matching.shares` gives them; their sum is the distance.

    Raises: ValueError for shapes that are not those of the layout.
    """
    shape = (layout.n_joints, len(layout.coordinates))
    bodies = [checked(query_VC, shape, "query"), checked(support_VC, shape, "support")]
    parts_V = checked(np.asarray(shares_V)[None], (1, layout.n_joints), "shares")[0]
    whole = parts_V.sum()
    relative_V = parts_V / whole * layout.n_joints if whole > 0 else np.ones(layout.n_joints)
    upwards, tooltips = layout.coordinates.index(up), dict[str, list[str]]()
    with drawing(8.6, 5.0) as figure:
        for axes, body, side, title in zip(figure.subplots(1, 2), bodies, ("query", "support"), titles, strict=True):
            tooltips |= _draw_skeleton(
                axes, body[:, [0, upwards]], _seen(body, layout), layout, relative_V, side, "share of the distance", 50
            )
            axes.set_title(fill(title, 28))
        return to_svg(figure, f"Joints by their share of the distance: {titles[0]} and {titles[1]}", tooltips)


def _seen(body_VC: Array, layout: Layout) -> NDArray[np.bool_]:
    """Which joints there are: in images, those of some confidence."""
    return body_VC[:, -1] > 0 if layout.is_image else np.ones(len(body_VC), dtype=bool)


def _draw_skeleton(
    axes: Axes,
    points_V2: Array,
    seen_V: NDArray[np.bool_],
    layout: Layout,
    share_V: NDArray[np.float64] | None,
    side: str,
    words: str = "attention received",
    size: float = 28,
) -> dict[str, list[str]]:
    """Bones, then joints over them. Returns the tooltips."""
    bones = [points_V2[[a, b]] for a, b in layout.bones if seen_V[a] and seen_V[b]]
    axes.add_collection(LineCollection(bones, colors=FAINT, linewidths=2.5, gid=f"{side}-bones"))
    sizes = np.ones(layout.n_joints) if share_V is None else share_V
    colours: dict[str, Any] = (
        {"c": FAINT}
        if share_V is None
        else {"c": sizes[seen_V], "cmap": COLOURS, "vmin": 0, "vmax": max(2.0, sizes.max())}
    )
    joints = axes.scatter(
        points_V2[seen_V, 0],
        points_V2[seen_V, 1],
        s=size * sizes[seen_V],
        edgecolors=INK,
        linewidths=0.7,
        zorder=3,
        **colours,
    )
    joints.set_gid(f"{side}-joints")
    axes.set(aspect="equal", adjustable="datalim", xticks=[], yticks=[], xlabel=_most(layout.joints, share_V, words))
    axes.margins(0.12)
    axes.spines[:].set_visible(False)
    suffix = [""] * layout.n_joints if share_V is None else [f": {share:.2f}×" for share in share_V]
    return {f"{side}-joints": [layout.joints[i] + suffix[i] for i in np.flatnonzero(seen_V)]}


def _most(names: Sequence[str], share_V: NDArray[np.float64] | None, words: str) -> str:
    """The joints that receive most, each in a line."""
    if share_V is None:
        return ""
    first = np.argsort(-share_V, kind="stable")[:MOST_NAMED]
    return "\n".join([words, "(1× = an even share)", *(f"{names[i]}: {share_V[i]:.1f}×" for i in first)])
