"""From words to files: which cases run, what is written, what is refused before anything runs."""

import json

import pytest
import torch

from dastm.bench import run
from dastm.bench.case import Setting
from dastm.bench.measure import Measured
from dastm.bench.plot import growth_figure
from dastm.bench.run import bench, chosen, write
from dastm.bench.table import machine, table
from dastm.contract.errors import RunError
from tests.dastm.bench import tiny

QUICK = Setting(device=torch.device("cpu"), turn_seconds=0.005, case_seconds=0.0)
TINY = "tests.dastm.bench.tiny"


def test_words_choose_cases_by_any_part_of_their_names():
    cases = tiny.cases(QUICK)
    assert chosen(cases, []) == list(cases)
    assert chosen(cases, ["PRO", "nap"]) == ["nap", "product"]


def test_a_word_that_is_in_no_name_gets_the_list():
    with pytest.raises(
        RunError, match=r"^no case has 'naps' in its name; cases: nap; room; product; growth with sheep$"
    ):
        chosen(tiny.cases(QUICK), ["room", "naps"])


def test_growth_is_measured_only_when_asked_for():
    with pytest.raises(RunError, match=r"no case has 'sheep' in its name; cases: nap; room; product$"):
        bench(["sheep"], QUICK, growth=False, source=TINY, log=print)


def test_precisions_that_the_device_has_not_are_refused_before_anything_runs():
    with pytest.raises(RunError, match="only on CUDA"):
        bench([], Setting(device=torch.device("cpu"), precision="tf32"), growth=False, log=print)


@pytest.fixture
def measured(monkeypatch):
    """As if each variant had taken so many seconds as its place among them."""

    def measure_case(source, name, case, setting):
        assert (source, setting) == (TINY, QUICK)
        return {
            variant: Measured(seconds=(float(i),) * 3, memory=i * 1_000_000, flops=i)
            for i, variant in enumerate(case.variants, 1)
        }

    monkeypatch.setattr(run, "measure_case", measure_case)


def test_what_is_measured_is_logged_and_written(measured, tmp_path):
    lines = []
    document = bench(["nap", "sheep"], QUICK, growth=True, source=TINY, log=lines.append)
    assert lines == ["[1/2] nap: ours 1.00 s, half 2.00 s", "[2/2] growth with sheep: 1 1.00 s, 2 2.00 s, 4 3.00 s"]
    assert list(document["cases"]) == ["nap", "growth with sheep"]
    assert document["cases"]["growth with sheep"]["variants"]["4"]["ratio"]["median"] == 1.5
    write(document, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bench.json", "bench.md", "growth.svg"]
    assert json.loads((tmp_path / "out" / "bench.json").read_text()) == document
    assert (tmp_path / "out" / "bench.md").read_text() == table(document)
    assert (tmp_path / "out" / "growth.svg").read_text() == growth_figure(document["cases"])


def test_growth_is_left_out_unless_asked_for(measured):
    names = [list(bench([], QUICK, growth=growth, source=TINY, log=len)["cases"]) for growth in (False, True)]
    assert names == [["nap", "room", "product"], ["nap", "room", "product", "growth with sheep"]]


def test_without_growth_no_figure_is_written(tmp_path):
    write({"machine": machine(QUICK), "cases": {}}, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "bench.md"]
