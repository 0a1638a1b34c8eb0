"""What is ours in a run (what commands make of it: tests/test_foreign_folders.py)."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dastm.contract.ownership import NotOurs, unfinished_name
from dastm.evaluation.predictions import SCHEMA, predictions_file
from dastm.evaluation.results_folder import EPISODE_FIELDS
from dastm.runs.results import save_evaluation
from dastm.runs.run_folder import (
    PREDICTION_COLUMNS,
    check_removable,
    check_results,
    check_run,
    check_sweep,
    remove_half_written,
    remove_half_written_results,
)


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


NAMES = ("metrics.json", "episodes.csv", "predictions.parquet")


def results(folder):
    save_evaluation(
        folder,
        {"rows": {}, "settings": {}},
        EPISODE_FIELDS,
        [{"row": "a", "seed": 0, "episode": 0, "accuracy": 0.5}],
        predictions_file([("a", 0, [np.zeros(3, dtype=np.int64)] * 4)]),
    )


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    else:
        data[2 if how == "header" else -2] ^= 1
    path.write_bytes(bytes(data))


def test_the_columns_of_predictions_are_known_here_as_they_are_written():
    assert tuple(SCHEMA.names) == PREDICTION_COLUMNS


def test_predictions_of_others_are_neither_written_over_nor_removed(tmp_path):
    folder = tmp_path / "eval" / "a"
    folder.mkdir(parents=True)
    (tmp_path / "train").mkdir()
    others = pa.table({"price": [1, 2]})
    for write in (lambda path: path.write_text("x"), lambda path: pq.write_table(others, path)):
        write(folder / "predictions.parquet")
        for check, place in ((check_results, folder), (check_removable, tmp_path)):
            with pytest.raises(NotOurs, match=r"parquet: is not the predictions of an evaluation.*remove that folder"):
                check(place)
    results(folder)
    check_results(folder)
    check_removable(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["cut", "header", "body"])
def test_a_damaged_result_may_be_made_again_beside_one_that_is_whole(tmp_path, name, how):
    (tmp_path / "train").mkdir()
    results(tmp_path / "eval" / "a")
    damage(tmp_path / "eval" / "a" / name, how)
    check_results(tmp_path / "eval" / "a")
    check_removable(tmp_path)


def test_where_all_is_damaged_the_name_is_enough_in_a_run_and_elsewhere_the_folder_is_to_be_removed(tmp_path):
    folder = tmp_path / "eval" / "a"
    results(folder)
    for name in NAMES:
        damage(folder / name, "header")
    check_results(folder, tmp_path)
    with pytest.raises(NotOurs, match="if it is a damaged one, remove that folder"):
        check_results(folder)


def test_what_an_evaluation_cleans_is_its_own_and_not_that_of_a_training_below(tmp_path):
    (tmp_path / "train" / "seed-0").mkdir(parents=True)
    own = unfinished_name(tmp_path / "metrics.json")
    others = [unfinished_name(tmp_path / "curves.csv"), unfinished_name(tmp_path / "train" / "seed-0" / "last.pt")]
    for path in (own, *others):
        path.write_text("x")
    remove_half_written_results(tmp_path)
    assert not own.exists()
    assert all(path.exists() for path in others)


def test_damaged_curves_and_a_damaged_plan_are_known_by_what_lies_beside_them(tmp_path):
    (tmp_path / "curves.csv").write_text("seee,epoch,part,loss\n")
    with pytest.raises(NotOurs, match="is not the curves of a training"):
        check_run(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "config.json").write_text(
        '{"config": {}, "dataset": "a", "shards_digest": "b", "versions": {}}'
    )
    check_run(tmp_path)
    (tmp_path / "sweep.json").write_text('{"grid": {"na')
    with pytest.raises(NotOurs, match="is not the plan of a sweep"):
        check_sweep(tmp_path)
    for end in ("", ".damaged", ".damaged-2"):
        (tmp_path / "cells" / f"dtw_st-gcn_toy_seed-0_0123abcd{end}").mkdir(parents=True)
        check_sweep(tmp_path)
