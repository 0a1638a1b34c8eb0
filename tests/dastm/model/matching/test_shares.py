"""Shares of joints add up to the distance of evaluation, and a joint that is the same on both sides has none."""

import pytest
import torch

from dastm.config.schema import MatchingConfig
from dastm.model.matching.matcher import Matcher
from dastm.model.matching.path import path_factor, path_terms, times_path
from dastm.model.matching.shares import aligned_shares, joint_shares


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


def two_clips(generator, joints=None):
    """Features and terms of a query of two bodies and an example of one, and the options of a product."""
    if joints is None:
        joints = torch.randn((2, 2, 24, 4, 3), generator=generator, dtype=torch.float64).cumsum(2)
    terms = (
        path_terms(joints[:1], is_image=False, points=None)[0],
        path_terms(joints[1:, :1], is_image=False, points=None)[0],
    )
    features = torch.randn((2, 12, 4, 5), generator=generator, dtype=torch.float64)
    options = MatchingConfig(
        spatial="none", frame_distance="cosine", band=6, mean=True, examples="nearest", path_power=0.4
    )
    return features, terms, options


def test_shares_of_joints_add_up_to_the_product_of_both_distances(generator):
    features, terms, options = two_clips(generator)
    found = aligned_shares(features[0], features[1], options, terms)
    learned = Matcher(options, n_joints=4, n_features=5).eval()(features[:1], features[1:])
    distance = times_path(learned, path_factor(terms[0][None], terms[1][None], 0.4), 0.4)[0, 0]
    torch.testing.assert_close(found.parts_PV.sum(), distance)
    assert (found.parts_PV > 0).all()
    assert found.cost_TS.shape == (12, 12)
    torch.testing.assert_close(joint_shares(features[0], features[1], options, terms), found.parts_PV.sum(0))
    with pytest.raises(ValueError, match="needs the terms of both paths"):
        aligned_shares(features[0], features[1], options)


def test_a_joint_has_of_a_product_what_it_has_of_each_distance_by_their_powers(generator):
    features, terms, options = two_clips(generator)
    plain = MatchingConfig(spatial="none", frame_distance="cosine", band=6)
    learned = joint_shares(features[0], features[1], plain)
    one = torch.ones((12, 4, 5), dtype=torch.float64)
    same = joint_shares(one, one, options, terms)  # nothing is learned of these: all joints have the same of it
    path = (same / same.sum() - 0.6 / 4) / 0.4
    found = joint_shares(features[0], features[1], options, terms)
    torch.testing.assert_close(found / found.sum(), 0.6 * learned / learned.sum() + 0.4 * path)


def test_what_the_path_adds_counts_at_the_frame_of_the_query_where_it_is(generator):
    joints = torch.zeros((2, 2, 24, 4, 3), dtype=torch.float64)
    joints[:, 0, :, 0, 0] = torch.arange(24)
    joints[0, 0, 12:, 1, 1] = torch.arange(12) * 3  # a joint of the query moves in the second half alone
    _, terms, options = two_clips(generator, joints)
    same = torch.ones((12, 4, 5), dtype=torch.float64)
    found = aligned_shares(same, same, options, terms)
    late = found.parts_PV[found.path_P2[:, 0] >= 6, 1].sum() - found.parts_PV[found.path_P2[:, 0] < 5, 1].sum()
    assert late > 0.1 * found.parts_PV.sum()
    assert (found.parts_PV[:5, 1] <= found.parts_PV[:5, 2] + 1e-12).all()
