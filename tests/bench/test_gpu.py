"""`make gpu-check`: without a GPU it says so; what it finds is told, judged and written, and its cheap checks pass."""

import json

import pytest
import torch

from tests.bench.gpu import kernels
from tests.bench.gpu.__main__ import main
from tests.bench.gpu.findings import Findings


@pytest.fixture
def found(tmp_path):
    return Findings(torch.device("cpu"), tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_in_one_line(tmp_path, capsys):
    assert main(["--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert said.err == (
        "gpu-check: device 'cuda': there are 0 CUDA devices here; `--device cpu` runs what needs no GPU\n"
    )
    assert not said.out
    assert not (tmp_path / "out").exists()


def test_what_is_above_its_limit_or_no_number_or_raises_fails_and_the_rest_goes_on(found, tmp_path, capsys):
    def broken(_):
        raise RuntimeError("no\nkernel")

    found.note("fine", 1.0, 2.0)
    found.note("too far", 3.0, 2.0)
    found.note("nan", float("nan"), 2.0)
    found.section(broken)
    found.note("only told", 3.0)
    assert found.failed == ["too far", "nan", "broken"]
    verdicts = [line.split(" s ")[1][:4] for line in capsys.readouterr().out.splitlines()]
    assert verdicts == ["pass", "FAIL", "FAIL", "    ", "    "]
    found.write()
    written = json.loads((tmp_path / "gpu-check.json").read_text())
    assert (written["failed"], written["broken raised"]) == (found.failed, "FAIL RuntimeError: no kernel")


@pytest.mark.parametrize("check", [kernels.alignment, kernels.rank_term, kernels.full_digits])
def test_the_checks_pass_on_the_cpu(found, check):
    found.section(check)
    assert found.values
    assert not found.failed
