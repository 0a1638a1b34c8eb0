import re
import tracemalloc
from collections import Counter
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.clips import segment_frames
from dastm.contract.errors import DataError
from dastm.contract.shard_format import SUBSETS, decode_manifest
from dastm.contract.skeleton import LAYOUTS, NTU25, OPENPOSE18
from dastm.episodes.sources import open_source
from pipeline.audit.run import audit
from pipeline.definitions.definition import load_definition
from pipeline.exchange.import_arrays import NOTE_AS_STORED, NOTE_DROPPED, NOTE_PADDED, ImportSpec, import_arrays
from pipeline.kernels.frame_sampling import NOTE_SCRAMBLED, clip_rng
from tests.oracles.hand_made import STICK, definition_of
from tests.pipeline.array_files import LABELS, STORED, change, stored, true_frames, write_arrays

pytestmark = pytest.mark.slow

SPEC = ImportSpec(n_frames=6)
CLASS_SPLIT = {"train": (0, 3, 5), "val": (2, 4), "test": (7, 9)}


@pytest.fixture
def arrays(tmp_path):
    return write_arrays(tmp_path / "arrays")


def manifest_of(out):
    return decode_manifest((out / "manifest.json").read_bytes(), "here")


def sound(out):
    """The audit of a folder, which finds nothing."""
    report = audit(out)
    assert report["problems"] == []
    return report


def taken(arrays, part, row, at_T):
    """What a clip's shard must hold, in plain words: these frames of the bodies that are there."""
    clip_CTVM = np.load(arrays / f"{part}_data.npy")[row]
    n_bodies = 2 if row % 3 == 2 else 1
    return np.stack([[clip_CTVM[:, t, :, m].T for t in at_T] for m in range(n_bodies)])


def test_clips_hold_the_values_as_stored_at_the_frames_that_split_takes(arrays, tmp_path):
    summary = import_arrays(arrays, tmp_path / "out", SPEC)
    found = stored(tmp_path / "out")
    assert len(found) == 14
    for part, labels in LABELS.items():
        for row, label in enumerate(labels):
            array, facts, tar = found[f"{part}-{row:06d}"]
            at_T = segment_frames(true_frames(row), 6).tolist()
            np.testing.assert_array_equal(array, taken(arrays, part, row, at_T))
            assert array.dtype == np.float32
            assert tar == f"{part}/{label:03d}-000.tar"
            assert {name: facts[name] for name in facts if "checksum" not in name} == {
                "key": f"{part}-{row:06d}",
                "class_id": label,
                "class_name": f"class {label}",
                "part": part,
                "dataset": "arrays",
                "subject": None,
                "camera": None,
                "setup": None,
                "replication": None,
                "source": f"{part}_data.npy[{row}]",
                "source_label": label,
                "source_frames": true_frames(row),
                "frame_index": at_T,
                "notes": [],
                "bodies": len(array),
            }
    assert summary.clips == {"train": 7, "val": 4, "test": 3}
    assert summary.classes == {"train": 3, "val": 2, "test": 2}
    assert summary.bodies == {1: 10, 2: 4}
    assert summary.lines() == [
        *("train: 7 clips of 3 classes", "val: 4 clips of 2 classes", "test: 3 clips of 2 classes"),
        *("clips: 10 with 1 body, 4 with 2 bodies", NOTE_AS_STORED),
    ]


def test_the_audit_finds_nothing_and_the_manifest_says_what_there_is(arrays, tmp_path):
    import_arrays(arrays, tmp_path / "out", SPEC)
    report = sound(tmp_path / "out")
    assert (report["clips"], report["classes"], report["frames"], report["joints"]) == (14, 7, 6, 25)
    assert report["bodies"] == {"1": 10, "2": 4}
    manifest = manifest_of(tmp_path / "out")
    assert manifest.layout == NTU25
    assert {part: manifest.pool_sizes(part) for part in SUBSETS} == {p: dict(Counter(LABELS[p])) for p in SUBSETS}
    assert manifest.definition == {
        "name": "arrays",
        "about": "",
        "arrays": {
            **{part: {"shape": [len(LABELS[part]), 3, STORED, 25, 2], "dtype": "float32"} for part in SUBSETS},
            "renumber": False,
            "keep_slots": False,
        },
        "split": {
            "class_split": {part: list(ids) for part, ids in CLASS_SPLIT.items()},
            "n_frames": 6,
            "frame_sampling": "center",
            "frame_order": "time",
            "bodies": 2,
            "origin": "as stored",
            "rotate": "as stored",
            "scale": "as stored",
            "seed": 0,
            "clips_per_shard": 1000,
        },
    }


