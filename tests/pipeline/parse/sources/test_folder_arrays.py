"""Folders of .npy and CSV: names, labels and values as the definition says, through `parse` and `split`."""

import numpy as np
import pytest

from dastm.contract.errors import DataError, RefusedError
from pipeline.definitions.definition import load_definition
from pipeline.parse.plan import make_plan, run_job
from pipeline.parse.run import parse
from pipeline.split.run import split
from pipeline.storage.table import read_clips
from tests.pipeline.parse.sources.source_files import STICK, STICK_2D, define, motion
from tests.pipeline.raw_files import zip_folder

NAMES = ["wave", "clap", "kick", "jump", "sit", "stand"]
CSV = "frame,x_hip,y_hip,z_hip,x_1,y_1,z_1\n7,0.1,0.2,0.3,1,2,3\n8,nan,0.2,0.3,1,2,\n10,4,5,6,7,8,9\n"


@pytest.fixture
def folder(tmp_path):
    """Two clips of each of six classes, one of two bodies."""
    for label, name in enumerate(NAMES):
        (tmp_path / "raw" / name).mkdir(parents=True)
        np.save(tmp_path / "raw" / name / f"{name}-1.npy", motion(label, 1, 9, STICK)[0])
        np.save(tmp_path / "raw" / name / f"{name}-2.npy", motion(label, 2, 12, STICK).astype(np.float64))
    return tmp_path / "raw"


def one(tmp_path, name, data, layout=STICK, **source):
    """The clip of a folder with one file."""
    path = tmp_path / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, str):
        path.write_text(data, encoding="utf-8")
    else:
        np.save(path, data)
    definition = define(tmp_path, "folder_arrays", layout, class_names=NAMES, source=source)
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    return run_job(job, definition)


def test_a_folder_a_class_becomes_a_table_and_shards_zipped_or_not(folder, tmp_path):
    definition = define(tmp_path, "folder_arrays", STICK, class_names=NAMES)
    for root, out in ((folder, "a"), (zip_folder(folder, tmp_path / "raw.zip"), "b")):
        summary = parse(definition, [root], tmp_path / out)
        assert (summary.clips, summary.refused, summary.classes) == (12, 0, 6)
    assert (tmp_path / "a/clips-00000.parquet").read_bytes() == (tmp_path / "b/clips-00000.parquet").read_bytes()
    for clip in read_clips(tmp_path / "a"):
        assert clip.key[:-2] == f"{clip.class_name}_{NAMES[clip.class_id]}"
        bodies = int(clip.key[-1])
        expected = motion(clip.class_id, bodies, 9 if bodies == 1 else 12, STICK)
        assert np.array_equal(clip.tracks.joints_PVC.reshape(expected.shape), expected)
    assert split(definition, tmp_path / "a", tmp_path / "out").clips == {"train": 6, "val": 2, "test": 4}


def test_class_folders_whose_file_names_repeat_keep_every_clip(tmp_path):
    for place in ("train/wave", "train/clap", "test/wave"):
        (tmp_path / "raw" / place).mkdir(parents=True)
        np.save(tmp_path / "raw" / place / "000.npy", motion(len(place), 1, 5, STICK)[0])
    definition = define(tmp_path, "folder_arrays", STICK, class_names=NAMES)
    summary = parse(definition, [tmp_path / "raw"], tmp_path / "out")
    assert (summary.clips, summary.refused) == (3, 0)
    keys = {clip.key: clip.class_name for clip in read_clips(tmp_path / "out")}
    assert keys == {"train_wave_000": "wave", "train_clap_000": "clap", "test_wave_000": "wave"}


def test_keys_that_only_look_alike_are_not_called_the_same_clip(tmp_path):
    for place in ("wave/a_000.npy", "wave_a/000.npy"):
        (tmp_path / "raw" / place).parent.mkdir(parents=True)
        np.save(tmp_path / "raw" / place, motion(1, 1, 5, STICK)[0])
    jobs = make_plan(define(tmp_path, "folder_arrays", STICK), [tmp_path / "raw"]).jobs
    assert [job.problem for job in jobs] == [
        None,
        "'wave/a_000.npy' has the same key; rename one of the two, or its folder",
    ]


