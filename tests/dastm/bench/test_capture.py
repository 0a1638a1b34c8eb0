"""A step as a CUDA graph: recorded once, replayed on whatever lies where it reads."""

import pytest
import torch

from dastm.bench.capture import WARM_UP, captured

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def test_the_step_runs_in_python_only_to_warm_up_and_to_be_recorded():
    place, result = torch.zeros(3, device="cuda"), torch.zeros(3, device="cuda")
    calls, inputs = [], iter((1.0, 2.0, 3.0))

    def step():
        calls.append(1)
        torch.mul(place, 2, out=result)

    work = captured(step, lambda: place.fill_(next(inputs)))
    for expected in (2.0, 4.0, 6.0):
        work()
        assert result.tolist() == [expected] * 3
    assert len(calls) == WARM_UP + 1
