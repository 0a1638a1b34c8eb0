"""Stacks of arrays: exact values through every layout of files, padding, and files that do not fit each other."""

import tracemalloc

import numpy as np
import pytest

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.skeleton import OPENPOSE18
from pipeline.parse.plan import make_plan, run_job
from pipeline.parse.run import parse
from pipeline.parse.sources import stacks
from pipeline.split.run import split
from pipeline.storage.table import read_clips, read_refused
from tests.pipeline.parse.sources.source_files import STICK, define, motion, ntu_names, write_pickle
from tests.pipeline.raw_files import zip_folder

pytestmark = pytest.mark.slow

STORED = 20


def stack(names=None, layout=None):
    """(N, C, T, V, M): clip i has 20, 11, 12, .. frames and one or two bodies, the rest is zero."""
    names = names or ntu_names()
    data_NCTVM = np.zeros((len(names), 3, STORED, 25, 2), np.float32)
    for row, (_, label) in enumerate(names):
        frames, bodies = (10 + row if row else STORED), 1 + row % 2
        frames = min(frames, STORED)
        data_NCTVM[row, :, :frames, :, :bodies] = motion(label, bodies, frames, seed=row).transpose(3, 1, 2, 0)
    return data_NCTVM


def write_st_gcn(folder, data_NCTVM, name="train_data_joint.npy", protocol=4):
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / name, data_NCTVM)
    names, labels = zip(*ntu_names(), strict=True)
    write_pickle(folder / "train_label.pkl", ([f"{n}.skeleton" for n in names], list(labels)), protocol)


def check(clips, data_NCTVM):
    for row, clip in enumerate(clips):
        frames, bodies = (min(10 + row, STORED) if row else STORED), 1 + row % 2
        assert clip.tracks.frames == frames
        assert len(clip.tracks.ids) == bodies
        expected = data_NCTVM[row, :, :frames, :, :bodies].transpose(3, 1, 2, 0)
        assert np.array_equal(clip.tracks.joints_PVC.reshape(expected.shape), expected)


@pytest.mark.parametrize("name", ["train_data.npy", "train_data_joint.npy"])
def test_an_st_gcn_stack_with_pickled_labels_becomes_a_table(tmp_path, name):
    write_st_gcn(tmp_path / "raw", stack(), name)
    definition = define(tmp_path, "array_stack", "ntu25")
    summary = parse(definition, [tmp_path / "raw"], tmp_path / "parsed", files_per_task=5)
    assert (summary.clips, summary.refused, summary.ignored) == (12, 0, 0)
    clips = list(read_clips(tmp_path / "parsed"))
    check(clips, stack())
    assert [(c.key, c.class_id, c.subject, c.source) for c in clips[:2]] == [
        ("S001C002P003R001A001", 0, 3, f"{name}[0]"),
        ("S001C002P003R002A001", 0, 3, f"{name}[1]"),
    ]
    assert split(definition, tmp_path / "parsed", tmp_path / "out").clips == {"train": 6, "val": 2, "test": 4}


