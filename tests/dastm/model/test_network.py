"""Episode -> distances: present bodies only, averaged a clip; every part does what the plain restatement does."""

import dataclasses

import pytest
import torch

from dastm.config.load import load_config
from dastm.config.schema import BackboneConfig, MatchingConfig
from dastm.contract.skeleton import OPENPOSE18, Layout
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.model import network as model_module
from dastm.model.backbones.streams import bone_sources
from dastm.model.matching.examples import ORDER
from dastm.model.matching.matcher import Matcher
from dastm.model.matching.path import path_factor, path_terms, times_path
from dastm.model.network import Matched, Recogniser, present_bodies, rank_term, slotted_bodies
from tests.oracles import matching as oracle
from tests.oracles.rank import nuclear_norm
from tests.oracles.soft_dtw import recursive

METHODS = ("protonet", "dtw", "ngm", "pairnorm", "dropedge", "dastm-rank", "dastm-activation", "dastm")
STICK = Layout(name="stick", joints=("a", "b", "c"), bones=((1, 0), (2, 1)))
FRAMES = 6


def clips(generator, present):
    present = torch.tensor(present)
    joints = torch.randn((*present.shape, FRAMES, 3, 3), generator=generator)
    return ClipBatch(joints_LMTVC=joints * present[..., None, None, None], present_LM=present)


def episode(generator, support, query):
    n_way = len(support)
    plan = EpisodePlan(class_ids=tuple(range(n_way)), support=((0,),) * n_way, query=((1,),) * n_way)
    labels = torch.arange(n_way)
    return Episode(
        plan=plan,
        support=clips(generator, support),
        query=clips(generator, query),
        support_labels=labels,
        query_labels=labels,
    )


def recogniser(seed=0, body_slots=None, **matching):
    generator = torch.Generator().manual_seed(seed)
    backbone = BackboneConfig(n_blocks=4, body_slots=body_slots)
    return Recogniser(STICK, backbone, MatchingConfig(**matching), generator).double()


def as_double(item):
    def cast(batch):
        return ClipBatch(joints_LMTVC=batch.joints_LMTVC.double(), present_LM=batch.present_LM)

    return dataclasses.replace(item, support=cast(item.support), query=cast(item.query))


def test_clip_features_are_the_mean_over_present_bodies(generator):
    model = recogniser().eval()
    item = as_double(episode(generator, [[True, False], [True, True]], [[True, True], [True, False]]))
    features = model.encode(item.support)
    joints = item.support.joints_LMTVC
    alone = [model.backbone(joints[clip : clip + 1, body]) for clip, body in ((0, 0), (1, 0), (1, 1))]
    torch.testing.assert_close(features[0], alone[0][0])
    torch.testing.assert_close(features[1], (alone[1][0] + alone[2][0]) / 2)


def test_absent_bodies_are_not_encoded(generator):
    """Whatever lies in an absent slot: the same features, and the same batch statistics in training."""
    model = recogniser().train()
    batch = as_double(episode(generator, [[True, False], [True, True]], [[True, True]] * 2)).support
    junk = batch.joints_LMTVC.clone()
    junk[0, 1] = 1e6
    first = model.encode(batch)
    statistics = model.backbone.data_bn.running_mean.clone()
    model.backbone.data_bn.reset_running_stats()
    second = model.encode(ClipBatch(joints_LMTVC=junk, present_LM=batch.present_LM))
    assert torch.equal(first, second)
    fresh = recogniser().train()
    fresh.encode(ClipBatch(joints_LMTVC=junk, present_LM=batch.present_LM))
    assert torch.equal(fresh.backbone.data_bn.running_mean, statistics)


@pytest.mark.parametrize("spatial", ["activation", "self", "none"])
def test_distance_in_evaluation_is_the_best_alignment_and_in_training_the_soft_one(generator, spatial):
    model = recogniser(spatial=spatial, gamma=0.5).eval()
    query = torch.randn((2, 3, 3, 256), generator=generator).double()
    prototypes = torch.randn((2, 3, 3, 256), generator=generator).double()
    cost = model.frame_distances(query, prototypes)
    hard, soft = model.distances(query, prototypes), model.train().distances(query, prototypes)
    for q in range(2):
        for w in range(2):
            assert soft[q, w].item() == pytest.approx(recursive(cost[q, w].detach(), 0.5), rel=1e-10)
            assert hard[q, w].item() == pytest.approx(recursive(cost[q, w].detach(), 1e-6), rel=1e-4)


