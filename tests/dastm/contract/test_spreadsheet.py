"""Cells of tables for people: never a formula, whoever named a class so."""

import csv

import pytest

from dastm.contract.spreadsheet import cell
from dastm.runs.files import write_rows


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-@SUM(1)", "@SUM(1)", "\t=1", "\r=1", " =1", "-x", "＝1", "=HYPERLINK(0)", "+"],
)
def test_what_a_spreadsheet_would_calculate_is_a_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["wave", "", "a=b", "-1.5", "+3", "-1e-05", "-.5", "nan", "-inf", -2, None, "1-2"])
def test_numbers_and_other_texts_stay(value):
    assert cell(value) == value


def test_tables_of_runs_and_sweeps_hold_no_formula(tmp_path):
    write_rows(tmp_path / "a.csv", ("name", "difference"), [{"name": "=1+1", "difference": "-0.5"}])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["name", "difference"], ["'=1+1", "-0.5"]]
