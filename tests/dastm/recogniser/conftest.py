"""A recogniser of three made-up actions, two examples each; made once, never changed."""

import pytest

from dastm.recogniser.encoder import load_encoder
from dastm.recogniser.examples import Example
from dastm.recogniser.recogniser import ActionRecogniser
from tests.actions import clip_of

ACTIONS = ("wave", "push", "kick")


@pytest.fixture(scope="session")
def encoder():
    return load_encoder("motion3d")


@pytest.fixture(scope="session")
def shown():
    return [Example(action=a, clip=clip_of(a, seed, fps=30.0), added="2026-11-28") for a in ACTIONS for seed in (0, 1)]


@pytest.fixture
def recogniser(encoder, shown):
    return ActionRecogniser(encoder, shown)
