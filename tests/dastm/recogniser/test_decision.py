"""What a clip is called depends on all examples of an action, not on how many there are."""

import pytest
import torch

from dastm.model.matching.examples import to_classes
from dastm.model.matching.rejection import Limits
from dastm.recogniser.decision import decide, judge_of

LIMITS = Limits(threshold=5.0, decline=0.0, spread=1.0, temperature=0.2)
NOTHING = torch.zeros(1, 0)


def decided(distances, labels, examples):
    """The decision about one clip at these distances from examples that are all 1 apart."""
    between_LL = torch.ones(len(labels), len(labels))
    judge = judge_of(between_LL, labels, None, torch.zeros(len(labels), 0), LIMITS, examples)
    actions = [f"action {number}" for number in range(max(labels) + 1)]
    (found,) = decide(torch.tensor([distances]), NOTHING, None, actions, judge)
    return found


def test_the_action_with_more_examples_does_not_win_by_their_number():
    """One of five is a little nearer than the only example of the other action, the other four are far."""
    distances, labels = [0.9, 0.50, 0.9, 0.9, 0.9, 0.52], [0, 0, 0, 0, 0, 1]
    assert decided(distances, labels, "nearest").action == "action 0"
    assert decided(distances, labels, "power_mean").action == "action 1"


@pytest.mark.parametrize("examples", ["nearest", "power_mean"])
def test_a_candidate_has_the_distance_to_the_action_and_that_to_its_nearest_example(examples):
    distances, labels = [0.9, 0.5, 0.6, 0.7], [1, 0, 0, 1]
    found = {one.action: one for one in decided(distances, labels, examples).candidates}
    expected = to_classes(torch.tensor([distances]), torch.tensor(labels), 2, examples)[0].tolist()
    assert [found[f"action {number}"].distance for number in range(2)] == expected
    assert [found[f"action {number}"].nearest for number in range(2)] == pytest.approx([0.5, 0.7])
    assert [found[f"action {number}"].example for number in range(2)] == [1, 3]
