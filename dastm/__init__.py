"""Few-shot skeleton action recognition with spatial matching (DASTM, Ma et al., ECCV 2022): shards in, answers out.

This is the public interface; docs/api.md describes it. A name is loaded when it is first used: `import dastm` needs
neither torch nor numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dastm.config.schema import BackboneConfig as BackboneConfig
    from dastm.config.schema import MatchingConfig as MatchingConfig
    from dastm.contract.layouts import KNOWN_LAYOUTS as LAYOUTS
    from dastm.contract.skeleton import Layout as Layout
    from dastm.episodes.arrays import episode_from_arrays as episode_from_arrays
    from dastm.episodes.loader import episodes as draw_episodes
    from dastm.episodes.sampler import plan_episode as plan_episode
    from dastm.episodes.sources import open_source as open_source
    from dastm.model.backbones import build as build_backbone
    from dastm.model.matching.activation import Activation as Activation
    from dastm.model.matching.matcher import Matcher as Matcher
    from dastm.model.matching.rank import nuclear_norm as nuclear_norm
    from dastm.model.matching.soft_dtw import expected_alignment as expected_alignment
    from dastm.model.matching.soft_dtw import hard_dtw as hard_dtw
    from dastm.model.matching.soft_dtw import soft_dtw as soft_dtw
    from dastm.model.matching.soft_dtw import soft_dtw_divergence as soft_dtw_divergence
    from dastm.model.network import Recogniser as Recogniser
    from dastm.recogniser.clips import Clip as Clip
    from dastm.recogniser.estimator import ActionClassifier as ActionClassifier
    from dastm.recogniser.file import read_recogniser as load
    from dastm.recogniser.recogniser import ActionRecogniser as ActionRecogniser
    from dastm.recogniser.spotting import Spotter as Spotter
    from dastm.runs.load import load_run as load_run

__version__ = "0.1.0"
__all__ = [
    "LAYOUTS",
    "ActionClassifier",
    "ActionRecogniser",
    "Activation",
    "BackboneConfig",
    "Clip",
    "Layout",
    "Matcher",
    "MatchingConfig",
    "Recogniser",
    "Spotter",
    "build_backbone",
    "draw_episodes",
    "episode_from_arrays",
    "expected_alignment",
    "hard_dtw",
    "load",
    "load_run",
    "nuclear_norm",
    "open_source",
    "plan_episode",
    "soft_dtw",
    "soft_dtw_divergence",
]

_HOMES = {
    "ActionClassifier": ("dastm.recogniser.estimator", "ActionClassifier"),
    "ActionRecogniser": ("dastm.recogniser.recogniser", "ActionRecogniser"),
    "Activation": ("dastm.model.matching.activation", "Activation"),
    "BackboneConfig": ("dastm.config.schema", "BackboneConfig"),
    "Clip": ("dastm.recogniser.clips", "Clip"),
    "LAYOUTS": ("dastm.contract.layouts", "KNOWN_LAYOUTS"),
    "Layout": ("dastm.contract.skeleton", "Layout"),
    "Matcher": ("dastm.model.matching.matcher", "Matcher"),
    "MatchingConfig": ("dastm.config.schema", "MatchingConfig"),
    "Recogniser": ("dastm.model.network", "Recogniser"),
    "Spotter": ("dastm.recogniser.spotting", "Spotter"),
    "build_backbone": ("dastm.model.backbones", "build"),
    "draw_episodes": ("dastm.episodes.loader", "episodes"),
    "episode_from_arrays": ("dastm.episodes.arrays", "episode_from_arrays"),
    "expected_alignment": ("dastm.model.matching.soft_dtw", "expected_alignment"),
    "hard_dtw": ("dastm.model.matching.soft_dtw", "hard_dtw"),
    "load": ("dastm.recogniser.file", "read_recogniser"),
    "load_run": ("dastm.runs.load", "load_run"),
    "nuclear_norm": ("dastm.model.matching.rank", "nuclear_norm"),
    "open_source": ("dastm.episodes.sources", "open_source"),
    "plan_episode": ("dastm.episodes.sampler", "plan_episode"),
    "soft_dtw": ("dastm.model.matching.soft_dtw", "soft_dtw"),
    "soft_dtw_divergence": ("dastm.model.matching.soft_dtw", "soft_dtw_divergence"),
}
"""Public name -> module, and the name there. (`dastm.episodes` is a package, so `episodes` has another public name.)"""


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562). Raises: AttributeError for a name that does not exist."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dastm' has no attribute {name!r}")
    module, own_name = _HOMES[name]
    value = getattr(import_module(module), own_name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
