"""Checkpoints come back as they were; damaged ones are refused, and execute nothing."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.runs.checkpoint import Due, load_checkpoint, save_checkpoint


def test_checkpoint_and_back(tmp_path):
    state = {"model": {"w": torch.arange(3.0)}, "epoch": 2, "history": [{"part": "val", "accuracy": 0.5}]}
    save_checkpoint(tmp_path / "a" / "last.pt", state)
    read = load_checkpoint(tmp_path / "a" / "last.pt")
    assert torch.equal(read.pop("model")["w"], torch.arange(3.0))
    assert read == {"epoch": 2, "history": [{"part": "val", "accuracy": 0.5}]}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["last.pt"]


def test_a_checkpoint_is_due_when_the_seconds_have_passed_since_the_last_one(monkeypatch):
    clock = iter((100.0, 101.0, 103.0, 104.0, 106.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    due = Due(3.0)
    assert [due() for _ in range(4)] == [False, True, False, True]


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def zipped(data):
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        archive.writestr("archive/data.pkl", data)
    return buffer.getvalue()


CUT, OTHER = r"\(its end is missing, or it is another file\)", r"\(what it holds is not what `dastm train` writes\)"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pickle.dumps(Trap(), protocol=2), CUT),
        (b"", CUT),
        (b"PK\x03\x04 cut off", CUT),
        (b"\x80\x02garbage", CUT),
        (zipped(pickle.dumps(Trap(), protocol=2)), OTHER),
    ],
)
def test_damaged_or_hostile_checkpoints_are_refused_in_plain_words_and_not_executed(tmp_path, data, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.pt"
    path.write_bytes(data)
    with pytest.raises(RunError, match=rf"damaged checkpoint {said}; `dastm train` makes it again"):
        load_checkpoint(path)
    assert not Path("executed").exists()


def test_a_flipped_bit_anywhere_in_a_tensor_is_found(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"w": torch.arange(1000.0)})
    data = bytearray(path.read_bytes())
    at = data.index(torch.arange(500.0, 504.0).numpy().tobytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"last\.pt: damaged checkpoint \(the checksum of .* differs\)"):
        load_checkpoint(path)


@pytest.mark.parametrize("state", [[1, 2], "text", torch.ones(2)])
def test_checkpoint_of_something_else_is_refused(tmp_path, state):
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(RunError, match=r"damaged checkpoint \(it does not hold values by name\)"):
        load_checkpoint(tmp_path / "last.pt")


def test_missing_checkpoint_says_what_to_do(tmp_path):
    with pytest.raises(RunError, match="no such checkpoint; `dastm train` makes it"):
        load_checkpoint(tmp_path / "last.pt")