def test_any_number_of_clips_a_class_goes_through(tmp_path):
    """The released arrays have 29 a class."""
    labels = {"train": [1, 0] * 29, "val": [2] * 29 + [3], "test": [5] * 29}
    import_arrays(write_arrays(tmp_path / "in", labels), tmp_path / "out", ImportSpec(n_frames=4, clips_per_shard=10))
    sound(tmp_path / "out")
    manifest = manifest_of(tmp_path / "out")
    assert {p: manifest.pool_sizes(p) for p in SUBSETS} == {
        "train": {0: 29, 1: 29},
        "val": {2: 29, 3: 1},
        "test": {5: 29},
    }
    assert manifest.subsets["train"][0].shards == ("train/000-000.tar", "train/000-001.tar", "train/000-002.tar")


def test_two_imports_give_the_same_bytes(arrays, tmp_path):
    spec = ImportSpec(n_frames=5, frame_sampling="random", seed=3)
    for out in ("one", "two"):
        import_arrays(arrays, tmp_path / out, spec)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) == 7 + 2
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays", "one", "two"]


def test_random_frames_are_those_that_split_draws_with_this_seed(arrays, tmp_path):
    drawn = {}
    for seed in (0, 1):
        import_arrays(arrays, tmp_path / "out", ImportSpec(n_frames=5, frame_sampling="random", seed=seed))
        sound(tmp_path / "out")
        drawn[seed] = {key: facts["frame_index"] for key, (_, facts, _) in stored(tmp_path / "out").items()}
        for key, frames in drawn[seed].items():
            n_source = true_frames(int(key.split("-")[1]))
            assert frames == segment_frames(n_source, 5, clip_rng(seed, key)).tolist()
    assert drawn[0] != drawn[1]


