"""What is exported is what plain `pickle.load` and our own reader get back, bit for bit."""

import pickle
import subprocess
import sys
import tarfile
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import DataError
from dastm.contract.shard_format import ShardError
from dastm.contract.skeleton import COCO17, NTU25
from pipeline.audit.run import audit
from pipeline.exchange.export import export_parsed, export_shards
from pipeline.exchange.import_arrays import ImportSpec, import_arrays
from pipeline.inspect.stats import shard_stats
from pipeline.kernels.frame_sampling import NOTE_SCRAMBLED
from pipeline.parse.run import parse
from pipeline.split.run import split
from pipeline.storage.table import read_clips
from tests.command_line import done, failed, misused
from tests.oracles.pyskl_reading import LEAST_SCORE, joints_of
from tests.pipeline.array_files import LABELS, change, stored, write_arrays
from tests.pipeline.parse.sources.source_files import annotation, annotation_2d, define, ntu_names, pyskl, write_pickle

pytestmark = pytest.mark.slow


def source_of(folder, layout):
    if layout == "ntu25":
        annotations = [annotation(name, label, 1 + row % 2) for row, (name, label) in enumerate(ntu_names())]
        annotations[3]["keypoint"][1, :4] = 0
    else:
        annotations = [annotation_2d(name, label) for name, label in ntu_names()]
    write_pickle(folder / "raw" / "in.pkl", pyskl(annotations))
    return annotations


@pytest.fixture(params=["ntu25", "coco17"])
def made(request, tmp_path):
    """A parsed table and shards of both kinds, and the definition."""
    source_of(tmp_path, request.param)
    definition = define(tmp_path, "pyskl_pickle", request.param)
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed", files_per_task=5)
    split(definition, tmp_path / "parsed", tmp_path / "shards")
    return definition


def test_a_parsed_table_comes_back_bit_for_bit(made, tmp_path):
    (tmp_path / "again").mkdir()
    export_parsed(tmp_path / "parsed", tmp_path / "again" / "out.pkl", made)
    parse(made, [tmp_path / "again"], tmp_path / "back", files_per_task=5)
    for clip, back in zip(read_clips(tmp_path / "parsed"), read_clips(tmp_path / "back"), strict=True):
        assert (clip.key, clip.class_id, clip.subject, clip.tracks.frames) == (
            back.key,
            back.class_id,
            back.subject,
            back.tracks.frames,
        )
        for name in ("ids", "lengths", "frame_index", "joints_PVC", "scores_PV"):
            one, other = getattr(clip.tracks, name), getattr(back.tracks, name)
            assert (one is None and other is None) or one.tobytes() == other.tobytes()


def test_every_joint_of_root_centred_shards_comes_back(tmp_path):
    """Export, parse and split of our own shards: the pelvis stays at the origin, and each body in its slot."""
    annotations = [annotation(name, label, 2) for name, label in ntu_names()]
    for one in annotations:
        one["keypoint"][1] *= 2  # the second moves more, and stays the second
    write_pickle(tmp_path / "raw" / "in.pkl", pyskl(annotations))
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    options = {"origin": "every_frame", "rank": "stored"}
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    split(replace(definition, split=replace(definition.split, **options)), tmp_path / "parsed", tmp_path / "shards")
    (tmp_path / "again").mkdir()
    export_shards(tmp_path / "shards", tmp_path / "again" / "out.pkl")
    parse(definition, [tmp_path / "again"], tmp_path / "back")
    options = {"origin": "none", "rank": "stored"}
    split(replace(definition, split=replace(definition.split, **options)), tmp_path / "back", tmp_path / "again_shards")
    there, back = stored(tmp_path / "shards"), stored(tmp_path / "again_shards")
    assert there.keys() == back.keys()
    for key, (joints_MTVC, _, _) in there.items():
        assert not joints_MTVC[0, :, NTU25.centre].any()
        assert np.array_equal(back[key][0], joints_MTVC)


