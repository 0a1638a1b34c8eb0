"""Figures for a report: plain numpy arrays in, text of an SVG out that can stand inside an HTML page.

The heatmaps are those of DASTM's Fig. 3 (joint similarity) and Fig. 4 (activation of a matched pair).
"""

from dastm.report.figures.confusion import confusion
from dastm.report.figures.heatmaps import alignment, cosine_similarity, cost_limits, joint_similarity
from dastm.report.figures.matching import matching_pair, shared_distance
from dastm.report.figures.reliability import reliability
from dastm.report.figures.sweep import sweep_curves
from dastm.report.figures.training import accuracy_histogram, curves

__all__ = [
    "accuracy_histogram",
    "alignment",
    "confusion",
    "cosine_similarity",
    "cost_limits",
    "curves",
    "joint_similarity",
    "matching_pair",
    "reliability",
    "shared_distance",
    "sweep_curves",
]