def test_a_key_that_is_stated_twice_is_the_same_clip(tmp_path):
    for place in ("wave/1-x.npy", "clap/2-x.npy"):
        (tmp_path / "raw" / place).parent.mkdir(parents=True)
        np.save(tmp_path / "raw" / place, motion(1, 1, 5, STICK)[0])
    source = {"pattern": r"(?P<class>\w+)/\d-(?P<key>.+)\.npy"}
    jobs = make_plan(define(tmp_path, "folder_arrays", STICK, source=source), [tmp_path / "raw"]).jobs
    assert [job.problem for job in jobs] == [None, "the same clip as 'clap/2-x.npy'"]


def test_a_name_of_ntu_is_a_key_wherever_its_file_lies(tmp_path):
    clip = one(tmp_path, "wave/S001C002P003R004A001.npy", motion(0, 1, 5, STICK)[0])
    assert (clip.key, clip.subject, clip.tracks.notes) == ("S001C002P003R004A001", 3, ())


@pytest.mark.parametrize("listed", ["wave/000", "wave_000", "000"])
def test_a_labels_file_may_name_a_clip_by_its_path_or_its_file(tmp_path, listed):
    (tmp_path / "labels.csv").write_text(f"key,class\n{listed},clap\n")
    clip = one(tmp_path, "wave/000.npy", motion(0, 1, 5, STICK)[0], labels="labels.csv")
    assert (clip.key, clip.class_name) == (listed.replace("/", "_"), "clap")


@pytest.mark.parametrize(("more", "refused"), [("", 2), ("wave_000,clap\n", 0)])
def test_a_key_of_the_labels_file_that_means_several_files_is_said_and_none_of_them_is_taken(tmp_path, more, refused):
    for place in ("wave", "clap"):
        (tmp_path / "raw" / place).mkdir(parents=True)
        np.save(tmp_path / "raw" / place / "000.npy", motion(1, 1, 5, STICK)[0])
    (tmp_path / "labels.csv").write_text(f"key,class\n000,kick\n{more}")
    definition = define(tmp_path, "folder_arrays", STICK, class_names=NAMES, source={"labels": "labels.csv"})
    jobs = make_plan(definition, [tmp_path / "raw"]).jobs
    problems = [job.problem for job in jobs if job.problem]
    said = "the labels file's '000' is the name of 2 files here; list each by its path, like"
    assert problems == [f"{said} 'clap_000'", f"{said} 'wave_000'"][:refused]
    if not refused:  # of two, one is listed by its path: the other is the only one of its name
        assert [(job.name.key, job.labels[0].name) for job in jobs] == [("000", "kick"), ("wave_000", "clap")]


def test_a_pattern_finds_every_fact_in_the_path(tmp_path):
    clip = one(
        tmp_path,
        "P07/cam2/kick_03.npy",
        motion(0, 1, 5, STICK)[0],
        pattern=r"P(?P<subject>\d+)/cam(?P<camera>\d)/(?P<key>(?P<class>[a-z]+)_(?P<replication>\d+))\.npy",
    )
    assert (clip.key, clip.class_id, clip.class_name) == ("kick_03", 2, "kick")
    assert (clip.subject, clip.camera, clip.replication, clip.setup) == (7, 2, 3, None)
    with pytest.raises(RefusedError, match=r"the path does not match parse.source.pattern"):
        one(tmp_path, "P07/cam2/kick_03.npy", motion(0, 1, 5, STICK)[0], pattern="(?P<key>x)")


def test_a_labels_file_says_what_the_path_does_not(folder, tmp_path):
    lines = ["key,class,subject", *(f"{n}-{i},{NAMES[::-1].index(n)},{i}" for n in NAMES for i in (1, 2))][:-1]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    (folder / "labels.csv").write_text("in the raw folder, too: no clip")
    definition = define(tmp_path, "folder_arrays", STICK, source={"labels": "labels.csv"})
    summary = parse(definition, [folder], tmp_path / "out")
    assert (summary.clips, summary.refused) == (11, 1)
    assert summary.first_refused[0].startswith("stand/stand-2.npy: no label_index")
    clips = list(read_clips(tmp_path / "out"))
    assert [(c.class_id, c.subject) for c in clips if c.key in ("wave-1", "sit-2")] == [(1, 2), (5, 1)]
    assert definition.to_dict()["parse"]["source"]["labels"] == 11


