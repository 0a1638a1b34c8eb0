"""The direction of imports that DESIGN holds: who may know whom."""

import ast
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.unmeasured  # it reads the code and runs none of it

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*(ROOT / "dastm").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")])


READS_RECORDINGS = "dastm/cli/recordings.py"
"""The one module of `dastm` that knows `pipeline`; it imports it when it is needed."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(tree(path)):
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
        assert not within(names, "pipeline") or place == READS_RECORDINGS
    else:
        assert within(names, "dastm") <= {"dastm", "dastm.__version__"} | within(names, "dastm.contract")
    rooms = ("dastm.episodes", "dastm.model.backbones", "dastm.model.matching")
    own = next((room for room in rooms if place.startswith(room.replace(".", "/") + "/")), None)
    if own or place.startswith("dastm/layers/"):
        assert not any(within(names, room) for room in rooms if room != own)
    if not place.startswith(("dastm/cli/", "pipeline/cli/")):
        assert not within(names, "click")
    if not place.startswith(("dastm/cli/", "dastm/bench/")):
        assert not within(names, "dastm.bench")


def test_heavy_packages_load_only_where_they_are_used():
    """Training and evaluating work where webdataset and dvc are not installed; the contract needs no torch."""
    for path in FILES:
        top = {
            alias if isinstance(alias, str) else alias.name
            for node in tree(path).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in ([node.module] if isinstance(node, ast.ImportFrom) else node.names)
        }
        assert not {name for name in top if name and name.split(".")[0] in ("webdataset", "dvc", "ray")}, path
        if path.relative_to(ROOT).as_posix() == READS_RECORDINGS:
            assert not within({name for name in top if name}, "pipeline")
    for path in (ROOT / "dastm" / "contract").glob("*.py"):
        assert not within(imported(path), "torch")


def test_no_message_names_the_class_of_an_error():
    """Users do not know Python's classes: `reason_of` and `cut` tell an error in words. Timings are for developers."""
    naming = [path for path in FILES if "type(error).__name__" in path.read_text()]
    assert [path.relative_to(ROOT).as_posix() for path in naming] == ["dastm/bench/measure.py"]


ROOMS = 14
"""Names at the top of a half that a stranger can take in at a glance."""


@pytest.mark.parametrize("half", ["dastm", "pipeline"])
def test_the_listing_of_a_half_fits_a_glance(half):
    # What an older revision left compiled is no part of the listing.
    names = {
        path.name
        for path in (ROOT / half).iterdir()
        if not path.name.startswith(("__", "."))
        and (path.is_file() or any(p.name != "__pycache__" for p in path.iterdir()))
    }
    assert len(names) <= ROOMS, sorted(names)


def test_every_folder_has_a_guide():
    for path in FILES:
        if path.name == "__init__.py":
            assert ast.get_docstring(tree(path)), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_and_functions_are_short(path):
    assert len(path.read_text().splitlines()) <= 400
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert (node.end_lineno or 0) - first.lineno + 1 <= 40, node.name


def circles(arrows: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules (or rooms) that can be reached from each other (Tarjan 1972, by plain reachability)."""
    reach = {name: set(targets) for name, targets in arrows.items()}
    for middle in arrows:
        for name in arrows:
            if middle in reach[name]:
                reach[name] |= reach.get(middle, set())
    return [
        {name} | {other for other in reach[name] if name in reach.get(other, ())}
        for name in arrows
        if name in reach[name]
    ]


def arrows_between(room_of) -> dict[str, set[str]]:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
    arrows: dict[str, set[str]] = {}
    for name, path in modules.items():
        for target in imported(path) & modules.keys():
            if room_of(target) != room_of(name) and not name.startswith(target + "."):
                arrows.setdefault(room_of(name), set()).add(room_of(target))
    return arrows


def test_no_module_and_no_folder_imports_in_a_circle():
    assert circles(arrows_between(lambda name: name)) == []
    assert circles(arrows_between(lambda name: ".".join(name.split(".")[:2]))) == []
