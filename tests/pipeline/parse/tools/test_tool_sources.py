"""Folders and zips of tools' files through `parse`: names, classes, frames of a folder, forms recognised by content."""

import gc
import json

import numpy as np
import pytest

from dastm.contract.errors import DataError, RefusedError
from pipeline.parse.plan import make_plan, run_job
from pipeline.parse.raw_files import RawFile
from pipeline.parse.run import parse
from pipeline.parse.tools.poses import NamedBytes
from pipeline.parse.tools.tool_sources import grouped, read_alone
from pipeline.storage.table import read_clips, read_refused
from tests.pipeline.parse.sources.source_files import define
from tests.pipeline.parse.tools.test_bvh import TEXT as BVH
from tests.pipeline.parse.tools.test_openpose import frames, person
from tests.pipeline.parse.tools.tool_files import as_bytes
from tests.pipeline.raw_files import zip_folder

NAMES = ["wave", "clap", "kick", "jump", "sit", "stand"]


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(content))
    return folder


def video(folder, n_frames=3, x=100.0):
    return {
        f"{folder}{name}": content for name, content in frames(*[[person(x + t, 5.0)] for t in range(n_frames)]).items()
    }


def jobs_of(tmp_path, files, form="openpose_json", layout="body25", **source):
    raw = write(tmp_path / "raw", files)
    definition = define(tmp_path, form, layout, class_names=NAMES, source=source)
    return definition, make_plan(definition, [raw]).jobs


def test_a_folder_a_clip_in_a_folder_a_class_becomes_a_table_zipped_or_not(tmp_path):
    raw = write(tmp_path / "raw", video("wave/000/") | video("wave/001/", 4) | video("clap/000/", 5))
    definition = define(tmp_path, "openpose_json", "body25", class_names=NAMES)
    for root, out in ((raw, "a"), (zip_folder(raw, tmp_path / "raw.zip"), "b")):
        assert (parse(definition, [root], tmp_path / out).clips, len(read_refused(tmp_path / out))) == (3, 0)
    assert (tmp_path / "a/clips-00000.parquet").read_bytes() == (tmp_path / "b/clips-00000.parquet").read_bytes()
    found = {clip.key: (clip.class_name, clip.tracks.frames) for clip in read_clips(tmp_path / "a")}
    assert found == {"wave_000": ("wave", 3), "wave_001": ("wave", 4), "clap_000": ("clap", 5)}


def test_python_searches_for_no_cycles_while_a_file_is_read_and_does_so_again_afterwards(monkeypatch):
    states = []
    monkeypatch.setattr("pipeline.parse.tools.openpose.load_json", lambda data: states.append(gc.isenabled()) or {})
    with pytest.raises(RefusedError, match="'people'"):
        read_alone("openpose_json", [NamedBytes("a_1.json", b"{}")])
    assert (states, gc.isenabled()) == ([False], True)


def test_frames_of_several_videos_in_a_classs_folder_are_told_by_their_names(tmp_path):
    files = video("wave/a_") | video("wave/b_", 2) | video("clap/")
    _, jobs = jobs_of(tmp_path, files)
    assert {job.key: (job.labels[0].name, len(job.member.place[1])) for job in jobs} == {
        "wave_a_video": ("wave", 3),
        "wave_b_video": ("wave", 2),
        "clap_video": ("clap", 3),
    }


def test_a_pattern_and_a_labels_file_name_clips_of_frames_as_those_of_files(tmp_path):
    files = video("P01/wave/") | video("P02/wave/")
    _, jobs = jobs_of(tmp_path, files, pattern=r"P(?P<subject>\d+)/(?P<key>(?P<class>\w+))\.json")
    assert [(job.key, job.name.subject, job.labels[0].name) for job in jobs] == [
        ("wave", 1, "wave"),
        ("wave", 2, "wave"),
    ]
    (tmp_path / "labels.csv").write_text("key,class\nP01/wave,clap\nP02_wave,kick\n")
    definition = define(tmp_path, "openpose_json", "body25", class_names=NAMES, source={"labels": "labels.csv"})
    jobs = make_plan(definition, [tmp_path / "raw"]).jobs
    assert [job.labels[0].name for job in jobs] == ["clap", "kick"]


def test_a_folder_of_nothing_but_the_labels_file_is_refused(tmp_path):
    (tmp_path / "labels.json").write_text("key,class\na,clap\n")
    write(tmp_path / "raw", {"labels.json": "key,class\na,clap\n"})
    definition = define(tmp_path, "openpose_json", "body25", class_names=NAMES, source={"labels": "labels.json"})
    with pytest.raises(DataError, match=r"labels\.json and not a single clip"):
        make_plan(definition, [tmp_path / "raw"])


def test_a_frame_that_changes_is_another_clip_to_whoever_resumes(tmp_path):
    definition, before = jobs_of(tmp_path, video("wave/000/"))
    write(tmp_path / "raw", {"wave/000/video_000000000001_keypoints.json": {"people": []}})
    after = make_plan(definition, [tmp_path / "raw"]).jobs
    assert before[0].raw.stamp != after[0].raw.stamp


