"""A step on several episodes is the mean of steps on each, and no rank's order shows in it."""

from contextlib import closing

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.model.network import build_recogniser
from dastm.training.state import TrainingState, adam
from dastm.training.step import train_step
from tests.toy import STICK, tiny, toy_shards


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    with closing(open_source(toy_shards(tmp_path_factory.mktemp("toy") / "shards"))) as source:
        return list(episodes(source, "train", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=3))


def fresh(config, *, of_backbone=True):
    model = build_recogniser(config, STICK, 0).train()
    model.backbone.train(of_backbone)
    return TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))


def several(n_episodes, **settings):
    return tiny(optimise__episodes=6, optimise__episodes_per_step=n_episodes, **settings)


def gradients(state):
    return [weight.grad.clone() for weight in state.model.parameters() if weight.grad is not None]


def test_gradients_are_the_mean_and_statistics_follow_the_order_of_the_episodes(drawn):
    alone, together = fresh(several(1)), fresh(several(3))
    alone.optimiser.step = lambda: None  # every episode sees the same weights
    terms, means = [], []
    for episode in drawn:
        terms += train_step(alone, several(1), iter([episode]))
        means.append(gradients(alone))
        alone.episode += 1
    found = train_step(together, several(3), iter(drawn))
    assert len(found) == 3
    torch.testing.assert_close(torch.stack(found), torch.stack(terms), rtol=0, atol=0)
    for of_all, *of_each in zip(gradients(together), *means, strict=True):
        torch.testing.assert_close(of_all, torch.stack(of_each).mean(0))
    for ours, theirs in zip(together.model.buffers(), alone.model.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_backbone_that_is_not_trained_keeps_its_statistics(drawn):
    config = several(3, optimise__backbone_rate=0.0)
    state = fresh(config, of_backbone=False)
    before = {name: value.clone() for name, value in state.model.named_buffers()}
    assert len(train_step(state, config, iter(drawn))) == 3
    assert all(torch.equal(value, before[name]) for name, value in state.model.named_buffers())


@pytest.mark.parametrize("n_episodes", [1, 3])
def test_without_a_further_episode_there_is_no_step(n_episodes):
    config = several(n_episodes)
    state = fresh(config)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    assert train_step(state, config, iter([])) == []
    assert all(torch.equal(value, before[name]) for name, value in state.model.state_dict().items())


def test_numbers_that_are_not_finite_name_their_episode(drawn):
    state = fresh(several(3))
    torch.nn.init.constant_(next(state.model.parameters()), torch.nan)
    with pytest.raises(RunError, match=r"seed 0, epoch 1, about episode 0: .*lower optimise\.learning_rate"):
        train_step(state, several(3), iter(drawn))