def test_an_empty_first_slot_comes_back_where_slots_are_kept(tmp_path):
    """The norm of a network that reads both slots tells the first from the second."""
    arrays = write_arrays(tmp_path / "arrays", stored=6)
    change(arrays, "train_data", (2, ..., 0), 0.0)
    import_arrays(arrays, tmp_path / "shards", ImportSpec(n_frames=4, keep_slots=True))
    (tmp_path / "again").mkdir()
    export_shards(tmp_path / "shards", tmp_path / "again" / "out.pkl")
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    parse(definition, [tmp_path / "again"], tmp_path / "back")
    options = {"class_split": {part: tuple(sorted(set(of))) for part, of in LABELS.items()}, "n_frames": 4}
    slots = replace(definition.split, origin="none", rank="slots", **options)
    split(replace(definition, split=slots), tmp_path / "back", tmp_path / "again_shards")
    assert audit(tmp_path / "again_shards")["problems"] == []
    there, back = stored(tmp_path / "shards"), stored(tmp_path / "again_shards")
    assert not there["train-000002"][0][0].any()
    assert there.keys() == back.keys()
    for key, (joints_MTVC, _, _) in there.items():
        assert np.array_equal(back[key][0], joints_MTVC)


def test_joints_without_a_measurement_come_back_as_such(tmp_path):
    annotations = [annotation(name, label) for name, label in ntu_names()]
    for one in annotations:
        one["keypoint"][0, 2:4, 5] = np.nan
        one["keypoint"][0, 4, 6] = 0
    write_pickle(tmp_path / "raw" / "in.pkl", pyskl(annotations))
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    (tmp_path / "again").mkdir()
    export_parsed(tmp_path / "parsed", tmp_path / "again" / "out.pkl")
    document = pickle.loads((tmp_path / "again" / "out.pkl").read_bytes())
    assert not np.isnan(document["annotations"][0]["keypoint"]).any()
    parse(definition, [tmp_path / "again"], tmp_path / "back")
    for clip, back in zip(read_clips(tmp_path / "parsed"), read_clips(tmp_path / "back"), strict=True):
        assert np.isnan(clip.tracks.joints_PVC).sum() == 6
        assert np.array_equal(clip.tracks.joints_PVC, back.tracks.joints_PVC, equal_nan=True)
        assert np.array_equal(back.tracks.scores_PV == 0, np.isnan(clip.tracks.joints_PVC[..., 0]))


def test_a_3_d_joint_of_score_0_is_zero_for_readers_that_pass_over_scores(tmp_path):
    (tmp_path / "raw" / "0").mkdir(parents=True)
    scored = np.random.default_rng(0).uniform(1, 2, (6, 25, 4))
    scored[2:4, 5, 3] = 0
    np.save(tmp_path / "raw" / "0" / "a.npy", scored)
    parse(define(tmp_path, "folder_arrays", "ntu25"), [tmp_path / "raw"], tmp_path / "parsed")
    export_parsed(tmp_path / "parsed", tmp_path / "out.pkl")
    (clip,) = pickle.loads((tmp_path / "out.pkl").read_bytes())["annotations"]
    expected = np.where(scored[None, ..., 3:] > 0, scored[None, ..., :3], 0)
    np.testing.assert_array_equal(clip["keypoint"], expected.astype(np.float32))
    np.testing.assert_array_equal(clip["joint_score"], scored[None, ..., 3].astype(np.float32))


def test_pickle_itself_reads_the_parsed_table(made, tmp_path):
    summary = export_parsed(tmp_path / "parsed", tmp_path / "out.pkl", made)
    document = pickle.loads((tmp_path / "out.pkl").read_bytes())
    clips = list(read_clips(tmp_path / "parsed"))
    assert summary.clips == len(document["annotations"]) == 12
    assert summary.n_bytes == (tmp_path / "out.pkl").stat().st_size
    assert list(document["split"]) == ["train", "val", "test"]
    assert document["split"]["val"] == [c.key for c in clips if c.class_id == 3]
    assert document["dastm"]["layout"] == made.parse.layout.to_dict()
    for clip, one in zip(clips, document["annotations"], strict=True):
        assert (one["frame_dir"], one["label"], one["total_frames"]) == (clip.key, clip.class_id, 10)
        joints = one["keypoint"]
        assert joints.dtype == np.float32
        assert joints.flags.writeable
        if made.parse.layout is COCO17:
            assert one["img_shape"] == one["original_shape"] == (1024, 1024)
            assert np.array_equal(joints.reshape(-1, 17, 2), clip.tracks.joints_PVC * 1024)
            assert np.array_equal(one["keypoint_score"].reshape(-1, 17), clip.tracks.scores_PV)
        else:
            assert np.array_equal(joints[joints.any(axis=(2, 3))], clip.tracks.joints_PVC)


