import math

import pytest
import torch

from dastm.model.matching import soft_dtw as module
from dastm.model.matching import soft_dtw_diagonal
from dastm.model.matching.soft_dtw import expected_alignment, hard_dtw, hard_path, soft_dtw, soft_dtw_divergence
from tests.oracles import soft_dtw as oracle

pytestmark = pytest.mark.kernel

SIZES = [(1, 1), (1, 4), (3, 1), (2, 2), (4, 3), (3, 5)]
GAMMAS = [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 1e3]


def costs(generator, n_t, n_s, n=3, dtype=torch.float64):
    return torch.rand(n, n_t, n_s, generator=generator, dtype=torch.float64).to(dtype)


def test_one_cell_is_its_own_distance():
    found = soft_dtw(torch.tensor([[[2.0]]]), gamma=0.1)
    assert found.tolist() == [2.0]
    assert found.dtype == torch.float32


def test_two_by_two_by_hand():
    cost = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]], dtype=torch.float64)
    expected = -0.5 * math.log(math.exp(-5 / 0.5) + math.exp(-7 / 0.5) + math.exp(-8 / 0.5))
    torch.testing.assert_close(soft_dtw(cost, 0.5), torch.tensor([expected], dtype=torch.float64), rtol=1e-14, atol=0)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_value_is_the_soft_minimum_over_all_alignments(sizes, gamma, generator):
    cost = costs(generator, *sizes)
    expected = torch.tensor([oracle.enumerated(c, gamma) for c in cost], dtype=torch.float64)
    torch.testing.assert_close(soft_dtw(cost, gamma), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradient_is_the_alignment_expected_over_all_paths(sizes, gamma, generator):
    cost = costs(generator, *sizes).requires_grad_()
    soft_dtw(cost, gamma).sum().backward()
    expected = torch.stack([oracle.enumerated_alignment(c, gamma) for c in cost.detach()])
    torch.testing.assert_close(cost.grad, expected, rtol=1e-9, atol=1e-11)
    assert torch.equal(expected_alignment(cost, gamma), cost.grad)


@pytest.mark.parametrize("gamma", [1e-4, 0.1, 1e3])
def test_value_equals_the_plain_recursion_on_longer_sequences(gamma, generator):
    cost = 10 * costs(generator, 13, 9)
    expected = torch.tensor([oracle.recursive(c, gamma) for c in cost], dtype=torch.float64)
    torch.testing.assert_close(soft_dtw(cost, gamma), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("gamma", [0.01, 0.1, 1.0, 100.0])
@pytest.mark.parametrize("sizes", [(3, 4), (5, 2), (1, 3)], ids=str)
def test_gradcheck_with_unequal_lengths(sizes, gamma, generator):
    cost = (0.1 * costs(generator, *sizes)).requires_grad_()
    assert torch.autograd.gradcheck(lambda c: soft_dtw(c, gamma), cost, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("gamma", [1e-4, 1.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_finite_and_consistent_over_all_sizes_of_costs_and_gamma(dtype, gamma, size, generator):
    cost = (size * costs(generator, 7, 6)).to(dtype).requires_grad_()
    distances = soft_dtw(cost, gamma)
    distances.sum().backward()
    assert distances.isfinite().all()
    n_paths = sum(1 for _ in oracle.paths(7, 6))
    hard = hard_dtw(cost.detach()).double()
    slack = 1e-6 * (hard.abs() + gamma)
    assert (distances.double() <= hard + slack).all()
    assert (distances.double() >= hard - gamma * math.log(n_paths) - slack).all()
    grad = cost.grad.double()
    assert ((grad >= 0) & (grad <= 1 + 1e-6)).all()
    torch.testing.assert_close(grad[:, 0, 0], torch.ones(3, dtype=torch.float64))
    assert (grad.sum(1) >= 1 - 1e-5).all()  # every frame is matched on every path
    assert (grad.sum(2) >= 1 - 1e-5).all()


def test_equal_sequences_may_have_a_negative_distance():
    distance = soft_dtw(torch.zeros(1, 3, 3), 1.0)
    torch.testing.assert_close(distance, torch.tensor([-math.log(13)]))  # 13 paths of cost 0


def test_small_gamma_approaches_the_hard_path_and_large_gamma_the_mean_of_all_paths(generator):
    cost = costs(generator, 4, 5, n=1)
    on_path = torch.zeros(4, 5, dtype=torch.float64)
    on_path[tuple(hard_path(cost[0]).T)] = 1
    torch.testing.assert_close(expected_alignment(cost, 1e-4)[0], on_path, rtol=0, atol=1e-6)
    uniform = oracle.enumerated_alignment(torch.zeros(4, 5), 1.0)
    torch.testing.assert_close(expected_alignment(cost, 1e6)[0], uniform, rtol=0, atol=1e-5)


def test_float32_equals_float64_rounded_once(generator):
    cost = (100 * costs(generator, 8, 8)).float()
    assert torch.equal(soft_dtw(cost, 0.01), soft_dtw(cost.double(), 0.01).float())
    assert torch.equal(expected_alignment(cost, 0.01), expected_alignment(cost.double(), 0.01).float())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_keeps_its_type(dtype, generator):
    cost = costs(generator, 3, 4, dtype=dtype).requires_grad_()
    distances = soft_dtw(cost, 0.1)
    distances.sum().backward()
    assert distances.dtype == cost.grad.dtype == dtype
    torch.testing.assert_close(distances, soft_dtw(cost.detach().double(), 0.1).to(dtype))


def test_costs_are_left_as_they_were_and_may_be_strided(generator):
    cost = costs(generator, 4, 3)
    before = cost.clone()
    strided = soft_dtw(cost.mT, 0.1)
    assert torch.equal(cost, before)
    torch.testing.assert_close(strided, soft_dtw(cost, 0.1))


def test_incoming_gradient_weighs_each_problem(generator):
    cost = costs(generator, 3, 3).requires_grad_()
    weights = torch.tensor([2.0, 0.0, -1.0], dtype=torch.float64)
    (weights * soft_dtw(cost, 0.1)).sum().backward()
    torch.testing.assert_close(cost.grad, weights[:, None, None] * expected_alignment(cost, 0.1))


def test_second_derivative_is_refused(generator):
    cost = costs(generator, 2, 2).requires_grad_()
    (grad,) = torch.autograd.grad(soft_dtw(cost, 0.1).square().sum(), cost, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_hard_dtw_is_the_least_path_and_the_limit_of_soft_dtw(sizes, generator):
    cost = costs(generator, *sizes)
    expected = torch.tensor([min(oracle.path_costs(c)) for c in cost], dtype=torch.float64)
    torch.testing.assert_close(hard_dtw(cost), expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(soft_dtw(cost, 1e-5), expected, rtol=0, atol=1e-4)
    assert [oracle.recursive(c, 0) for c in cost] == pytest.approx(expected.tolist())


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_hard_path_is_an_alignment_of_least_cost(sizes, generator):
    cost = costs(generator, *sizes, n=1)[0]
    path = hard_path(cost)
    assert path.dtype == torch.int64
    assert [tuple(cell) for cell in path.tolist()] in list(oracle.paths(*sizes))
    torch.testing.assert_close(cost[tuple(path.T)].sum(), hard_dtw(cost[None])[0])


def test_hard_path_by_hand_with_ties_to_the_diagonal():
    assert hard_path(torch.zeros(2, 3)).tolist() == [[0, 0], [0, 1], [1, 2]]
    assert hard_path(torch.zeros(3, 2)).tolist() == [[0, 0], [1, 0], [2, 1]]
    detour = torch.tensor([[0.0, 9.0, 9.0], [0.0, 9.0, 9.0], [0.0, 0.0, 0.0]])
    assert hard_path(detour).tolist() == [[0, 0], [1, 0], [2, 1], [2, 2]]


BANDS = [((4, 4), 0), ((4, 4), 1), ((3, 5), 2), ((5, 3), 2), ((3, 5), 3), ((1, 4), 3), ((3, 3), 9)]


def within(sizes, band):
    return [path for path in oracle.paths(*sizes) if all(abs(t - s) <= band for t, s in path)]


@pytest.mark.parametrize("gamma", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize(("sizes", "band"), BANDS, ids=str)
def test_a_band_admits_just_the_alignments_inside_it(sizes, band, gamma, generator, monkeypatch):
    cost = costs(generator, *sizes).requires_grad_()
    inside = within(sizes, band)
    monkeypatch.setattr(oracle, "paths", lambda *_: iter(inside))
    distances = soft_dtw(cost, gamma, band=band)
    distances.sum().backward()
    values = torch.tensor([oracle.enumerated(c, gamma) for c in cost.detach()], dtype=torch.float64)
    torch.testing.assert_close(distances.detach(), values, rtol=1e-10, atol=1e-12)
    expected = torch.stack([oracle.enumerated_alignment(c, gamma) for c in cost.detach()])
    torch.testing.assert_close(cost.grad, expected, rtol=1e-9, atol=1e-11)
    assert torch.equal(expected_alignment(cost, gamma, band=band), cost.grad)


@pytest.mark.parametrize(("sizes", "band"), BANDS, ids=str)
def test_hard_dtw_and_its_path_stay_inside_the_band(sizes, band, generator):
    cost = costs(generator, *sizes, n=1)
    path = hard_path(cost[0], band=band)
    sums = {tuple(p): math.fsum(cost[0][t, s].item() for t, s in p) for p in within(sizes, band)}
    assert sums[tuple(map(tuple, path.tolist()))] == pytest.approx(min(sums.values()), rel=1e-14)
    assert hard_dtw(cost, band=band).item() == pytest.approx(min(sums.values()), rel=1e-14)


def test_a_band_that_cannot_reach_the_corner_is_refused():
    for function in (
        lambda c: soft_dtw(c, 0.1, band=1),
        lambda c: hard_dtw(c, band=1),
        lambda c: hard_path(c[0], band=1),
    ):
        with pytest.raises(ValueError, match="band 1 cannot reach the corner of 3 x 5 frames: at least 2"):
            function(torch.ones(1, 3, 5))


def test_divergence_is_zero_for_equal_sequences_and_above_it_for_others(generator):
    first, second = (torch.randn(2, n, 4, generator=generator, dtype=torch.float64) for n in (5, 3))

    def between(x, y):
        return torch.cdist(x, y).square()

    same = soft_dtw_divergence(between(first, first), between(first, first), between(first, first), 0.5)
    torch.testing.assert_close(same, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)
    costs_ = between(first, second), between(first, first), between(second, second)
    divergence = soft_dtw_divergence(*costs_, 0.5, band=2)
    assert (divergence > 0.1).all()
    cross, a, b = (soft_dtw(c, 0.5, band=2) for c in costs_)
    torch.testing.assert_close(divergence, cross - 0.5 * a - 0.5 * b)


def test_divergence_is_differentiable_in_all_three_costs(generator):
    three = [costs(generator, *sizes, n=2).requires_grad_() for sizes in ((3, 2), (3, 3), (2, 2))]
    assert torch.autograd.gradcheck(lambda *c: soft_dtw_divergence(*c, 0.1), three, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize(
    "shapes", [((2, 3, 4), (2, 3, 4), (2, 4, 4)), ((2, 3, 4), (2, 3, 3), (1, 4, 4)), ((3, 4),) * 3]
)
def test_divergence_refuses_costs_that_do_not_belong_together(shapes):
    with pytest.raises(ValueError, match="expected costs"):
        soft_dtw_divergence(*(torch.ones(shape) for shape in shapes), 0.1)


@pytest.mark.parametrize(("cost", "gamma"), [(1e300, 1.0), (1e200, 1e-100), (1.0, 1e-300)])
def test_costs_beyond_the_range_of_the_kernel_are_refused(cost, gamma):
    with pytest.raises(ValueError, match="too large for gamma"):
        soft_dtw(torch.tensor([[[cost]]], dtype=torch.float64), gamma)


@pytest.mark.parametrize("gamma", [0.0, -1.0, math.nan, math.inf])
def test_gamma_out_of_range_is_refused(gamma):
    for function in (soft_dtw, expected_alignment):
        with pytest.raises(ValueError, match="gamma must be above 0"):
            function(torch.ones(1, 2, 2), gamma)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (torch.ones(2, 2), "expected floating-point costs"),
        (torch.ones(1, 2, 2, dtype=torch.int64), "int64"),
        (torch.ones(0, 2, 2), "must not be empty"),
        (torch.ones(1, 0, 2), "must not be empty"),
        (torch.ones(1, 2, 0), "must not be empty"),
        (torch.tensor([[[1.0, math.nan]]]), "nan or inf"),
        (torch.tensor([[[1.0, -math.inf]]]), "nan or inf"),
    ],
)
def test_costs_that_do_not_fit_are_refused(cost, message):
    for function in (lambda c: soft_dtw(c, 0.1), lambda c: expected_alignment(c, 0.1), hard_dtw):
        with pytest.raises(ValueError, match=message):
            function(cost)


def test_hard_path_refuses_a_batch_and_nan():
    with pytest.raises(ValueError, match="one problem"):
        hard_path(torch.ones(1, 2, 2))
    with pytest.raises(ValueError, match="nan or inf"):
        hard_path(torch.full((2, 2), math.nan))


def test_devices_without_a_kernel_get_the_same_distances_and_gradients(generator, monkeypatch):
    cost = costs(generator, 5, 7).float().requires_grad_()
    expected = soft_dtw(cost, 0.01).detach(), expected_alignment(cost, 0.01)
    monkeypatch.setattr(module, "_engine", lambda cost: soft_dtw_diagonal)
    distances = soft_dtw(cost, 0.01)
    distances.sum().backward()
    torch.testing.assert_close((distances.detach(), cost.grad), expected)
    torch.testing.assert_close(expected_alignment(cost, 0.01), expected[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_cuda_equals_cpu(dtype, generator):
    cost = costs(generator, 5, 7, dtype=dtype)
    there = cost.cuda().requires_grad_()
    distances = soft_dtw(there, 0.01)
    distances.sum().backward()
    torch.testing.assert_close(distances.cpu(), soft_dtw(cost, 0.01))
    torch.testing.assert_close(there.grad.cpu(), expected_alignment(cost, 0.01))
    torch.testing.assert_close(hard_dtw(cost.cuda()).cpu(), hard_dtw(cost))
    assert torch.equal(hard_path(cost[0].cuda()), hard_path(cost[0]))


@pytest.mark.parametrize("n_threads", [1, 2])
def test_torchs_number_of_threads_is_left_as_it_was(n_threads):
    """Otherwise torch splits its sums differently after the first call than before it."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        cost = torch.ones((4, 3, 3), requires_grad=True)
        soft_dtw(cost, 0.1).sum().backward()
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
