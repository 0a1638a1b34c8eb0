"""Grid -> cells: what each one is configured as, how it is called, and sweep.json there and back."""

import json
import re
from pathlib import Path

import pytest

from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.runs.run_folder import check_sweep
from dastm.sweep.cells import Cell, expand, read_sweep, write_sweep
from dastm.sweep.grid import grid_from_dict
from tests.dastm.sweep.grids import toy_grid, toy_sweep
from tests.toy import TINY

pytestmark = pytest.mark.slow


def test_a_cell_is_recipe_method_and_settings_one_over_the_other():
    backbones = {"A": {"optimise.epochs": 9}, "B": {"backbone.n_blocks": 7, "backbone.channels": None}}
    sweep = toy_sweep(backbones=backbones, seeds=[3, 8])
    assert sweep.rows == ("DTW", "DASTM")
    assert sweep.reference == "DASTM"
    places = [(cell.row, cell.backbone, cell.seed) for cell in sweep.cells]
    assert places == [(row, backbone, seed) for row in sweep.rows for backbone in "AB" for seed in (3, 8)]
    expected = load_config(["small", "dtw"], {**TINY, "optimise.epochs": 9, "optimise.seeds": [8]})
    assert sweep.cells[1].config == expected
    assert sweep.cells[2].config.backbone.n_blocks == 7


def test_folders_say_what_they_hold_and_never_coincide():
    changes = [{}, {"set": {**TINY, "optimise.epochs": 3}}, {"preset": ["paper"]}]
    names = [cell.name for changed in changes for cell in toy_sweep(**changed).cells]
    assert len(set(names)) == 12
    assert all(re.fullmatch(r"(dtw|dastm)_st-gcn_toy_seed-[01]_[0-9a-f]{8}", name) for name in names)


def test_a_changed_grid_keeps_the_names_of_cells_that_it_still_has():
    names = {cell.name for cell in toy_sweep().cells}
    more = {cell.name for cell in toy_sweep(methods=["dastm", "dtw", "dastm-rank"], seeds=[0, 1, 2]).cells}
    assert names < more
    elsewhere = toy_sweep(evaluate=[{"k_shot": 5}], shards={"toy": "moved"}, set={**TINY, "optimise.device": "auto"})
    assert {cell.name for cell in elsewhere.cells} == names


def test_rows_of_an_axis_are_its_values():
    axis = {"key": "matching.rank_weight", "values": [0.05, 1, 1.0e-3]}
    sweep = toy_sweep(methods=["dastm-rank"], axis=axis, reference="1")
    assert (sweep.rows, sweep.reference) == (("0.05", "1", "0.001"), "1")
    assert [cell.config.matching.rank_weight for cell in sweep.cells] == [0.05, 0.05, 1, 1, 0.001, 0.001]
    assert sweep.cells[0].name.startswith("dastm-rank-0.05_st-gcn_toy_seed-0_")


def test_two_presets_of_one_method_are_told_apart_by_their_names(tmp_path):
    mine = tmp_path / "Long Walk.yaml"
    mine.write_text("matching: {gamma: 0.5}")
    sweep = toy_sweep(methods=["dtw", "dastm", str(mine)])
    assert sweep.rows == ("DTW", "dastm", "Long Walk")
    assert sweep.cells[-1].name.startswith("long-walk_st-gcn_toy_seed-1_")


def test_shards_are_named_by_whole_path_or_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert toy_sweep().cells[0].shards == str(tmp_path / "shards" / "toy")
    assert toy_sweep(shards={"web": "https://x.org/toy"}).cells[0].shards == "https://x.org/toy"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"reference": "NGM"}, "reference: no row 'NGM'; known: DTW, DASTM"),
        (
            {"backbones": {"2s": {"backbone.name": "gcn"}}},
            "DTW with 2s: backbone.name: Input should be 'st_gcn', 'agcn', 'ms_g3d' or 'lstm', got 'gcn'",
        ),
        ({"set": {"backbone.n_blocks": 3}}, "DTW with ST-GCN: backbone: .*st_gcn has 10 or 7 or 4, not 3"),
        (
            {"set": {"optimise.device": "cuda:1"}},
            r"optimise.device: one of auto, cpu, cuda \(a sweep hands out the GPUs itself\), got 'cuda:1'",
        ),
        (
            {"shards": {"a b": "x", "a-b": "y"}},
            "dtw_st-gcn_a-b_seed-0_[0-9a-f]{8}: two cells have this name and configuration; name one of them otherwise",
        ),
    ],
)
def test_a_grid_whose_cells_cannot_be_is_one_line(changed, message):
    with pytest.raises(RunError, match=f"^toy.yaml: {message}") as raised:
        toy_sweep(**changed)
    assert "\n" not in str(raised.value)


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.yaml").write_text(f"matching: {{gamma: {len(folder) / 7}}}")
    methods = [str(tmp_path / folder / "x.yaml") for folder in ("a", "b")]
    with pytest.raises(RunError, match="methods: two rows with the same name among x, x"):
        toy_sweep(methods=methods)