def test_clips_outside_the_class_split_are_exported_and_in_no_split(tmp_path):
    source_of(tmp_path, "ntu25")
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    narrow = replace(definition, split=replace(definition.split, class_split={"train": (0,), "val": (), "test": (5,)}))
    summary = export_parsed(tmp_path / "parsed", tmp_path / "out.pkl", narrow)
    assert (summary.clips, dict(summary.splits)) == (12, {"train": 2, "val": 0, "test": 2})


def test_other_image_sizes_lose_no_more_than_a_last_place(tmp_path):
    (expected, *_) = source_of(tmp_path, "coco17")
    definition = define(tmp_path, "pyskl_pickle", "coco17")
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    export_parsed(tmp_path / "parsed", tmp_path / "out.pkl", img_shape=(480, 640))
    document = pickle.loads((tmp_path / "out.pkl").read_bytes())
    assert document["split"] == {"all": [name for name, _ in ntu_names()]}
    assert document["annotations"][0]["img_shape"] == (480, 640)
    np.testing.assert_allclose(document["annotations"][0]["keypoint"], expected["keypoint"], rtol=2**-22)


def test_shards_are_exported_as_training_sees_them(made, tmp_path):
    summary = export_shards(tmp_path / "shards", tmp_path / "out.pkl")
    document = pickle.loads((tmp_path / "out.pkl").read_bytes())
    assert summary.lines() == [f"12 annotations (train 6, val 2, test 4), {summary.n_bytes / 1e6:.1f} MB"]
    clips = stored(tmp_path / "shards")
    assert sorted(clips) == sorted(one["frame_dir"] for one in document["annotations"])
    for one in document["annotations"]:
        joints, facts, tar = clips[one["frame_dir"]]
        assert one["label"] == facts["class_id"]
        assert one["frame_dir"] in document["split"][tar.split("/")[0]]
        if made.parse.layout is COCO17:
            pixels = (joints[..., :2].astype(np.float64) * [1, -1] + 0.5) * 1024
            assert np.array_equal(one["keypoint"], pixels.astype(np.float32))
            assert np.array_equal(one["keypoint_score"], joints[..., 2])
        else:
            assert np.array_equal(one["keypoint"], joints)


@pytest.mark.parametrize("changes", [{}, {"origin": "none"}, {"missing_joints": "zero"}])
def test_exported_shards_come_back_as_the_same_joints_by_parse_and_by_pyskl(tmp_path, changes):
    annotations = source_of(tmp_path, "coco17")
    annotations[2]["keypoint_score"][0, 3:5, 7] = 0
    write_pickle(tmp_path / "raw" / "in.pkl", pyskl(annotations))
    definition = define(tmp_path, "pyskl_pickle", "coco17")
    definition = replace(definition, split=replace(definition.split, **changes))
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    split(definition, tmp_path / "parsed", tmp_path / "shards")
    (tmp_path / "again").mkdir()
    export_shards(tmp_path / "shards", tmp_path / "again" / "out.pkl")
    parse(definition, [tmp_path / "again"], tmp_path / "back")
    split(definition, tmp_path / "back", tmp_path / "twice")
    first, second = stored(tmp_path / "shards"), stored(tmp_path / "twice")
    assert sorted(first) == sorted(second)
    for key, (joints, _, _) in first.items():
        known = (joints[..., 2:] > 0) | (definition.split.missing_joints == "zero")  # the others are filled in anew
        np.testing.assert_allclose(np.where(known, second[key][0], joints), joints, atol=3e-7)
    for one in pickle.loads((tmp_path / "again" / "out.pkl").read_bytes())["annotations"]:
        joints = first[one["frame_dir"]][0]
        seen = np.where(joints[..., 2:] > LEAST_SCORE, joints[..., :2] * [2, -2], 0)
        np.testing.assert_allclose(joints_of(one)[..., :2], seen, atol=3e-7)
        assert np.array_equal(joints_of(one)[..., 2], joints[..., 2])


