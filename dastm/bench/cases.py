"""All cases of an installed package, by name."""

from dastm.bench.backbone import backbone_cases
from dastm.bench.case import Case, Setting
from dastm.bench.checkpoint import checkpoint_cases
from dastm.bench.episodes import episode_cases
from dastm.bench.growth import growth_cases
from dastm.bench.matching import matching_cases


def cases(setting: Setting) -> dict[str, Case]:
    """Matching, backbone, episodes, a checkpoint; then how the cost grows."""
    episodes = {**backbone_cases(), **episode_cases(setting), **checkpoint_cases()}
    return {**matching_cases(), **episodes, **growth_cases()}