def test_sweep_json_holds_all_even_when_presets_are_gone(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("matching: {gamma: 0.5}")
    axis = {"key": "matching.temperature", "values": [1, 2.5]}
    sweep = toy_sweep(methods=[str(mine)], axis=axis, evaluate=[{"n_way": 3}, {"n_way": 3, "k_shot": 2}])
    write_sweep(sweep, tmp_path / "out")
    mine.unlink()
    assert read_sweep(tmp_path / "out") == sweep
    assert isinstance(read_sweep(tmp_path / "out").cells[0], Cell)


def test_a_folder_takes_a_changed_grid_but_no_other(tmp_path):
    write_sweep(toy_sweep(), tmp_path)
    write_sweep(toy_sweep(seeds=[5]), tmp_path)
    assert [cell.seed for cell in read_sweep(tmp_path).cells] == [5, 5]
    other = expand(grid_from_dict(toy_grid(name="other"), "o"), "o")
    with pytest.raises(RunError, match="holds the grid 'toy', not 'other'; choose another --out"):
        write_sweep(other, tmp_path)


@pytest.mark.parametrize("damage", ["cells", "grid", "rows", "config", "text", "seed", "label"])
def test_a_damaged_sweep_json_is_one_line(tmp_path, damage):
    write_sweep(toy_sweep(), tmp_path)
    path = Path(tmp_path, "sweep.json")
    document = json.loads(path.read_text())
    if damage == "config":
        document["cells"][0]["config"] = 3
    elif damage == "seed":  # it reads well, and is another sweep
        document["cells"][0]["seed"] = 7
    elif damage == "label":
        document["grid"]["name"] = "another"
    else:
        document.pop(damage, None)
    path.write_text("{" if damage == "text" else json.dumps(document))
    with pytest.raises(
        RunError, match=re.escape(str(path)) + ".*`dastm sweep GRID --out .*` writes it again$"
    ) as raised:
        read_sweep(tmp_path)
    assert "\n" not in str(raised.value)
    if damage != "config":  # of a configuration, its own line tells
        assert str(raised.value).endswith(f"; move it away, then `dastm sweep GRID --out {tmp_path}` writes it again")
    path.rename(tmp_path / "away.json")
    check_sweep(tmp_path)
    write_sweep(toy_sweep(), tmp_path)  # as the line says
    assert read_sweep(tmp_path) == toy_sweep()


def test_a_damaged_sweep_json_beside_cells_is_written_again_by_the_same_command(tmp_path):
    Path(tmp_path, "sweep.json").write_text("{")
    Path(tmp_path, "cells", toy_sweep().cells[0].name).mkdir(parents=True)
    with pytest.raises(RunError, match=r"cannot be read \(.*\); `dastm sweep GRID --out .*` writes it again$"):
        read_sweep(tmp_path)
    check_sweep(tmp_path)
    write_sweep(toy_sweep(), tmp_path)
    assert read_sweep(tmp_path) == toy_sweep()


def test_a_folder_without_a_sweep_is_one_line(tmp_path):
    with pytest.raises(RunError, match=f"no sweep .no sweep.json.; `dastm sweep GRID --out {tmp_path}` makes one"):
        read_sweep(tmp_path)


def test_a_sweep_json_of_an_older_version_is_written_again_and_keeps_its_folder(tmp_path):
    write_sweep(toy_sweep(), tmp_path)
    path = tmp_path / "sweep.json"
    document = json.loads(path.read_text())
    del document["digest"]
    path.write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"has no digest .*`dastm sweep GRID --out .*` writes it again"):
        read_sweep(tmp_path)
    other = expand(grid_from_dict(toy_grid(name="other"), "o"), "o")
    with pytest.raises(RunError, match="holds the grid 'toy'"):
        write_sweep(other, tmp_path)
    write_sweep(toy_sweep(), tmp_path)
    assert read_sweep(tmp_path) == toy_sweep()
