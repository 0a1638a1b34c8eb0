"""Grids as they are written: what is shipped, and one clear line for what is wrong."""

import math
import re
from functools import cache

import pytest
import yaml

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.sweep.cells import expand
from dastm.sweep.grid import evaluation_name, grid_from_dict, grid_names, load_grid
from dastm.sweep.published_accuracies import published_table
from tests.dastm.sweep.grids import toy_grid

pytestmark = pytest.mark.slow

SHIPPED = {
    "appendix-backbones": (1, 2, 3, 3),
    "appendix-blocks": (3, 1, 1, 3),
    "demo": (2, 1, 1, 2),
    "dropedge-rate": (6, 1, 1, 3),
    "lambda": (5, 1, 1, 3),
    "pairnorm-scale": (5, 1, 1, 3),
    "table-1": (8, 3, 3, 3),
    "table-2": (8, 3, 3, 3),
}
"""Rows, backbones, data sets, seeds."""


@cache
def shipped(name):
    """Its cells, up to 216 of them, worked out once."""
    return expand(load_grid(name), name)


def test_the_shipped_grids_are_these():
    assert grid_names() == sorted(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_grid_has_all_its_cells_and_rows_that_are_published(name):
    sweep = shipped(name)
    grid = sweep.grid
    assert (len(sweep.rows), len(grid.backbones), len(grid.shards), len(grid.seeds)) == SHIPPED[name]
    assert len(sweep.cells) == math.prod(SHIPPED[name])
    if grid.published:
        places = {(cell.row, cell.backbone, cell.dataset) for cell in sweep.cells}
        assert published_table(grid.published).cells.keys() <= places
        assert sweep.rows == tuple(dict.fromkeys(place[0] for place in published_table(grid.published).cells))


@pytest.mark.parametrize(("name", "shots"), [("table-1", 1), ("table-2", 5), ("appendix-backbones", 5), ("lambda", 1)])
def test_training_and_test_have_the_same_shots(name, shots):
    sweep = shipped(name)
    assert {cell.config.episode.k_shot for cell in sweep.cells} == {shots}
    assert [(e.k_shot, e.n_way, e.episodes, e.subset) for e in sweep.grid.evaluate] == [(shots, 5, 500, "test")]


def test_a_grid_takes_another_recipe_and_settings(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(toy_grid(name=None)))
    grid = load_grid(str(path), ["paper", "release"], {"optimise.epochs": 7})
    assert (grid.name, grid.preset, grid.set["optimise.epochs"]) == ("mine", ("paper", "release"), 7)
    assert grid.set["optimise.episodes"] == 5
    assert load_grid(str(path)).preset == ("small",)


BAD = {
    "a typo": (
        {"methdos": ["dtw"]},
        "methdos: no such key; did you mean methods\\? known: name, title, preset, methods, backbones, shards,",
    ),
    "no methods": ({"methods": None}, "methods: Field required"),
    "an empty list": ({"methods": []}, "methods: .*at least 1 item"),
    "a method twice": ({"methods": ["dtw", "dtw"]}, "methods: .*each one once"),
    "an unknown method": ({"methods": ["dtv"]}, "methods: no preset 'dtv'; known: .*dropedge, dtw, ngm, "),
    "an unknown recipe": ({"preset": ["papers"]}, "preset: no preset 'papers'; known: .*paper, .*release"),
    "an unknown section": (
        {"backbones": {"A": {"bakbone.name": "agcn"}}},
        "backbones.A: bakbone.name: no such setting; known: episode.…, backbone.…, matching.…",
    ),
    "an unknown setting": (
        {"set": {"matching.gama": 1}},
        "set: matching.gama: no such setting; known: matching.spatial, .*matching.gamma",
    ),
    "an axis of nothing": (
        {"methods": ["dtw"], "axis": {"key": "matching.gama", "values": [1]}},
        "axis.key: matching.gama: no such setting; known: ",
    ),
    "a typo in the axis": (
        {"axis": {"kex": 1}},
        "axis: kex: no such key; did you mean key\\? known: key, values, title",
    ),
    "two methods on an axis": (
        {"axis": {"key": "matching.gamma", "values": [1, 2]}},
        "methods: exactly one if the rows are the values of an axis, got 2",
    ),
    "a setting that undoes a row": (
        {"methods": ["dtw", "dastm"], "set": {"matching.rank_weight": 0.05}},
        r"set: matching.rank_weight is what methods \(dastm\) decides",
    ),
    "seeds among the settings": ({"set": {"optimise.seeds": [7]}}, "set: optimise.seeds is what seeds decides"),
    "settings that are a list": ({"set": ["a"]}, "set: "),
    "a typo in an evaluation": (
        {"evaluate": [{"k_shots": 1}]},
        "evaluate.0: k_shots: no such key; did you mean k_shot\\? known: protocol, subset, n_way",
    ),
    "an evaluation out of range": ({"evaluate": [{"k_shot": 0}]}, r"evaluate.0.k_shot: .*greater than or equal to 1"),
    "an evaluation of one episode": ({"evaluate": [{"episodes": 1}]}, "evaluate.0.episodes: .*or equal to 2, got 1"),
    "an evaluation that is none": ({"evaluate": [3]}, r"evaluate.0: .*got 3"),
    "evaluations that are none": ({"evaluate": 3}, r"evaluate: .*got 3"),
    "an evaluation twice": ({"evaluate": [{}, {"k_shot": 1}]}, "evaluate: .*each one once"),
    "an unknown published table": ({"published": "table-9"}, "published: no published table 'table-9'; known: append"),
    "a name that is no folder's": ({"name": "a/b"}, "name: .*a name of letters"),
    "a seed below 0": ({"seeds": [-1]}, "seeds.0: "),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_one_line_with_file_key_and_what_is_known(what):
    changed, message = BAD[what]
    with pytest.raises(RunError, match=f"^g.yaml: {message}") as raised:
        grid_from_dict(toy_grid(**changed), "g.yaml")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"expected keys; known: name, title"),
        ("- 1", r"expected keys"),
        ("a: [", "while parsing"),
        (b"\xff\xfe\x00", "codec can't decode|unacceptable"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_grid_is_one_line(tmp_path, text, message):
    path = tmp_path / "g.yaml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError, match=f"^{re.escape(str(path))}: .*({message})") as raised:
        load_grid(str(path))
    assert "\n" not in str(raised.value)


def test_an_unknown_grid_is_one_line_that_names_the_shipped():
    with pytest.raises(
        RunError, match=r"^no grid 'table1'; known: appendix-backbones, .*table-2, or your own YAML file$"
    ):
        load_grid("table1")


def test_evaluations_that_differ_in_anything_have_names_that_differ():
    others = [
        {"subset": "val"},
        {"n_way": 4},
        {"k_shot": 2},
        {"n_query": 4},
        {"episodes": 20},
        {"seed": 1},
        {"baselines": ["untrained"]},
    ]
    names = [evaluation_name(EvalConfig(**settings)) for settings in [{}, *others]]
    assert names[0] == "test-5way-1shot-5q-500e-seed0"
    assert len(set(names)) == 8


def test_a_grid_that_names_the_subset_as_older_ones_do_is_read():
    old, new = (grid_from_dict(toy_grid(evaluate=[{key: "val"}]), "toy.yaml") for key in ("part", "subset"))
    assert old == new
    assert old.evaluate[0].subset == "val"
