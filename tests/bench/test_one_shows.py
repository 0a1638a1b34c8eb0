"""One person shows everything, everybody else is asked, and both rows are told."""

from tests.bench.one_shows import main, plan_shown_by
from tests.toy import tiny, toy_shards, train_toy


def test_examples_are_all_of_one_person_and_queries_all_of_the_others():
    plan = plan_shown_by({3: (1, 2, 1), 5: (2, 2, 1)}, 1)
    assert plan.class_ids == (3, 5)
    assert plan.support == ((0, 2), (2,))
    assert plan.query == ((1,), (0, 1))


def test_a_folder_of_shards_gets_a_line_a_row(tmp_path, capsys):
    shards, run = toy_shards(tmp_path / "shards", subjects=(1, 2)), tmp_path / "toy"
    train_toy(shards, run, tiny(optimise__epochs=1))
    assert main(["--shards", str(shards), "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-2:]] == ["path", "toy"]
    assert all(line.endswith("2 people") for line in lines[-2:])
