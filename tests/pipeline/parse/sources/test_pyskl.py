"""PYSKL pickles through `parse`: exact values, bodies that are there, and one bad annotation that stops nothing."""

import os
import pickle
import tracemalloc

import numpy as np
import pytest

from dastm.contract.errors import DataError, RefusedError
from pipeline.parse.plan import make_plan, run_job
from pipeline.parse.run import parse
from pipeline.parse.sources import pyskl as pyskl_source
from pipeline.split.run import split
from pipeline.storage.table import RefusedFile, read_clips, read_refused
from tests.pipeline.parse.sources.source_files import (
    annotation,
    annotation_2d,
    define,
    ntu_names,
    pyskl,
    write_pickle,
)
from tests.pipeline.raw_files import zip_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def ntu(tmp_path):
    annotations = [annotation(name, label, 1 + row % 2) for row, (name, label) in enumerate(ntu_names())]
    write_pickle(tmp_path / "raw" / "ntu.pkl", pyskl(annotations))
    return annotations


def test_an_ntu_pickle_becomes_a_table_and_shards(ntu, tmp_path):
    definition = define(tmp_path, "pyskl_pickle", "ntu25", class_names=list("abcdef"))
    summary = parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    assert (summary.clips, summary.refused, summary.notes) == (12, 0, {})
    clips = list(read_clips(tmp_path / "parsed"))
    for row, (clip, expected) in enumerate(zip(clips, ntu, strict=True)):
        assert (clip.key, clip.class_id, clip.class_name) == (expected["frame_dir"], row // 2, "abcdef"[row // 2])
        assert (clip.setup, clip.camera, clip.subject, clip.replication) == (1, 2, 3, 1 + row % 2)
        assert (clip.source, clip.source_bytes) == (f"ntu.pkl[{row}]", 2 * 10 * 25 * 3 * 4)
        bodies = 1 + row % 2
        assert clip.tracks.ids.tolist() == list(range(bodies))
        assert clip.tracks.frames == 10
        found = clip.tracks.joints_PVC.reshape(bodies, 10, 25, 3)
        assert np.array_equal(found, expected["keypoint"][:bodies])
    assert split(definition, tmp_path / "parsed", tmp_path / "shards").clips == {"train": 6, "val": 2, "test": 4}


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_protocols_and_workers_do_not_change_a_byte(ntu, tmp_path, protocol):
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    parse(definition, [tmp_path / "raw"], tmp_path / "a", files_per_task=5)
    write_pickle(tmp_path / "raw" / "ntu.pkl", pyskl(ntu), protocol)
    parse(definition, [tmp_path / "raw" / "ntu.pkl"], tmp_path / "b", workers=2, files_per_task=5)
    a, b = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "ab")
    assert a == b
    assert len(a) == 7


def test_pixels_become_fractions_of_the_image(tmp_path):
    expected = annotation_2d("clip", 0)
    write_pickle(tmp_path / "raw" / "gym.pkl", pyskl([expected, annotation_2d("other", 1, size=(100, 50))]))
    definition = define(tmp_path, "pyskl_pickle", "coco17")
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    clip, other = read_clips(tmp_path / "parsed")
    pixels = expected["keypoint"][0].astype(np.float64)
    assert np.array_equal(clip.tracks.joints_PVC, (pixels / [640, 480]).astype(np.float32))
    assert np.array_equal(clip.tracks.scores_PV, expected["keypoint_score"][0].astype(np.float32))
    assert other.tracks.joints_PVC.max() > 3


def run_one(tmp_path, layout="ntu25", **changes):
    write_pickle(tmp_path / "raw" / "one.pkl", [annotation("a", 0, **changes)])
    definition = define(tmp_path, "pyskl_pickle", layout)
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    return run_job(job, definition)


def test_frames_in_which_a_body_is_zero_do_not_show_it(tmp_path):
    joints = annotation("a", 0, 2)["keypoint"]
    joints[1, :4] = joints[0, 7:] = 0
    tracks = run_one(tmp_path, keypoint=joints).tracks
    assert tracks.lengths.tolist() == [7, 6]
    assert tracks.frame_index.tolist() == [*range(7), *range(4, 10)]
    assert tracks.frames == 10


