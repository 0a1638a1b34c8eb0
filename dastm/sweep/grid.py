"""Reads a grid from a YAML file (dastm/sweep/grids/*.yaml, or the user's own), checked key by key -> `Grid`."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from dastm.config.evaluation import OLD_SUBSET, EvalConfig
from dastm.config.load import checked, load_config, preset_keys
from dastm.config.schema import Config
from dastm.config.values import STRICT, Seed, distinct
from dastm.contract.documents import DocumentError, no_such_key, read_yaml
from dastm.contract.errors import RunError
from dastm.contract.names import is_plain
from dastm.sweep.published_accuracies import published_table

GRIDS = Path(__file__).parent / "grids"
Settings = dict[str, Any]
"""Dotted key -> value, as `dastm train --set` takes them."""
IN_NAME = ("subset", "n_way", "k_shot", "n_query", "episodes", "seed")
AxisValue = int | float | str


def evaluation_name(evaluation: EvalConfig) -> str:
    """Folder of an evaluation under a cell's eval/, e.g. test-5way-1shot-5q-500e-seed0; a digest of what is unusual."""
    name = evaluation.name
    usual = asdict(EvalConfig())
    rest = {key: value for key, value in asdict(evaluation).items() if key not in IN_NAME and value != usual[key]}
    return f"{name}-{hashlib.blake2b(repr(rest).encode(), digest_size=4).hexdigest()}" if rest else name


def _plain(name: str) -> str:
    if not is_plain(name):
        raise ValueError("a name of letters, digits, '.', '_' and '-' (not first), neither '.' nor '..'")
    return name


def _distinct_evaluations(evaluations: tuple[EvalConfig, ...]) -> tuple[EvalConfig, ...]:
    if any(evaluation.protocol != "episodes" for evaluation in evaluations):
        raise ValueError("a grid compares rows on the same episodes; evaluate other protocols with `dastm eval`")
    distinct(tuple(evaluation_name(evaluation) for evaluation in evaluations))
    return evaluations


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Axis:
    """One knob and the values it takes: the rows of a sweep, and the points of its curve."""

    key: str
    values: Annotated[tuple[AxisValue, ...], Field(min_length=1), AfterValidator(distinct)]
    title: str | None = None
    """The title of the axis in the curve; None: the key."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Grid:
    """All trainings of a table: methods (or the values of an axis) down, backbones and data sets across, seeds deep."""

    name: Annotated[str, AfterValidator(_plain)]
    """The name of the grid, and of its folder."""
    title: str
    preset: tuple[str, ...] = ("paper",)
    """Recipes, which the presets of the methods override."""
    methods: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]
    """Presets, one per row; exactly one if there is an axis."""
    backbones: Annotated[dict[str, Settings], Field(min_length=1)]
    """Name in the table -> settings."""
    shards: Annotated[dict[str, str], Field(min_length=1)]
    """Name in the table -> folder or URL of shards."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = (0, 1, 2)
    evaluate: Annotated[tuple[EvalConfig, ...], Field(min_length=1), AfterValidator(_distinct_evaluations)]
    """How every training is scored; one column each."""
    set: Settings = Field(default_factory=dict)
    """Settings of all trainings."""
    axis: Axis | None = None
    reference: str | None = None
    """The row that the others are compared with, on the same episodes; None: the last one."""
    published: str | None = None
    """Name of the published table to show beside ours."""


def grid_names() -> list[str]:
    """Names of the shipped grids."""
    return sorted(path.stem for path in GRIDS.glob("*.yaml"))


