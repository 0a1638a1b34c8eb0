"""Limits fit what distances are made of: a threshold, its decline with more examples, spread, rivals, temperature."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from dastm.evaluation.limits import Compared, equal_error_threshold, fit_limits
from dastm.model.matching.rejection import novelties, scores

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]


def episodes(rng, shots, count=60, scale=1.0, n_way=3, n_known=0):
    """Classes are points of a line of 6 dimensions with clips around them: near are a class's own, far are others'."""
    made = []
    for _ in range(count):
        centres = rng.normal(size=(2 * n_way, 6)) * 1.5
        labels = np.repeat(np.arange(n_way), shots)
        support = centres[labels] + rng.normal(size=(len(labels), 6)) * 0.5
        query_labels = np.repeat(np.arange(2 * n_way), 4)
        query = centres[query_labels] + rng.normal(size=(len(query_labels), 6)) * 0.5
        known = rng.normal(size=(n_known, 6)) * 1.5
        to_examples = scale * np.linalg.norm(query[:, None] - support, axis=2)
        made.append(
            Compared(
                distances_QW=torch.tensor(to_examples.reshape(len(query), n_way, shots).min(2)),
                labels_Q=torch.tensor(query_labels),
                between_LL=torch.tensor(scale * np.linalg.norm(support[:, None] - support, axis=2)),
                support_labels_L=torch.tensor(labels),
                to_known_QK=torch.tensor(scale * np.linalg.norm(query[:, None] - known, axis=2)) if n_known else None,
            )
        )
    return made


@pytest.mark.parametrize("n_known", [0, 5])
def test_at_the_fitted_threshold_as_many_known_are_refused_as_unknown_are_taken(rng, n_known):
    found = fit_limits({shots: episodes(rng, shots, n_known=n_known) for shots in (1, 2, 4)})
    assert 0 < found.decline < 1
    assert (found.rival is None) == (not n_known)
    for shots in (1, 4):
        new, unknown = [], []
        for one in episodes(rng, shots, n_known=n_known):
            new.append(novelties(one.distances_QW, one.borders(found)))
            unknown.append(one.labels_Q >= 3)
        new, unknown = torch.cat(new), torch.cat(unknown)
        refused, taken = float((new[~unknown] >= 1).double().mean()), float((new[unknown] < 1).double().mean())
        assert refused == pytest.approx(taken, abs=0.06)
        assert refused < 0.2


def test_distances_in_another_unit_have_limits_in_that_unit_and_the_same_scores():
    of = [{shots: episodes(np.random.default_rng(3), shots, 20, scale) for shots in (1, 3)} for scale in (1.0, 40.0)]
    small, large = (fit_limits(one) for one in of)
    assert large.threshold == pytest.approx(40 * small.threshold, rel=1e-3)
    assert (large.decline, large.spread) == pytest.approx((small.decline, small.spread), rel=1e-2)
    assert large.temperature == pytest.approx(small.temperature, rel=0.06)


def test_scores_at_the_fitted_temperature_are_right_as_often_as_they_say(rng):
    found = fit_limits({shots: episodes(rng, shots) for shots in (1, 2)})
    sure, right = [], []
    for one in episodes(rng, 1, 200):
        best, answer = scores(one.distances_QW, one.borders(found), found.temperature).max(1)
        sure.append(best)
        right.append((answer == one.labels_Q.clamp(max=3)).double())
    assert float(torch.cat(sure).mean()) == pytest.approx(float(torch.cat(right).mean()), abs=0.05)


def test_the_usual_rival_is_the_mean_of_known_queries_alone():
    one = Compared(
        distances_QW=torch.tensor([[0.1, 0.4], [0.2, 3.0], [0.5, 0.6]]),
        labels_Q=torch.tensor([0, 0, 2]),
        between_LL=torch.tensor([[0.0, 0.9], [0.9, 0.0]]),
        support_labels_L=torch.tensor([0, 1]),
        to_known_QK=torch.tensor([[2.0, 5.0], [0.9, torch.inf], [7.0, 7.0]]),
    )
    two = replace(one, between_LL=torch.full((4, 4), 0.2), support_labels_L=torch.tensor([0, 0, 1, 1]))
    assert fit_limits({1: [one], 2: [two]}).rival == pytest.approx(math.sqrt(0.4 * 0.9))


def test_the_equal_error_threshold_by_hand():
    known, unknown = np.array([1.0, 2.0, 3.0, 6.0]), np.array([2.5, 5.0, 7.0, 8.0])
    assert equal_error_threshold(known, unknown) == 5.0  # refuses 6, takes 2.5: one in four each


def test_what_cannot_be_fitted_is_refused(rng):
    with pytest.raises(ValueError, match=r"two numbers of examples, got \[1\]"):
        fit_limits({1: episodes(rng, 1, 2)})
    with pytest.raises(ValueError, match="not positive"):
        fit_limits({shots: episodes(rng, shots, 2, -1.0) for shots in (1, 2)})