def test_a_band_of_zero_compares_frame_with_frame(generator):
    model = recogniser(spatial="none", band=0).eval()
    query, prototypes = (torch.randn((n, 3, 3, 256), generator=generator).double() for n in (2, 4))
    expected = (query[:, None] - prototypes).flatten(3).norm(dim=3).sum(2)
    torch.testing.assert_close(model.distances(query, prototypes), expected)
    torch.testing.assert_close(model.train().distances(query, prototypes), expected)


def test_query_of_a_support_clip_is_nearest_to_its_own_class(generator):
    model = recogniser(spatial="none").eval()
    item = as_double(episode(generator, [[True], [True], [True]], [[True]] * 3))
    copied = dataclasses.replace(item, query=item.support)
    distances = model.episode_distances(copied)
    assert distances.argmin(1).tolist() == [0, 1, 2]
    torch.testing.assert_close(distances.diagonal(), torch.zeros(3).double(), atol=1e-6, rtol=0)


def test_weights_come_from_the_generator_alone():
    torch.rand(1)
    first, second, other = recogniser(1).state_dict(), recogniser(1).state_dict(), recogniser(2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_forward_returns_all_features_support_first(generator):
    model = recogniser().eval()
    item = as_double(episode(generator, [[True], [True]], [[True, True], [True, False]]))
    matched = model(item)
    assert matched.features_LTVD.shape == (4, 2, 3, 256)
    assert matched.distances_QW.shape == (2, 2)
    torch.testing.assert_close(matched.features_LTVD[:2], model.encode(item.support))


def test_image_layouts_run_too(generator):
    model = Recogniser(OPENPOSE18, BackboneConfig(n_blocks=4), MatchingConfig(), generator).eval()
    joints = torch.randn((2, 1, FRAMES, 18, 3), generator=generator)
    batch = ClipBatch(joints_LMTVC=joints, present_LM=torch.ones((2, 1), dtype=torch.bool))
    assert model.encode(batch).shape == (2, 2, 18, 256)


def test_present_bodies_of_several_batches_know_their_clips(generator):
    one, two = clips(generator, [[True]]), clips(generator, [[True, True], [True, False]])
    bodies = present_bodies(one, two)
    expected = [one.joints_LMTVC[0, 0], two.joints_LMTVC[0, 0], two.joints_LMTVC[0, 1], two.joints_LMTVC[1, 0]]
    assert torch.equal(bodies.joints_BTVC, torch.stack(expected))
    assert bodies.clip_B.tolist() == [0, 1, 1, 2]
    assert bodies.n_bodies_L.tolist() == [1.0, 2.0, 1.0]


def test_the_mean_over_bodies_of_accelerators_is_the_same(generator):
    bodies = present_bodies(clips(generator, [[True, False, False], [True, True, True], [True, True, False]]))
    values = torch.randn(6, 2, 3, 5, generator=generator)
    expected = model_module._mean_of_clips(values, bodies)
    torch.testing.assert_close(model_module._mean_by_product(values, bodies), expected)


def test_bf16_is_the_backbones_alone_and_close_to_float32(generator):
    item = episode(generator, [[True], [True]], [[True]] * 2)
    weights = torch.Generator().manual_seed(0)
    exact, rounded = (
        Recogniser(STICK, BackboneConfig(n_blocks=4), MatchingConfig(), weights.manual_seed(0), bf16=bf16).eval()
        for bf16 in (False, True)
    )
    first, second = exact(item), rounded(item)
    assert second.features_LTVD.dtype == second.distances_QW.dtype == torch.float32
    assert not torch.equal(first.features_LTVD, second.features_LTVD)
    torch.testing.assert_close(first.distances_QW, second.distances_QW, rtol=0.05, atol=0.0)


def test_unit_frames_have_length_one_before_prototypes_are_made(generator):
    plain, unit = recogniser(), recogniser(unit_frames=True)
    unit.load_state_dict(plain.state_dict())
    clips = as_double(episode(generator, [[True, False], [True, True]], [[True, True]] * 2)).support
    with torch.inference_mode():
        expected = plain.eval().encode(clips)
        frames = unit.eval().encode(clips)
    torch.testing.assert_close(frames.flatten(2).norm(dim=2), torch.ones(frames.shape[:2], dtype=torch.float64))
    torch.testing.assert_close(frames * expected.flatten(2).norm(dim=2)[:, :, None, None], expected)


@pytest.mark.parametrize("recipe", ["paper", "release"])
@pytest.mark.parametrize("method", METHODS)
def test_every_option_of_the_matching_reaches_it(method, recipe, monkeypatch):
    """The oracle's tests say what the matcher makes of them."""
    matching = load_config([recipe, method], {"matching.mean": True, "matching.band": 3}).matching
    given = []

    def recording(options, **sizes):
        given.append((options, sizes))
        return Matcher(options, **sizes)

    monkeypatch.setattr(model_module, "Matcher", recording)
    generator = torch.Generator()
    Recogniser(STICK, BackboneConfig(n_blocks=4), matching, generator)
    assert given == [(matching, {"n_joints": STICK.n_joints, "n_features": 256, "generator": generator})]


@pytest.mark.parametrize("recipe", ["paper", "release"])
@pytest.mark.parametrize("method", METHODS)
def test_an_episode_of_every_method_is_what_the_matcher_makes_of_features_and_prototypes(generator, method, recipe):
    matching = load_config([recipe, method], {"matching.attention_dropout": 0.0}).matching
    model = Recogniser(STICK, BackboneConfig(n_blocks=4, body_slots=2), matching, generator).double()
    model.backbone.eval()
    item = as_double(episode(generator, [[True, False], [True, True]], [[True], [True]]))
    for training in (True, False):
        model.matcher.train(training)
        matched = model(item)
        torch.testing.assert_close(matched.references_RSVD, model.encode(item.support))
        expected = model.matcher(model.encode(item.query), model.encode(item.support))
        torch.testing.assert_close(matched.distances_QW, expected)
    order = dataclasses.replace(item.query, joints_LMTVC=item.query.joints_LMTVC.flip(0))
    turned = model.episode_distances(dataclasses.replace(item, query=order))
    torch.testing.assert_close(turned, model.episode_distances(item).flip(0), rtol=1e-8, atol=1e-9)


def two_shot(generator):
    """Two classes of two examples, three queries; some clips of two bodies."""
    support = clips(generator, [[True, False], [True, True], [True, False], [True, False]])
    item = episode(generator, [[True]] * 2, [[True], [True], [True]])
    plan = dataclasses.replace(item.plan, class_ids=(0, 1), support=((0, 1), (0, 1)), query=((2, 3), (2,)))
    labels = {"support_labels": torch.tensor([0, 0, 1, 1]), "query_labels": torch.tensor([0, 0, 1])}
    return as_double(dataclasses.replace(item, plan=plan, support=support, **labels))


def power_mean(pairs_QWE):
    """Of what is above 0; below it, where only soft sums are, the least counts."""
    least_QW = pairs_QWE.amin(2)
    return torch.where(least_QW > 0, (pairs_QWE.abs() ** -ORDER).mean(2) ** (-1 / ORDER), least_QW)


@pytest.mark.parametrize("examples", ["nearest", "power_mean"])
@pytest.mark.parametrize("method", ["protonet", "ngm", "dtw", "dastm"])
def test_classes_are_as_far_as_their_examples_say_in_training_too(generator, method, examples):
    matching = load_config(["paper", method], {"matching.examples": examples}).matching
    model = Recogniser(STICK, BackboneConfig(n_blocks=4), matching, generator).double()
    model.backbone.eval()
    item = two_shot(generator)
    for training in (False, True):
        model.train(training)
        model.backbone.eval()
        matched = model(item)
        pairs = model.matcher(model.encode(item.query), model.encode(item.support)).unflatten(1, (2, 2))
        expected = pairs.amin(2) if examples == "nearest" else power_mean(pairs)
        torch.testing.assert_close(matched.distances_QW, expected)
        torch.testing.assert_close(matched.references_RSVD, model.encode(item.support))
    matched.distances_QW.sum().backward()
    assert all(weight.grad is not None for weight in model.backbone.parameters())


@pytest.mark.parametrize("examples", ["nearest", "power_mean"])
@pytest.mark.parametrize("kind", ["3-D", "image"])
def test_distances_are_products_of_what_is_learned_and_of_paths_in_space_about_the_centre(generator, examples, kind):
    layout = STICK if kind == "3-D" else dataclasses.replace(STICK, coordinates=("x", "y", "confidence"))
    settings = {
        "matching.examples": examples,
        "matching.path_power": 0.3,
        "matching.spatial": "none",
        "matching.frame_distance": "cosine",
    }
    matching = load_config("paper", settings).matching
    model = Recogniser(layout, BackboneConfig(n_blocks=4), matching, generator).double().eval()
    item = two_shot(generator)
    centre = layout.centre if kind == "3-D" else None
    terms = [
        path_terms(c.joints_LMTVC, is_image=kind == "image", points=None, centre=centre)
        for c in (item.query, item.support)
    ]
    learned = model.matcher(model.encode(item.query), model.encode(item.support))
    pairs = times_path(learned, path_factor(*terms, 0.3), 0.3).unflatten(1, (2, 2))
    expected = pairs.amin(2) if examples == "nearest" else power_mean(pairs)
    torch.testing.assert_close(model.episode_distances(item), expected)
    model.train()
    distances = model(item).distances_QW
    assert (distances > 0).all()
    distances.sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.backbone.parameters())


