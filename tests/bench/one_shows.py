"""`python -m tests.bench.one_shows --shards DIR`: one person shows each action, everybody else is recognised by that.

In: shards whose clips name their subject, in which everybody does every action (Jackknife: 20 people, two clips of each
gesture). Out: the accuracy on all other people's clips, a mean over who shows it with its 95 % interval, of the encoder
and of `path`. This is the protocol of Taranta et al., "Jackknife", CHI 2017, for data of several people.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

import click
import numpy as np
import torch

from dastm.episodes.augmentation import center_frames
from dastm.episodes.fetch import EpisodeSource, fetch_episode
from dastm.episodes.groups import Groups, names_of, plan_shown_by, read_groups
from dastm.episodes.sources import open_source
from dastm.evaluation.baselines import Distances, path_to_classes
from dastm.evaluation.feature_cache import FeatureCache
from dastm.evaluation.intervals import mean_interval
from dastm.runs.encoders import run_of
from dastm.runs.fit import fitted
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord

SUBSET = "test"


def main(words: list[str]) -> int:
    """Both rows for one folder of shards."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.one_shows", description=__doc__)
    parser.add_argument("--shards", required=True)
    parser.add_argument("--run", default="motion3d")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    run = run_of(asked.run)
    with closing(open_source(asked.shards, subsets=[SUBSET])) as source:
        groups = read_groups(asked.shards, source.manifest, SUBSET, "subject")
        tell("path", accuracies(source, groups, path_to_classes(source.manifest.layout)))
        record = TrainingRecord.read(run)
        seen, _ = fitted(source, record, run, convert=False)
        seen = center_frames(seen, record.config.augment.n_frames, record.config.augment.sampling)
        model = load_recogniser(run, record.config, seen.manifest.layout, 0, torch.device("cpu"))
        with torch.inference_mode():
            tell(Path(asked.run).name, accuracies(seen, groups, FeatureCache(model)))
    return 0


def accuracies(source: EpisodeSource, groups: Groups, distances: Distances) -> list[float]:
    """Of everybody else's clips, for each person who shows the actions."""
    shares = []
    for name in names_of(groups):
        episode = fetch_episode(source, SUBSET, plan_shown_by(groups, name))
        right = distances(episode).argmin(1) == episode.query_labels
        shares.append(float(right.double().mean()))
    return shares


def tell(row: str, shares: list[float]) -> None:
    """One line."""
    found = mean_interval(np.array(shares))
    click.echo(f"{row:<10} {found['mean']:.2f} ± {found['interval']:.2f}, {len(shares)} people")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
