"""Checkpoints from which a training continues: one that is damaged is renamed and said, the best is made again."""

import pytest

from dastm.runs import mending
from dastm.runs.checkpoint import load_checkpoint, save_checkpoint
from dastm.runs.mending import is_whole, last_state, whole_or_renamed


def state(path, **values):
    save_checkpoint(path, values)
    return path


def yes(_):
    return True


def no(_):
    return False


def test_what_is_whole_stays_and_what_is_damaged_goes_with_a_word(tmp_path):
    path, said = state(tmp_path / "a.pt", best=0.5), []
    assert is_whole(path)
    assert whole_or_renamed(path, 3, said.append) == {"best": 0.5}
    assert said == []
    path.write_bytes(path.read_bytes()[:-9])
    assert not is_whole(path)
    assert path.exists()
    assert whole_or_renamed(path, 3, said.append) is None
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

    monkeypatch.setattr(mending, "load_checkpoint", denied)
    with pytest.raises(PermissionError):
        whole_or_renamed(path, 0, print)
    assert path.exists()


@pytest.mark.parametrize(
    ("best", "has_best", "expected"), [(-1.0, False, True), (0.5, True, True), (0.5, False, False), (None, False, True)]
)
def test_a_training_continues_where_its_last_and_its_best_checkpoint_are_whole(tmp_path, best, has_best, expected):
    assert last_state(tmp_path, 0, no, print) is None
    last = state(tmp_path / "last.pt", **({} if best is None else {"best": best}))
    whole = last.read_bytes()
    if has_best:
        state(tmp_path / "best.pt")
    found = last_state(tmp_path, 0, no, lambda line: None)
    assert (found is not None) == expected
    assert found in (None, load_checkpoint(last) if expected else None)
    kept = last if expected else tmp_path / "last.pt.old"  # whole, and not thrown away
    assert kept.read_bytes() == whole
    assert last.exists() == expected


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_the_best_checkpoint_is_made_again_from_a_last_one_that_is_the_best(tmp_path, damage):
    state(tmp_path / "last.pt", best=0.5, model={"w": 3}, epoch=4)
    if damage == "cut":
        (tmp_path / "best.pt").write_bytes(b"PK")
    said = []
    assert last_state(tmp_path, 7, yes, said.append) == load_checkpoint(tmp_path / "last.pt")
    assert load_checkpoint(tmp_path / "best.pt") == {"model": {"w": 3}, "epoch": 4}
    (line,) = said
    assert line.startswith(f"seed 7: {tmp_path / 'best.pt'}: ")
    assert line.endswith("; made again from last.pt")
    assert last_state(tmp_path, 7, yes, said.append) is not None
    assert len(said) == 1


def test_a_checkpoint_is_read_once(tmp_path, monkeypatch):
    state(tmp_path / "last.pt", best=0.5)
    state(tmp_path / "best.pt")
    read = []
    monkeypatch.setattr(mending, "load_checkpoint", lambda path: read.append(path.name) or load_checkpoint(path))
    last_state(tmp_path, 0, no, print)
    assert read == ["last.pt", "best.pt"]
