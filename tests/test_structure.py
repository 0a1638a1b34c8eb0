"""The direction of imports that DESIGN holds: who may know whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = (
    *("dastm.clip", "dastm.shards", "dastm.skeleton"),
    *("dastm.compiled", "dastm.documents", "dastm.faults", "dastm.names", "dastm.os_errors", "dastm.ours"),
    *("dastm.progress", "dastm.spreadsheet"),
)
"""What both halves import: the contract, the reading of what others wrote, and small helpers."""
FILES = sorted([*(ROOT / "dastm").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")])


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def within(names: set[str], package: str) -> set[str]:
    return {name for name in names if name == package or name.startswith(package + ".")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path):
    place, names = path.relative_to(ROOT).as_posix(), imported(path)
    if place.startswith("dastm/"):
        assert not within(names, "pipeline")
    else:
        allowed = {"dastm", "dastm.__version__", *SHARED}
        assert all(
            name in allowed or name.startswith(tuple(f"{module}." for module in SHARED))
            for name in within(names, "dastm")
        )
    rooms = ("dastm.episodes", "dastm.backbones", "dastm.matching")
    own = next((room for room in rooms if place.startswith(room.replace(".", "/") + "/")), None)
    if own or place.startswith("dastm/layers/"):
        assert not any(within(names, room) for room in rooms if room != own)
    if place != "dastm/cli.py" and not place.startswith("pipeline/cli/"):
        assert not within(names, "click")
    if place != "dastm/cli.py" and not place.startswith("dastm/bench/"):
        assert not within(names, "dastm.bench")


def test_heavy_packages_load_only_where_they_are_used():
    """Training and evaluating work where webdataset and dvc are not installed; the contract needs no torch."""
    for path in FILES:
        top = {
            alias if isinstance(alias, str) else alias.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in ([node.module] if isinstance(node, ast.ImportFrom) else node.names)
        }
        assert not {name for name in top if name and name.split(".")[0] in ("webdataset", "dvc", "ray")}, path
    for name in SHARED:
        assert not within(imported(ROOT.joinpath(*name.split(".")).with_suffix(".py")), "torch")