def test_exported_3_d_is_read_by_pyskl_as_it_is_and_crowds_are_said(tmp_path):
    annotations = source_of(tmp_path, "ntu25")
    annotations[0]["keypoint"] = np.repeat(annotations[1]["keypoint"], 2, axis=0)
    write_pickle(tmp_path / "raw" / "in.pkl", pyskl(annotations))
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    summary = export_parsed(tmp_path / "parsed", tmp_path / "out.pkl")
    named = annotations[0]["frame_dir"]
    crowd = f"1 clips have more than 2 bodies, which PYSKL does not take in 3-D ({named}); export shards"
    assert summary.lines()[1:] == [crowd]
    for one, made in zip(pickle.loads((tmp_path / "out.pkl").read_bytes())["annotations"], annotations, strict=True):
        if len(one["keypoint"]) == 4:
            with pytest.raises(AssertionError):
                joints_of(one)
        else:
            assert np.array_equal(joints_of(one), made["keypoint"][: len(one["keypoint"])])


def test_coordinates_that_the_form_has_no_place_for_are_refused(shards, tmp_path):
    path = shards / "manifest.json"
    path.write_text(path.read_text().replace('   "z"\n', "").replace('"y",\n', '"y"\n'))
    with pytest.raises(DataError, match="layout ntu25 has the coordinates x, y; PYSKL's form holds x, y, z"):
        export_shards(shards, tmp_path / "out.pkl")


def test_whoever_looks_at_scrambled_shards_sees_their_frames_as_time_runs(made, tmp_path):
    """Audit, statistics and export; training sees what the released code would."""
    mixed = replace(made, split=replace(made.split, frame_order="scrambled"))
    split(mixed, tmp_path / "parsed", tmp_path / "mixed")
    found = {}
    for name in ("shards", "mixed"):
        export_shards(tmp_path / name, tmp_path / f"{name}.pkl")
        found[name] = pickle.loads((tmp_path / f"{name}.pkl").read_bytes())["annotations"]
    for one, other in zip(found["shards"], found["mixed"], strict=True):
        assert one["frame_dir"] == other["frame_dir"]
        np.testing.assert_array_equal(one["keypoint"], other["keypoint"])
    as_time, as_mixed = stored(tmp_path / "shards"), stored(tmp_path / "mixed")
    assert all(NOTE_SCRAMBLED in facts["notes"] for _, facts, _ in as_mixed.values())
    assert not any(np.array_equal(as_time[key][0], as_mixed[key][0]) for key in as_time)
    reports = [audit(tmp_path / name) for name in ("shards", "mixed")]
    assert reports[0] == reports[1]
    counted = [shard_stats(tmp_path / name) for name in ("shards", "mixed")]
    assert counted[0].missing == counted[1].missing


def test_bytes_are_the_same_every_time_and_no_other_file_is_left(made, tmp_path):
    for _ in range(2):
        export_shards(tmp_path / "shards", tmp_path / "out" / "a.pkl")
        export_shards(tmp_path / "shards", tmp_path / "out" / "b.pkl")
    assert (tmp_path / "out" / "a.pkl").read_bytes() == (tmp_path / "out" / "b.pkl").read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.pkl", "b.pkl"]


def test_a_stock_python_with_numpy_reads_it_without_a_warning(made, tmp_path):
    export_shards(tmp_path / "shards", tmp_path / "out.pkl")
    code = (
        "import pickle\n"
        "with open('out.pkl', 'rb') as file:\n"
        "    annotations = pickle.load(file)['annotations']\n"
        "print(len(annotations), annotations[0]['keypoint'].any())\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("12 True\n", "")


def test_memory_holds_one_clip(tmp_path):
    write_pickle(tmp_path / "raw" / "in.pkl", [annotation(f"c{i:03d}", 0, frames=300) for i in range(150)])
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed", files_per_task=8)
    tracemalloc.start()
    export_parsed(tmp_path / "parsed", tmp_path / "out.pkl")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "out.pkl").stat().st_size > 13e6
    assert peak < 5e6


