"""Presets, files and settings in, a checked `Config` out; a wrong value or an unknown key is a RunError in one line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dastm.config.schema import Config
from dastm.contract.documents import DocumentError, read_yaml, shown, yaml_value
from dastm.contract.errors import RunError
from dastm.contract.faults import first_fault

PRESETS = Path(__file__).parent / "presets"


def preset_names() -> list[str]:
    """Names of the shipped presets."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_config(
    presets: str | Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    sections: Mapping[str, Any] | None = None,
) -> Config:
    """Build a configuration from presets, later ones overriding earlier ones, and settings, which override presets.

    Args:
        presets: a recipe (`paper`, `release`, `small`, `best`) and a method (`dtw`, `ngm` ..) by name, or your own YAML
            files; none: the defaults, which are `paper` and `dastm`.
        settings: dotted key -> value, e.g. {"matching.gamma": 0.05}.
        sections: section -> key -> value; they override the presets, and settings override them.

    Raises: RunError in one line for an unknown preset or key, or a wrong value.
    """
    document: dict[str, Any] = {}
    for over in [*map(_preset, (presets,) if isinstance(presets, str) else presets), sections or {}]:
        for section, values in over.items():
            document[section] = {**document.get(section, {}), **values}
    for key, value in (settings or {}).items():
        section, dot, name = str(key).partition(".")
        if not dot or not isinstance(document.setdefault(section, {}), dict):
            raise RunError(f"setting {key!r}: write section.name, e.g. matching.gamma")
        document[section][name] = value
    return config_from_dict(document)


def preset_keys(name: str) -> set[str]:
    """The dotted keys that a preset sets, e.g. matching.spatial.

    Raises: RunError as `load_config`.
    """
    return {f"{section}.{key}" for section, values in _preset(name).items() for key in values}


def _preset(name: str) -> dict[str, dict[str, Any]]:
    """Section -> key -> value of a shipped preset, or of a user's file."""
    path = Path(name) if name.lower().endswith((".yaml", ".yml")) else PRESETS / f"{name}.yaml"
    if path.parent == PRESETS and name not in preset_names():
        raise RunError(f"no preset {name!r}; known: {', '.join(preset_names())}, or your own YAML file")
    try:
        document = read_yaml(path) or {}
    except DocumentError as error:
        raise RunError(f"preset {name}: {error}") from None
    if not isinstance(document, dict) or not all(isinstance(values, dict) for values in document.values()):
        raise RunError(f"preset {name}: expected sections of keys, e.g. matching: {{gamma: 0.05}}")
    return document


def config_from_dict(document: Mapping[str, Any], where: str = "configuration") -> Config:
    """Check and freeze a configuration; RunError in one line."""
    config: Config = checked(Config, document, where)
    return config


def checked(cls: type[Any], document: Any, where: str) -> Any:
    """Build a configuration class from plain data; RunError names the first key at fault."""
    try:
        return TypeAdapter(cls).validate_python(document)
    except ValidationError as error:
        raise RunError(f"{where}: {first_fault(cls, error)}") from error


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts to a mapping, values read as YAML; RunError for a text without '='."""
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise RunError(f"setting {pair!r}: write key=value, e.g. matching.gamma=0.05")
        try:
            settings[key.strip()] = yaml_value(value)
        except DocumentError as error:
            raise RunError(f"setting {shown(pair)}: the value is {error}") from None
    return settings
