"""On the GPU if there is one, else through Triton's interpreter: few and small frames."""

import copy
import logging
import math
from types import SimpleNamespace

import pytest
import torch

from tests.triton_device import DEVICE  # isort: skip  (before anything imports Triton)

from dastm.model.matching import activation, activation_triton, triton_support
from dastm.model.matching.activation import Activation
from dastm.model.matching.activation_triton import activated_distances
from tests.oracles import activation as oracle

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

EPS = 6e-8
SIZES = [(2, 3, 5, 40), (2, 1, 18, 16), (1, 1, 64, 20), (1, 2, 1, 1), (1, 1, 5, 70), (1, 1, 33, 3)]
"""Query frames, prototype frames, joints, channels; a block has 32 channels, or 16 for more than 32 joints."""


@pytest.fixture
def fused(monkeypatch):
    """Activation takes the kernels wherever it is."""
    monkeypatch.setattr(activation, "fused", lambda inputs: True)


@pytest.fixture
def tf32():
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision("highest")


def literal(query, values, keys, scores, values_B):
    query_map = torch.einsum("aid,bjd->abij", query, keys).softmax(-1)
    support_map = torch.einsum("bid,ajd->abij", scores, query).softmax(-1)
    left, right = (
        torch.einsum("abij,ajd->abid", query_map, values),
        torch.einsum("abij,bjd->abid", support_map, values_B),
    )
    return torch.linalg.vector_norm(left - right, dim=(2, 3))


def frames(sizes, generator, dtype=torch.float32):
    """Query, values, keys, scores and values of the prototypes; scores of the size of one."""
    n_query, n_prototypes, n_joints, n_channels = sizes
    tensors = [
        torch.randn(n, n_joints, n_channels, generator=generator) / n_channels**0.25
        for n in [n_query, n_query, n_prototypes, n_prototypes, n_prototypes]
    ]
    return [tensor.to(dtype).to(DEVICE) for tensor in tensors]


def with_grads(function, tensors, weight_AB):
    tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    value = function(*tensors)
    return value.detach(), torch.autograd.grad((value * weight_AB.to(value)).sum(), tensors)


def check(found, expected, tolerance):
    """Distances each within the tolerance, gradients within it of their largest entry."""
    torch.testing.assert_close(found[0].double(), expected[0], rtol=tolerance, atol=0)
    for quick, true in zip(found[1], expected[1], strict=True):
        atol = tolerance * true.abs().max().item() + 1e-12
        torch.testing.assert_close(quick.double(), true, rtol=0, atol=atol)


def check_equal_to_literal(tensors, tolerance, generator):
    weight_AB = torch.randn(len(tensors[0]), len(tensors[2]), generator=generator).to(DEVICE)
    found = with_grads(activated_distances, tensors, weight_AB)
    assert found[0].dtype == tensors[0].dtype
    check(found, with_grads(literal, [tensor.double() for tensor in tensors], weight_AB), tolerance)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_distances_and_gradients_equal_the_literal_form(sizes, generator):
    check_equal_to_literal(frames(sizes, generator), 1e-5, generator)


@pytest.mark.parametrize("sizes", SIZES[:3], ids=str)
def test_bfloat16_inputs_lose_what_their_outputs_cannot_hold(sizes, generator):
    """bfloat16 has 8 bits: 2^-9 for a distance as it is stored, a few times that for gradients made of stored parts."""
    check_equal_to_literal(frames(sizes, generator, torch.bfloat16), 2e-2, generator)


@pytest.mark.skipif(DEVICE == "cpu", reason="the interpreter has no TF32: needs a CUDA device")
@pytest.mark.parametrize("sizes", [*SIZES, (40, 30, 25, 256)], ids=str)
def test_tf32_loses_a_few_thousandths(sizes, generator, tf32):
    """TF32 has 11 bits: factors are off by 2^-11 to 2^-10, scores of size one and their softmax by a few 1e-3."""
    check_equal_to_literal(frames(sizes, generator), 2e-2, generator)


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
@pytest.mark.parametrize("sizes", [(40, 30, 25, 256), (60, 10, 18, 64)], ids=str)
def test_many_pairs_on_the_gpu(sizes, generator):
    check_equal_to_literal(frames(sizes, generator), 1e-4, generator)