def test_labels_of_a_spreadsheet_find_files_whose_names_have_dots(tmp_path):
    (tmp_path / "labels.csv").write_text("key,class\nwave.1,2\n", encoding="utf-8-sig")
    clip = one(tmp_path, "a/wave.1.npy", motion(0, 1, 5, STICK)[0], labels="labels.csv")
    assert (clip.key, clip.class_id, clip.tracks.notes) == ("wave_1", 2, ("key_renamed",))


def test_a_folder_with_nothing_but_the_labels_is_one_line(tmp_path):
    (tmp_path / "raw").mkdir()
    for place in (tmp_path, tmp_path / "raw"):
        (place / "labels.csv").write_text("key,class\na,1\n")
    definition = define(tmp_path, "folder_arrays", STICK, source={"labels": "labels.csv"})
    with pytest.raises(DataError, match=r"labels.csv and not a single clip"):
        make_plan(definition, [tmp_path / "raw"])


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("clap-1,clap,", "label 'wave' in the path, but 'clap' in the labels file"),
        ("wave-1,nothing,", "label 'wave' in the path, but 'nothing'"),
        ("wave-1,wave,x", "subject 'x' is not a whole number"),
        ("wave-1,wave,5", "subject: the path and the labels file disagree"),
    ],
)
def test_path_and_labels_file_that_disagree_are_refused(tmp_path, lines, reason):
    (tmp_path / "labels.csv").write_text(f"key,class,subject\n{lines.replace('clap-1', 'wave-1')}\n")
    with pytest.raises(RefusedError, match=reason):
        one(
            tmp_path,
            "wave/1-wave-1.npy",
            motion(0, 1, 5, STICK)[0],
            labels="labels.csv",
            pattern=r"(?P<class>\w+)/(?P<subject>\d)-(?P<key>.+)\.npy",
        )


def test_classes_may_be_numbers_and_files_without_one_are_refused(tmp_path):
    assert one(tmp_path, "3/a.npy", motion(0, 1, 5, STICK)[0]).class_id == 3
    (tmp_path / "raw/3/a.npy").unlink()
    with pytest.raises(RefusedError, match="no label_index"):
        one(tmp_path, "a.npy", motion(0, 1, 5, STICK)[0])
    (tmp_path / "raw/a.npy").unlink()
    with pytest.raises(RefusedError, match="'hop' is not among"):
        one(tmp_path, "hop/a.npy", motion(0, 1, 5, STICK)[0])
    (tmp_path / "raw/hop/a.npy").unlink()
    with pytest.raises(RefusedError, match="the class's name is not a text"):
        one(tmp_path, "h\top/a.npy", motion(0, 1, 5, STICK)[0])


@pytest.mark.parametrize(("axes", "order"), [("CTV", (3, 1, 2)), ("VTC", (2, 1, 3)), ("CTVM", (3, 1, 2, 0))])
def test_axes_may_come_in_any_order(tmp_path, axes, order):
    expected = motion(1, 2 if "M" in axes else 1, 9, STICK)
    stored = expected.transpose(order) if "M" in axes else expected[0].transpose([i - 1 for i in order])
    clip = one(tmp_path, "wave/a.npy", stored, axes=axes)
    assert np.array_equal(clip.tracks.joints_PVC.reshape(expected.shape), expected)
    with pytest.raises(RefusedError, match=f"expected the axes {axes}"):
        one(tmp_path, "wave/a.npy", np.ones((5, 2)), axes=axes)


