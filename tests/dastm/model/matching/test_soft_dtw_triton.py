"""On the GPU if there is one, else through Triton's interpreter: few and small problems."""

import math

import pytest
import torch

from tests.triton_device import DEVICE  # isort: skip  (before anything imports Triton)

from dastm.model.matching import soft_dtw_diagonal, soft_dtw_triton
from dastm.model.matching.soft_dtw import soft_dtw
from tests.oracles import soft_dtw as oracle

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]


def costs(generator, *sizes, dtype=torch.float64):
    return torch.rand(*sizes, generator=generator, dtype=torch.float64).to(dtype).to(DEVICE)


def check_equal_to_diagonal(cost, gamma, band):
    weights = torch.linspace(-1, 2, len(cost), dtype=torch.float64, device=DEVICE)
    found, kept = soft_dtw_triton.forward(cost, gamma, band, keep=True)
    expected, sums = soft_dtw_diagonal.forward(cost, gamma, band, keep=True)
    torch.testing.assert_close((found, kept), (expected, sums), rtol=1e-12, atol=1e-14 * gamma)
    grad = soft_dtw_triton.backward(kept, gamma, band, weights)
    torch.testing.assert_close(grad, soft_dtw_diagonal.backward(sums, gamma, band, weights), rtol=1e-8, atol=1e-10)
    hard = soft_dtw_triton.hard(cost, band)
    torch.testing.assert_close(hard, soft_dtw_diagonal.hard(cost, band), rtol=1e-14, atol=0)


@pytest.mark.parametrize("gamma", [1e-4, 1.0])
@pytest.mark.parametrize(
    ("sizes", "band"),
    [
        *(((1, 1, 1), None), ((1, 1, 1), 0), ((1, 1, 3), None), ((1, 3, 1), 2)),
        *(((2, 4, 3), None), ((1, 4, 3), 1), ((1, 2, 4), 2), ((1, 3, 3), 0)),
    ],
    ids=str,
)
def test_values_sums_and_gradients_are_those_of_the_plain_version(sizes, band, gamma, generator):
    """The interpreter takes as long as there are problems and anti-diagonals: several problems once."""
    check_equal_to_diagonal(costs(generator, *sizes), gamma, band)


@pytest.mark.parametrize(("sizes", "band"), [((64, 2), 62), ((33, 2), None), ((2, 64), None), ((32, 2), 30)], ids=str)
def test_long_sequences(sizes, band, generator):
    """32 frames are the last to have a thread of the warp each, 64 the last at all."""
    check_equal_to_diagonal(costs(generator, 1, *sizes), 0.1, band)


@pytest.mark.parametrize("gamma", [1e-4, 1e3])
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_small_and_large_costs_stay_finite_and_keep_their_shares(scale, gamma, generator):
    cost = scale * costs(generator, 1, 3, 2)
    check_equal_to_diagonal(cost, gamma, None)
    values, kept = soft_dtw_triton.forward(cost, gamma, None, keep=True)
    grad = soft_dtw_triton.backward(kept, gamma, None, values.new_ones(1))
    assert values.isfinite().all()
    # Every path passes each of the anti-diagonals, or steps over it: the ends are on all of them.
    torch.testing.assert_close(grad[:, [0, -1], [0, -1]], torch.ones_like(grad[:, :2, 0]), rtol=1e-12, atol=0)


@pytest.mark.parametrize("band", [1, 2])
def test_values_and_shares_are_those_of_all_alignments_in_the_band(band, generator):
    cost = costs(generator, 1, 4, 3)
    barred = cost[0].cpu().clone()
    for t in range(4):
        for s in range(3):
            if abs(t - s) > band:
                barred[t, s] = 1e6  # no path through here weighs anything
    found, kept = soft_dtw_triton.forward(cost, 0.1, band, keep=True)
    assert found.item() == pytest.approx(oracle.enumerated(barred, 0.1), rel=1e-10)
    shares = soft_dtw_triton.backward(kept, 0.1, band, found.new_ones(1))[0].cpu()
    torch.testing.assert_close(shares, oracle.enumerated_alignment(barred, 0.1), rtol=1e-9, atol=1e-12)
    assert soft_dtw_triton.hard(cost, band).item() == pytest.approx(oracle.recursive(barred, 0), rel=1e-14)


