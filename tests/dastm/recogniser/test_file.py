"""The recogniser file: the same predictions anywhere, damage refused, nobody's file replaced."""

import copy
import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import dastm
from dastm.contract.errors import RunError
from dastm.contract.ownership import NotOurs
from dastm.model.matching.rejection import Limits
from dastm.recogniser.container import ABOUT, EXAMPLES, MOST, WEIGHTS, _members, container_bytes
from dastm.recogniser.file import changed, read_recogniser
from dastm.recogniser.recogniser import ActionRecogniser
from dastm.runs.files import json_bytes
from dastm.runs.sealed import sealed
from tests.actions import clip_of
from tests.killing import fork

pytestmark = pytest.mark.slow


def bytes_of(recogniser):
    return container_bytes(recogniser.encoder, recogniser.examples)


@pytest.fixture
def path(recogniser, tmp_path):
    recogniser.save(tmp_path / "mine.dastm")
    return tmp_path / "mine.dastm"


def test_a_recogniser_read_again_predicts_the_same(recogniser, path):
    again = dastm.load(path)
    clips = [clip_of(action, 9) for action in ("wave", "push", "kick", "bow")]
    assert [p.to_dict() for p in again.predict(clips)] == [p.to_dict() for p in recogniser.predict(clips)]
    assert [e.clip.source for e in again.examples] == [e.clip.source for e in recogniser.examples]
    assert [e.clip.fps for e in again.examples] == [30.0] * 6


def test_a_recogniser_read_again_refuses_at_the_same_limits(recogniser, tmp_path):
    limits = Limits(threshold=0.125, decline=0.1, spread=1.5, temperature=0.3)
    ActionRecogniser(replace(recogniser.encoder, limits=limits), recogniser.examples).save(tmp_path / "strict.dastm")
    assert dastm.load(tmp_path / "strict.dastm").encoder.limits == limits


def test_who_acts_is_kept_and_unknown_in_files_that_do_not_say_it(recogniser, path):
    recogniser.enrol("bow", [replace(clip_of("bow"), subject=7)])
    recogniser.save(path)
    assert [e.clip.subject for e in read_recogniser(path).examples] == [None] * 6 + [7]
    rewritten(path, lambda document: [row.pop("subject") for row in document["examples"]])
    assert [e.clip.subject for e in read_recogniser(path).examples] == [None] * 7


def test_known_movements_are_kept_and_files_of_version_2_have_none(recogniser, path):
    again = read_recogniser(path)
    assert np.array_equal(again.encoder.known.joints_KTVC, recogniser.encoder.known.joints_KTVC)

    def as_before(document):
        document["schema_version"] = 2
        del document["encoder"]["known"], document["encoder"]["limits"]["rival"]

    rewritten(path, as_before)
    older = read_recogniser(path)
    assert older.encoder.known is None
    found = older.predict(clip_of("wave", 9)).decision
    assert found.border == pytest.approx(float(older.judge.thresholds_W[0]))
    assert found.candidates[0].distance == recogniser.predict(clip_of("wave", 9)).distance


def test_the_same_recogniser_gives_the_same_bytes(recogniser, path):
    assert bytes_of(read_recogniser(path)) == path.read_bytes()
    assert path.stat().st_size < 4e6


def test_it_predicts_the_same_in_another_folder_and_process_with_other_threads(recogniser, path, tmp_path):
    found = recogniser.predict(clip_of("wave", 9))
    np.save(tmp_path / "clip.npy", clip_of("wave", 9).joints_TVC)
    code = (
        "import dastm, numpy, torch; torch.set_num_threads(2);"
        f"p = dastm.load({str(path)!r}).predict(numpy.load({str(tmp_path / 'clip.npy')!r}));"
        "print(p.action, p.distance)"
    )
    (tmp_path / "elsewhere").mkdir()
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "elsewhere", capture_output=True, text=True)
    action, distance = told.stdout.split()
    assert action == found.action
    assert float(distance) == pytest.approx(found.distance, abs=1e-5)


