"""Chunks: the same results and gradients, and beyond the room the work is done twice rather than kept."""

import pytest
import torch

from dastm.model.matching.chunks import in_chunks


@pytest.mark.parametrize(("n_at_once", "n_kept", "calls"), [(7, 7, 1), (3, 7, 3), (3, 3, 5), (2, 0, 8), (7, 0, 2)])
def test_chunks_change_no_gradient_and_those_beyond_the_room_are_formed_again(n_at_once, n_kept, calls, generator):
    x = torch.randn((7, 4), generator=generator, dtype=torch.float64, requires_grad=True)
    parts = []

    def work(part):
        parts.append(part)
        return (x[part] @ x.T).sin()

    found = in_chunks(work, 7, n_at_once, n_kept)
    torch.testing.assert_close(found, (x @ x.T).sin())
    (grad,) = torch.autograd.grad(found.square().sum(), x)
    torch.testing.assert_close(grad, torch.autograd.grad((x @ x.T).sin().square().sum(), x)[0])
    assert len(parts) == calls
    assert max(part.stop - part.start for part in parts) <= n_at_once


def test_without_gradients_nothing_is_done_twice():
    calls = []
    with torch.no_grad():
        found = in_chunks(lambda part: calls.append(part) or torch.arange(5.0)[part], 5, 2, 0)
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert len(calls) == 3
