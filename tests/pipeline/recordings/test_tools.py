"""Files of tools as recordings: frames of a folder are one, actions are folders, a definition says what it knows."""

import numpy as np
import pytest

from dastm.contract.layouts import KNOWN_LAYOUTS
from pipeline.recordings.arrays import Terms
from pipeline.recordings.reading import Taken, take
from pipeline.recordings.walk import Refused
from tests.pipeline.parse.sources.source_files import define
from tests.pipeline.parse.tools.test_bvh import TEXT as BVH
from tests.pipeline.parse.tools.test_landmark_csv import wide
from tests.pipeline.parse.tools.test_openpose import frames, person
from tests.pipeline.parse.tools.tool_files import as_bytes
from tests.pipeline.raw_files import zip_folder


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(content))
    return folder


def video(folder, n_frames=3):
    shown = frames(*[[person(100.0 + t, 50.0)] for t in range(n_frames)])
    return {f"{folder}{name}": content for name, content in shown.items()}


def told(path, **terms):
    found = list(take([path], Terms(**terms)))
    return [one for one in found if isinstance(one, Taken)], [one for one in found if isinstance(one, Refused)]


def test_frames_of_folders_and_files_of_tools_are_recordings_of_their_actions(tmp_path):
    raw = write(
        tmp_path / "raw", video("wave/000/") | video("clap/", 2) | {"jump/a.bvh": BVH, "jump/b.csv": wide("L{v}_{c}")}
    )
    for root in (raw, zip_folder(raw, tmp_path / "raw.zip")):
        taken, refused = told(root)
        assert refused == []
        assert [(one.key, one.action, one.layout.name, one.bodies[0].joints_TVC.shape[0]) for one in taken] == [
            ("clap/video", "clap", "body25", 2),
            ("jump/a", "jump", "bvh", 2),
            ("jump/b", "jump", "blazepose33", 2),
            ("wave/000", "wave", "body25", 3),
        ]
    assert taken[1].fps == pytest.approx(25)
    assert "read as openpose_json" in taken[0].notes


def test_pixels_stay_pixels_so_that_both_axes_have_one_unit(tmp_path):
    (one,), _ = told(write(tmp_path / "a", video("")))
    assert one.bodies[0].joints_TVC[0, 1].tolist() == [101, 52, 0.5]
    assert one.key == "video"


def test_two_videos_of_a_folder_are_told_by_their_names(tmp_path):
    taken, _ = told(write(tmp_path / "raw", video("wave/a_") | video("wave/b_", 2)))
    assert [(one.key, one.source.rpartition("/")[2]) for one in taken] == [
        ("wave/a_video", "a_video*"),
        ("wave/b_video", "b_video*"),
    ]


def test_what_cannot_be_read_is_one_line_and_texts_of_others_are_passed_over(tmp_path):
    files = {"a/x_1_keypoints.json": "", "a/readme.txt": "hello\n", "b/pose.txt": "1 2 3\n" * 15}
    taken, refused = told(write(tmp_path / "raw", files))
    assert taken == []
    assert [(one.source.rpartition("/")[2], one.is_foreign) for one in refused] == [
        ("readme.txt", True),
        ("x_1_keypoints.json", False),
        ("pose.txt", False),
    ]
    assert "parse.layout" in str(refused[2].why)
    taken, _ = told(tmp_path / "raw" / "b", layout=KNOWN_LAYOUTS["kard15"])
    assert taken[0].layout.name == "kard15"


def test_a_definition_says_the_form_the_layout_and_the_size_of_images(tmp_path):
    raw = write(tmp_path / "raw", video("wave/000/") | {"labels.csv": "key,class\n"})
    (tmp_path / "labels.csv").write_text("key,class\nwave_000,clap\n")
    for form in ("openpose_json", "auto"):
        source = {"image_size": [640, 480], "labels": "labels.csv"}
        definition = define(tmp_path, form, "body25", class_names=["wave", "clap", "a", "b", "c", "d"], source=source)
        taken, refused = told(raw, definition=definition)
        assert refused == []
        assert taken[0].bodies[0].joints_TVC[0, 0].tolist() == pytest.approx([100 / 640, 50 / 480, 0.5])


def test_a_definition_of_another_format_leaves_files_of_tools_alone(tmp_path):
    raw = write(tmp_path / "raw", {"wave/a.csv": wide("L{v}_{c}")})
    definition = define(tmp_path, "folder_arrays", "blazepose33", class_names=["wave", "b", "c", "d", "e", "f"])
    taken, refused = told(raw, definition=definition)
    assert (taken, len(refused)) == ([], 1)


def test_too_little_memory_and_files_that_vanish_are_one_line(tmp_path, monkeypatch):
    raw = write(tmp_path / "raw", {"wave/a.bvh": BVH})
    monkeypatch.setattr("pipeline.recordings.reading.read_tool", lambda *words: np.zeros(2**55))
    _, (one,) = told(raw)
    assert "not enough memory" in str(one.why)
    monkeypatch.undo()
    monkeypatch.setattr("pipeline.recordings.tools.head_of", lambda raw: (_ for _ in ()).throw(_gone()))
    _, (one,) = told(raw)
    assert one.why.reason


def _gone():
    from pipeline.parse.raw_files import UnreadableError

    return UnreadableError("the file is no longer there")
