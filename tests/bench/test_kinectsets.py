"""The benchmark says what is not there, and its table has a row a set and a column a method."""

from tests.bench.kinectsets import main, table


def metrics(**means):
    return {"rows": {name: {"mean": mean, "interval": 1.0} for name, mean in means.items()}}


def test_without_data_sets_nothing_is_scored_and_that_is_said(tmp_path, capsys):
    (tmp_path / "one.yaml").write_text("name: one\n")
    assert main(["--sets", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert "no data sets" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_the_table_has_baselines_first_and_shots_side_by_side():
    one = metrics(learned=90.0, coordinates=50.25, path=80.0)
    five = metrics(learned=95.0, coordinates=60.0, path=85.0)
    assert table({"one": {1: one, 5: five}}) == [
        "| set | coordinates | path | learned |",
        "|---|---|---|---|",
        "| one | 50.2 ± 1.0 / 60.0 ± 1.0 | 80.0 ± 1.0 / 85.0 ± 1.0 | 90.0 ± 1.0 / 95.0 ± 1.0 |",
    ]