def test_frames_as_released_lie_in_their_segments_and_short_clips_keep_their_padding(arrays, tmp_path):
    summary = import_arrays(arrays, tmp_path / "out", ImportSpec(n_frames=5, frame_sampling="release", seed=7))
    sound(tmp_path / "out")
    for key, (array, facts, _) in stored(tmp_path / "out").items():
        part, row = key.split("-")[0], int(key.split("-")[1])
        np.testing.assert_array_equal(array, taken(arrays, part, row, facts["frame_index"]))
        if true_frames(row) < 5:
            assert facts["frame_index"] == [0, 1, 2, 3, 4]
            assert (facts["source_frames"], facts["notes"]) == (5, [NOTE_PADDED])
            assert not array[:, 4:].any()
            assert array[:, :4].all()
        else:
            length = true_frames(row) // 5
            assert [t // length for t in facts["frame_index"]] == [0, 1, 2, 3, 4]
            assert (facts["source_frames"], facts["notes"]) == (true_frames(row), [])
    assert summary.notes == (NOTE_AS_STORED, f"4 clips: {NOTE_PADDED}")


def test_scrambled_frames_are_those_of_the_released_code_and_short_clips_escape(arrays, tmp_path):
    given = ImportSpec(n_frames=5, frame_sampling="release", seed=7)
    import_arrays(arrays, tmp_path / "time", given)
    summary = import_arrays(arrays, tmp_path / "scrambled", replace(given, frame_order="scrambled"))
    sound(tmp_path / "scrambled")
    in_time, mixed = stored(tmp_path / "time"), stored(tmp_path / "scrambled")
    for key, (array, facts, _) in mixed.items():
        before, drawn, _ = in_time[key]
        assert facts["frame_index"] == drawn["frame_index"]
        if true_frames(int(key.split("-")[1])) < 5:
            np.testing.assert_array_equal(array, before)
            assert facts["notes"] == [NOTE_PADDED]
        else:  # (time, coordinates, joints) read as (coordinates, time, joints)
            theirs = [body.transpose(0, 2, 1).reshape(3, 5, 25).transpose(1, 2, 0) for body in before]
            np.testing.assert_array_equal(array, theirs)
            assert facts["notes"] == [NOTE_SCRAMBLED]
    assert f"10 clips: {NOTE_SCRAMBLED}" in summary.notes
    orders = [manifest_of(tmp_path / name).definition["split"]["frame_order"] for name in ("time", "scrambled")]
    assert orders == ["time", "scrambled"]


def test_frame_sampling_as_released_needs_as_many_frames_stored(arrays, tmp_path):
    message = r"train_data.npy: 12 frames a clip, expected 13 for frame_sampling: release$"
    with pytest.raises(DataError, match=message):
        import_arrays(arrays, tmp_path / "out", ImportSpec(n_frames=13, frame_sampling="release"))
    import_arrays(arrays, tmp_path / "out", ImportSpec(n_frames=13))
    assert sound(tmp_path / "out")["frames"] == 13


def test_absent_bodies_are_left_out_whichever_slot_they_have(arrays, tmp_path):
    change(arrays, "train_data", (2, ..., 0), 0.0)
    summary = import_arrays(arrays, tmp_path / "out", SPEC)
    assert summary.bodies == {1: 11, 2: 3}
    second_TVC = np.load(arrays / "train_data.npy")[2, ..., 1].transpose(1, 2, 0)
    array, facts, _ = stored(tmp_path / "out")["train-000002"]
    np.testing.assert_array_equal(array, second_TVC[facts["frame_index"]][None])
    assert facts["notes"] == []


@pytest.mark.parametrize(
    ("spec", "kept"), [({"keep_slots": True}, True), ({"frame_sampling": "release"}, True), ({}, False)]
)
def test_an_empty_first_slot_stays_where_slots_are_kept(arrays, tmp_path, spec, kept):
    change(arrays, "train_data", (2, ..., 0), 0.0)
    summary = import_arrays(arrays, tmp_path / "out", replace(SPEC, **spec))
    assert summary.bodies == ({1: 10, 2: 4} if kept else {1: 11, 2: 3})
    report = sound(tmp_path / "out")
    assert report["bodies"]["2"] == (4 if kept else 3)
    array, facts, _ = stored(tmp_path / "out")["train-000002"]
    both_MTVC = np.load(arrays / "train_data.npy")[2].transpose(3, 1, 2, 0)[:, facts["frame_index"]]
    np.testing.assert_array_equal(array, both_MTVC if kept else both_MTVC[1:])


def test_a_body_of_zeros_is_damage_where_slots_are_not_kept_or_nobody_follows(arrays, tmp_path):
    change(arrays, "train_data", (2, ..., 0), 0.0)
    import_arrays(arrays, tmp_path / "out", replace(SPEC, keep_slots=True))
    path = tmp_path / "out" / "manifest.json"
    path.write_text(path.read_text().replace('"keep_slots": true', '"keep_slots": false'))
    assert [p for p in audit(tmp_path / "out")["problems"] if "all zero" in p]


def test_a_body_that_is_only_in_frames_not_taken_is_dropped_with_a_note(arrays, tmp_path):
    change(arrays, "train_data", (0, 0, 0, 3, 1), 1.0)  # frame 0 of 12 is not the middle of a segment
    change(arrays, "train_data", (1, 0, STORED - 1, 3, 1), 1.0)  # after the last true frame: not part of the clip
    summary = import_arrays(arrays, tmp_path / "out", SPEC)
    sound(tmp_path / "out")
    found = stored(tmp_path / "out")
    assert found["train-000000"][1]["notes"] == [NOTE_DROPPED]
    assert found["train-000001"][1]["notes"] == []
    assert summary.notes == (NOTE_AS_STORED, f"1 clips: {NOTE_DROPPED}")


def test_clips_without_a_body_are_left_out_and_named(arrays, tmp_path):
    for row in (1, 3):  # all of class 3
        change(arrays, "train_data", row, 0.0)
    change(arrays, "train_data", 5, 0.0)
    summary = import_arrays(arrays, tmp_path / "out", SPEC)
    assert sound(tmp_path / "out")["clips"] == 11
    assert summary.notes == (
        NOTE_AS_STORED,
        "train: no usable clip of class 3",
        "train_data.npy: clip 1 (class 3) left out, no body: zero in all frames taken",
        "train_data.npy: clip 3 (class 3) left out, no body: zero in all frames taken",
        "train_data.npy: clip 5 (class 0) left out, no body: zero in all frames taken",
    )
    assert manifest_of(tmp_path / "out").pool_sizes("train") == {0: 2, 5: 2}


def test_a_subset_without_any_body_stops_the_run(arrays, tmp_path):
    change(arrays, "val_data", slice(None), 0.0)
    with pytest.raises(DataError, match=r"val_data.npy: no clip shows a body, expected at least one that does$"):
        import_arrays(arrays, tmp_path / "out", SPEC)
    assert not (tmp_path / "out").exists()


def test_a_value_that_is_not_finite_stops_the_run_even_in_padding(arrays, tmp_path):
    change(arrays, "test_data", (2, 0, 11, 0, 0), np.nan)
    assert true_frames(2) <= 11
    with pytest.raises(DataError, match=r"test_data\.npy: clip 2: nan at coordinate 0, frame 11, joint 0, body 0"):
        import_arrays(arrays, tmp_path / "out", SPEC)
    assert [path.name for path in tmp_path.iterdir()] == ["arrays"]


def test_subsets_that_share_class_ids_are_one_line(arrays, tmp_path):
    write_arrays(arrays, {**LABELS, "test": [*range(20), 20]})
    message = (
        rf"^{re.escape(str(arrays))}/test_label.npy: class ids that train has as well \(0, 3, 5\), expected"
        " each class in one part; if every part numbers its own classes from 0 on, give --renumber$"
    )
    with pytest.raises(DataError, match=message):
        import_arrays(arrays, tmp_path / "out", SPEC)
    write_arrays(arrays, {"train": list(range(13)), "val": list(range(13)), "test": [40]})
    with pytest.raises(DataError, match=r"val_label.npy: .* \(0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more\), expected"):
        import_arrays(arrays, tmp_path / "out", SPEC)


def test_renumbered_classes_follow_each_other_subset_after_subset_and_keep_their_label(tmp_path):
    labels = {"train": [2, 0, 7, 2], "val": [1, 0], "test": [0, 1, 0]}
    arrays = write_arrays(tmp_path / "arrays", labels)
    import_arrays(arrays, tmp_path / "out", replace(SPEC, renumber=True))
    sound(tmp_path / "out")
    manifest = manifest_of(tmp_path / "out")
    names = {part: {i: entry.name for i, entry in manifest.subsets[part].items()} for part in SUBSETS}
    assert names == {
        "train": {0: "train class 0", 1: "train class 2", 2: "train class 7"},
        "val": {3: "val class 0", 4: "val class 1"},
        "test": {5: "test class 0", 6: "test class 1"},
    }
    assert manifest.definition["arrays"]["renumber"] is True
    for key, (array, facts, _) in stored(tmp_path / "out").items():
        part, row = key.split("-")[0], int(key.split("-")[1])
        assert facts["source_label"] == labels[part][row]
        assert facts["class_name"] == f"{part} class {labels[part][row]}"
        np.testing.assert_array_equal(array, taken(arrays, part, row, facts["frame_index"]))


def test_a_definition_gives_name_class_names_and_layout(tmp_path):
    arrays = write_arrays(tmp_path / "arrays", {"train": [0, 2, 2], "val": [1], "test": [5, 5]}, STICK)
    definition = definition_of()
    summary = import_arrays(arrays, tmp_path / "out", ImportSpec(definition=definition, n_frames=4))
    sound(tmp_path / "out")
    manifest = manifest_of(tmp_path / "out")
    assert (manifest.dataset, manifest.layout) == ("made", STICK)
    assert {i: entry.name for part in SUBSETS for i, entry in manifest.subsets[part].items()} == {
        **{i: definition.class_name(i) for i in (0, 1, 2)},
        5: "class 5",
    }
    assert summary.notes == (NOTE_AS_STORED,)


def test_classes_of_the_definition_without_a_clip_are_a_note(tmp_path):
    arrays = write_arrays(tmp_path / "arrays", {"train": [2, 2], "val": [1], "test": [5]}, STICK)
    summary = import_arrays(arrays, tmp_path / "out", ImportSpec(definition=definition_of(), n_frames=4))
    assert summary.notes == (NOTE_AS_STORED, "train: no usable clip of class 0")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            {"val": [2]},
            r"val_label.npy: class 2, expected val classes of made, which has it in train; for classes divided",
        ),
        ({"test": [5, 8]}, r"test_label.npy: class 8, expected test classes of made, which has it in no part; for"),
    ],
)
def test_another_class_split_than_the_definitions_is_one_line(tmp_path, labels, message):
    labels = {"train": [0, 2], "val": [1], "test": [5], **labels}
    arrays = write_arrays(tmp_path / "arrays", labels, STICK)
    with pytest.raises(DataError, match=message):
        import_arrays(arrays, tmp_path / "out", ImportSpec(definition=definition_of(), n_frames=4))


