"""Grid -> its cells, one training of one seed each with its whole configuration; and sweep.json, which holds both.

The name of a cell's folder has a digest of its configuration: a changed grid finds the cells that it still has, and a
grid that is changed back finds all of them.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dastm.config.load import checked, config_from_dict, load_config
from dastm.config.schema import Config
from dastm.contract.documents import cut
from dastm.contract.errors import RunError
from dastm.episodes.sources import refusal
from dastm.episodes.urls import is_url, may_come_from_a_file
from dastm.runs.files import read_json, write_json
from dastm.runs.sealed import DIGEST, check_seal, sealed
from dastm.sweep.grid import AxisValue, Grid, Settings

SWEEP_NAME, CELLS_NAME = "sweep.json", "cells"
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training of one seed, and where it belongs in the table."""

    name: str
    """The name of its folder."""
    row: str
    backbone: str
    dataset: str
    seed: int
    shards: str
    """A URL, or the folder's whole path: processes of a cell run elsewhere."""
    config: Config


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A grid and its cells, in the order of the table: seeds fastest, then data sets, backbones, rows."""

    grid: Grid
    rows: tuple[str, ...]
    reference: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table: its name there and in folders, and what makes it."""

    label: str
    slug: str
    method: str
    settings: Settings


def expand(grid: Grid, where: str) -> Sweep:
    """All cells of a grid. Raises: RunError naming `where` and a cell whose configuration is not valid."""
    rows = _rows(grid)
    for dataset, shards in grid.shards.items():
        if not may_come_from_a_file(shards):
            raise RunError(f"{where}: shards.{dataset}: {refusal(shards)}")
    labels = tuple(row.label for row in rows)
    if len(set(labels)) < len(labels):
        raise RunError(f"{where}: methods: two rows with the same name among {', '.join(labels)}")
    if grid.reference is not None and grid.reference not in labels:
        raise RunError(f"{where}: reference: no row {grid.reference!r}; known: {', '.join(labels)}")
    cells = tuple(
        _cell(grid, row, backbone, dataset, seed, where)
        for row in rows
        for backbone in grid.backbones
        for dataset in grid.shards
        for seed in grid.seeds
    )
    twice = [name for name, count in Counter(cell.name for cell in cells).items() if count > 1]
    if twice:
        raise RunError(f"{where}: {twice[0]}: two cells have this name and configuration; name one of them otherwise")
    return Sweep(grid=grid, rows=labels, reference=grid.reference or labels[-1], cells=cells)


def _rows(grid: Grid) -> list[Row]:
    if grid.axis is not None:
        key, method = grid.axis.key, grid.methods[0]
        return [
            Row(label=_text(value), slug=f"{Path(method).stem}-{_text(value)}", method=method, settings={key: value})
            for value in grid.axis.values
        ]
    titles = [load_config([*grid.preset, method]).method for method in grid.methods]
    return [
        # Two presets of one method can only be told apart by their own names.
        Row(label=Path(method).stem if titles.count(title) > 1 else title, slug=method, method=method, settings={})
        for method, title in zip(grid.methods, titles, strict=True)
    ]


def _text(value: AxisValue) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(grid: Grid, row: Row, backbone: str, dataset: str, seed: int, where: str) -> Cell:
    settings = {**grid.set, **grid.backbones[backbone], **row.settings, "optimise.seeds": [seed]}
    try:
        config = load_config([*grid.preset, row.method], settings)
    except RunError as error:
        text = str(error).removeprefix("configuration: ")
        raise RunError(f"{where}: {row.label} with {backbone}: {text}") from error
    if config.optimise.device not in DEVICES:
        raise RunError(
            f"{where}: optimise.device: one of {', '.join(DEVICES)} (a sweep hands out the GPUs itself),"
            f" got {config.optimise.device!r}"
        )
    slug = "_".join(_slug(name) for name in (row.slug, backbone, dataset))
    shards = grid.shards[dataset]
    return Cell(
        name=f"{slug}_seed-{seed}_{_digest(config)}",
        row=row.label,
        backbone=backbone,
        dataset=dataset,
        seed=seed,
        shards=shards if is_url(shards) else str(Path(shards).resolve()),
        config=config,
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", Path(text).name.removesuffix(".yaml").lower()).strip("-.") or "x"


def _digest(config: Config) -> str:
    """Of what differs from the defaults: a knob that is added some day renames no cell which leaves it alone."""
    given = dict(_differences(config.to_dict(), Config().to_dict()))
    return hashlib.blake2b(json.dumps(given, sort_keys=True).encode(), digest_size=4).hexdigest()


def _differences(document: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, values in document.items():
        for name, value in values.items():
            if value != defaults[section][name] and (section, name) != ("optimise", "device"):
                yield f"{section}.{name}", value


def write_sweep(sweep: Sweep, folder: Path) -> None:
    """Write sweep.json for `read_sweep`. Raises: RunError if the folder holds the cells of another grid."""
    name = _grid_name(folder / SWEEP_NAME)
    if name not in (None, sweep.grid.name):
        raise RunError(f"{folder}: holds the grid {name!r}, not {sweep.grid.name!r}; choose another --out")
    cells = [{**vars(cell), "config": cell.config.to_dict()} for cell in sweep.cells]
    document = {"rows": list(sweep.rows), "reference": sweep.reference, "grid": asdict(sweep.grid), "cells": cells}
    write_json(folder / SWEEP_NAME, sealed(document))


def _grid_name(path: Path) -> str | None:
    """Whose folder this is; None where no sweep was here, or what it left is damaged and is written again."""
    try:
        document = read_json(path)
        if DIGEST in document:  # an older version wrote none
            check_seal(document, path, "")
        return str(document["grid"]["name"])
    except (RunError, KeyError, TypeError):
        return None


def read_sweep(folder: Path) -> Sweep:
    """Read the sweep of a folder. Raises: RunError if there is none or it is damaged."""
    path = folder / SWEEP_NAME
    if not path.is_file():
        raise RunError(f"{folder}: no sweep (no {SWEEP_NAME}); `dastm sweep GRID --out {folder}` makes one")
    again = f"`dastm sweep GRID --out {folder}` writes it again"
    if not any((folder / CELLS_NAME).glob("*")):  # nothing else says that the folder is ours
        again = f"move it away, then {again}"
    document = check_seal(read_json(path, again), path, again)
    try:
        cells = tuple(
            Cell(**{**cell, "config": config_from_dict(cell["config"], str(path))}) for cell in document["cells"]
        )
        grid = checked(Grid, document["grid"], str(path))  # presets of one's own may be elsewhere by now
        return Sweep(grid=grid, rows=tuple(document["rows"]), reference=document["reference"], cells=cells)
    except (TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{path}: damaged ({cut(error)}); {again}") from error
