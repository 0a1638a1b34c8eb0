"""Results on disk: read as written, or refused by name; never shown damaged."""

import pytest

from dastm.contract.errors import RunError
from dastm.runs.results import read_curves, read_evaluation, save_evaluation, write_curves

FIELDS = ("row", "seed", "episode", "accuracy")
ROWS = [{"row": "DTW", "seed": 0, "episode": i, "accuracy": f"{share:.6f}"} for i, share in enumerate((0.25, 0.75))]
CURVES = [{"seed": 0, "epoch": 1, "episode": 5, "part": "val", "accuracy": 0.5, "accuracy_interval": 0.125}]


@pytest.fixture
def folder(tmp_path):
    save_evaluation(tmp_path / "eval" / "x", {"rows": {"DTW": {"mean": 50.0}}}, FIELDS, ROWS, (b"parquet", 4))
    return tmp_path / "eval" / "x"


def test_an_evaluation_is_read_as_it_was_written_and_written_twice_the_same(folder, tmp_path):
    found = read_evaluation(folder)
    assert found.metrics["rows"] == {"DTW": {"mean": 50.0}}
    assert {name: facts["rows"] for name, facts in found.metrics["files"].items()} == {
        "episodes.csv": 2,
        "predictions.parquet": 4,
    }
    assert [float(row["accuracy"]) for row in found.episodes] == [0.25, 0.75]
    save_evaluation(tmp_path / "y", {"rows": {"DTW": {"mean": 50.0}}}, FIELDS, ROWS, (b"parquet", 4))
    assert all((tmp_path / "y" / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("episodes.csv", lambda data: data.replace(b"0.750000", b"9.500000")),
        ("episodes.csv", lambda data: data.replace(b"0.750000", b"nan")),
        ("episodes.csv", lambda data: data[: len(data) // 2]),
        ("episodes.csv", lambda data: b""),
        ("predictions.parquet", lambda data: data[::-1]),
        ("metrics.json", lambda data: data.replace(b"50.0", b"90.0")),
        ("metrics.json", lambda data: data[: len(data) // 2]),
        ("metrics.json", lambda data: b"[]"),
        ("metrics.json", lambda data: b"{}"),
    ],
)
def test_a_damaged_result_is_refused_and_says_how_to_make_it_again(folder, name, damage):
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=name) as caught:
        read_evaluation(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_result_that_finds_no_room_leaves_the_old_one_whole_and_no_other_file(folder, nth, monkeypatch):
    before, calls = read_evaluation(folder), []

    def full(_):
        calls.append(1)
        if len(calls) == nth:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("dastm.runs.files.os.fsync", full)
    name = ("episodes.csv", "predictions.parquet", "metrics.json")[nth - 1]
    with pytest.raises(OSError, match="No space left") as caught:
        save_evaluation(folder, {"rows": {"DTW": {"mean": 9.0}}}, FIELDS, ROWS[:1], (b"other", 2))
    assert caught.value.filename == str(folder / name)
    assert read_evaluation(folder) == before
    assert sorted(path.name for path in folder.iterdir()) == ["episodes.csv", "metrics.json", "predictions.parquet"]


def test_a_result_that_speaks_of_no_files_is_refused(folder):
    from dastm.runs.files import write_json
    from dastm.runs.sealed import sealed

    write_json(folder / "metrics.json", sealed({"files": {}}))
    with pytest.raises(RunError, match=r"says nothing of 'predictions\.parquet'; run `dastm eval` again"):
        read_evaluation(folder)


def test_curves_are_read_with_numbers_and_empty_cells(tmp_path):
    write_curves(tmp_path, CURVES)
    assert read_curves(tmp_path) == [{**CURVES[0], "loss": None, "cross_entropy": None, "rank": None}]


def test_curves_with_a_flipped_digit_are_refused(tmp_path):
    write_curves(tmp_path, CURVES)
    path = tmp_path / "curves.csv"
    path.write_text(path.read_text().replace("0.5", "0.9"))
    with pytest.raises(RunError, match=r"curves\.csv: damaged, .*; `dastm train --out .*` writes it again"):
        read_curves(tmp_path)


def test_curves_of_an_older_version_or_an_unfinished_training_are_one_line(tmp_path):
    with pytest.raises(RunError, match="training is not finished"):
        read_curves(tmp_path)
    write_curves(tmp_path, CURVES)
    (tmp_path / "train" / "curves.json").unlink()
    with pytest.raises(RunError, match=r"there is no digest of it .* writes it again"):
        read_curves(tmp_path)