@pytest.mark.parametrize(
    ("frames", "options"),
    [("steps", {}), ("poses", {"poses": True}), ("weighted_poses", {"poses": True, "parents": bone_sources(STICK)})],
)
def test_paths_compare_what_is_configured_and_steps_in_images(generator, frames, options):
    matching = load_config("best", {"matching.path_frames": frames}).matching
    clips = two_shot(generator).support
    found = Recogniser(STICK, BackboneConfig(n_blocks=4), matching, generator).path_terms(clips)
    expected = path_terms(clips.joints_LMTVC, is_image=False, points=None, centre=STICK.centre, **options)
    assert torch.equal(found, expected)
    image = dataclasses.replace(STICK, coordinates=("x", "y", "confidence"))
    found = Recogniser(image, BackboneConfig(n_blocks=4), matching, generator).path_terms(clips)
    assert torch.equal(found, path_terms(clips.joints_LMTVC, is_image=True, points=None))


def test_with_slots_every_clip_has_as_many_bodies_and_absent_ones_are_zeros(generator):
    one, two = clips(generator, [[True]]), clips(generator, [[True, True, True], [True, False, False]])
    junk = ClipBatch(joints_LMTVC=two.joints_LMTVC + 1, present_LM=two.present_LM)
    bodies = slotted_bodies(one, junk, slots=2)
    zeros, first = torch.zeros(FRAMES, 3, 3), two.joints_LMTVC + 1
    expected = [one.joints_LMTVC[0, 0], zeros, first[0, 0], first[0, 1], first[1, 0], zeros]
    assert torch.equal(bodies.joints_BTVC, torch.stack(expected))
    assert bodies.clip_B.tolist() == [0, 0, 1, 1, 2, 2]
    assert bodies.n_bodies_L.tolist() == [2.0, 2.0, 2.0]