@pytest.mark.parametrize("kind", ["ids", "one-hot", "floats"])
def test_labels_may_be_an_array_and_frame_counts_may_be_given(tmp_path, kind):
    (tmp_path / "raw" / "top").mkdir(parents=True)
    labels = np.array([label for _, label in ntu_names()])
    np.save(tmp_path / "raw/top/val_data.npy", stack())
    np.save(tmp_path / "raw/top/val_label.npy", {"ids": labels, "one-hot": np.eye(6)[labels]}.get(kind, labels * 1.0))
    np.save(tmp_path / "raw/top/val_frame.npy", np.full(12, 7))
    definition = define(tmp_path, "array_stack", "ntu25")
    jobs = make_plan(definition, [tmp_path / "raw"]).jobs
    clips = [run_job(job, definition) for job in jobs]
    assert [c.class_id for c in clips] == labels.tolist()
    assert [c.key for c in clips[:2]] == ["top_val-000000", "top_val-000001"]
    assert {c.tracks.frames for c in clips} == {7}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_ctr_gcn_archive_becomes_a_table(tmp_path, save, workers):
    (tmp_path / "raw").mkdir()
    data_NCTVM = stack()
    flat = data_NCTVM.transpose(0, 2, 4, 3, 1).reshape(12, STORED, 150)
    labels = np.eye(6)[[label for _, label in ntu_names()]]
    save(tmp_path / "raw" / "NTU60_CS.npz", x_train=flat[:8], y_train=labels[:8], x_test=flat[8:], y_test=labels[8:])
    definition = define(tmp_path, "array_stack", "ntu25")
    summary = parse(definition, [tmp_path / "raw"], tmp_path / "parsed", files_per_task=3, workers=workers)
    assert (summary.clips, summary.refused) == (12, 0)
    clips = list(read_clips(tmp_path / "parsed"))
    assert [c.key for c in clips] == [
        *(f"NTU60_CS-test-00000{i}" for i in range(4)),
        *(f"NTU60_CS-train-00000{i}" for i in range(8)),
    ]
    assert clips[0].source == "NTU60_CS.npz[x_test][0]"
    check(clips[4:] + clips[:4], data_NCTVM)
    jobs = make_plan(definition, [tmp_path / "raw" / "NTU60_CS.npz"]).jobs
    assert run_job(jobs[-1], definition).tracks.frames == run_job(jobs[-1], definition).tracks.frames  # and again
    assert run_job(jobs[0], definition).key == "NTU60_CS-test-000000"


def test_stacks_of_the_same_subset_in_two_folders_or_archives_keep_every_clip(tmp_path):
    for place in ("xsub", "xview"):
        (tmp_path / "raw" / place).mkdir(parents=True)
        np.save(tmp_path / "raw" / place / "train_data.npy", stack()[:2])
        np.save(tmp_path / "raw" / place / "train_label.npy", np.zeros(2))
        np.savez(tmp_path / "raw" / f"{place}.npz", x_train=np.ones((1, 2, 150)), y_train=np.zeros(1))
    jobs = make_plan(define(tmp_path, "array_stack", "ntu25"), [tmp_path / "raw"]).jobs
    assert [job.problem for job in jobs] == [None] * 6
    assert len({job.name.key for job in jobs}) == 6


def test_kinetics_stacks_are_moved_back_to_fractions_of_the_image(tmp_path):
    fractions = np.random.default_rng(0).uniform(0.1, 0.9, (1, 2, 18, 2))
    data_NCTVM = np.zeros((1, 3, 5, 18, 2))
    data_NCTVM[0, :2, :2, :, 0] = ((fractions[0] - 0.5) * [1, -1]).transpose(2, 0, 1)
    data_NCTVM[0, 2, :2, :, 0] = 0.5
    data_NCTVM[0, :, 1, 3, 0] = 0  # a joint without confidence
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw" / "train_data.npy", data_NCTVM)
    write_pickle(tmp_path / "raw" / "train_label.pkl", (["a"], [0]), 2)
    definition = define(tmp_path, "array_stack", OPENPOSE18)
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    tracks = run_job(job, definition).tracks
    expected = fractions.astype(np.float32)[0]
    expected[1, 3] = 0
    np.testing.assert_allclose(tracks.joints_PVC, expected, atol=1e-7)
    assert tracks.scores_PV.tolist() == np.where(expected.any(axis=2), 0.5, 0).tolist()
    assert tracks.frames == 2


def test_a_stack_in_a_zip_is_read_there(tmp_path):
    write_st_gcn(tmp_path / "raw", stack(), protocol=2)
    definition = define(tmp_path, "array_stack", "ntu25")
    jobs = make_plan(definition, [zip_folder(tmp_path / "raw", tmp_path / "raw.zip")]).jobs
    check([run_job(job, definition) for job in jobs], stack())
    np.savez(tmp_path / "raw" / "x.npz", x_train=np.zeros((1, 2, 150)), y_train=np.zeros(1))
    with pytest.raises(DataError, match="an archive in a zip; unpack the zip"):
        make_plan(definition, [zip_folder(tmp_path / "raw", tmp_path / "raw.zip")])


