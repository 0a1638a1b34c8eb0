"""Every method of the tables in both recipes against the literal loops, and what holds for all of them."""

import copy
import dataclasses

import pytest
import torch

from dastm.config.load import load_config
from dastm.config.schema import MatchingConfig
from dastm.layers.dropout import reseed_dropout
from dastm.model.matching.matcher import Matcher
from dastm.model.matching.soft_dtw import soft_dtw_divergence
from tests.oracles import matching as oracle

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]
METHODS = ("protonet", "dtw", "ngm", "pairnorm", "dropedge", "dastm-rank", "dastm-activation", "dastm")


def settings(recipe, method, **settings):
    return load_config([recipe, method], settings).matching


def problem(generator, sizes=(3, 3, 2, 3, 4, 5), dtype=torch.float64, options=None, **changed):
    """A matcher of these options, or of the defaults with some changed, and features for it."""
    n_query, n_t, n_way, n_s, n_joints, n_channels = sizes
    options = MatchingConfig(**changed) if options is None else options
    matcher = Matcher(options, n_joints=n_joints, n_features=n_channels, generator=generator).to(dtype)
    query = torch.randn(n_query, n_t, n_joints, n_channels, generator=generator, dtype=torch.float64)
    prototypes = torch.randn(n_way, n_s, n_joints, n_channels, generator=generator, dtype=torch.float64)
    return matcher, query.to(dtype), prototypes.to(dtype)


def without_dropout(options):
    return dataclasses.replace(options, attention_dropout=0.0)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("recipe", ["paper", "release"])