@pytest.mark.parametrize("closeness", [1e-2, 1e-4])
def test_close_pairs_keep_the_digits_that_float32_leaves_them(closeness, generator):
    """Values and scores alike up to this share: a difference of them has eps / closeness, whoever subtracts."""
    query, values, _, _, _ = frames((1, 1, 25, 40), generator)
    tensors = [query, values, query, query, values]
    tensors[2:] = [t + closeness * torch.randn(t.shape, generator=generator).to(DEVICE) for t in tensors[2:]]
    check_equal_to_literal(tensors, 20 * EPS / closeness, generator)


def test_equal_sides_have_distance_and_gradient_exactly_zero(generator):
    query, values, _, _, _ = frames((2, 1, 25, 40), generator)
    tensors = [query, values, query, query, values]
    distances, grads = with_grads(activated_distances, tensors, torch.eye(2))
    assert not distances.diagonal().any()
    assert distances[0, 1] > 0
    assert not any(grad.any() for grad in grads)


def test_zeros_have_distance_and_gradient_zero():
    tensors = [torch.zeros(2, 5, 4, device=DEVICE)] * 5
    distances, grads = with_grads(activated_distances, tensors, torch.ones(2, 2))
    assert not distances.any()
    assert not any(grad.any() for grad in grads)


def test_large_inputs_choose_one_joint_and_stay_exact(generator):
    tensors = [1e4 * tensor for tensor in frames((2, 2, 5, 6), generator)]
    check_equal_to_literal(tensors, 1e-5, generator)


@pytest.mark.parametrize("chunk_pairs", [3, 4, 1000])
def test_chunks_change_no_gradient(chunk_pairs, generator):
    """3 query frames with 2 prototype frames: one, two, and all query frames at a time."""
    tensors, weight_AB = frames((3, 2, 4, 6), generator), torch.randn(3, 2, generator=generator)
    expected = with_grads(literal, [tensor.double() for tensor in tensors], weight_AB.to(DEVICE))
    check(with_grads(lambda *t: activated_distances(*t, chunk_pairs), tensors, weight_AB), expected, 1e-5)


def test_chunks_are_bounded_by_the_sizes_and_by_the_pairs_asked_for():
    frame = torch.zeros(1, 25, 256)
    pair_bytes = 4 * 25 * (2 * 256 + 5 * 25)
    assert activation_triton._chunk_frames(frame, 40, None) == (1 << 29) // pair_bytes // 40
    assert activation_triton._chunk_frames(frame, 40, 80) == 2
    assert activation_triton._chunk_frames(frame, 40, 10**9) == (1 << 29) // pair_bytes // 40
    assert activation_triton._chunk_frames(frame, 10**6, None) == 1


def test_two_runs_give_the_same_bits(generator):
    tensors, weight_AB = frames((2, 2, 5, 33), generator), torch.randn(2, 2, generator=generator)
    first, again = (with_grads(activated_distances, tensors, weight_AB) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert all(torch.equal(a, b) for a, b in zip(first[1], again[1], strict=True))


def test_nothing_is_kept_a_pair_but_its_distance(generator):
    kept = []
    tensors = [tensor.requires_grad_() for tensor in frames((4, 3, 2, 5), generator)]
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(tuple(t.shape)) or t, lambda t: t):
        activated_distances(*tensors)
    assert sorted(kept) == [(3, 2, 5)] * 3 + [(4, 2, 5)] * 2 + [(4, 3)]


def test_second_derivative_is_refused(generator):
    tensors = [tensor.requires_grad_() for tensor in frames((1, 1, 2, 3), generator)]
    (grad,) = torch.autograd.grad(activated_distances(*tensors).square().sum(), tensors[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_inputs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="no fused kernel: 65 joints"):
        activated_distances(*[torch.zeros(1, 65, 3, device=DEVICE)] * 5)
    with pytest.raises(ValueError, match="no fused kernel: it is for"):
        activated_distances(*[torch.zeros(1, 5, 3, device=DEVICE, dtype=torch.float64)] * 5)


def module_grads(module, query, prototypes):
    inputs = [query.detach().requires_grad_(), prototypes.detach().requires_grad_()]
    distances = module(*inputs)
    return distances.detach(), torch.autograd.grad(distances.sum(), [*inputs, *module.parameters()])


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        *((kind, (2, 1, 2, 1, 5, 40)) for kind in ("zero", "large")),
        *(("random", sizes) for sizes in ((1, 2, 2, 1, 5, 40), (1, 1, 3, 2, 1, 1))),
    ],
    ids=str,
)
def test_the_whole_activation_equals_the_loops(kind, sizes, generator, fused):
    n_query, n_t, n_way, n_s, n_joints, n_channels = sizes
    module = Activation(n_channels, distance="frobenius", init="uniform", generator=generator)
    query = torch.randn(n_query, n_t, n_joints, n_channels, generator=generator)
    prototypes = torch.randn(n_way, n_s, n_joints, n_channels, generator=generator)
    if kind == "zero":
        query[0], prototypes[1] = 0, 0
    if kind == "large":
        query, prototypes = 1e4 * query, 1e4 * prototypes
    exact = copy.deepcopy(module).double()
    oracles = [query.double().requires_grad_(), prototypes.double().requires_grad_()]
    expected = oracle.distances(exact, *oracles)
    expected_grads = torch.autograd.grad(expected.sum(), [*oracles, *exact.parameters()])
    distances, grads = module_grads(module.to(DEVICE), query.to(DEVICE), prototypes.to(DEVICE))
    check((distances.cpu(), [grad.cpu() for grad in grads]), (expected.detach(), expected_grads), 1e-4)


