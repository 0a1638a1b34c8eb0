"""Validation draws the episodes that the recipe asks for; tests of ranks compare what several find with one."""

import pytest
import torch

from dastm.episodes.loader import episodes
from dastm.training import validation
from tests.toy import tiny, toy_shards, train_toy

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards")


@pytest.mark.parametrize(("draw", "plans"), [("same", 1), ("new", 3)])
def test_validation_episodes_are_the_same_or_new_ones_every_epoch_and_those_of_another_seed(
    shards, tmp_path, monkeypatch, draw, plans
):
    seen = []

    def score(source, config, distances, device, label, epoch, numbers):
        shape = {name: getattr(config, name) for name in ("n_way", "k_shot", "n_query", "seed")}
        items = episodes(source, config.subset, epoch=epoch, count=config.episodes, **shape)
        seen.append(tuple(item.plan for item in items))
        return torch.full((3,), 0.5).numpy()

    monkeypatch.setattr(validation, "score", score)
    train_toy(
        shards,
        tmp_path,
        tiny(optimise__episodes=1, optimise__epochs=3, optimise__val_draw=draw, optimise__seeds=[0, 1]),
    )
    assert len(set(seen[:3])) == plans
    assert len(seen) == 8  # and once a seed of the network before its training
    assert seen[:3] == seen[4:7]
