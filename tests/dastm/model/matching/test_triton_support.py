import logging
import sys
from types import SimpleNamespace

import pytest
import torch

from dastm.model.matching import triton_support
from dastm.model.matching.triton_support import launch_on, missing, tell_once, unfit


@pytest.fixture
def gpu(monkeypatch):
    """As if Triton were installed and the machine had an NVIDIA GPU of this capability."""

    def pretend(capability):
        monkeypatch.delenv("TRITON_INTERPRET", raising=False)
        monkeypatch.setattr(triton_support, "_installed", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
        monkeypatch.setattr(triton_support, "_unbuilt", lambda: None)

    return pretend


def test_kernels_need_triton_a_gpu_and_one_that_is_new_enough(gpu, monkeypatch):
    gpu((8, 0))
    assert missing() is None
    gpu((9, 0))
    assert missing() is None
    gpu((7, 5))
    assert missing() == "the GPU's compute capability is 7.5, below 8.0"
    gpu(None)
    assert missing() == "there is no NVIDIA GPU"
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert missing() is None
    monkeypatch.setattr(triton_support, "_installed", lambda: False)
    assert missing() == "Triton is not installed"


def test_an_amd_gpu_is_none_of_these(gpu, monkeypatch):
    gpu((9, 4))
    monkeypatch.setattr(torch.version, "hip", "6.2")
    assert missing() == "there is no NVIDIA GPU"


def test_without_a_c_compiler_the_general_version_runs_and_one_line_says_why(gpu, monkeypatch):
    """Triton finds that out when it is to launch its first kernel, in the middle of a training."""
    tries = []

    def no_compiler(*_):
        tries.append(1)
        raise RuntimeError("Failed to find C compiler.\nPlease specify via CC environment variable.")

    unbuilt = triton_support._unbuilt
    unbuilt.cache_clear()
    gpu((9, 0))
    monkeypatch.setattr(triton_support, "_unbuilt", unbuilt)
    probe = SimpleNamespace(launch=no_compiler)
    monkeypatch.setitem(sys.modules, "dastm.model.matching.triton_probe", probe)
    monkeypatch.setattr("dastm.model.matching.triton_probe", probe, raising=False)
    for _ in range(2):
        reason = missing(torch.device("cuda:1"))
        assert reason == (
            "Triton could not build and launch one here"
            " (Failed to find C compiler. Please specify via CC environment variable.)"
        )
    assert len(tries) == 1
    unbuilt.cache_clear()


def test_triton_counts_as_absent_where_it_cannot_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    assert not triton_support._installed.__wrapped__()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_frames_of_one_type_and_few_joints_fit(dtype):
    assert unfit([torch.zeros(2, 64, 3, dtype=dtype)] * 5) is None


def test_other_frames_do_not_and_the_reason_is_named():
    assert unfit([torch.zeros(2, 65, 3)] * 5) == "65 joints are more than 64"
    assert "not torch.float64" in unfit([torch.zeros(2, 4, 3, dtype=torch.float64)] * 5)
    assert "not torch.float16" in unfit([torch.zeros(2, 4, 3, dtype=torch.float16)] * 5)
    mixed = [torch.zeros(2, 4, 3), torch.zeros(2, 4, 3, dtype=torch.bfloat16)]
    assert "not torch.bfloat16, torch.float32" in unfit(mixed)


def test_falling_back_is_told_once_a_kernel(monkeypatch, caplog):
    monkeypatch.setattr(triton_support, "_told", set())
    with caplog.at_level(logging.WARNING, logger="dastm"):
        tell_once("activation", "65 joints are more than 64")
        tell_once("activation", "another reason")
        tell_once("soft-DTW", "Triton is not installed")
    assert [(record.name, record.levelname) for record in caplog.records] == [("dastm", "WARNING")] * 2
    assert caplog.messages == [
        "activation: no fused kernel, the general version runs instead: 65 joints are more than 64",
        "soft-DTW: no fused kernel, the general version runs instead: Triton is not installed",
    ]


def test_launching_with_tensors_of_the_cpu_asks_no_gpu():
    with launch_on(torch.zeros(1)) as context:
        assert context is None
