"""From seconds and bytes to ratios, shares and a table, with numbers that can be checked by hand."""

import json

import pytest
import torch

from dastm.bench.case import Case, Setting
from dastm.bench.measure import Measured
from dastm.bench.table import case_entry, duration, machine, megabytes, processor, table

CPU = Setting(device=torch.device("cpu"))


def case(*names, **options):
    return Case(variants=dict.fromkeys(names, lambda setting: print), **options)


def measured(*seconds, memory=0, flops=0):
    return Measured(seconds=seconds, memory=memory, flops=flops)


def test_ratios_are_taken_within_rounds():
    """The machine halves its clock after the first round: the ratio of medians would be 8 / 2."""
    entry = case_entry(case("ours", "other"), {"ours": measured(1.0, 2.0, 2.0), "other": measured(3.0, 6.0, 8.0)})
    assert entry["variants"]["other"]["ratio"] == {"median": 3.0, "least": 3.0, "most": 4.0}
    assert entry["variants"]["ours"]["ratio"] == {"median": 1.0, "least": 1.0, "most": 1.0}
    assert (entry["variants"]["other"]["seconds"], entry["variants"]["other"]["least_seconds"]) == (6.0, 3.0)


def test_a_variant_with_fewer_rounds_is_compared_in_those():
    entry = case_entry(case("ours", "slow"), {"ours": measured(1.0, 2.0, 5.0, 5.0), "slow": measured(4.0, 8.0)})
    assert entry["variants"]["slow"]["ratio"]["median"] == 4.0
    assert entry["variants"]["slow"]["rounds"] == 2


def test_share_outside_a_part():
    share = case_entry(
        case("ours", "backbone", inner="backbone"),
        {"ours": measured(4.0, 2.0, 1.0), "backbone": measured(3.0, 1.0, 0.9)},
    )["share"]
    assert share["of"] == "of the time outside the backbone"
    assert [share[key] for key in ("median", "least", "most")] == pytest.approx([0.25, 0.1, 0.5])


def test_share_of_the_limit_compares_operations_a_second():
    """Ours: 10 operations in 2 s; the limit: 40 in 4 s."""
    entry = case_entry(
        case("ours", "product", limit="product"),
        {"ours": measured(2.0, 2.0, 4.0, flops=10), "product": measured(4.0, 4.0, 4.0, flops=40)},
    )
    assert entry["share"]["of"] == "of the rate of a large product"
    assert [entry["share"][key] for key in ("median", "least", "most")] == pytest.approx([0.5, 0.25, 0.5])
    assert entry["variants"]["ours"]["gflop_per_second"] == pytest.approx(5e-9)


def test_growth_is_compared_with_the_standard():
    entry = case_entry(case("1", "2", axis="sheep", reference="2"), {"1": measured(1.0), "2": measured(4.0)})
    assert entry["variants"]["1"]["ratio"]["median"] == 0.25
    assert (entry["axis"], entry["compared_with"]) == ("sheep", "2")


def document():
    first = {"ours": measured(0.5, 0.25, 0.5, memory=12_400_000), "plain": measured(1.5, 1.0, 1.5, memory=300_000)}
    return {
        "machine": {**machine(CPU), "processor": "A quick one", "threads": 2, "load": 0.25},
        "cases": {
            "walk": case_entry(case("ours", "plain"), first),
            "growth with sheep": case_entry(case("1", "2", axis="sheep"), {"1": measured(1.0), "2": measured(2.0)}),
        },
    }


def test_table_is_markdown_that_reads_as_it_stands():
    text = table(document())
    assert text.startswith(
        f"dastm 0.1.0, torch {torch.__version__}, A quick one, 2 threads, load 0.2 beforehand, float32; "
    )
    assert text[text.index("|") :] == (
        "| case              | variant |   time | ratio | least | most | memory |\n"
        "| :---------------- | :------ | -----: | ----: | ----: | ---: | -----: |\n"
        "| walk              | ours    | 500 ms |  1.00 |       |      |  12 MB |\n"
        "| walk              | plain   | 1.50 s |  3.00 |  3.00 | 4.00 | 0.3 MB |\n"
        "| growth with sheep | 1       | 1.00 s |  1.00 |       |      | 0.0 MB |\n"
        "| growth with sheep | 2       | 2.00 s |  2.00 |  2.00 | 2.00 | 0.0 MB |\n"
    )


def test_shares_stand_below_the_table():
    found = document()
    both = {"ours": measured(2.0, flops=4_000_000_000), "product": measured(1.0, flops=4_000_000_000)}
    found["cases"]["run"] = case_entry(case("ours", "product", limit="product"), both)
    both = {"ours": measured(2.0), "part": measured(1.5)}
    found["cases"]["jump"] = case_entry(case("ours", "part", inner="part"), both)
    assert table(found).endswith(
        " |\n\n- run: 2 GFLOP/s, 50 % (50 to 50) of the rate of a large product\n"
        "- jump: 25 % (25 to 25) of the time outside the part\n"
    )


def test_the_machine_is_named_in_full_and_can_be_written():
    facts = machine(CPU)
    assert {"processor", "cores", "threads", "load", "instructions", "device", "precision", "software"} == set(facts)
    assert facts["device"] == "cpu"
    assert processor()
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_the_gpu_is_named():
    assert machine(Setting(device=torch.device("cuda")))["gpu"] == torch.cuda.get_device_name()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (123.4, "123 s"),
        (12.34, "12.3 s"),
        (1.234, "1.23 s"),
        (0.1234, "123 ms"),
        (0.001234, "1.23 ms"),
        (5e-5, "50 µs"),
    ],
)
def test_durations_have_three_figures_and_a_unit(seconds, text):
    assert duration(seconds) == text


def test_small_memory_keeps_a_decimal():
    assert (megabytes(9.96), megabytes(12.4)) == ("10.0 MB", "12 MB")
