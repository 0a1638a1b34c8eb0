"""Cases that take next to no time, in a module that the process of a variant can import."""

import time

import torch

from dastm.bench.case import Case, Setting, Work

MEGABYTES = 48


def cases(setting: Setting) -> dict[str, Case]:
    """One of every kind."""
    return {
        "nap": Case(variants={"ours": nap(0.004), "half": nap(0.002)}, inner="half"),
        "room": Case(variants={"ours": room}),
        "product": Case(variants={"ours": product(64), "matrix product": product(128)}, limit="matrix product"),
        "growth with sheep": Case(
            variants={"1": nap(0.001), "2": nap(0.002), "4": nap(0.004)}, axis="sheep", reference="2"
        ),
    }


def nap(seconds: float):
    return lambda setting: lambda: time.sleep(seconds)


def room(setting: Setting) -> Work:
    return lambda: torch.ones(MEGABYTES * 250_000)


def product(size: int):
    def setup(setting: Setting) -> Work:
        left = setting.normal(size, size)
        return lambda: left @ left

    return setup
