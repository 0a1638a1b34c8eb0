"""A checkpoint that cannot be continued from is removed and said, so that the training begins anew."""

import pytest

from dastm.runs.checkpoint import save_checkpoint
from dastm.runs.mending import continues, is_whole, whole_or_renamed


def state(path, **values):
    save_checkpoint(path, values)
    return path


def test_what_is_whole_stays_and_what_is_damaged_goes_with_a_word(tmp_path):
    path, said = state(tmp_path / "a.pt", best=0.5), []
    assert is_whole(path)
    assert whole_or_renamed(path, 3, said.append)
    assert said == []
    path.write_bytes(path.read_bytes()[:-9])
    assert not is_whole(path)
    assert path.exists()
    assert not whole_or_renamed(path, 3, said.append)
    assert not path.exists()
    assert path.with_name("a.pt.damaged").exists()
    assert not is_whole(path)
    (line,) = said
    assert line.startswith(f"seed 3: {path}: damaged checkpoint (")
    assert line.endswith("; made again from the start")


def test_a_folder_that_cannot_be_read_is_not_taken_for_damage(tmp_path, monkeypatch):
    path = state(tmp_path / "a.pt")

    def denied(_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("dastm.runs.mending.load_checkpoint", denied)
    with pytest.raises(PermissionError):
        whole_or_renamed(path, 0, print)
    assert path.exists()


@pytest.mark.parametrize(
    ("best", "has_best", "expected"), [(-1.0, False, True), (0.5, True, True), (0.5, False, False), (None, False, True)]
)
def test_a_training_continues_where_its_last_and_its_best_checkpoint_are_whole(tmp_path, best, has_best, expected):
    assert not continues(tmp_path, 0, print)
    state(tmp_path / "last.pt", **({} if best is None else {"best": best}))
    if has_best:
        state(tmp_path / "best.pt")
    assert continues(tmp_path, 0, lambda line: None) == expected
    assert (tmp_path / "last.pt").exists() == expected
