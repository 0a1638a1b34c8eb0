"""PKU-MMD, UTKinect and Florence 3D: each action of a take is a clip, from its first frame to its last."""

import numpy as np
import pytest

from dastm.contract.errors import DataError
from pipeline.definitions.definition import load_definition
from pipeline.parse.plan import make_plan
from pipeline.parse.run import parse
from pipeline.storage.table import read_clips, read_refused

pytestmark = pytest.mark.slow


def row(*numbers):
    return " ".join(f"{number:.6f}" for number in numbers) + "\n"


def pku(n_frames, second=0.0):
    """A take whose every number is the frame's, counted from 1; the second body's is `second`."""
    return "".join(row(*[float(t)] * 75, *[second] * 75) for t in range(1, n_frames + 1))


def read_files(tmp_path, name, files):
    """Key -> clip, and key -> the reason of its refusal."""
    for path, text in files.items():
        file = tmp_path / "raw" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    parse(load_definition(name), [tmp_path / "raw"], tmp_path / "parsed")
    clips = {clip.key: clip for clip in read_clips(tmp_path / "parsed")}
    return clips, {row["key"]: row["reason"] for row in read_refused(tmp_path / "parsed").to_pylist()}


PKU_FILES = {
    "Data/0002-L.txt": pku(9),
    "Data/0003-R.txt": pku(4, second=5.0),
    "Label/0002-L.txt": "51,2,4,2\n1,7,12,1\n3,10,11,1\n",
    "Label/0003-R.txt": "12, 1, 4, 2\r\n",
    "Split/cross-view.txt": "Training videos:\n0002-L, 0003-R\n",
}


def test_a_pku_mmd_take_is_cut_at_the_lines_that_its_list_says(tmp_path):
    clips, refused = read_files(tmp_path, "pku-mmd", PKU_FILES)
    first, last = clips["0002-L_01"], clips["0002-L_02"]
    assert (first.class_name, first.camera, first.tracks.frames) == ("writing", 1, 3)
    assert first.tracks.joints_PVC[:, 0, 0].tolist() == [2, 3, 4]
    assert (last.class_name, last.tracks.frames, last.tracks.notes) == ("bow", 3, ("take_ends_before_the_action",))
    both = clips["0003-R_01"]
    assert (both.class_name, both.camera) == ("giving something to other person", 3)
    assert (len(both.tracks.ids), both.tracks.joints_PVC[-1, 24, 2]) == (2, 5)
    assert refused == {"0002-L_03": "frames 10 to 11 of a take of 9"}


def test_a_take_without_its_list_is_refused_with_where_to_put_it(tmp_path):
    files = {**PKU_FILES, "Data/0009-M.txt": pku(2)}
    _, refused = read_files(tmp_path, "pku-mmd", files)
    assert "a text 0009-M.txt in another folder" in refused["0009-M"]


def test_an_action_that_the_definition_does_not_name_is_refused(tmp_path):
    _, refused = read_files(tmp_path, "pku-mmd", {**PKU_FILES, "Label/0003-R.txt": "0,1,4,2\n"})
    assert refused["0003-R_01"] == "an action '0' that parse.class_names does not have"


def test_a_damaged_list_names_its_line(tmp_path):
    with pytest.raises(DataError, match=r"Label/0002-L.txt: not class,first,last,confidence"):
        read_files(tmp_path, "pku-mmd", {**PKU_FILES, "Label/0002-L.txt": "51,2,4,2\n51;2;4\n"})


def test_a_line_of_another_width_or_without_a_number_is_refused_by_its_number(tmp_path):
    lines = pku(4).splitlines(keepends=True)
    files = {
        "a/0001-L.txt": lines[0] + lines[1] + "1 2 3\n" + lines[3],
        "a/0002-L.txt": lines[0] + lines[1].replace("2.000000", "x", 1) + lines[2],
        "a/0003-L.txt": lines[0],
        "b/0001-L.txt": "1,1,4,1",
        "b/0002-L.txt": "1,1,3,1",
        "b/0003-L.txt": "1,1,1,1",
    }
    read_files(tmp_path, "pku-mmd", files)
    found = {(row["key"], row["line"], row["reason"]) for row in read_refused(tmp_path / "parsed").to_pylist()}
    assert found == {("0001-L_01", 3, "3 numbers, expected 150"), ("0002-L_01", 2, "'x' is not a number")}


def utkinect(*frames):
    return "".join(f" {t}   {'  '.join([f'{t / 100:.4f}'] * 60)}\n" for t in frames)


def test_a_utkinect_take_is_cut_by_the_numbers_of_its_frames(tmp_path):
    files = {
        "actionLabel.txt": "s01_e01\nwalk: 252 258 \nsitDown: 300 302\n\ns10_e02\ncarry: NaN NaN\nclapHands: 10 18\n"
        "s02_e01\nwalk: 1 2\n",
        "joints/joints_s01_e01.txt": utkinect(250, 252, 254, 254, 256, 258, 260),
        "joints/joints_s10_e02.txt": utkinect(10, 12, 16, 18),
    }
    clips, refused = read_files(tmp_path, "utkinect", files)
    walk = clips["s01_e01_walk"]
    assert (walk.class_name, walk.subject, walk.replication, walk.tracks.frames) == ("walk", 1, 1, 4)
    assert np.allclose(walk.tracks.joints_PVC[:, 19, 2], [2.52, 2.54, 2.56, 2.58])
    claps = clips["s10_e02_clapHands"]
    assert (claps.subject, claps.tracks.frames, claps.tracks.frame_index.tolist()) == (10, 5, [0, 1, 3, 4])
    assert refused == {"s01_e01_sitDown": "no line of the frames 300 to 302"}


def test_what_is_no_list_of_utkinects_actions_names_its_line(tmp_path):
    files = {"actionLabel.txt": "s01_e01\nwalk 252 258\n", "joints_s01_e01.txt": utkinect(1)}
    with pytest.raises(DataError, match=r"actionLabel.txt: neither s01_e01 nor walk: 252 390"):
        read_files(tmp_path, "utkinect", files)


def test_florence_3ds_one_text_is_a_clip_a_video(tmp_path):
    heads = [(1, 1, 1), (1, 1, 1), (2, 1, 4), (3, 2, 9)]
    text = "".join(row(*head, *[1000.0 * at] * 45) for at, head in enumerate(heads, 1)).replace(".000000", "")
    files = {"Florence_dataset_WorldCoordinates.txt": text, "Florence_dataset_Features.txt": "1 2 3\n"}
    clips, _ = read_files(tmp_path, "florence3d", files)
    told = {key: (clip.class_name, clip.subject, clip.tracks.frames) for key, clip in clips.items()}
    assert told == {"v001": ("wave", 1, 2), "v002": ("clap", 1, 1), "v003": ("bow", 2, 1)}
    assert clips["v003"].tracks.joints_PVC[0, 14].tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("florence3d", row(*[0.5] * 48), "not the numbers of a video"),
        ("florence3d", "hello\n", "no Florence_dataset_WorldCoordinates.txt"),
        ("pku-mmd", "hello\n", "no text of 150 numbers"),
        ("utkinect", "hello\n", "no actionLabel.txt"),
    ],
)
def test_a_folder_of_other_texts_is_no_such_set(tmp_path, name, text, reason):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError, match=reason):
        make_plan(load_definition(name), [tmp_path])
