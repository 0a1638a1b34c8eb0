"""How many operations a step asks a GPU for; what is counted, and that the paper's recipe stays within its bound."""

import pytest
import torch

import tests.triton_device  # noqa: F401  # isort: skip  (before anything imports Triton)

from dastm.config.load import load_config
from tests.bench import operations
from tests.bench.operations import META, Operations, main, of_evaluation, of_step

MOST = 450
"""For the recipe of the paper: 5-way 1-shot, 30 frames x 25 joints x 2 bodies, 5 queries a class."""


@pytest.fixture(scope="module")
def paper():
    return of_step(load_config("paper"))


def test_a_step_of_the_papers_recipe_asks_for_few_operations(paper):
    assert paper.counts.total() <= MOST, paper.counts


def test_rank_term_activation_and_optimiser_are_a_kernel_each(paper):
    counts = [paper.counts[name] for name in ("_root_kernel", "_distance_kernel", "_gradient_kernel", "_fused_adam_")]
    assert counts == [1, 1, 1, 2]  # the optimiser's are of the matching and of the backbone, which have their own rates


def test_views_host_tensors_and_memory_without_values_count_nothing():
    with Operations() as found:
        x = torch.empty(4, 6, device=META)
        x.view(6, 4).t()[:2].detach()
        torch.ones(3) + 1
        assert not found.counts
        torch.add(x, x.expand(5, 4, 6))
    assert found.counts == {"add": 1}
    assert found.bytes == 4 * (24 + 24 + 5 * 24)  # what is broadcast is read once


def test_episodes_of_an_evaluation_that_are_known_before_ask_for_fewer_operations(monkeypatch):
    monkeypatch.setattr(operations, "EPISODES", 40)
    monkeypatch.setattr(operations, "POOL", dict.fromkeys(range(6), 8))
    for preset in ("paper", "best"):
        alone, known = of_evaluation(load_config(preset), 1)
        assert known < alone / 1.5, preset


def test_a_preset_has_a_row(capsys, monkeypatch):
    monkeypatch.setattr("tests.bench.operations.of_step", lambda config: Operations())
    monkeypatch.setattr("tests.bench.operations.of_evaluation", lambda config, k_shot: (10, k_shot / 2))
    main(["paper"])
    step, one, five = capsys.readouterr().out.splitlines()
    assert step.split()[:3] == ["paper", "0", "operations,"]
    assert (one.split()[1], five.split()[-5]) == ("1-shot:", "2.5")
