import torch

from dastm.model.matching.roots import CLOSE, over_root, recompute_close, safe_sqrt


def test_root_is_exact_above_zero_and_zero_for_rounding_residues():
    square = torch.tensor([4.0, 2.25, 0.0, -1e-9], dtype=torch.float64)
    assert safe_sqrt(square).tolist() == [2.0, 1.5, 0.0, 0.0]


def test_root_has_gradient_zero_at_zero():
    square = torch.tensor([4.0, 0.0, -1e-9], requires_grad=True)
    safe_sqrt(square).sum().backward()
    assert square.grad.tolist() == [0.25, 0.0, 0.0]


def test_nan_stays_visible():
    assert safe_sqrt(torch.tensor([float("nan")])).isnan().all()
    assert over_root(torch.ones(1), torch.tensor([float("nan")])).isnan().all()


def test_over_root_divides_but_for_zero():
    found = over_root(torch.tensor([3.0, 3.0]), torch.tensor([2.0, 0.0]))
    assert found.tolist() == [1.5, 0.0]


def test_only_close_pairs_are_recomputed_a_few_at_a_time():
    scale = torch.full((2, 3), 10.0)
    square = torch.tensor([[5.0, 0.0, -1e-6], [10 * CLOSE, 0.05, 9.0]])
    asked = []

    def exact(a, b):
        asked.append(list(zip(a.tolist(), b.tolist(), strict=True)))
        return (100 * a + b).float()

    recompute_close(square, scale, exact, n_at_once=2)
    assert asked == [[(0, 1), (0, 2)], [(1, 1)]]
    torch.testing.assert_close(square, torch.tensor([[5.0, 1.0, 2.0], [10 * CLOSE, 101.0, 9.0]]))


def test_pairs_of_zeros_are_left_alone():
    square = torch.zeros(2, 2)
    recompute_close(square, torch.zeros(2, 2), lambda a, b: a / 0, n_at_once=0)
    assert torch.equal(square, torch.zeros(2, 2))
