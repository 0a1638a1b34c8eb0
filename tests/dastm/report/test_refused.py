"""Queries of unknown classes, and known ones that were refused: which they are, and what is said of them."""

import torch

from dastm.evaluation.limits import Compared
from dastm.model.matching.rejection import Limits
from dastm.report.refused import judged

LIMITS = Limits(threshold=0.5, decline=0.1, spread=1.4, temperature=0.2)


def test_known_queries_that_are_taken_are_left_out_and_the_others_are_told_apart():
    compared = Compared(
        distances_QW=torch.tensor([[0.4, 0.9], [0.9, 0.6], [0.9, 0.45], [0.7, 0.8]]),
        labels_Q=torch.tensor([0, 1, 2, 3]),
        between_LL=torch.tensor([[0.0, 0.8], [0.8, 0.0]]),
        support_labels_L=torch.tensor([0, 1]),
    )
    found = judged(compared, LIMITS)
    assert [(one.row, one.kind, one.nearest) for one in found] == [
        (1, "refused", 1), (2, "taken", 1), (3, "rightly refused", 0),
    ]  # fmt: skip
    assert [round(one.limit, 6) for one in found] == [0.5] * 3
