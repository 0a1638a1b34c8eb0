"""Shares of joints add up to the distance of evaluation, and a joint that is the same on both sides has none."""

import pytest
import torch

from dastm.config.schema import MatchingConfig
from dastm.matching.matcher import Matcher
from dastm.matching.path import path_distances, path_terms
from dastm.matching.shares import joint_shares, path_joint_shares


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("band", [None, 2])
@pytest.mark.parametrize("kind", ["frobenius", "cosine"])
def test_shares_of_joints_add_up_to_the_distance(generator, kind, band, mean):
    options = MatchingConfig(spatial="none", frame_distance=kind, band=band, mean=mean)
    matcher = Matcher(options, n_joints=4, n_features=3).eval()
    query, example = (torch.randn((n, 4, 3), generator=generator, dtype=torch.float64) for n in (5, 6))
    query[1], example[3], example[4] = 0, 0, query[4]
    shares = joint_shares(query, example, options)
    assert (shares > 0).all()
    torch.testing.assert_close(shares.sum(), matcher(query[None], example[None])[0, 0])
    same = joint_shares(query[2:], query[2:], options)
    torch.testing.assert_close(same, torch.zeros_like(same), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["frobenius", "cosine"])
def test_a_joint_that_is_the_same_on_both_sides_has_no_share(generator, kind):
    query = torch.randn((5, 4, 3), generator=generator, dtype=torch.float64)
    example = query.clone()
    example[:, 2] = example[:, 2].flip(1)  # of the same norm
    shares = joint_shares(query, example, MatchingConfig(spatial="none", frame_distance=kind, band=0))
    assert shares[2] > 0
    assert shares[[0, 1, 3]].max() < 1e-12 * shares[2]


@pytest.mark.parametrize(
    "options",
    [{"spatial": "activation"}, {"temporal": "none"}, {"divergence": True}, {"soft_evaluation": True}],
)
def test_distances_that_are_no_sum_over_joints_are_refused(options):
    frames = torch.zeros(2, 3, 4)
    with pytest.raises(ValueError, match="shares of joints: only for"):
        joint_shares(frames, frames, MatchingConfig(**{"spatial": "none", **options}))


def test_shares_of_joints_add_up_to_the_distance_along_the_path(generator):
    joints = torch.randn((2, 2, 9, 4, 3), generator=generator, dtype=torch.float64).cumsum(2)
    joints[:, 1, :, 3] = 1.5  # a joint of the second body rests
    query, example = path_terms(joints, is_image=False)
    shares = path_joint_shares(query, example)
    torch.testing.assert_close(shares.sum(), path_distances(query[None], example[None])[0, 0])
    assert (shares > 0).all()
    still = path_terms(joints[:, :, :1], is_image=False)[0]
    assert path_joint_shares(query, still).sum().item() == pytest.approx(15e4)
    only = joints.clone()
    only[:, :, :, 1:] = 0
    alone = path_joint_shares(*path_terms(only, is_image=False))
    assert alone[0] > 0
    assert alone[1:].max() < 1e-12 * alone[0]
