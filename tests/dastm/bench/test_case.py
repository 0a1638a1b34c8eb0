"""What a case says of itself, and numbers that are the same in every process."""

import torch

from dastm.bench.case import Case, Setting

CPU = Setting(device=torch.device("cpu"))


def test_variants_are_compared_with_the_first_unless_another_is_named():
    variants = {"a": lambda setting: print, "b": lambda setting: print}
    assert Case(variants=variants).compared_with == "a"
    assert Case(variants=variants, reference="b").compared_with == "b"


def test_the_same_seed_gives_the_same_numbers_and_another_others():
    assert torch.equal(CPU.normal(3, 2), CPU.normal(3, 2))
    assert not torch.equal(CPU.normal(3, 2), CPU.normal(3, 2, seed=1))
    assert CPU.normal(3, 2).shape == (3, 2)


def test_only_bf16_is_bf16():
    assert [Setting(device=CPU.device, precision=name).bf16 for name in ("float32", "tf32", "bf16")] == [
        *(False, False),
        True,
    ]