def test_a_clip_is_noted_where_its_frames_are_miscounted_or_its_name_is_no_key(tmp_path):
    clip = run_one(tmp_path, total_frames=99)
    assert clip.tracks.notes == ("total_frames_differs",)
    clip = run_one(tmp_path, frame_dir="run.away/now")
    assert (clip.key, clip.tracks.notes) == ("run_away_now", ("key_renamed",))


def test_the_missing_list_and_the_class_split_hold_here_too(ntu, tmp_path):
    (tmp_path / "missing.txt").write_text(f"{ntu[0]['frame_dir']}\n")
    definition = define(tmp_path, "pyskl_pickle", "ntu25", missing="missing.txt")
    assert parse(definition, [tmp_path / "raw"], tmp_path / "out").refused == 1
    write_pickle(tmp_path / "raw" / "ntu.pkl", pyskl([*ntu, annotation("far", 77)]))
    definition = define(tmp_path, "pyskl_pickle", "ntu25", classes="split")
    assert make_plan(definition, [tmp_path / "raw"]).outside_split == 1


def test_a_bad_annotation_is_refused_and_the_others_are_read(tmp_path):
    bad = [
        ("no dict", "text"),
        ("frame_dir", annotation("", 0)),
        ("label list", annotation("b", 0) | {"label": [1, 2]}),
        ("label", annotation("c", 0) | {"label": -1}),
        ("no keypoint", annotation("d", 0, keypoint=None)),
        ("flat", annotation("e", 0, keypoint=np.zeros((5, 3)))),
        ("scores", annotation("f", 0, keypoint_score=[1])),
        ("image", annotation("g", 0, img_shape=(0, 5))),
        ("joints", annotation("h", 0, keypoint=np.ones((1, 5, 17, 3)))),
        ("zero", annotation("i", 0, keypoint=np.zeros((1, 5, 25, 3)))),
        ("infinite", annotation("j", 0, keypoint=np.full((1, 5, 25, 3), 1e39))),
        ("twice", annotation("good", 0)),
        ("unlabelled", annotation("k", 0) | {"label": None}),
    ]
    write_pickle(tmp_path / "raw" / "ntu.pkl", {"annotations": [annotation("good", 0), *(b for _, b in bad)]})
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    summary = parse(definition, [tmp_path / "raw"], tmp_path / "out")
    assert (summary.clips, summary.refused) == (1, len(bad))
    reasons = [str(RefusedFile(**row)) for row in read_refused(tmp_path / "out").to_pylist()]
    for line, expected in zip(
        reasons,
        [
            "ntu.pkl[1]: annotation 1: 'text', expected a dict",
            "ntu.pkl[2]: the clip has no name",
            "ntu.pkl[3]: label a list is not a class id",
            "ntu.pkl[4]: label -1 is not a class id",
            "ntu.pkl[5]: no 'keypoint' array",
            "ntu.pkl[6]: no 'keypoint' array",
            "ntu.pkl[7]: 'keypoint_score' is not an array",
            "ntu.pkl[8]: 'img_shape' is not a height and a width",
            "ntu.pkl[9]: an array of shape (1, 5, 17, 3), expected (bodies, frames, 25, 3 or 4) as layout ntu25 has",
            "ntu.pkl[10]: no body in any of 5 frames",
            "ntu.pkl[11]: coordinate 1e+39 at body 0, frame 1, joint 0, expected finite numbers",
            "ntu.pkl[12]: the same clip as 'ntu.pkl[0]'",
            "ntu.pkl[13]: no label_index",
        ],
        strict=True,
    ):
        assert line.startswith(expected), line


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_one_odd_clip_refuses_that_clip_and_not_the_file(tmp_path, protocol):
    odd = [
        annotation("b", 0) | {"frame_dir": np.bytes_(b"b")},
        annotation("c", 0) | {"label": np.array([None])},
        annotation("d", 0, keypoint=np.full((1, 5, 25, 3), None)),
        annotation("e", 0, keypoint=np.full((1, 5, 25, 3), "x")),
    ]
    sound = [
        annotation("a", 0) | {"frame_dir": np.str_("named by numpy")},
        annotation("f", 0) | {"date": np.datetime64("2026-01-01"), "more": np.array([None, {}])},
    ]
    write_pickle(tmp_path / "raw" / "x.pkl", [sound[0], *odd, sound[1]], protocol)
    summary = parse(define(tmp_path, "pyskl_pickle", "ntu25"), [tmp_path / "raw"], tmp_path / "out")
    assert (summary.clips, summary.refused) == (2, 4)
    assert [clip.key for clip in read_clips(tmp_path / "out")] == ["named by numpy", "f"]
    reasons = [row["reason"] for row in read_refused(tmp_path / "out").to_pylist()]
    assert reasons[0].startswith("the clip has no name")
    assert reasons[1] == "label a array is not a class id"
    assert reasons[2].startswith("an array of dtype 'O")
    assert reasons[3] == "an array of <U1, expected numbers"