def load_grid(name: str, presets: Sequence[str] = (), settings: Mapping[str, Any] | None = None) -> Grid:
    """A shipped grid by name, or a YAML file.

    Args:
        presets: recipes that replace those of the grid.
        settings: settings that override those of the grid.

    Raises: RunError in one line with file, key and the known names.
    """
    path = Path(name) if name.lower().endswith((".yaml", ".yml")) else GRIDS / f"{name}.yaml"
    if path.parent == GRIDS and path.stem not in grid_names():
        raise RunError(f"no grid {name!r}; known: {', '.join(grid_names())}, or your own YAML file")
    try:
        document = read_yaml(path)
    except DocumentError as error:
        raise RunError(f"{path}: {error}") from None
    if not isinstance(document, dict):
        raise RunError(f"{path}: expected keys; known: {', '.join(_names(Grid))}")
    document = {"name": path.stem, **document}
    if presets:
        document["preset"] = list(presets)
    if settings and isinstance(document.get("set") or {}, dict):
        document["set"] = {**(document.get("set") or {}), **settings}
    return grid_from_dict(document, str(path))


def grid_from_dict(document: Mapping[str, Any], where: str) -> Grid:
    """Check a grid; RunError names `where`, the key, and what is known."""
    _known_keys(Grid, document, where)
    if isinstance(document.get("axis"), dict):
        _known_keys(Axis, document["axis"], f"{where}: axis")
    evaluations = document.get("evaluate")
    for number, evaluation in enumerate(evaluations if isinstance(evaluations, list) else ()):
        if isinstance(evaluation, dict):
            _known_keys(
                EvalConfig, {key: None for key in evaluation if key != OLD_SUBSET}, f"{where}: evaluate.{number}"
            )
    grid: Grid = checked(Grid, document, where)
    _check_names(grid, where)
    _check_settings(grid, where)
    if grid.axis is not None and len(grid.methods) > 1:
        raise RunError(f"{where}: methods: exactly one if the rows are the values of an axis, got {len(grid.methods)}")
    return grid


def _check_names(grid: Grid, where: str) -> None:
    """RunError for a preset, a setting or a published table that does not exist."""
    for key, presets in (("preset", grid.preset), ("methods", grid.methods)):
        for preset in presets:
            _blame(f"{where}: {key}", load_config, preset)
    _known_settings(grid.set, f"{where}: set")
    for name, settings in grid.backbones.items():
        _known_settings(settings, f"{where}: backbones.{name}")
    if grid.axis is not None:
        _known_settings({grid.axis.key: None}, f"{where}: axis.key")
    if grid.published is not None:
        _blame(f"{where}: published", published_table, grid.published)


def _check_settings(grid: Grid, where: str) -> None:
    """RunError for a setting that the grid itself makes: of the seeds, the axis, or what a row is."""
    if grid.axis is not None and grid.axis.key == "optimise.seeds":
        raise RunError(f"{where}: axis.key: optimise.seeds cannot be an axis; write `seeds:`")
    own = {"optimise.seeds": "seeds", **({grid.axis.key: "axis"} if grid.axis is not None else {})}
    for method in grid.methods if grid.axis is None else ():
        own.update(dict.fromkeys(preset_keys(method), f"methods ({method})"))
    for key in (*grid.set, *(key for settings in grid.backbones.values() for key in settings)):
        if key in own:
            raise RunError(f"{where}: set: {key} is what {own[key]} decides; leave it out or change it there")


def _blame(where: str, load: Callable[[str], Any], name: str) -> None:
    try:
        load(name)
    except RunError as error:
        raise RunError(f"{where}: {error}") from error


def _names(cls: Any) -> list[str]:
    return [field.name for field in fields(cls)]


def _known_keys(cls: Any, document: Mapping[Any, Any], where: str) -> None:
    for key in document:
        if key not in _names(cls):
            raise RunError(f"{where}: {key}: {no_such_key(str(key), _names(cls))}")


def _known_settings(settings: Mapping[str, Any], where: str) -> None:
    """RunError for a dotted key that no configuration has; whether its value fits is for the whole to say."""
    sections = {name: _names(type(section)) for name, section in vars(Config()).items()}
    for key in settings:
        section, _, name = str(key).partition(".")
        if section not in sections:
            known = ", ".join(f"{section}.…" for section in sections)
            raise RunError(f"{where}: {key}: no such setting; known: {known}")
        if name not in sections[section]:
            known = ", ".join(f"{section}.{name}" for name in sections[section])
            raise RunError(f"{where}: {key}: no such setting; known: {known}")
