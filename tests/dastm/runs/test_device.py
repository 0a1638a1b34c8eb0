"""Devices and precisions: chosen in one place, refused in one line."""

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.runs.device import pick_device, precision


def test_auto_is_a_device_that_is_there():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta"])
def test_devices_that_are_not_there_are_refused(name):
    with pytest.raises(RunError, match="device"):
        pick_device(name)


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
