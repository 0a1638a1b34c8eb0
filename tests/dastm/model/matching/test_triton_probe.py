"""The probe: the smallest kernel, in the interpreter where there is no GPU."""

from tests.triton_device import DEVICE  # isort: skip  (before anything imports Triton)

import pytest

from dastm.model.matching import triton_probe


def test_the_smallest_kernel_runs():
    triton_probe.launch(DEVICE)


def test_a_kernel_that_writes_nothing_is_found_out(monkeypatch):
    monkeypatch.setattr(triton_probe, "_write_one", {(1,): lambda out: None})
    with pytest.raises(RuntimeError, match="a kernel wrote 0"):
        triton_probe.launch("cpu")
