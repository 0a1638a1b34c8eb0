"""Figures with captions of what a model looks at; None if the model has nothing of the kind to show.

In: parts of an `Explanation` and the layout. Out: figures for the page.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import Layout
from dastm.report import figures
from dastm.report.evaluations import Figure
from dastm.report.explain import Alignment, Pair


def upward(manifest: Manifest) -> str:
    """The coordinate to draw upwards: the second, or the third where `rotate: upright` turned the spines onto it."""
    upright = (manifest.definition.get("split") or {}).get("rotate") == "upright"
    return manifest.layout.coordinates[-1 if upright else 1]


def similarity_figures(features: Mapping[str, np.ndarray[Any, Any]], layout: Layout) -> list[Figure]:
    """The similarity of joints for several (V, D) features, each with its description, on one scale."""
    found = {words: figures.cosine_similarity(features_VD) for words, features_VD in features.items()}
    signed = any(similarity.min() < 0 for similarity in found.values())
    return [_similarity(similarity, layout, words, signed) for words, similarity in found.items()]


def _similarity(similarity: np.ndarray[Any, Any], layout: Layout, words: str, signed: bool) -> Figure:
    off_diagonal = similarity[~np.eye(len(similarity), dtype=bool)]
    mean = float(off_diagonal.mean()) if off_diagonal.size else math.nan
    svg = figures.joint_similarity(similarity, layout.joints, words, signed)
    return Figure(svg=Markup(svg), caption=f"{words}: mean between different joints {mean:.2f}")


def attention_figure(pair: Pair, layout: Layout, up: str) -> Figure | None:
    """The attention between the joints of a pair."""
    attention = pair.attention
    if attention is None:
        return None
    caption = _caption(pair)
    if attention.together:
        caption += " Frame t attends to frame t alone."
    if attention.within:
        caption += " This model has no activation: joints attend to their own skeleton."
    svg = figures.matching_pair(
        *(pair.query_VC, pair.support_VC, attention.query_VV, layout, _titles(pair), attention.support_VV),
        up=up,
        within=attention.within,
    )
    return Figure(svg=Markup(svg), caption=caption)


def shares_figure(pair: Pair, layout: Layout, up: str) -> Figure | None:
    """Which joints the distance of a pair comes from."""
    if pair.shares_V is None:
        return None
    svg = figures.shared_distance(pair.query_VC, pair.support_VC, pair.shares_V, layout, _titles(pair), up=up)
    return Figure(svg=Markup(svg), caption=_caption(pair))


def alignment_figures(pairs: Sequence[Pair]) -> list[Figure]:
    """The alignments of some pairs in time, on one scale; none for a model without alignment."""
    found = [(pair, pair.alignment) for pair in pairs if pair.alignment is not None]
    limits = figures.cost_limits(*(alignment.cost_TS for _, alignment in found)) if found else None
    return [_alignment(pair, alignment, limits) for pair, alignment in found]


def _alignment(pair: Pair, alignment: Alignment, limits: tuple[float, float] | None) -> Figure:
    title = f"{pair.query_class} / {pair.prototype_class}"
    svg = figures.alignment(alignment.cost_TS, alignment.path_P2, alignment.expected_TS, title, limits)
    return Figure(svg=Markup(svg), caption=f"Frame distances and best alignment: {title}.")


def _titles(pair: Pair) -> tuple[str, str]:
    return f"query: {pair.query_class}", f"support: {pair.prototype_class}"


def _caption(pair: Pair) -> str:
    return (
        f"Query “{pair.query_class}” against “{pair.prototype_class}”: distance {pair.distance:.2f}; "
        f"feature frames {pair.frames[0] + 1} and {pair.frames[1] + 1}."
    )