@pytest.mark.parametrize("method", METHODS)
def test_distances_of_every_method_and_recipe_equal_the_literal_loops(method, recipe, training, generator):
    matcher, query, prototypes = problem(generator, options=without_dropout(settings(recipe, method)))
    matcher.train(training)
    expected = oracle.distances(matcher, query, prototypes)
    torch.testing.assert_close(matcher(query, prototypes).detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("recipe", ["paper", "release"])
@pytest.mark.parametrize("method", ["protonet", "dtw", "ngm", "dastm"])
def test_distances_in_float32(method, recipe, generator):
    matcher, query, prototypes = problem(
        generator, dtype=torch.float32, options=without_dropout(settings(recipe, method))
    )
    found = matcher(query, prototypes)
    assert found.dtype == torch.float32
    expected = oracle.distances(copy.deepcopy(matcher).double(), query.double(), prototypes.double())
    torch.testing.assert_close(found.detach().double(), expected, rtol=1e-4, atol=1e-5)


EVERY = [
    {"spatial": spatial, "attention": attention, "frame_distance": distance, "mean": mean, "temporal": "dtw"}
    for spatial, attentions in (("activation", 2), ("self", 2), ("none", 1))
    for attention in ("equations", "block")[:attentions]
    for distance in ("frobenius", "cosine")
    for mean in (False, True)
]
CLIPS = [
    {"spatial": spatial, "attention": attention, "clip_distance": distance, "mean": mean, "temporal": "none"}
    for spatial, attentions in (("activation", 2), ("self", 2), ("none", 1))
    for attention in ("equations", "block")[:attentions]
    for distance in ("euclidean", "squared")
    for mean in (False, True)
]


def words(options):
    return "-".join(str(value) for value in options.values())


@pytest.mark.parametrize("options", [*EVERY, *CLIPS], ids=words)
def test_every_combination_of_options_equals_the_literal_loops(options, generator):
    """With divergence, which `activation` and whole clips ignore; hard and soft."""
    matcher, query, prototypes = problem(generator, (2, 3, 2, 3, 3, 4), divergence=True, gamma=0.3, **options)
    for training in (True, False):
        matcher.train(training)
        expected = oracle.distances(matcher, query, prototypes)
        torch.testing.assert_close(matcher(query, prototypes).detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("spatial", ["activation", "self", "none"])
@pytest.mark.parametrize("band", [None, 2])
def test_clips_of_other_lengths_are_aligned(spatial, band, generator):
    options = {"spatial": spatial, "band": band, "divergence": True, "mean": True, "soft_evaluation": True}
    matcher, query, prototypes = problem(generator, (2, 5, 2, 3, 3, 4), gamma=0.2, **options)
    matcher.eval()
    expected = oracle.distances(matcher, query, prototypes)
    torch.testing.assert_close(matcher(query, prototypes).detach(), expected, rtol=1e-10, atol=1e-12)


def test_the_divergence_is_that_of_the_publication_and_zero_for_a_clip_and_itself(generator):
    matcher, query, _ = problem(generator, spatial="none", divergence=True, gamma=0.2)
    cost = matcher.frame_distances(query, query)
    own = cost[range(3), range(3)]
    expected = soft_dtw_divergence(
        cost.flatten(0, 1), own.repeat_interleave(3, 0), own.repeat(3, 1, 1), gamma=0.2
    ).view(3, 3)
    torch.testing.assert_close(matcher(query, query), expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(matcher(query, query).diagonal(), torch.zeros(3).double(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("options", [*EVERY, *CLIPS], ids=words)
def test_order_of_queries_and_classes_carries_over(options, generator):
    matcher, query, prototypes = problem(generator, **options)
    matcher.eval()
    clips, classes = torch.tensor([2, 0, 1]), torch.tensor([1, 0])
    expected = matcher(query, prototypes)[clips][:, classes]
    torch.testing.assert_close(matcher(query[clips], prototypes[classes]), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("options", [*EVERY, *CLIPS], ids=words)
def test_gradcheck_of_features_and_weights(options, generator):
    matcher, query, prototypes = problem(generator, (2, 2, 1, 2, 2, 3), divergence=True, gamma=0.3, **options)
    names = [name for name, _ in matcher.named_parameters()]

    def distances(query, prototypes, *weights):
        return torch.func.functional_call(matcher, dict(zip(names, weights, strict=True)), (query, prototypes))

    inputs = [t.detach().clone().requires_grad_() for t in (query, prototypes, *matcher.parameters())]
    assert torch.autograd.gradcheck(distances, inputs, fast_mode=True)


@pytest.mark.parametrize("spatial", ["activation", "self"])
def test_training_is_a_function_of_the_dropout_seed(spatial, generator):
    options = settings("release", "dastm", **{"matching.spatial": spatial})
    matcher, query, prototypes = problem(generator, options=options)
    results = []
    for seed in (1, 2, 1):
        reseed_dropout(matcher, seed)
        results.append(matcher(query, prototypes))
    assert torch.equal(results[0], results[2])
    assert not torch.equal(results[0], results[1])
    matcher.eval()
    assert torch.equal(matcher(query, prototypes), matcher(query, prototypes))


@pytest.mark.parametrize(
    ("method", "unused"),
    [
        ("protonet", ("soft_dtw", "hard_dtw", "frobenius", "cosine")),
        ("dtw", ("euclidean", "squared_euclidean")),
    ],
)
@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_a_method_has_no_weights_and_no_work_that_it_does_not_use(recipe, method, unused, generator, monkeypatch):
    matcher, query, prototypes = problem(generator, options=settings(recipe, method))
    assert not list(matcher.parameters())
    for name in unused:
        if name in ("frobenius", "cosine"):
            monkeypatch.setitem(matcher.forward.__globals__["FRAME_DISTANCES"], name, None)
        else:
            monkeypatch.setattr(f"dastm.model.matching.matcher.{name}", None)
    for training in (True, False):
        assert matcher.train(training)(query, prototypes).shape == (3, 2)


@pytest.mark.parametrize("attention", ["equations", "block"])
def test_attention_within_is_taken_once_a_frame_not_once_a_pair(attention, generator, monkeypatch):
    matcher, query, prototypes = problem(generator, spatial="self", attention=attention, divergence=True)
    seen = []
    whole = type(matcher.within).forward
    monkeypatch.setattr(
        type(matcher.within), "forward", lambda self, own, other: seen.append(own.shape) or whole(self, own, other)
    )
    matcher(query, prototypes)
    assert seen == [query.shape, prototypes.shape]


def test_projections_begin_as_asked(generator):
    for spatial, weights in (("activation", ("activation.W3q", "activation.W3s")), ("self", ("within.W3",))):
        matcher, *_ = problem(generator, (1, 1, 1, 1, 2, 6), spatial=spatial, init="tied")
        state = matcher.state_dict()
        assert all(torch.equal(state[name], torch.eye(6).double()) for name in weights)


@pytest.mark.parametrize("choice", ["spatial", "temporal", "attention", "frame_distance", "clip_distance"])
def test_a_name_that_is_none_is_refused(choice):
    with pytest.raises(ValueError, match=rf"{choice}\n  Input should be .*input_value='other'"):
        MatchingConfig(**{choice: "other"})


@pytest.mark.parametrize("spatial", ["activation", "self", "none"])
def test_whole_clips_of_other_lengths_are_refused(spatial, generator):
    matcher, query, prototypes = problem(generator, (2, 3, 2, 2, 3, 4), spatial=spatial, temporal="none")
    with pytest.raises(ValueError, match="3 query frames and 2 prototype frames"):
        matcher(query, prototypes)


def test_a_factor_is_trained_on_the_mean_over_alignments_which_has_the_gradient_of_the_soft_minimum(generator):
    common = {"spatial": "none", "frame_distance": "cosine", "gamma": 0.05, "band": 2, "examples": "nearest"}
    query = torch.randn((2, 5, 3, 4), generator=generator, dtype=torch.float64, requires_grad=True)
    example = query.detach()[:1].clone()
    gradients, distances = [], []
    for power in (0.0, 0.5):
        matcher = Matcher(MatchingConfig(**common, path_power=power), n_joints=3, n_features=4).train()
        distances.append(matcher(query, example))
        gradients.append(torch.autograd.grad(distances[-1].sum(), query)[0])
    torch.testing.assert_close(gradients[0], gradients[1])
    assert distances[0].min() < 0  # of a clip with itself
    assert distances[1].min() >= 0