@pytest.fixture
def shards(tmp_path):
    source_of(tmp_path, "ntu25")
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    split(definition, tmp_path / "parsed", tmp_path / "shards")
    return tmp_path / "shards"


def _cut(path):
    path.write_bytes(path.read_bytes()[:3000])


def _flip(path):
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(data)


def _drop(path):
    with tarfile.open(path, "w"):
        pass


def _swap(path):
    with tarfile.open(path, "w") as tar:
        for name in ("a.json", "a.joints.npy"):
            tar.addfile(tarfile.TarInfo(name))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, r"damaged tar|checksum"),
        (_flip, "checksum differs"),
        (_drop, "0 clips of train class 1, the manifest has 2"),
        (_swap, "a.json: not a clip's array and facts"),
        (lambda path: path.unlink(), "missing"),
    ],
)
def test_damaged_shards_are_one_line_and_leave_no_file(shards, tmp_path, damage, message):
    damage(shards / "train" / "001-000.tar")
    with pytest.raises((DataError, ShardError), match=message):
        export_shards(shards, tmp_path / "out" / "out.pkl")
    assert list((tmp_path / "out").iterdir()) == []


def test_where_it_cannot_be_written_the_old_file_stays(shards, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be written"):
        export_shards(shards, tmp_path / "file" / "out.pkl")
    (tmp_path / "full").mkdir()
    with pytest.raises(DataError, match="cannot be written: Is a directory"):
        export_shards(shards, tmp_path / "full")
    assert list(tmp_path.glob(".full*")) == []


def test_no_shards_and_no_clips_are_one_line(shards, tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"nowhere/manifest.json: not there; run `dastm-data split` first"):
        export_shards(tmp_path / "nowhere", tmp_path / "out.pkl")
    monkeypatch.setattr("pipeline.exchange.export.read_clips", lambda _folder: iter(()))
    with pytest.raises(DataError, match="not a single clip"):
        export_parsed(tmp_path / "parsed", tmp_path / "out.pkl")
    assert not (tmp_path / "out.pkl").exists()


def test_a_clip_with_too_many_bodies_for_one_array_is_named(shards, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.exchange.export.MAX_CLIP_BYTES", 1000)
    with pytest.raises(DataError, match=r"clip S001C002P003R001A001: 1 bodies x 10 frames are too many"):
        export_parsed(tmp_path / "parsed", tmp_path / "out.pkl")


def test_the_command_exports_what_it_is_told(shards, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert done("dastm-data", "export", "--shards", shards, "--out", "a.pkl").startswith("12 annotations (train 6, ")
    told = done("dastm-data", "export", "--parsed", "parsed", "--dataset", "mine.yaml", "--out", "b.pkl")
    assert told == "12 annotations (train 6, val 2, test 4), 0.1 MB\n"
    told = done("dastm-data", "export", "--parsed", "parsed", "--out", "c.pkl", "--img-shape", 4, 4)
    assert told == "12 annotations (all 12), 0.1 MB\n"
    (tmp_path / "data" / "shards").mkdir(parents=True)
    shards.rename(tmp_path / "data" / "shards" / "mine")
    done("dastm-data", "export", "--dataset", "mine.yaml", "--out", "d.pkl")
    assert (tmp_path / "d.pkl").read_bytes() == (tmp_path / "a.pkl").read_bytes()
    assert "nowhere" in failed("dastm-data", "export", "--shards", "nowhere", "--out", "e.pkl")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--parsed", "a", "--shards", "b"),
        ("--dataset", "a", "--shards", "b"),
        ("--shards", "b", "--img-shape", 4, 4),
    ],
)
def test_the_command_takes_one_source(words):
    assert (
        "give one of --dataset, --shards and --parsed" in misused("dastm-data", "export", *words, "--out", "x.pkl")
        or "--img-shape" in words
    )


def test_the_audit_takes_one_folder():
    for words in ((), ("--dataset", "a", "--shards", "b")):
        assert "give either --dataset or --shards" in misused("dastm-data", "audit", *words)