class Canary:
    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.system, (f"touch {self._path}",)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"annotations": {}}, r"a dict that holds no list of annotations"),
        ([], "a list that holds no list"),
        (3, "3 that holds no list"),
    ],
)
def test_a_pickle_of_something_else_is_one_line(tmp_path, document, reason):
    write_pickle(tmp_path / "raw" / "x.pkl", document)
    with pytest.raises(DataError, match=f"raw: x.pkl: {reason}"):
        parse(define(tmp_path, "pyskl_pickle", "ntu25"), [tmp_path / "raw"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_annotations_than_a_file_may_have_are_refused(ntu, tmp_path, monkeypatch):
    monkeypatch.setattr(pyskl_source, "MAX_CLIPS", 11)
    with pytest.raises(DataError, match=r"ntu.pkl: 12 annotations, more than the 11 that a file may have"):
        make_plan(define(tmp_path, "pyskl_pickle", "ntu25"), [tmp_path / "raw"])


def test_a_pickle_with_a_command_is_refused_as_a_whole_and_runs_nothing(tmp_path):
    canary = tmp_path / "canary"
    write_pickle(tmp_path / "raw" / "x.pkl", {"annotations": [annotation("a", 0, extra=Canary(canary))]})
    with pytest.raises(DataError, match=r"x.pkl: byte \d+: the pickle asks for 'posix.system': not data"):
        parse(define(tmp_path, "pyskl_pickle", "ntu25"), [tmp_path / "raw"], tmp_path / "out")
    assert not canary.exists()


def test_a_cut_off_pickle_is_one_line_and_one_cut_off_later_refuses_its_clips(ntu, tmp_path):
    path = tmp_path / "raw" / "ntu.pkl"
    whole = path.read_bytes()
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    jobs = make_plan(definition, [tmp_path / "raw"]).jobs
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut off"):
        make_plan(definition, [tmp_path / "raw"])
    assert run_job(jobs[0], definition).key == ntu[0]["frame_dir"]
    with pytest.raises(RefusedError, match="bytes for an array of"):
        run_job(jobs[-1], definition)
    path.unlink()
    with pytest.raises(RefusedError, match="no longer there"):
        run_job(jobs[0], definition)


def test_memory_holds_one_clip_and_not_the_file(tmp_path):
    clips = [annotation(f"clip{i}", 0, frames=300) for i in range(200)]
    write_pickle(tmp_path / "raw" / "large.pkl", pyskl(clips))
    assert (tmp_path / "raw" / "large.pkl").stat().st_size > 35e6
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    tracemalloc.start()
    for job in make_plan(definition, [tmp_path / "raw"]).jobs:
        run_job(job, definition)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


def test_a_pickle_in_a_zip_is_read_there(ntu, tmp_path):
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    root = zip_folder(tmp_path / "raw", tmp_path / "raw.zip")
    jobs = make_plan(definition, [root]).jobs
    for job in reversed(jobs):
        assert run_job(job, definition).tracks.frames == 10
    assert pickle.loads((tmp_path / "raw" / "ntu.pkl").read_bytes())["annotations"][0]["label"] == 0