@pytest.mark.parametrize(
    ("up", "expected"),
    [
        ("y", (1, 2, 3)),
        ("z", (1, 3, -2)),
        ("x", (-2, 1, 3)),
        ("-y", (1, -2, -3)),
        ("-z", (1, -3, 2)),
        ("-x", (2, -1, 3)),
    ],
)
def test_bodies_are_turned_upright_and_units_become_metres(tmp_path, up, expected):
    clip = one(tmp_path, "wave/a.npy", np.tile([1000.0, 2000, 3000], (4, 2, 1)), up=up, unit_m=0.001)
    assert np.array_equal(clip.tracks.joints_PVC[0, 0], np.array(expected, np.float32))
    axes = np.eye(3)
    turned = [one(tmp_path, "wave/a.npy", np.tile(a, (1, 2, 1)), up=up).tracks.joints_PVC[0, 0] for a in axes]
    assert np.linalg.det(np.array(turned)) == pytest.approx(1)  # no mirror
    upwards = axes["xyz".index(up[-1])] * (-1 if up[0] == "-" else 1)
    assert np.array_equal(upwards @ np.array(turned), [0, 1, 0])


def test_nan_is_a_joint_that_was_not_measured(tmp_path):
    clip = one(tmp_path, "wave/a.csv", CSV)
    assert clip.tracks.frames == 4
    assert clip.tracks.frame_index.tolist() == [0, 3]  # frame 8 has no joint with all three
    assert clip.tracks.notes == ("nan_as_missing",)
    joints = np.ones((3, 2, 3))
    joints[1, 0, 2] = np.nan
    (tmp_path / "raw/wave/a.csv").unlink()
    clip = one(tmp_path, "wave/a.npy", joints)
    assert np.array_equal(clip.tracks.joints_PVC[1, 0], [np.nan] * 3, equal_nan=True)
    assert np.isnan(clip.tracks.joints_PVC).sum() == 3
    assert clip.tracks.notes == ("nan_as_missing",)


def test_the_step_between_frames_is_a_key_of_the_definition(tmp_path):
    rows = "".join(f"{t},1,2,3,4,5,6\n" for t in (0, 10, 20))
    data = "frame,x_0,y_0,z_0,x_1,y_1,z_1\n" + rows
    assert one(tmp_path, "wave/a.csv", data, frame_step=10).tracks.frames == 3
    with pytest.raises(RefusedError, match=r"say parse\.source\.frame_step: 10"):
        one(tmp_path, "wave/a.csv", data)


def test_two_dimensional_clips_get_confidences(tmp_path):
    pixels = np.tile([320.0, 120.0], (2, 2, 1))
    clip = one(tmp_path, "wave/a.npy", pixels, STICK_2D, image_size=[640, 480])
    assert clip.tracks.joints_PVC.tolist() == [[[0.5, 0.25]] * 2] * 2
    assert clip.tracks.scores_PV.tolist() == [[1, 1]] * 2
    scored = np.concatenate([pixels / 640, np.full((2, 2, 1), 0.75)], axis=2)
    scored[1, 1] = np.nan
    clip = one(tmp_path, "wave/a.npy", scored, STICK_2D)
    assert clip.tracks.joints_PVC[0].tolist() == [[0.5, 0.1875]] * 2
    assert clip.tracks.scores_PV.tolist() == [[0.75, 0.75], [0.75, 0]]
    with pytest.raises(RefusedError, match="width and height are not known"):
        one(tmp_path, "wave/a.npy", pixels, STICK_2D, image="pixels")


@pytest.mark.parametrize(
    ("data", "layout", "reason"),
    [
        (np.ones((4, 3, 3)), STICK, r"shape \(1, 4, 3, 3\), expected \(bodies, frames, 2, 3 or 4\) as layout stick"),
        (np.ones((4, 2, 4)), STICK_2D, r"expected \(bodies, frames, 2, 2 or 3\)"),
        (np.ones((4, 2)), STICK, "expected the axes TVC or MTVC"),
        (np.ones((4, 2, 3), bool), STICK, "an array of bool, expected numbers"),
        (np.zeros((4, 2, 3)), STICK, "no body in any of 4 frames"),
        (np.ones((100_001, 2, 3), np.int8), STICK, "100001 frames, more than 100000"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(tmp_path, data, layout, reason):
    with pytest.raises(RefusedError, match=reason):
        one(tmp_path, "wave/a.npy", data, layout)


def test_a_folder_definition_names_its_layout(tmp_path):
    define(tmp_path, "folder_arrays", STICK)
    text = (tmp_path / "mine.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("layout:", "class_names: [] #"))
    with pytest.raises(DataError, match=r"mine.yaml"):
        load_definition(tmp_path / "mine.yaml")
