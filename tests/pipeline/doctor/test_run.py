"""The whole: demos with their deliberate faults, hostile files beside sound ones, workers that change nothing."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dastm.contract.errors import DataError
from pipeline.definitions.definition import load_definition
from pipeline.doctor import run
from pipeline.doctor.findings import Totals
from pipeline.doctor.run import doctor
from pipeline.parse.run import parse
from pipeline.synthesis import synthesise
from tests.pipeline.doctor.made_clips import as_skeleton, person, tracks
from tests.pipeline.parse.sources.source_files import annotation, define, write_pickle
from tests.pipeline.raw_files import write_json

pytestmark = pytest.mark.slow

SMALL = {"synth": {"n_classes": 2, "clips_per_class": 3}, "split": {"class_split": {"train": [0], "val": [1]}}}


def small(name, **split):
    changes = {**SMALL, "split": {**SMALL["split"], "clips_per_class": None, **split}}
    return load_definition(name, changes)


def findings(*paths, **options):
    totals = Totals()
    return totals, list(doctor(paths, totals, **options))


def checks(found, *, severity=None):
    return sorted(f.check for f in found if severity in (None, f.severity))


def name(clip):
    return f"S001C001P{clip:03d}R001A001.skeleton"


def write_people(folder, rng, n_clips):
    folder.mkdir(parents=True, exist_ok=True)
    for clip in range(1, n_clips + 1):
        (folder / name(clip)).write_text(as_skeleton(tracks(person(rng, 12))))


def test_the_ntu_demo_has_two_unusable_files_and_holds_what_it_should(tmp_path):
    demo = small("demo-ntu")
    synthesise(demo, tmp_path / "raw")
    totals, found = findings(tmp_path / "raw", definition=demo)
    assert (totals.clips, totals.classes) == (8, {0, 1})
    assert checks(found, severity="unusable") == ["unreadable", "unreadable"]
    assert {"classes", "clip_count", "other_files"}.isdisjoint(checks(found))


def test_files_of_many_clips_are_examined_as_their_table_is(tmp_path):
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    write_pickle(tmp_path / "raw" / "a.pkl", [annotation("a", 0), annotation("b", 3)])
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    for path in (tmp_path / "raw", tmp_path / "raw" / "a.pkl", tmp_path / "parsed"):
        totals, found = findings(path, definition=definition)
        assert (totals.clips, totals.classes) == (2, {0, 3})
        assert checks(found, severity="unusable") == []


def still(n_frames):
    """A person who stands at the same place in every frame, as OpenPose writes each."""
    places = [[100.0 + v, 200.0 + 3 * v, 0.9] for v in range(25)]
    return [
        json.dumps({"people": [{"pose_keypoints_2d": [n for place in places for n in place]}]}) for _ in range(n_frames)
    ]


def test_files_of_tools_are_recognised_and_examined_clip_by_clip(tmp_path):
    frames = tmp_path / "raw" / "wave" / "take1"
    frames.mkdir(parents=True)
    for t, text in enumerate(still(20)):
        (frames / f"take1_{t:012d}_keypoints.json").write_text(text)
    (tmp_path / "raw" / "wave" / "list.txt").write_text("what I did today")
    (tmp_path / "raw" / "wave" / "b.bvh").write_text("HIERARCHY")
    totals, found = findings(tmp_path / "raw")
    assert totals.clips == 2
    assert [(f.check, f.source.removeprefix(str(tmp_path))) for f in found] == [
        ("other_files", "/raw"),
        ("unreadable", "/raw/wave/b.bvh"),
        ("frozen_tail", "/raw/wave/take1.json"),
    ]


def test_the_same_files_with_a_definition_have_its_classes(tmp_path):
    definition = define(tmp_path, "auto", "body25", class_names=["wave"])
    for name, n_frames in (("wave", 20), ("kick", 20)):
        (tmp_path / "raw" / name).mkdir(parents=True)
        for t, text in enumerate(still(n_frames)):
            (tmp_path / "raw" / name / f"a_{t}_keypoints.json").write_text(text)
    (tmp_path / "raw" / "wave" / "b.csv").write_text("what I did today")
    totals, found = findings(tmp_path / "raw", definition=definition)
    assert totals.classes == {0}
    assert [(f.check, f.source.removeprefix(str(tmp_path))) for f in found if f.severity == "unusable"] == [
        ("label", "/raw/kick/a.json"),
        ("unreadable", "/raw/wave/b.csv"),
    ]


def test_files_of_another_form_than_the_definition_says_are_told_theirs(tmp_path):
    definition = define(tmp_path, "alphapose_json", "coco17", class_names=["wave"])
    (tmp_path / "raw" / "wave").mkdir(parents=True)
    (tmp_path / "raw" / "wave" / "a_0_keypoints.json").write_text(still(1)[0])
    _, found = findings(tmp_path / "raw", definition=definition)
    assert any("it looks like openpose_json" in f.what for f in found if f.check == "unreadable")


def test_the_kinetics_demo_has_all_its_oddities_found(tmp_path):
    demo = small("demo-kinetics")
    synthesise(demo, tmp_path / "raw")
    totals, found = findings(tmp_path / "raw", definition=demo)
    assert totals.clips == 12
    assert checks(found, severity="unusable") == ["label", "label", *["unreadable"] * 3]
    assert checks(found, severity="suspicious") == ["duplicate", "duplicate"]
    assert {f.check for f in found if f.severity == "odd"} <= {"many_bodies", "empty_frames"}


def test_without_a_definition_both_formats_are_looked_at_in_one_folder(tmp_path, rng):
    write_people(tmp_path / "a", rng, 2)
    demo = small("demo-kinetics")
    synthesise(demo, tmp_path / "b")
    totals, found = findings(tmp_path)
    assert totals.clips == 2 + 12
    assert "not_on_list" not in checks(found)


def test_hostile_files_are_a_line_each_and_nothing_stops_the_rest(tmp_path, rng):
    write_people(tmp_path, rng, 2)
    (tmp_path / name(3)).write_bytes(rng.bytes(5000))
    (tmp_path / "x.skeleton").mkdir()
    (tmp_path / "lost.skeleton").symlink_to(tmp_path / "nowhere")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name(4), b"1" * 5_000_000)
        archive.writestr(name(5), b"1\n1\n" * 100_000)
    data = bytearray((tmp_path / "bomb.zip").read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2**32 - 2).to_bytes(
        4, "little"
    )  # the size that the zip claims of its first member
    (tmp_path / "bomb.zip").write_bytes(bytes(data))
    (tmp_path / "cut.zip").write_bytes(bytes(data[: len(data) // 2]))
    totals, found = findings(tmp_path)
    told = {Path(f.source).name: (f.check, f.what) for f in found}
    assert told.pop(name(4))[1] == "4294967294 bytes, more than the 536870912 that a clip may have"
    assert {file: check for file, (check, _) in told.items()} == {
        name(3): "unreadable",
        name(5): "unreadable",
        "lost.skeleton": "unreadable",
        "x.skeleton": "other_files",
        "cut.zip": "archive",
    }
    assert totals.clips == 6


def test_a_folder_named_like_a_clip_is_a_line(tmp_path):
    (tmp_path / "x.skeleton").mkdir()
    (found,) = findings(tmp_path / "x.skeleton")[1]
    assert (found.check, found.what) == ("path", "a folder without a single clip")


def test_workers_change_nothing(tmp_path, rng, monkeypatch):
    write_people(tmp_path, rng, 5)
    (tmp_path / name(3)).write_text("1\n")
    (tmp_path / name(6)).write_text((tmp_path / name(2)).read_text())
    monkeypatch.setattr(run, "CHUNK", 2)
    alone, together = findings(tmp_path), findings(tmp_path, workers=2)
    assert alone == together
    assert checks(alone[1]) == ["duplicate", "unreadable"]


def test_a_worker_that_is_killed_is_one_line(tmp_path, rng, monkeypatch):
    from concurrent.futures.process import BrokenProcessPool

    class Dying:
        def map(self, *args, **options):
            raise BrokenProcessPool

        def shutdown(self, cancel_futures):
            assert cancel_futures

    write_people(tmp_path, rng, 2)
    monkeypatch.setattr(run, "CHUNK", 1)
    monkeypatch.setattr(run, "worker_pool", lambda workers: Dying())
    with pytest.raises(DataError, match="fewer --workers"):
        findings(tmp_path, workers=2)


def film_of(class_id, label, shift):
    poses = np.linspace(0.3, 0.6, 36) + shift
    frames = [
        {"frame_index": t, "skeleton": [{"pose": (poses + 0.001 * t).tolist(), "score": [0.5] * 18}]} for t in range(9)
    ]
    return {"data": frames, "label": label, "label_index": class_id}


def test_lists_and_clips_are_held_against_each_other(tmp_path):
    write_json(tmp_path / "a.json", film_of(0, "zero", 0.0))
    write_json(tmp_path / "b.json", film_of(1, "one", 0.1))
    entry = {"has_skeleton": True, "label": "zero", "label_index": 0}
    write_json(tmp_path / "kinetics_train_label.json", {"a": entry, "c": entry})
    (tmp_path / "kinetics_val_label.json").write_text("{")
    _, found = findings(tmp_path)
    told = [(f.check, Path(f.source).name, f.severity) for f in found]
    assert told == [
        ("label_list", "kinetics_val_label.json", "unusable"),
        ("not_on_list", "b.json", "odd"),
        ("list_without_clip", "kinetics_train_label.json", "suspicious"),
    ]
    assert found[0].byte == 1


def test_classes_outside_the_split_are_counted_and_not_looked_at(tmp_path):
    write_json(tmp_path / "a.json", film_of(0, None, 0.0))
    (tmp_path / "b.json").write_text("damaged, and left out unread")
    (tmp_path / ".json").write_text("hidden")
    (tmp_path / "a.b.json").write_text("no name of a clip")
    write_json(
        tmp_path / "kinetics_train_label.json",
        {"a": {"label": "", "label_index": 0}, "b": {"label": "", "label_index": 7}, "d": {"label": "x"}},
    )
    demo = small("demo-kinetics", class_split={"train": [0]})
    demo = replace(demo, synth=None, parse=replace(demo.parse, classes="split"))
    totals, found = findings(tmp_path, definition=demo)
    assert (totals.clips, totals.outside_split) == (2, 1)
    assert [(f.check, Path(f.source).name) for f in found] == [
        ("unreadable", "a.b.json"),
        ("list_without_clip", "kinetics_train_label.json"),
    ]


def test_a_list_that_contradicts_the_names_leaves_the_clip_to_be_looked_at(tmp_path):
    write_json(tmp_path / "a.json", film_of(0, "zero", 0.0))
    write_json(tmp_path / "kinetics_train_label.json", {"a": {"label": "unknown", "label_index": 9}})
    demo = small("demo-kinetics", class_split={"train": [0]})
    demo = replace(demo, synth=None, parse=replace(demo.parse, classes="split", class_names=("zero",)))
    _, found = findings(tmp_path, definition=demo)
    assert checks(found) == ["classes", "label"]


def test_a_single_clip_is_not_blamed_for_the_rest_of_the_data_set(tmp_path, rng):
    write_people(tmp_path, rng, 1)
    assert findings(tmp_path / name(1), definition=load_definition("ntu-t"))[1] == []
    whole = findings(tmp_path, definition=load_definition("ntu-t"))[1]
    assert checks(whole) == ["absent", "classes", "classes", "clip_count"]


def test_a_clip_on_the_missing_list_that_parses_is_a_doubt(tmp_path, rng):
    write_people(tmp_path, rng, 1)
    ntu = load_definition("ntu-t")
    listed = sorted(ntu.parse.missing)[0]
    (tmp_path / name(1)).rename(tmp_path / f"{listed}.skeleton")
    (found,) = findings(tmp_path / f"{listed}.skeleton", definition=ntu)[1]
    assert (found.check, found.key) == ("missing_list", listed)


def test_raw_files_and_the_table_and_shards_made_of_them_are_looked_at_in_one_go(tmp_path):
    from pipeline.parse.run import parse
    from pipeline.split.run import split

    demo = small("demo-ntu", class_split={"train": [0], "val": [1], "test": [2]}, n_frames=8)
    demo = replace(demo, synth=replace(demo.synth, n_classes=3, clips_per_class=2))
    synthesise(demo, tmp_path / "raw")
    parse(demo, [tmp_path / "raw"], tmp_path / "parsed")
    split(demo, tmp_path / "parsed", tmp_path / "shards")
    totals, found = findings(tmp_path, definition=demo)
    assert (totals.clips, totals.classes) == (8 + 6 + 6, {0, 1, 2})
    assert checks(found, severity="unusable") == ["refused", "refused", "unreadable", "unreadable"]
    assert "duplicate" not in checks(found)
    assert findings(tmp_path / "shards")[1] == []
    assert json.loads((tmp_path / "shards" / "manifest.json").read_text())["definition"].get("recorded") is None


def test_a_label_list_that_the_download_has_is_missed(tmp_path):
    demo = small("demo-kinetics", clips_per_class=None)
    synthesise(demo, tmp_path / "raw")
    with zipfile.ZipFile(tmp_path / "raw" / "demo-kinetics.zip") as archive:
        archive.extractall(tmp_path / "part")
    shutil.rmtree(tmp_path / "part" / "kinetics_val")
    (tmp_path / "part" / "kinetics_val_label.json").unlink()
    recorded = replace(demo, download="kinetics-skeleton")
    absent = "no label list kinetics_val_label.json"
    assert [f.what for f in findings(tmp_path / "part", definition=recorded)[1] if f.check == "absent"] == [absent]
    assert "absent" not in checks(findings(tmp_path / "part", definition=demo)[1])
    assert "absent" not in checks(findings(tmp_path / "raw", definition=recorded)[1])