def test_forms_are_recognised_by_content_and_what_is_none_is_refused(tmp_path):
    files = {**video("wave/000/"), "clap/one.json": {"x": [1]}, "clap/two.json": "[]", "clap/notes.json": "hello\n"}
    definition, jobs = jobs_of(tmp_path, files, "auto")
    told = {job.key: job.problem for job in jobs}
    assert told["wave_000"] is None
    assert told["clap_two"] == "an empty list or object: no frame"
    assert told["clap_notes"] == "of no form that is known here"
    assert run_job(next(job for job in jobs if job.key == "wave_000"), definition).tracks.frames == 3


def test_auto_looks_into_zips_and_at_files_that_cannot_be_read(tmp_path):
    raw = write(tmp_path / "raw", video("wave/000/"))
    definition = define(tmp_path, "auto", "body25", class_names=NAMES)
    (job,) = make_plan(definition, [zip_folder(raw, tmp_path / "raw.zip")]).jobs
    assert run_job(job, definition).tracks.frames == 3
    (raw / "gone.json").symlink_to(tmp_path / "nowhere")
    problems = [job.problem for job in make_plan(definition, [raw]).jobs]
    assert problems == ["the file is no longer there", None]


def test_a_file_of_another_form_is_refused_with_the_right_name(tmp_path):
    definition, jobs = jobs_of(tmp_path, {"wave/a.json": {"data": [{"frame_index": 1, "skeleton": []}]}})
    with pytest.raises(RefusedError, match=r"'people': expected a list, .*it looks like kinetics_json .*parse\.format"):
        run_job(jobs[0], definition)
    definition = define(tmp_path, "folder_arrays", "body25", class_names=NAMES)
    write(tmp_path / "csv", {"wave/a.csv": "scorer,me,me,me\nbodyparts,a,a,a\ncoords,x,y,likelihood\n0,1,2,1\n"})
    (job,) = make_plan(definition, [tmp_path / "csv"]).jobs
    with pytest.raises(RefusedError, match=r"occurs twice; it looks like deeplabcut_csv"):
        run_job(job, definition)
    write(tmp_path / "odd", {"wave/a.csv": "hello,you\n"})
    (job,) = make_plan(definition, [tmp_path / "odd"]).jobs
    with pytest.raises(RefusedError, match=r"no column 'frame' or 'time'$"):
        run_job(job, definition)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", {"data": [{"pose": [1], "name": "a"}]}, "; it is single poses with names, one a sample: no motion"),
        ("a.json", b"\x89HDF\r\n\x1a\n", "; it is an HDF5 file of neither DeepLabCut nor SLEAP; export poses as CSV$"),
        ("a.json", b"\x80\x04", "; it is a pickle.*: may be pyskl_pickle or array_stack; say which as parse.format$"),
        ("a.json", {"a": 1}, "'people': expected a list, found null$"),
        ("a.json", b"", "empty[)]$"),
    ],
    ids=["single poses", "HDF5", "a pickle", "unknown", "empty"],
)
def test_a_file_that_is_of_no_form_is_refused_with_what_it_is(tmp_path, name, content, reason):
    definition, (job,) = jobs_of(tmp_path, {f"wave/{name}": content})
    with pytest.raises(RefusedError, match=reason):
        run_job(job, definition)


def test_a_file_that_vanished_is_not_said_to_be_of_another_form(tmp_path):
    definition, jobs = jobs_of(tmp_path, video("wave/000/", 1))
    (tmp_path / "raw/wave/000/video_000000000000_keypoints.json").unlink()
    with pytest.raises(RefusedError, match=r"^the file is no longer there$"):
        run_job(jobs[0], definition)


def test_ten_thousand_small_files_are_a_matter_of_seconds(tmp_path):
    frame = json.dumps({"people": [person()]}).encode()
    folder = tmp_path / "raw/wave/000"
    folder.mkdir(parents=True)
    for number in range(2000):
        (folder / f"v_{number:012d}_keypoints.json").write_bytes(frame)
    definition = define(tmp_path, "openpose_json", "body25", class_names=NAMES)
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    assert np.array_equal(run_job(job, definition).tracks.frame_index, np.arange(2000))


def test_a_clip_that_no_definition_describes_has_the_layout_and_rate_of_its_file(tmp_path):
    clip = read_alone("bvh", [NamedBytes("a.bvh", BVH.encode())])
    assert (clip.layout.joints[0], clip.fps, clip.tracks.frames) == ("hip centre", pytest.approx(25), 2)
    raw = write(tmp_path / "raw", video("wave/000/") | {"jump/a.bvh": BVH})
    files = [RawFile(path.relative_to(raw).as_posix(), raw, None, 1) for path in sorted(raw.rglob("*.*"))]
    found = {clip.source: (form, len(parts)) for clip, form, parts in grouped(files, "auto")}
    assert found == {"jump/a.bvh": ("bvh", 1), "wave/000.json": ("openpose_json", 3)}