def test_a_damaged_file_is_refused_with_a_reason_wherever_the_damage_is(path, tmp_path, rng):
    data, damaged = path.read_bytes(), tmp_path / "damaged.dastm"
    for _ in range(200):
        kind, where = rng.integers(3), int(rng.integers(len(data)))
        if kind == 0:
            broken = data[:where]
        elif kind == 1:
            broken = data[:where] + bytes([data[where] ^ (1 << int(rng.integers(8)))]) + data[where + 1 :]
        else:
            broken = data[:where] + rng.bytes(16) + data[where + 16 :]
        damaged.write_bytes(broken)
        reason = refusal(damaged)
        if reason is None:  # only bytes that nobody reads may be others
            assert bytes_of(read_recogniser(damaged)) == data
        else:
            assert str(damaged) in reason
            assert "\n" not in reason


def refusal(path):
    """Why a file is refused; None where it is read."""
    try:
        _members(path.read_bytes(), path)
    except RunError as error:
        return str(error)
    return None


def rewritten(path, change):
    """The file with its document changed and sealed again, as another program could write it."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    import json

    document = json.loads(members[ABOUT])
    del document["digest"]
    change(document)
    members[ABOUT] = json_bytes(sealed(document))
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(schema_version=99), "version 99 of the file; this reads versions 2 and 3"),
        (lambda d: d["encoder"].pop("config"), "not a recogniser that this version reads"),
        (lambda d: d["encoder"]["config"].update(extra={}), "extra"),
        (lambda d: d["encoder"]["config"]["augment"].update(layout=None), "knows no common layout"),
        (lambda d: d["encoder"]["config"]["backbone"].update(channels=[8, 8, 8, 8]), "weights do not fit"),
        (lambda d: d["encoder"].update(n_frames=0), "points along the path"),
        (lambda d: d["encoder"]["known"].update(joints="a"), "not a recogniser that this version reads"),
        (lambda d: d["encoder"]["known"].update(shape=[40, 19, 24, 3]), "known movements of shape"),
        (lambda d: d["examples"][0].update(layout=5), "not a recogniser that this version reads"),
        (lambda d: d["examples"][0].update(action="a\nb"), "the name of an action"),
        (lambda d: d["examples"][0].update(subject=[1]), "not a recogniser that this version reads"),
        (lambda d: d["layouts"][0].update(bones=[]), "not a recogniser that this version reads"),
        (lambda d: d["digests"].update({EXAMPLES: "0"}), "examples.safetensors is damaged"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused_in_one_line(path, change, why):
    rewritten(path, change)
    with pytest.raises(RunError, match=why) as told:
        read_recogniser(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_no_recogniser_is_refused(tmp_path):
    (tmp_path / "text.dastm").write_text("hello")
    with zipfile.ZipFile(tmp_path / "zip.dastm", "w") as archive:
        archive.writestr("a", "b")
    for name in ("text.dastm", "zip.dastm"):
        with pytest.raises(RunError, match="not a recogniser file, or damaged"):
            read_recogniser(tmp_path / name)
    with pytest.raises(RunError, match="No such file"):
        read_recogniser(tmp_path / "none.dastm")
    with pytest.raises(RunError, match=r"cannot be read \(not a regular file\)"):
        read_recogniser(tmp_path)


def test_a_member_that_claims_to_be_huge_is_not_unpacked(path, monkeypatch):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in members:
        monkeypatch.setitem(MOST, name, 2_000_000)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for other, data in members.items():
                archive.writestr(other, b" " * 2_000_001 if other == name else data)
        with pytest.raises(RunError, match=f"{name} is larger than in any recogniser"):
            read_recogniser(path)
        monkeypatch.undo()
    monkeypatch.setattr("dastm.recogniser.container.MOST_BYTES", 10)
    with pytest.raises(RunError, match="more than the 10 that such a file may have"):
        read_recogniser(path)


def test_a_document_may_be_no_larger_than_others_that_we_read():
    assert MOST[ABOUT] <= 64 * 2**20


def test_what_could_not_be_read_again_is_not_written(recogniser, path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setitem(MOST, EXAMPLES, 1000)
    with pytest.raises(RunError, match="6 examples are too many for one recogniser"):
        recogniser.save(path)
    assert path.read_bytes() == before


def test_nobody_elses_file_is_replaced(recogniser, tmp_path):
    theirs = tmp_path / "notes.txt"
    theirs.write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.dastm").symlink_to(theirs)
    for name in ("notes.txt", "folder", "link.dastm"):
        with pytest.raises(NotOurs):
            recogniser.save(tmp_path / name)
    assert theirs.read_text() == "mine"
    (tmp_path / "empty").touch()
    recogniser.save(tmp_path / "empty")
    recogniser.save(tmp_path / "empty")


def test_a_full_disk_leaves_the_old_file(recogniser, path, monkeypatch):
    before = path.read_bytes()

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"mine.dastm.*No space left on device; make room there"):
        recogniser.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["mine.dastm"]


def test_a_change_that_fails_leaves_the_file_as_it_was(path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="no action 'fly'"), changed(path) as recogniser:
        recogniser.remove("fly")
    assert path.read_bytes() == before


def test_a_file_that_another_program_changed_is_not_saved_over(recogniser, path):
    ours = dastm.load(path)
    with changed(path) as theirs:
        theirs.enrol("bow", [clip_of("bow", 0)])
    ours.remove("wave")
    with pytest.raises(
        RunError, match=r"mine.dastm: was changed by another program since it was loaded, and its examples would be"
    ):
        ours.save(path)
    assert "bow" in dastm.load(path).actions
    again = dastm.load(path)
    again.remove("wave")
    again.save(path)
    again.remove("push")
    again.save(path)  # its own change is none of another program
    recogniser.save(path.with_name("other.dastm"))
    path.unlink()
    ours.save(path)


def test_copies_do_not_lose_each_others_examples(path):
    ours = dastm.load(path)
    theirs = copy.copy(ours)
    theirs.enrol("bow", [clip_of("bow", 0)])
    theirs.save(path)
    ours.enrol("duck", [clip_of("bow", 1)])
    with pytest.raises(RunError, match="was changed by another program"):
        ours.save(path)
    assert "bow" in dastm.load(path).actions


def test_a_file_that_was_never_loaded_is_not_saved_over_unless_told(recogniser, path, shown):
    other = ActionRecogniser(recogniser.encoder, shown[:1])
    before = path.read_bytes()
    with pytest.raises(RunError, match=r"mine.dastm: already exists, and its examples would be lost; .*replace=True"):
        other.save(path)
    assert path.read_bytes() == before
    other.save(path, replace=True)
    assert len(dastm.load(path).examples) == 1
    other.save(path)  # which it knows from now on


def add_one(path, seed):
    with changed(path) as recogniser:
        recogniser.enrol("bow", [clip_of("bow", seed)])


def test_two_writers_of_one_file_lose_no_example(path):
    writers = [fork(add_one, path, seed) for seed in range(3)]
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    again = read_recogniser(path)
    assert sorted(e.name for e in again.examples if e.action == "bow") == ["bow_0", "bow_1", "bow_2"]


def test_a_file_without_examples_is_a_recogniser_too(encoder, tmp_path):
    ActionRecogniser(encoder).save(tmp_path / "empty.dastm")
    assert read_recogniser(tmp_path / "empty.dastm").actions == ()


def test_reading_runs_nothing(path, tmp_path):
    """A pickle in place of the weights is bytes that do not fit, and is never opened as one."""
    import pickle

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    pickle.dump(Evil(), buffer)
    members[WEIGHTS] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(RunError):
        read_recogniser(path)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("digests", [None, {}, {"x": "y"}, [1]])
def test_a_file_whose_digests_are_not_those_of_its_members_is_refused(path, digests):
    document, weights, joints = _members(path.read_bytes(), path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(ABOUT, json_bytes(sealed({**document, "digests": digests})))
        archive.writestr(WEIGHTS, weights)
        archive.writestr(EXAMPLES, joints)
    with pytest.raises(RunError, match="is damaged; make it again"):
        read_recogniser(path)


def test_a_compressed_member_that_cannot_be_unpacked_is_refused(path):
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo(WEIGHTS).header_offset + 30 + len(WEIGHTS)
    path.write_bytes(data[:begin] + b"\xff" * 64 + data[begin + 64 :])  # no valid block begins so: zlib says so itself
    with pytest.raises(RunError, match="not a recogniser file, or damaged"):
        read_recogniser(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunError, match=r"pipe: cannot be read \(not a regular file\)"):
        read_recogniser(tmp_path / "pipe")
    with pytest.raises(RunError, match=r"pipe: cannot be read \(not a regular file\)"), changed(tmp_path / "pipe"):
        pass
