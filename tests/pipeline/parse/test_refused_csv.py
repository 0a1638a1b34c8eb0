"""RefusedError files as CSV."""

import csv

import numpy as np

from pipeline.parse.refused_csv import refused_csv
from pipeline.storage.table import RefusedFile, refused_to_table, write_table_file
from tests.command_line import done, failed
from tests.pipeline.definitions.test_lists import SPLIT

FILES = [
    RefusedFile(source="=1+1.npy", key=None, line=None, byte=3, reason='it says "no", twice'),
    RefusedFile(source=" =A1.npy", key=None, line=None, byte=None, reason="odd"),
    RefusedFile(source="\uff1dA1.npy", key="-1e3", line=None, byte=None, reason="odd"),
    RefusedFile(source="a.skeleton", key="a", line=7, byte=None, reason="odd"),
]


def subset_of(path, files):
    table = refused_to_table(files)
    write_table_file(table.replace_schema_metadata({**table.schema.metadata, b"outside_split": b"0"}), path)
    return path


def test_every_refused_file_is_a_row_and_no_cell_a_formula(tmp_path):
    parts = [subset_of(tmp_path / f"refused-{i}.parquet", [file]) for i, file in enumerate(FILES)]
    rows = list(csv.reader(refused_csv(parts).decode().splitlines()))
    assert rows == [
        ["source", "key", "line", "byte", "reason"],
        ["'=1+1.npy", "", "", "3", 'it says "no", twice'],
        ["' =A1.npy", "", "", "", "odd"],
        ["'\uff1dA1.npy", "-1e3", "", "", "odd"],
        ["a.skeleton", "a", "7", "", "odd"],
    ]


def test_nothing_refused_is_no_file(tmp_path):
    assert refused_csv([subset_of(tmp_path / "refused-0.parquet", [])]) == b""


def test_parse_leaves_the_refused_files_as_csv_also_where_all_are(tmp_path):
    layout = "{name: stick, joints: [a, b], bones: [[1, 0]]}"
    names = "class_names: [wave, nod, bow]"
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"parse: {{format: folder_arrays, layout: {layout}, {names}}}\nsplit: {SPLIT}\n")
    for name, good in (("wave", True), ("zumba", False)):
        (tmp_path / "raw" / name).mkdir(parents=True)
        np.save(tmp_path / "raw" / name / "0.npy", np.full((3, 2, 3), 1.0 if good else np.nan))
    words = ("parse", "--dataset", mine, "--raw", tmp_path / "raw", "--out", tmp_path / "out", "--workers", 1)
    said = done("dastm-data", *words)
    line = "label 'zumba' is not among the definition's class_names"
    assert f"1 refused: label '..' is not among the definition's class_names, e.g. zumba/0.npy: {line}\n" in said
    assert (tmp_path / "out/refused.csv").read_text() == f"source,key,line,byte,reason\nzumba/0.npy,zumba_0,,,{line}\n"
    before = (tmp_path / "out/refused.csv").stat().st_mtime_ns
    done("dastm-data", *words)
    assert (tmp_path / "out/refused.csv").stat().st_mtime_ns == before
    (tmp_path / "raw/wave/0.npy").unlink()
    line = failed("dastm-data", *words)
    assert "not one usable clip" in line
    assert "again" not in line
    assert (tmp_path / "out/refused.csv").read_text().count("\n") == 2
    np.save(tmp_path / "raw/wave/0.npy", np.ones((3, 2, 3)))
    (tmp_path / "raw/zumba/0.npy").unlink()
    done("dastm-data", *words)
    assert not (tmp_path / "out/refused.csv").exists()


def test_a_file_of_that_name_by_somebody_else_is_left_alone(tmp_path):
    mine = tmp_path / "mine.yaml"
    layout = "{name: stick, joints: [a, b], bones: [[1, 0]]}"
    mine.write_text(f"parse: {{format: folder_arrays, layout: {layout}, class_names: [wave]}}\nsplit: {SPLIT}\n")
    (tmp_path / "raw" / "wave").mkdir(parents=True)
    np.save(tmp_path / "raw" / "wave" / "0.npy", np.ones((3, 2, 3)))
    words = ("parse", "--dataset", mine, "--raw", tmp_path / "raw", "--out", tmp_path / "out", "--workers", 1)
    done("dastm-data", *words)
    (tmp_path / "out/refused.csv").write_text("my notes")
    assert "refused.csv" in failed("dastm-data", *words)
    assert (tmp_path / "out/refused.csv").read_text() == "my notes"
