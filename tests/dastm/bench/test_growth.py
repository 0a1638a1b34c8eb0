"""How the cost grows: one size a case, the standard among its sizes, and work that does all of the matching."""

import pytest
import torch

from dastm.bench.case import Setting
from dastm.bench.growth import SIZES, STANDARD, growth_cases, matching

CPU = Setting(device=torch.device("cpu"))
pytestmark = pytest.mark.kernel


def test_each_size_grows_through_the_standard():
    cases = growth_cases()
    assert [case.axis for case in cases.values()] == ["queries a class", "ways", "feature frames", "joints"]
    for case, name in zip(cases.values(), SIZES, strict=True):
        assert case.compared_with == str(STANDARD[name])
        assert case.compared_with in case.variants
        assert [int(size) for size in case.variants] == sorted(SIZES[name])


@pytest.mark.parametrize(("name", "size"), [("queries", 2), ("ways", 3), ("frames", 4), ("joints", 5)])
def test_work_has_the_sizes_that_its_name_says(monkeypatch, name, size):
    shapes = []

    def normal(self, *shape, seed=0):
        shapes.append(shape)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    monkeypatch.setattr(Setting, "normal", normal)
    sizes = {"queries": 1, "ways": 2, "frames": 2, "joints": 3, name: size}
    matching(**sizes)(CPU)()
    assert shapes == [(sizes["ways"] * (1 + sizes["queries"]), sizes["frames"], sizes["joints"], 256)]


def test_gradients_reach_features_and_projections(monkeypatch):
    taken = []
    genuine = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *words: taken.append(genuine(*words)))
    matching(queries=1, ways=2, frames=2, joints=3)(CPU)()
    assert [tuple(grad.shape) for grad in taken[0]] == [(4, 2, 3, 256), *[(256, 256)] * 6]
    assert all(grad.abs().sum() > 0 for grad in taken[0])
