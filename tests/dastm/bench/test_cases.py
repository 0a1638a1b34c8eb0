"""All cases together: every kind is there, and names say which without a list beside them."""

import torch

from dastm.bench.case import Setting
from dastm.bench.cases import cases
from tests.bench.cases import cases as with_literal
from tests.bench.cases import further

CPU = Setting(device=torch.device("cpu"))


def test_parts_backbone_episodes_and_growth_are_there():
    names = list(cases(CPU))
    kinds = ("activation", "soft-DTW", "nuclear norm", "backbone", "training", "evaluation", "checkpoint", "growth")
    assert [sum(name.startswith(kind) for name in names) for kind in kinds] == [1, 2, 1, 4, 8, 1, 1, 4]
    assert len(names) == 22


def test_what_a_case_refers_to_is_a_variant_of_it():
    for case in cases(CPU).values():
        assert case.compared_with in case.variants
        assert {name for name in (case.inner, case.limit) if name} <= set(case.variants)


def test_literal_versions_come_last_and_change_nothing_else():
    installed, developed = cases(CPU), with_literal(CPU)
    assert list(installed) == list(developed)
    assert set(further(CPU)) < set(installed)
    for name, case in developed.items():
        variants = list(case.variants)
        assert variants[: len(installed[name].variants)] == list(installed[name].variants)
        assert variants[len(installed[name].variants) :] == list(further(CPU).get(name, ()))
        assert case.compared_with == installed[name].compared_with


def test_every_part_has_a_literal_version_but_for_the_nuclear_norm_whose_is_torch_s():
    assert {name.split()[0] for name in further(CPU)} == {"activation", "backbone", "soft-DTW", "training,"}
