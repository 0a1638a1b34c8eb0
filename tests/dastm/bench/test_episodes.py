"""Whole episodes: the shapes that were asked for, the work of a real one, and the same weights after every run."""

import copy

import pytest
import torch

from dastm.bench import episodes
from dastm.bench.case import Setting
from dastm.bench.episodes import EpisodeWork, episode_cases, random_episode

CPU = Setting(device=torch.device("cpu"))
pytestmark = pytest.mark.kernel


@pytest.fixture
def work(small_episodes):
    """A small one, with one query a class."""
    return EpisodeWork(CPU, "ntu25", 2, 1)


def test_every_shape_is_there_and_graphs_only_with_a_gpu():
    names = list(episode_cases(CPU))
    assert [name for name in names if name.startswith("training")] == [
        f"training, {layout}, {bodies}, {queries} queries"
        for layout in ("NTU", "Kinetics")
        for bodies in ("one body", "two bodies")
        for queries in (5, 10)
    ]
    assert names[8:] == ["evaluation, NTU, two bodies, 5 queries"]
    for case in episode_cases(CPU).values():
        assert (list(case.variants), case.inner) == (["ours", "backbone"], "backbone")


@pytest.mark.parametrize(("layout", "frames", "joints"), [("ntu25", 30, 25), ("openpose18", 50, 18)])
def test_a_random_episode_has_the_shape_asked_for(layout, frames, joints):
    episode = random_episode(CPU, layout, 2, 3)
    assert episode.support.joints_LMTVC.shape == (5, 2, frames, joints, 3)
    assert episode.query.joints_LMTVC.shape == (15, 2, frames, joints, 3)
    assert episode.query_labels.tolist() == [way for way in range(5) for _ in range(3)]
    assert not torch.equal(episode.support.joints_LMTVC, episode.query.joints_LMTVC[:5])


def test_training_gives_every_weight_a_gradient_and_leaves_it_as_it_was(work):
    work.model.train()
    before = [weight.clone() for weight in work.model.parameters()]
    work.train()
    assert all(weight.grad is not None for weight in work.model.parameters())
    assert all(torch.equal(old, new) for old, new in zip(before, work.model.parameters(), strict=True))
    assert len(work.optimiser.state) == len(before)


def test_gathered_before_or_not_is_the_same_episode(work):
    work.model.eval()
    torch.testing.assert_close(work.evaluate(), work.evaluate_gathered())
    work.model.train()
    grads = []
    for train in (work.train, work.train_gathered):
        train()
        grads.append([copy.deepcopy(weight.grad) for weight in work.model.parameters()])
    torch.testing.assert_close(grads[0], grads[1])


def test_the_backbone_works_on_all_bodies_of_the_episode(work, monkeypatch):
    seen = []
    for case, name in ((episodes.training, "backbone_training"), (episodes.evaluation, "backbone_evaluation")):
        monkeypatch.setattr(episodes, name, lambda setting, network, bodies: seen.append((network, bodies)))
        case("ntu25", 2, 1).variants["backbone"](CPU)
    assert [network.training for network, _ in seen] == [True, False]
    assert {tuple(bodies.shape) for _, bodies in seen} == {(20, 5, 25, 3)}


@pytest.mark.parametrize("case", [episodes.training, episodes.evaluation])
def test_ours_runs(work, case):
    case("ntu25", 2, 1).variants["ours"](CPU)()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("kind", ["training", "evaluation"])
def test_a_graph_computes_what_eager_work_does(work, kind):
    cuda = Setting(device=torch.device("cuda"))
    captured, eager = (EpisodeWork(cuda, "ntu25", 2, 1, capturable=True) for _ in range(2))
    for one in (captured, eager):
        one.model.train(kind == "training")
    results = []
    if kind == "training":
        captured.capture(captured.train_gathered)()
        eager.train()
        for one in (captured, eager):
            results.append([weight.grad for weight in one.model.parameters()])
    else:
        captured.capture(lambda: results.append(captured.evaluate_gathered()))()
        results = [results[-1], eager.evaluate()]
    torch.testing.assert_close(results[0], results[1], rtol=1e-3, atol=1e-4)