def test_with_slots_absent_bodies_are_encoded_and_counted(generator):
    model = recogniser(body_slots=2).eval()
    batch = as_double(episode(generator, [[True, False], [True, True]], [[True]] * 2)).support
    features = model.encode(batch)
    slots = batch.joints_LMTVC.clone()
    slots[0, 1] = 0
    alone = model.backbone(slots.flatten(0, 1)).unflatten(0, (2, 2)).mean(1)
    torch.testing.assert_close(features, alone)
    widened = ClipBatch(joints_LMTVC=batch.joints_LMTVC[:1, :1], present_LM=batch.present_LM[:1, :1])
    torch.testing.assert_close(model.encode(widened), features[:1])


def test_the_rank_term_is_the_configured_one(generator):
    features = torch.randn((5, 2, 3, 7), generator=generator, dtype=torch.float64)
    prototypes, distances = features[:2].flip(0), torch.zeros(3, 2)
    matched = Matched(distances_QW=distances, features_LTVD=features, references_RSVD=prototypes)
    norms = torch.stack([nuclear_norm(frame) for frame in features.flatten(0, 1)])
    expected = {
        "nuclear": -norms.mean(),
        "unit": -(norms / features.flatten(0, 1).flatten(1).norm(dim=1)).mean(),
        "surrogate": torch.tensor(oracle.surrogate_loss(prototypes, features[2:]), dtype=torch.float64),
    }
    for kind, value in expected.items():
        torch.testing.assert_close(rank_term(matched, MatchingConfig(rank=kind)), value)
        assert rank_term(matched, MatchingConfig(rank=kind, rank_weight=0.0)) is None
