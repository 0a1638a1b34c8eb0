"""Devices and precisions: chosen in one place, refused in one line."""

import os
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.runs import device
from dastm.runs.device import accelerator, lacking, pick_device, precision


def test_auto_is_a_device_that_is_there():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta"])
def test_devices_that_are_not_there_are_refused(name):
    with pytest.raises(RunError, match="device"):
        pick_device(name)


@pytest.mark.parametrize(("name", "reason"), [("mps", "no float64"), ("xpu", "not supported")])
def test_other_accelerators_are_refused_with_the_reason(name, reason):
    with pytest.raises(RunError, match=rf"^device '{name}': .*{reason}.*; write auto, cpu, cuda or cuda:1$"):
        pick_device(name)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_each_process_of_torchrun_has_a_gpu_of_its_own_unless_one_is_named(two_gpus, monkeypatch):
    assert pick_device("cuda") == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda:1")
    assert pick_device("cuda:0") == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(RunError, match=r"^device 'cuda:2': there are 2 CUDA devices here$"):
        pick_device("auto")


def test_a_gpu_that_is_named_is_the_current_one_within_the_block(two_gpus, monkeypatch):
    entered = []
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext(entered.append(device)))
    with precision(pick_device("cuda:1"), "float32"):
        assert entered == [torch.device("cuda:1")]


def test_a_gpu_is_told_with_its_libraries_and_a_cpu_needs_none(monkeypatch):
    assert accelerator(torch.device("cpu")) == {}
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device}")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    told = accelerator(torch.device("cuda:1"))
    assert (told["gpu"], told["cudnn"]) == ("card cuda:1", "91002")
    assert told.keys() == {"gpu", "cuda", "cudnn", "triton"}
    assert set(map(type, told.values())) == {str}
    monkeypatch.setattr(device, "version", not_there)
    assert accelerator(torch.device("cuda"))["triton"] == "none"


def not_there(_):
    raise PackageNotFoundError


def test_on_cuda_operations_are_asked_to_give_the_same_bits_every_time(monkeypatch):
    def asked():
        return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()

    monkeypatch.delenv(device.WORKSPACE, raising=False)
    with precision(torch.device("cuda"), "float32"):
        assert asked() == (True, True)
        assert os.environ[device.WORKSPACE] == ":4096:8"
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert asked() == (False, False)
    assert torch.utils.deterministic.fill_uninitialized_memory
    monkeypatch.delenv(device.WORKSPACE)


@pytest.mark.parametrize(
    ("name", "capability", "hip", "reason"),
    [
        ("tf32", (7, 5), None, "this GPU's compute capability is 7.5, below 8.0"),
        ("bf16", (6, 1), None, "this GPU's compute capability is 6.1, below 8.0"),
        ("tf32", (9, 4), "6.2", "AMD's GPUs have none"),
        ("bf16", (9, 4), "6.2", None),
        ("float32", (6, 1), None, None),
        ("tf32", (8, 0), None, None),
    ],
)
def test_a_format_that_a_gpu_has_not_is_refused_in_one_line(name, capability, hip, reason, two_gpus, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    gpu = torch.device("cuda")
    assert lacking(gpu, name) == reason
    if reason is not None:
        with pytest.raises(RunError, match=f"^precision {name}: {reason}; choose float32$"), precision(gpu, name):
            pass


def test_tf32_on_the_cpu_is_refused():
    with pytest.raises(RunError, match="precision tf32: only on CUDA"), precision(torch.device("cpu"), "tf32"):
        pass


@pytest.mark.parametrize(("name", "products"), [("tf32", "high"), ("float32", "highest"), ("bf16", "highest")])
def test_on_cuda_tf32_is_in_products_and_convolutions_or_in_neither_and_put_back_afterwards(name, products):
    def state():
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = state()
    with precision(torch.device("cuda"), name):
        assert state() == (products, name == "tf32")
    assert state() == before
