"""The configuration of a training and of an evaluation: every knob once, checked when it is built, saved with the run.

In: a preset (dastm/presets/*.yaml), params.yaml and `--set key=value`. Out: frozen `Config`, `EvalConfig`.
The defaults are the paper's recipe (Ma et al., ECCV 2022); where the paper is silent the docstring says so.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from dastm.errors import RunError

PRESETS = Path(__file__).parent / "presets"
STRICT = ConfigDict(extra="forbid")
Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
Episodes = Annotated[int, Field(ge=2, strict=True)]
"""Two at least: a mean with an interval."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("each seed once")
    return seeds


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EpisodeConfig:
    """The shape of a training episode."""

    n_way: Annotated[int, Field(ge=2, strict=True)] = 5
    k_shot: Count = 1
    n_query: Count | None = None
    """Queries a class; None: as many as shots, as in the paper's N x (K + K)."""

    @property
    def queries(self) -> int:
        """Queries a class, resolved."""
        return self.n_query or self.k_shot


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BackboneConfig:
    """The encoder of one body."""

    name: Literal["st_gcn"] = "st_gcn"
    n_blocks: Literal[4, 7, 10] = 10
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The paper is silent; the released code has 0.1."""
    edge_importance: bool = True
    """Learned weight of every bone, as ST-GCN was published; the released code has none."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MatchingConfig:
    """The distance between a query and a prototype, and the rank term beside it."""

    activation: bool = True
    """Spatial activation (Eq. 4-6); without it frames are compared by the Frobenius distance of their features."""
    init: Literal["uniform", "tied", "identity"] = "uniform"
    """How the six projections of the activation begin; the paper is silent."""
    rank_weight: Weight = 0.1
    """Lambda of Eq. 8; 0 leaves the rank term out."""
    gamma: Positive = 0.1
    """Smoothing of the soft minimum in training (released code: 0.01; the paper is silent). Evaluation takes min."""
    band: Annotated[int, Field(ge=0)] | None = None
    """Pair only feature frames at most this far apart (Sakoe-Chiba); null pairs all, as the paper does."""
    temperature: Positive = 1.0
    """Distances are divided by this before the softmax of Eq. 1; 1 is the paper's equation."""
    unit_rank: bool = False
    """Divide every frame by its Frobenius norm before the nuclear norm, which then is bounded; False is Eq. 3."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class OptimiseConfig:
    """How long, how fast, and on what."""

    epochs: Count = 40
    """The paper is silent; the released code trains for at most 100."""
    episodes: Count = 1000
    """Training episodes an epoch."""
    val_episodes: Episodes = 500
    """Validation episodes after every epoch, the same ones each time."""
    val_query: Count = 5
    """Queries a class in validation."""
    learning_rate: Positive = 1e-3
    """Adam."""
    weight_decay: Weight = 0.0
    """The paper is silent; the released code has 5e-4."""
    schedule: Literal["constant", "cosine"] = "constant"
    """`cosine`: down to 0 over the whole training."""
    clip_norm: Weight = 0.0
    """Gradients are scaled down to this norm; 0 leaves them."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)] = (0,)
    """One training each; accuracies are then also given over seeds."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1 .."""
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    """bf16 is the backbone's; on a CPU it pays where the processor has AMX. tf32 is for CUDA only."""
    source: Literal["auto", "indexed", "resident", "streamed"] = "auto"
    """Clips read through the index, all held in memory, or streamed; auto: in memory where they fit."""
    checkpoint_every: Count = 100
    """Episodes between checkpoints (one more at the end of every epoch)."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Config:
    """One training, complete: what config.json of a run folder holds."""

    episode: EpisodeConfig = EpisodeConfig()
    backbone: BackboneConfig = BackboneConfig()
    matching: MatchingConfig = MatchingConfig()
    optimise: OptimiseConfig = OptimiseConfig()

    @property
    def method(self) -> str:
        """The row of the paper's tables that this is."""
        rank = self.matching.rank_weight > 0
        return {(False, False): "DTW", (False, True): "DASTM*", (True, False): "DASTM**", (True, True): "DASTM"}[
            self.matching.activation, rank
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings: what `Config` is built from again."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EvalConfig:
    """Which episodes a run is scored on; the same for every run and baseline given the same values."""

    part: Literal["train", "val", "test"] = "test"
    n_way: Annotated[int, Field(ge=2, strict=True)] = 5
    k_shot: Count = 1
    n_query: Count = 5
    episodes: Episodes = 500
    seed: Seed = 0
    baselines: tuple[Literal["coordinates", "untrained"], ...] = ()
    """Further rows on the same episodes: nearest prototype of the coordinates, and the network before training."""

    @property
    def protocol(self) -> str:
        """Short name, e.g. test-5way-1shot."""
        return f"{self.part}-{self.n_way}way-{self.k_shot}shot"


def preset_names() -> list[str]:
    """Names of the shipped presets."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_config(preset: str = "paper", settings: Mapping[str, Any] | None = None) -> Config:
    """A preset with settings over it.

    Args:
        settings: dotted key -> value, e.g. {"matching.gamma": 0.05}.

    Raises RunError in one line for an unknown preset or key, or a wrong value.
    """
    path = PRESETS / f"{preset}.yaml"
    if preset not in preset_names():
        raise RunError(f"no preset {preset!r}; known: {', '.join(preset_names())}")
    document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    for key, value in (settings or {}).items():
        section, dot, name = str(key).partition(".")
        if not dot or not isinstance(document.setdefault(section, {}), dict):
            raise RunError(f"setting {key!r}: write section.name, e.g. matching.gamma")
        document[section][name] = value
    return config_from_dict(document)


def config_from_dict(document: Mapping[str, Any], where: str = "configuration") -> Config:
    """Check and freeze a configuration; RunError in one line."""
    config: Config = checked(Config, document, where)
    return config


def checked(cls: type[Any], document: Any, where: str) -> Any:
    """Build a configuration class from plain data; RunError names the first key at fault."""
    try:
        return TypeAdapter(cls).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{where}: {key}: {first['msg']}, got {first['input']!r}") from error


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts to a mapping, values read as YAML; RunError for a text without '='."""
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise RunError(f"setting {pair!r}: write key=value, e.g. matching.gamma=0.05")
        try:
            settings[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise RunError(f"setting {pair!r}: the value is not YAML") from error
    return settings
