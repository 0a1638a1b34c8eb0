"""The picture of the README: a query clip, an example of its class, the cost of pairing their frames, the best path.

python -m tests.bench.matching_picture data/runs/demo-ntu docs/matching.svg

In: a trained run. Out: an SVG of its own on a card that is light or dark, as the reader's system is. The first query of
the first test episode, as in the run's report. Axes: T frames, V joints, C coordinates.
"""

import math
import sys
from contextlib import closing
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from dastm.episodes.augmentation import center_frames
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.report.explain import Array, Pair, explain
from dastm.report.figures.heatmaps import draw_cells
from dastm.report.figures.svg import FAINT, PALETTE, drawing, to_svg
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord
from dastm.runs.whereabouts import shards_of

N_WAY, N_SHOWN = 5, 5
CPU = torch.device("cpu")
CARD = """<style>
.card { fill: #ffffff; stroke: #d0d7de } text { fill: #1f2328 !important }
@media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; stroke: #30363d } text { fill: #e6edf3 !important }
  [style*="stroke: #333333"] { stroke: #8b949e !important }
}
</style><rect class="card" x="0.5" y="0.5" width="99.8%" height="99.7%" rx="8"/>"""


def picture(run: Path) -> str:
    """SVG text for the first seed of a run."""
    record = TrainingRecord.read(run)
    with closing(open_source(shards_of(record, run), mode="auto", budget=0)) as source:
        layout = source.manifest.layout
        model = load_recogniser(run, record.config, layout, record.config.optimise.seeds[0], CPU)
        seen = center_frames(source, record.config.augment.n_frames, record.config.augment.sampling)
        pair = explain(model, seen, "test", N_WAY, CPU).same
        plan = {"n_way": N_WAY, "k_shot": 1, "n_query": 1, "seed": 0, "epoch": 0, "count": 1, "workers": 0}
        episode = next(episodes(seen, "test", **plan, device=CPU))
    stride = math.prod(model.backbone.strides)
    poses = [clips.joints_LMTVC[0, 0, ::stride].numpy() for clips in (episode.query, episode.support)]
    return _drawn(pair, poses, layout.bones)


def _drawn(pair: Pair, poses: list[Array], bones: list[tuple[int, int]]) -> str:
    assert pair.alignment is not None
    cost_TS, path_P2 = pair.alignment.cost_TS, pair.alignment.path_P2
    with drawing(7.6, 5.2) as figure:
        grid = figure.add_gridspec(N_SHOWN + 1, N_SHOWN + 1, width_ratios=[0.9, *[1] * N_SHOWN])
        middle_axes = figure.add_subplot(grid[:N_SHOWN, 1:])
        cells = draw_cells(middle_axes, cost_TS, (cost_TS.min(), cost_TS.max()), "cividis", "cost")
        middle_axes.set_aspect("auto")
        middle_axes.plot(path_P2[:, 1], path_P2[:, 0], color="white", linewidth=5, solid_capstyle="round")
        middle_axes.plot(path_P2[:, 1], path_P2[:, 0], color=PALETTE[1], linewidth=2.4, marker="o", markersize=5)
        middle_axes.set(xticks=[], yticks=[], title="cost of pairing two frames (bright: far apart), and the best path")
        figure.colorbar(cells, ax=middle_axes, fraction=0.04, pad=0.02).outline.set_visible(False)
        for i in range(N_SHOWN):
            for number, place in enumerate((grid[i, 0], grid[N_SHOWN, i + 1])):
                axes = figure.add_subplot(place)
                frame = round((i + 0.5) * len(poses[number]) / N_SHOWN - 0.5)
                _draw(axes, poses[number][frame], bones, PALETTE[number * 2])
        figure.supylabel(f"query: {pair.query_class}, time runs down", fontsize=10)
        figure.supxlabel(f"example: {pair.prototype_class}, time runs to the right", fontsize=10)
        for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
            patch.set_visible(False)
        svg = to_svg(
            figure, "A query clip and an example of its class, the cost of pairing their frames, the best path"
        )
    head, bracket, body = svg.partition(">")
    return f"{head}{bracket}{CARD}{body}\n"


def _draw(axes: Axes, pose_VC: Array, bones: list[tuple[int, int]], colour: str) -> None:
    axes.add_collection(LineCollection([pose_VC[[a, b], :2] for a, b in bones], colors=FAINT, linewidths=2))
    axes.scatter(pose_VC[:, 0], pose_VC[:, 1], s=7, color=colour, zorder=3)
    axes.set(aspect="equal", adjustable="datalim", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.margins(0.05)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(picture(Path(sys.argv[1])))
