"""Cases that go wrong, each in its way."""

import os

from dastm.bench.case import Case, Setting, Work


def cases(setting: Setting) -> dict[str, Case]:
    """An error, and a process that ends."""
    return {"broken": Case(variants={"ours": broken}), "gone": Case(variants={"ours": gone})}


def broken(setting: Setting) -> Work:
    def work() -> None:
        raise ValueError("no\nsuch thing")

    return work


def gone(setting: Setting) -> Work:
    return lambda: os._exit(3)
