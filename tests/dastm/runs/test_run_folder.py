"""What is ours in a run (what commands make of it: tests/test_foreign_folders.py)."""

import pytest

from dastm.contract.ownership import NotOurs, unfinished_name
from dastm.runs.run_folder import check_removable, check_results, check_sweep, remove_half_written


def test_what_a_killed_command_left_anywhere_in_a_run_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "seed-0").mkdir()
    half, other = unfinished_name(tmp_path / "seed-0" / "last.pt"), unfinished_name(tmp_path / "thesis.txt")
    for path in (half, other, tmp_path / "seed-0" / "last.pt", tmp_path / ".hidden"):
        path.write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "seed-0")
    remove_half_written(tmp_path / "link")
    assert half.exists()
    remove_half_written(tmp_path)
    remove_half_written(tmp_path / "none")
    kept = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert kept == sorted([".hidden", "last.pt", other.name])


def test_results_of_ours_and_half_written_ones_may_be_removed_with_their_run(tmp_path):
    for name, text in (
        ("train/config.json", "{}"),
        ("train/curves.json", "{}"),
        ("train/seed-0/last.pt", "x"),
        ("eval/a/metrics.json", '{"rows": {}, "settings": {}}'),
        ("eval/a/.episodes.csv.0123456789ab.new", "half"),
        ("eval/episodes.csv", "row,seed,episode,accuracy\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    check_removable(tmp_path)
    check_results(tmp_path / "eval", tmp_path)
    (tmp_path / "eval/a/metrics.json").write_text("[]")
    with pytest.raises(NotOurs, match=r"a/metrics\.json: is not the result of an evaluation"):
        check_removable(tmp_path)


def test_the_cells_of_a_sweep_are_known_by_their_names_where_its_plan_is_gone(tmp_path):
    (tmp_path / "cells" / "dtw_st-gcn_toy_seed-0_0123abcd").mkdir(parents=True)
    check_sweep(tmp_path)
    (tmp_path / "cells" / "dtw_st-gcn_toy_seed-0_0123abcd" / "log.txt").symlink_to(tmp_path / "victim")
    with pytest.raises(NotOurs, match=r"log\.txt: is a link"):
        check_sweep(tmp_path)