def test_the_shipped_definition_of_the_paper_takes_its_classes(tmp_path):
    definition = load_definition("ntu-t")
    labels = {part: [i for i in ids for _ in range(2)] for part, ids in definition.split.class_split.items()}
    summary = import_arrays(
        write_arrays(tmp_path / "arrays", labels), tmp_path / "out", ImportSpec(definition=definition, n_frames=3)
    )
    assert summary.classes == {"train": 80, "val": 20, "test": 20}
    assert sound(tmp_path / "out")["dataset"] == "ntu-t"
    assert manifest_of(tmp_path / "out").subsets["train"][0].name == definition.class_name(0) == "drink water"


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_layout_is_told_by_the_number_of_joints_or_given(tmp_path, layout):
    arrays = write_arrays(tmp_path / "arrays", layout=layout)
    for given in (None, layout):
        import_arrays(arrays, tmp_path / "out", replace(SPEC, layout=given))
        assert manifest_of(tmp_path / "out").layout == layout
        sound(tmp_path / "out")
    other = NTU25 if layout is OPENPOSE18 else OPENPOSE18
    with pytest.raises(DataError, match=rf"train_data.npy: shape .*, expected .* as layout {other.name} has"):
        import_arrays(arrays, tmp_path / "out", replace(SPEC, layout=other))


