"""What a network sees of its clips: the right frames, rigid turns, and the same for the same seed and plan."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.skeleton import NTU25, OPENPOSE18
from dastm.episodes.augmentation import augmented, center_frames, drawn_frames, drawn_stretch, similarities
from dastm.episodes.fetch import fetch_episode
from dastm.episodes.sampler import plan_episode
from dastm.episodes.sources import open_source
from dastm.layers.path_points import along_path, even_shares
from tests.shard_folder import make_shard_folder

FRAMES = 12


@pytest.fixture(scope="module", params=[NTU25, OPENPOSE18], ids=lambda layout: layout.name)
def source(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("views")
    parts = {"train": dict.fromkeys(range(4), 6)}
    rng = np.random.default_rng(0)
    make_shard_folder(path, parts=parts, rng=rng, layout=request.param, frames=FRAMES, bodies=(1, 2))
    with closing(open_source(path)) as opened:
        yield opened


def plan_of(source, number=0):
    sizes = source.pool_sizes("train")
    return plan_episode(sizes, n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, number=number)


def joints(source, number=0):
    return fetch_episode(source, "train", plan_of(source, number)).query.joints_LMTVC


def test_middle_frames_are_those_of_equal_segments(source):
    torch.testing.assert_close(joints(center_frames(source, 4)), joints(source)[:, :, [1, 4, 7, 10]], rtol=0, atol=0)
    torch.testing.assert_close(joints(center_frames(source, 1)), joints(source)[:, :, [6]], rtol=0, atol=0)


@pytest.mark.parametrize("n_frames", [None, 5, 30])
def test_frames_along_the_path_are_of_any_number_and_the_same_for_the_same_seed(source, n_frames):
    n_seen, n_space = n_frames or FRAMES, 2 if source.manifest.layout.is_image else 3
    whole, seen = joints(source), joints(center_frames(source, n_frames, "path"))
    shares = even_shares(n_seen).expand(len(whole), -1)
    torch.testing.assert_close(seen, along_path(whole, shares, n_space), rtol=0, atol=0)
    views = [augmented(source, n_frames=n_frames, sampling="path", seed=seed) for seed in (3, 3, 4)]
    first, same, other = map(joints, views)
    assert first.shape == seen.shape == (*whole.shape[:2], n_seen, *whole.shape[3:])
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    there = whole.any(-1, keepdim=True)  # a joint that is not there stays where it was
    assert torch.equal((first * there[:, :, :1])[:, :, 0], whole[:, :, 0])
    torch.testing.assert_close((first * there[:, :, -1:])[:, :, -1], whole[:, :, -1])
    assert not torch.equal(joints(views[0], 1), first)


def test_all_frames_are_the_source_itself(source):
    assert center_frames(source, None) is source
    assert center_frames(source, FRAMES) is source
    assert augmented(source, seed=0) is source


def test_a_view_says_of_itself_what_the_source_says(source):
    view = center_frames(source, 4)
    assert view.manifest == source.manifest
    assert view.pool_sizes("train") == source.pool_sizes("train")
    plan = plan_of(source)
    whole, seen = fetch_episode(source, "train", plan), fetch_episode(view, "train", plan)
    assert seen.plan == plan
    assert torch.equal(seen.query_labels, whole.query_labels)
    assert torch.equal(seen.support.present_LM, whole.support.present_LM)


def test_closing_a_view_closes_the_source(source):
    closed = []

    class Source:
        manifest = source.manifest

        def close(self):
            closed.append(True)

    center_frames(Source(), 4).close()
    assert closed


def test_every_frame_of_a_segment_is_drawn_equally_often():
    frames_LF = drawn_frames(6000, 10, 4, np.random.default_rng(0))
    assert frames_LF.shape == (6000, 4)
    # Segments 0-1, 2-4, 5-6, 7-9 of ten frames.
    for column, members in enumerate([(0, 1), (2, 3, 4), (5, 6), (7, 8, 9)]):
        drawn, counts = frames_LF[:, column].unique(return_counts=True)
        assert drawn.tolist() == list(members)
        assert (counts - 6000 / len(members)).abs().max() < 5 * (6000 / len(members)) ** 0.5


def test_frames_of_a_clip_are_drawn_anew_in_every_plan_and_the_same_for_the_same_one(source):
    view = augmented(source, n_frames=4, seed=3)
    assert torch.equal(joints(view), joints(augmented(source, n_frames=4, seed=3)))
    assert not torch.equal(joints(view), joints(augmented(source, n_frames=4, seed=4)))
    plan = plan_of(source)
    swapped = replace(plan, support=plan.query[:1] + plan.support[1:], query=plan.support[:1] + plan.query[1:])
    ours = fetch_episode(view, "train", plan).support.joints_LMTVC[1]
    assert not torch.equal(ours, fetch_episode(view, "train", swapped).support.joints_LMTVC[2])


def test_drawn_frames_are_frames_of_the_clip(source):
    whole, seen = joints(source), joints(augmented(source, n_frames=4, seed=0))
    for clip, drawn in zip(whole, seen, strict=True):
        for segment in range(4):
            members = clip[0, 3 * segment : 3 * segment + 3]
            assert (members == drawn[0, segment]).flatten(1).all(1).any()


def test_turning_keeps_heights_and_distances(source):
    if source.manifest.layout.is_image:
        with pytest.raises(RunError, match=r"augment\.yaw: toy is 2-D"):
            augmented(source, yaw=10, seed=0)
        return
    whole, seen = joints(source), joints(augmented(source, yaw=90, seed=0))
    torch.testing.assert_close(seen[..., 1], whole[..., 1])
    torch.testing.assert_close(seen.norm(dim=-1), whole.norm(dim=-1))
    assert (seen - whole).abs().max() > 0.5
    angles = torch.atan2(seen[:, 0, :, 0, 2], seen[:, 0, :, 0, 0]) - torch.atan2(
        whole[:, 0, :, 0, 2], whole[:, 0, :, 0, 0]
    )
    turn = torch.stack([angles.sin(), angles.cos()])
    torch.testing.assert_close(turn, turn[:, :, :1].expand_as(turn), rtol=0, atol=1e-4)  # a clip turns as a whole


def test_growing_keeps_the_shape_and_leaves_confidences(source):
    whole, seen = joints(source), joints(augmented(source, scale=0.3, seed=0))
    space = slice(0, 2 if source.manifest.layout.is_image else 3)
    factors_L = (seen[..., space].flatten(1).norm(dim=1) / whole[..., space].flatten(1).norm(dim=1))[
        :, None, None, None, None
    ]
    torch.testing.assert_close(seen[..., space], whole[..., space] * factors_L)
    assert ((factors_L > 0.7) & (factors_L < 1.3)).all()
    assert factors_L.std() > 0.05
    if source.manifest.layout.is_image:
        assert torch.equal(seen[..., 2], whole[..., 2])


def test_noise_has_the_size_asked_for_and_leaves_what_was_not_measured(source):
    whole, seen = joints(source), joints(augmented(source, noise=0.1, seed=0))
    difference = seen - whole
    measured = whole.any(-1)
    assert not difference[~measured].any()
    assert (~measured).any()  # absent second bodies
    space = difference[measured][:, : 2 if source.manifest.layout.is_image else 3]
    assert space.std().item() == pytest.approx(0.1, rel=0.1)
    if source.manifest.layout.is_image:
        assert not difference[..., 2].any()


def test_stretching_multiplies_each_axis_of_a_clip_and_leaves_confidences(source):
    whole, seen = joints(source), joints(augmented(source, stretch=0.2, seed=0))
    n_space = 2 if source.manifest.layout.is_image else 3
    size = whole.flatten(1, 3).norm(dim=1)
    factors_LC = seen.flatten(1, 3).norm(dim=1) / size
    torch.testing.assert_close(seen, whole * factors_LC[:, None, None, None])
    assert (factors_LC[:, 0] - factors_LC[:, 1]).abs().max() > 0.05
    drawn = drawn_stretch(5000, 0.2, source.manifest.layout, np.random.default_rng(0))
    assert drawn[:, :n_space].log().std().item() == pytest.approx(0.2, rel=0.05)
    assert (drawn[:, n_space:] == 1).all()


@pytest.mark.parametrize("option", ["crop", "stretch", "limbs", "drop"])
@pytest.mark.parametrize("sampling", ["time", "path"])
def test_whatever_varies_is_drawn_from_seed_and_plan_and_keeps_the_shape(source, option, sampling):
    options = {option: 0.3, "sampling": sampling, "n_frames": 6}
    first, same, other = (joints(augmented(source, **options, seed=seed)) for seed in (1, 1, 2))
    without = joints(augmented(source, sampling=sampling, n_frames=6, seed=1))
    assert first.shape == without.shape
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert not torch.equal(first, without)
    assert first.isfinite().all()


def test_upright_clips_turn_about_z():
    quarter = similarities(np.array([np.pi / 2]), np.ones(1), NTU25, vertical=2)[0]
    torch.testing.assert_close(torch.tensor([1.0, 0, 5]) @ quarter, torch.tensor([0.0, 1, 5]))


@pytest.mark.parametrize("view", [center_frames, lambda source, n: augmented(source, n_frames=n, seed=0)])
def test_more_frames_than_are_stored_are_one_line(source, view):
    with pytest.raises(RunError, match=r"augment\.n_frames: 13 frames of clips that hold 12"):
        view(source, 13)


@pytest.mark.parametrize(
    ("look", "key"),
    [
        (lambda source: center_frames(source, 4), "n_frames"),
        (lambda source: augmented(source, n_frames=4, seed=0), "n_frames"),
        (lambda source: augmented(source, yaw=5.0, seed=0), "yaw"),
        (lambda source: augmented(source, crop=0.1, seed=0), "crop"),
        (lambda source: augmented(source, stretch=0.1, seed=0), "stretch"),
        (lambda source: augmented(source, limbs=0.1, seed=0), "limbs"),
        (lambda source: center_frames(source, None, "path"), "sampling: path"),
        (lambda source: augmented(source, sampling="path", seed=0), "sampling: path"),
    ],
)
def test_frames_are_not_chosen_among_scrambled_ones_whoever_asks(source, look, key):
    class Scrambled:
        manifest = replace(source.manifest, definition={"split": {"frame_order": "scrambled"}})

    with pytest.raises(RunError, match=rf"augment\.{key}: not of shards whose frames are scrambled"):
        look(Scrambled())
    assert center_frames(Scrambled(), None).manifest == Scrambled.manifest
