"""One person shows everything, everybody else is asked, and both rows are told."""

from tests.bench.one_shows import main
from tests.toy import tiny, toy_shards, train_toy


def test_a_folder_of_shards_gets_a_line_a_row(tmp_path, capsys):
    shards, run = toy_shards(tmp_path / "shards", subjects=(1, 2)), tmp_path / "toy"
    train_toy(shards, run, tiny(optimise__epochs=1))
    assert main(["--shards", str(shards), "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-2:]] == ["path", "toy"]
    assert all(line.endswith("2 people") for line in lines[-2:])