def test_subsets_of_different_layouts_are_one_line(arrays, tmp_path):
    write_arrays(tmp_path / "other", layout=OPENPOSE18)
    (arrays / "val_data.npy").write_bytes((tmp_path / "other/val_data.npy").read_bytes())
    with pytest.raises(
        DataError, match=r"val_data.npy: shape \(4, 3, 12, 18, 2\), expected \(clips, 3, frames, 25, 2\)"
    ):
        import_arrays(arrays, tmp_path / "out", SPEC)


def test_a_body_with_confidences_only_is_absent(tmp_path):
    arrays = write_arrays(tmp_path / "arrays", layout=OPENPOSE18)
    change(arrays, "test_data", (0, 2, ..., 1), 0.5)
    import_arrays(arrays, tmp_path / "out", SPEC)
    sound(tmp_path / "out")
    assert len(stored(tmp_path / "out")["test-000000"][0]) == 1


def test_upright_is_kept_for_the_figures_and_turns_nothing(arrays, tmp_path):
    for out, upright in (("lying", False), ("standing", True)):
        import_arrays(arrays, tmp_path / out, replace(SPEC, upright=upright))
    lying, standing = manifest_of(tmp_path / "lying"), manifest_of(tmp_path / "standing")
    assert standing.definition["split"]["rotate"] == "upright"
    assert lying.contents == standing.contents


@pytest.mark.parametrize(
    ("folder", "name"), [("ntu-T_1", "ntu-T_1"), ("my arrays.v2", "my-arrays-v2"), ("données", "donn-es")]
)
def test_the_folder_names_the_data_set_where_nothing_else_does(tmp_path, folder, name):
    import_arrays(write_arrays(tmp_path / folder), tmp_path / "out", SPEC)
    with closing(open_source(str(tmp_path / "out"))) as source:  # which takes plain names only
        assert source.manifest.dataset == name


def test_a_folder_with_other_things_is_not_replaced_and_arrays_stay_as_they_are(arrays, tmp_path):
    before = {path.name: path.read_bytes() for path in arrays.iterdir()}
    with pytest.raises(DataError, match=r"arrays: holds files but no manifest.json that says they are a shard"):
        import_arrays(arrays, arrays, SPEC)
    import_arrays(arrays, tmp_path / "out", SPEC)
    assert {path.name: path.read_bytes() for path in arrays.iterdir()} == before


def test_a_run_that_fails_while_writing_leaves_the_old_shards_and_no_other_file(arrays, tmp_path, monkeypatch):
    import_arrays(arrays, tmp_path / "out", SPEC)
    before = (tmp_path / "out/manifest.json").read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.storage.shard_writing._write_clip", full)
    with pytest.raises(DataError, match=r"out\.new/train/000-000\.tar: cannot be written: No space left"):
        import_arrays(arrays, tmp_path / "out", replace(SPEC, n_frames=3))
    assert (tmp_path / "out/manifest.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays", "out"]


def test_memory_holds_one_clip_and_not_the_arrays(tmp_path):
    arrays = write_arrays(tmp_path / "arrays", {"train": [0] * 150, "val": [1], "test": [2]}, stored=300)
    assert (arrays / "train_data.npy").stat().st_size == pytest.approx(27e6, rel=0.01)
    tracemalloc.start()
    import_arrays(arrays, tmp_path / "out", SPEC)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_frames": 0}, "n_frames and clips_per_shard must be at least 1"),
        ({"clips_per_shard": 0}, "n_frames and clips_per_shard must be at least 1"),
        ({"seed": -1}, "seed at least 0"),
        ({"renumber": True, "definition": definition_of()}, "new class ids are not those of made"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        ImportSpec(**fields)