def test_where_no_path_stays_in_the_band_the_value_is_infinite_and_no_gradient_flows(generator):
    values, kept = soft_dtw_triton.forward(costs(generator, 2, 3, 5), 0.1, 1, keep=True)
    assert values.tolist() == [math.inf] * 2
    grad = soft_dtw_triton.backward(kept, 0.1, 1, values.new_ones(2))
    assert grad.flatten(1)[:, :-1].abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_short_types_are_widened_first_and_need_not_be_contiguous(dtype, generator):
    cost = costs(generator, 4, 3, 2, dtype=dtype).permute(2, 1, 0)
    found, kept = soft_dtw_triton.forward(cost, 0.1, None, keep=True)
    expected, _ = soft_dtw_diagonal.forward(cost.double(), 0.1, None, keep=True)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    grad_N = torch.tensor([1.0, 0.0], device=DEVICE)[1].expand(2)
    assert not soft_dtw_triton.backward(kept, 0.1, None, grad_N).any()


def test_without_keep_the_values_are_the_same_and_nothing_is_kept(generator):
    cost = costs(generator, 2, 3, 4)
    values, kept = soft_dtw_triton.forward(cost, 0.1, None, keep=False)
    assert kept.numel() == 0
    assert torch.equal(values, soft_dtw_triton.forward(cost, 0.1, None, keep=True)[0])


@pytest.mark.parametrize("place", [(0, 0), (1, 0), (0, 1), (1, 1), (3, 1), (3, 2)], ids=str)
def test_nan_goes_through_to_its_own_problem_alone(place, generator):
    """No minimum drops it. (The last cell's cost is in no share: the gradient does not depend on it.)"""
    cost = costs(generator, 2, 4, 3)
    cost[0][place] = math.nan
    values, kept = soft_dtw_triton.forward(cost, 0.1, None, keep=True)
    assert values.isnan().tolist() == [True, False]
    assert soft_dtw_triton.hard(cost, None).isnan().tolist() == [True, False]
    grad = soft_dtw_triton.backward(kept, 0.1, None, values.new_ones(2))
    assert grad[0].isnan().any() == (place != (3, 2))
    assert grad[1].isfinite().all()


def test_more_frames_than_lanes_are_refused():
    with pytest.raises(ValueError, match="up to 64 frames, got 65 and 2"):
        soft_dtw_triton.forward(torch.zeros(1, 65, 2, device=DEVICE), 0.1, None, keep=True)
    with pytest.raises(ValueError, match="up to 64 frames, got 2 and 65"):
        soft_dtw_triton.hard(torch.zeros(1, 2, 65, device=DEVICE), None)


def test_two_runs_give_the_same_bits(generator):
    cost = costs(generator, 2, 4, 5, dtype=torch.float32)
    first, again = (soft_dtw_triton.forward(cost, 0.1, None, keep=True) for _ in range(2))
    assert torch.equal(first[1], again[1])
    grad_N = first[0].new_ones(2)
    grads = [soft_dtw_triton.backward(sums, 0.1, None, grad_N) for _, sums in (first, again)]
    assert torch.equal(*grads)


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
@pytest.mark.parametrize("band", [None, 20])
def test_many_problems_on_the_gpu_equal_the_plain_version(band, generator):
    for sizes in ((250, 8, 8), (250, 30, 30), (64, 50, 64)):
        check_equal_to_diagonal(costs(generator, *sizes), 0.1, band)


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
def test_nothing_waits_for_the_gpu(generator):
    cost = costs(generator, 20, 8, 6, dtype=torch.float32).requires_grad_()
    soft_dtw(cost, 0.1).sum().backward()  # compiles
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        soft_dtw(cost, 0.1).sum().backward()
        soft_dtw(cost.detach(), 0.1, band=4)
        soft_dtw_triton.hard(cost.detach(), None)
    finally:
        torch.cuda.set_sync_debug_mode("default")
