"""Work of a size that tests can wait for."""

import pytest

from dastm.bench import episodes
from dastm.config.schema import BackboneConfig, Config


@pytest.fixture
def small_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Episodes of NTU's layout have a network of four blocks and five frames."""
    monkeypatch.setattr(episodes, "CONFIG", Config(backbone=BackboneConfig(n_blocks=4)))
    monkeypatch.setitem(episodes.FRAMES, "ntu25", 5)
