"""Where tests run the Triton kernels: on the GPU if there is one, else on the CPU, through Triton's interpreter.

Importing this skips the importing tests if Triton is not there. It has to be imported before anything imports Triton,
whose decorators choose the interpreter once and for all.
"""

import os

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"

triton = pytest.importorskip("triton", reason="Triton is not installed")
if DEVICE == "cpu" and isinstance(triton.language.sum, triton.JITFunction):
    raise RuntimeError("something imported Triton before tests/triton_device.py could ask for its interpreter")