def test_a_row_without_a_body_and_one_with_a_wrong_name_are_refused(tmp_path):
    data_NCTVM = stack()
    data_NCTVM[3] = 0
    data_NCTVM[4, 0, 2, 5, 0] = np.inf
    data_NCTVM[5, 0, 2, 5, 0] = np.nan
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw" / "train_data.npy", data_NCTVM)
    names = [f"clip{i}" for i in range(12)]
    write_pickle(tmp_path / "raw" / "train_label.pkl", (["", 7, *names[2:]], np.arange(12) // 2))
    definition = define(tmp_path, "array_stack", "ntu25")
    summary = parse(definition, [tmp_path / "raw"], tmp_path / "out")
    reasons = [(row["source"], row["reason"]) for row in read_refused(tmp_path / "out").to_pylist()]
    assert [source for source, _ in reasons] == [f"train_data.npy[{i}]" for i in (0, 1, 3, 4)]
    assert reasons[2][1] == "all of it is zero, or of no frame"
    assert reasons[3][1] == "coordinate inf at body 0, frame 3, joint 5, expected finite numbers"
    assert summary.notes == {"nan_as_missing": 1}


def _save(name, array):
    return lambda folder: np.save(folder / name, array)


def _write(name, data):
    return lambda folder: (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda folder: (folder / "train_label.pkl").unlink(), "neither train_label.pkl nor train_label.npy beside it"),
        (lambda folder: (folder / "train_data.npy").unlink(), "no <part>_data.npy, <part>_data_joint.npy, or .npz"),
        (_save("train_data.npy", np.zeros((12, 3, 5))), r"shape \(12, 3, 5\), expected \(clips, coordinates"),
        (_save("train_data.npy", np.zeros((11, 3, 5, 25, 2))), "12 labels for 11 clips"),
        (_save("train_frame.npy", np.zeros(3)), "3 frame counts for 12 clips"),
        (_save("train_frame.npy", np.full(12, 21)), "a number that is not whole, or not from 0 to 20"),
        (_save("train_data.npy", np.array([None])), "an array of object"),
        (_save("train_data.npy", np.array(1.0)), "at least one axis"),
        (_write("train_data.npy", b"\x93NUMPY\x03\x00abc"), "version that plain numbers do not need"),
        (_write("train_data.npy", b"nonsense"), "not a .npy array"),
        (_write("train_label.pkl", b"nonsense"), "byte 0: not a pickle|opcode"),
        (lambda folder: write_pickle(folder / "train_label.pkl", [1]), "not a pair of names and labels"),
        (
            lambda folder: write_pickle(folder / "train_label.pkl", (["a"], [1, 2])),
            "a list of names and one of as many",
        ),
        (lambda folder: write_pickle(folder / "train_label.pkl", (["a"], [-1])), "label 0 is not a class id"),
        (_write("x.npz", b"nonsense"), "cannot be taken from the archive"),
        (lambda folder: np.savez(folder / "x.npz", x_train=np.zeros((1, 2, 150))), "x_train without y_train"),
        (
            lambda folder: np.savez(folder / "x.npz", x_train=np.zeros((1, 2)), y_train=np.ones((1, 1))),
            "x_train of shape",
        ),
        (
            lambda folder: np.savez(folder / "x.npz", x_train=np.zeros((1, 2, 150)), y_train=np.ones((1, 2))),
            "y_train.npy: rows that are not zeros and a one",
        ),
        (
            lambda folder: np.savez(folder / "x.npz", x_train=np.zeros((1, 2, 150)), y_train=np.ones((1, 2, 2))),
            "y_train.npy: an array of shape",
        ),
    ],
)
def test_files_that_do_not_fit_each_other_are_one_line(tmp_path, change, reason):
    write_st_gcn(tmp_path / "raw", stack(), "train_data.npy")
    change(tmp_path / "raw")
    with pytest.raises(DataError, match=reason) as caught:
        make_plan(define(tmp_path, "array_stack", "ntu25"), [tmp_path / "raw"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pickled", [True, False])
def test_more_clips_than_a_file_may_have_are_refused_before_any_costs_memory(tmp_path, monkeypatch, pickled):
    monkeypatch.setattr(stacks, "MAX_CLIPS", 11)
    write_st_gcn(tmp_path / "raw", stack(), "train_data.npy")
    if not pickled:
        (tmp_path / "raw" / "train_label.pkl").unlink()
        np.save(tmp_path / "raw" / "train_label.npy", np.zeros(11))
    with pytest.raises(DataError, match=r"train_data.npy: 12 clips, more than the 11 that a file may have"):
        make_plan(define(tmp_path, "array_stack", "ntu25"), [tmp_path / "raw"])


def test_a_cut_off_stack_refuses_the_rows_that_are_gone(tmp_path):
    write_st_gcn(tmp_path / "raw", stack(), "train_data.npy")
    path = tmp_path / "raw" / "train_data.npy"
    path.write_bytes(path.read_bytes()[:-10])
    definition = define(tmp_path, "array_stack", "ntu25")
    summary = parse(definition, [tmp_path / "raw"], tmp_path / "out")
    assert (summary.clips, summary.refused) == (11, 1)
    assert "the file ends 10 bytes before row 11 does" in summary.lines()[-1]


def test_a_frame_of_another_width_or_order_is_refused(tmp_path):
    (tmp_path / "raw").mkdir()
    np.savez(tmp_path / "raw" / "x.npz", x_train=np.ones((1, 2, 151)), y_train=np.array([0]))
    definition = define(tmp_path, "array_stack", "ntu25")
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    with pytest.raises(RefusedError, match="151 numbers a frame, expected bodies x 25 joints x 3"):
        run_job(job, definition)
    np.savez(tmp_path / "raw" / "f.npz", x_train=np.asfortranarray(np.ones((1, 2, 150))), y_train=np.array([0]))
    (job,) = make_plan(definition, [tmp_path / "raw" / "f.npz"]).jobs
    with pytest.raises(RefusedError, match="an array in Fortran order"):
        run_job(job, definition)


def test_a_flipped_byte_in_an_archive_refuses_every_clip_of_it(tmp_path):
    """The archive's checksum is of the whole stack, so that nobody can tell which clip is damaged."""
    definition = define(tmp_path, "array_stack", "ntu25")
    path = tmp_path / "raw" / "x.npz"
    path.parent.mkdir()
    np.savez(path, x_train=np.ones((3, 2000, 150), np.float32), y_train=np.arange(3))
    data = bytearray(path.read_bytes())
    data[data.index(np.ones(8, np.float32).tobytes()) + 1_500_000] ^= 1
    path.write_bytes(data)
    for job in make_plan(definition, [path]).jobs:
        with pytest.raises(RefusedError, match="cannot be taken from the archive: Bad CRC-32"):
            run_job(job, definition)


@pytest.mark.parametrize(("claimed", "expected"), [(0, "of no frame"), (1, None)])
def test_a_claimed_length_holds_even_where_it_is_0(tmp_path, claimed, expected):
    definition = define(tmp_path, "array_stack", "ntu25")
    folder = tmp_path / "raw"
    folder.mkdir()
    np.save(folder / "train_data.npy", np.ones((1, 3, 4, 25, 1), np.float32))
    np.save(folder / "train_label.npy", np.zeros(1, np.int64))
    np.save(folder / "train_frame.npy", np.array([claimed]))
    (job,) = make_plan(definition, [folder]).jobs
    if expected is None:
        assert run_job(job, definition).tracks.frames == claimed
        return
    with pytest.raises(RefusedError, match=expected):
        run_job(job, definition)


@pytest.mark.unmeasured
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_memory_holds_one_clip_and_not_the_stack(tmp_path, save):
    (tmp_path / "raw").mkdir()
    stack = np.ones((60, 300, 150), np.float32)  # 10.8 MB: the whole of it in memory is beyond the limit
    save(tmp_path / "raw" / "x.npz", x_train=stack, y_train=np.zeros(60))
    del stack
    definition = define(tmp_path, "array_stack", "ntu25")
    tracemalloc.start()
    for job in make_plan(definition, [tmp_path / "raw"]).jobs:
        run_job(job, definition)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6, peak


def test_other_skeletons_need_their_own_layout(tmp_path):
    (tmp_path / "raw").mkdir()
    np.savez(tmp_path / "raw" / "x.npz", x_train=np.ones((1, 2, 6)), y_train=np.array([0]))
    definition = define(tmp_path, "array_stack", STICK)
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    assert run_job(job, definition).tracks.joints_PVC.shape == (2, 2, 3)