def test_reordered_queries_and_classes_and_joints_permuted_alike(generator, fused):
    module = Activation(6, distance="frobenius", init="uniform", generator=generator).to(DEVICE)
    query, prototypes = torch.randn(3, 1, 5, 6, generator=generator), torch.randn(2, 1, 5, 6, generator=generator)
    query, prototypes = query.to(DEVICE), prototypes.to(DEVICE)
    expected = module(query, prototypes)
    torch.testing.assert_close(module(query[[2, 0, 1]], prototypes[[1, 0]]), expected[[2, 0, 1]][:, [1, 0]])
    joints = [4, 2, 0, 1, 3]
    torch.testing.assert_close(module(query[:, :, joints], prototypes[:, :, joints]), expected)


def test_on_the_cpu_the_gram_form_runs_and_says_nothing(generator, caplog, monkeypatch):
    monkeypatch.setattr(activation_triton, "activated_distances", None)
    with caplog.at_level(logging.DEBUG, logger="dastm"):
        assert Activation(4, distance="frobenius", init="uniform", generator=generator)(
            torch.ones(1, 2, 3, 4), torch.zeros(1, 1, 3, 4)
        ).shape == (1, 1, 2, 1)
    assert not caplog.records


def test_the_choice_falls_on_the_kernels_for_what_they_take_and_says_once_why_not(caplog, monkeypatch):
    monkeypatch.setattr(triton_support, "_told", set())

    def frames_there(n_joints, dtype):
        return [SimpleNamespace(device=torch.device("cuda", 0), dtype=dtype, shape=(2, n_joints, 3))] * 5

    with caplog.at_level(logging.WARNING, logger="dastm"):
        assert activation.fused(frames_there(25, torch.float32))
        assert activation.fused(frames_there(64, torch.bfloat16))
        assert not caplog.records
        assert not activation.fused(frames_there(65, torch.float32))
        assert not activation.fused(frames_there(25, torch.float64))
    assert [message.partition(": ")[0] for message in caplog.messages] == ["activation"]
    assert "65 joints are more than 64" in caplog.text


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
def test_on_a_gpu_the_kernels_run_where_they_can_and_one_line_says_where_not(generator, caplog, monkeypatch):
    calls = []
    whole = activation_triton.activated_distances
    monkeypatch.setattr(
        activation_triton, "activated_distances", lambda *t, **o: calls.append(t[0].dtype) or whole(*t, **o)
    )
    monkeypatch.setattr(triton_support, "_told", set())
    module, query = (
        Activation(8, distance="frobenius", init="uniform", generator=generator).cuda(),
        torch.randn(2, 3, 5, 8, generator=generator).cuda(),
    )
    module(query, query)
    assert calls == [torch.float32]
    with caplog.at_level(logging.WARNING, logger="dastm"):
        for _ in range(2):
            module.double()(query.double(), query.double())
    assert calls == [torch.float32]
    assert len(caplog.records) == 1
    assert "not torch.float64" in caplog.text


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
def test_nothing_waits_for_the_gpu(generator):
    module = Activation(8, distance="frobenius", init="uniform", generator=generator).cuda()
    query = torch.randn(4, 3, 25, 8, generator=generator).cuda().requires_grad_()
    module(query, query.detach()[:2]).sum().backward()  # compiles
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        module(query, query.detach()[:2]).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_nan_is_not_hidden(generator):
    tensors = frames((2, 2, 5, 6), generator)
    tensors[1][0, 2, 3] = math.nan
    assert activated_distances(*tensors).isnan().tolist() == [[True, True], [False, False]]
