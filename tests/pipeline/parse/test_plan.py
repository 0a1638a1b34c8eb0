from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import DataError, RefusedError
from pipeline.parse.labels import Label
from pipeline.parse.plan import MISSING, NOTE_UNNAMED, find_files, make_plan, run_job
from tests.pipeline.raw_files import SKELETON, clip, definition, write_json, write_ntu, zip_folder

NTU = "S001C002P003R004A{:03d}.skeleton"
KINETICS = definition("kinetics", classes="all", class_names=("abseiling", "air drumming", "zumba"))
UNNAMED = definition("kinetics", classes="all", class_names=())


def listed(label="abseiling", index=0):
    return {"has_skeleton": True, "label": label, "label_index": index}


def kinetics_folder(folder, entries, clips=("a",), **changes):
    write_json(folder / "kinetics_train_label.json", entries)
    for name in clips:
        write_json(folder / "kinetics_train" / f"{name}.json", clip(**changes))
    return folder


def run_one(spec, folder):
    (job,) = make_plan(spec, [folder]).jobs
    return run_job(job, spec)


def test_an_ntu_file_becomes_a_clip_with_all_its_facts(tmp_path):
    write_ntu(tmp_path, ["top/" + NTU.format(31)])
    parsed = run_one(definition("ntu-t"), tmp_path)
    assert (parsed.key, parsed.dataset, parsed.class_id) == ("S001C002P003R004A031", "ntu-t", 30)
    assert parsed.class_name == definition("ntu-t").class_name(30)
    assert (parsed.setup, parsed.camera, parsed.subject, parsed.replication) == (1, 2, 3, 4)
    assert parsed.source == "top/S001C002P003R004A031.skeleton"
    assert parsed.source_bytes == (tmp_path / parsed.source).stat().st_size
    assert parsed.tracks.notes == ()


@pytest.mark.parametrize(("said", "lost"), [(None, True), ("missing", True), ("measured", False)])
def test_a_joint_at_the_origin_of_an_ntu_file_is_lost_unless_the_definition_says_otherwise(tmp_path, said, lost):
    write_ntu(tmp_path, {NTU.format(31): SKELETON.replace("4 5 6", "0 -0 0.0")})
    spec = definition("ntu-t")
    parsed = run_one(replace(spec, parse=replace(spec.parse, zero_joints=said)), tmp_path)
    joints_PVC, at = parsed.tracks.joints_PVC, int(np.flatnonzero(parsed.tracks.joints_PVC[:, 0, 0] == 1)[0])
    assert np.isnan(joints_PVC[at, 1]).tolist() == [lost] * 3
    assert np.isfinite(joints_PVC).sum() == joints_PVC.size - 3 * lost


def test_a_class_without_a_name_gets_its_number(tmp_path):
    write_ntu(tmp_path, [NTU.format(121)])
    assert run_one(definition("ntu-t"), tmp_path).class_name == "class 120"


@pytest.mark.parametrize(
    ("names", "noted"), [((), False), (("drink", "eat", "brush"), False), (("drink", "eat"), True)]
)
def test_a_clip_whose_class_the_list_of_names_is_too_short_for_is_noted(tmp_path, names, noted):
    write_ntu(tmp_path, [NTU.format(3)])
    spec = definition("ntu-t")
    parsed = run_one(replace(spec, parse=replace(spec.parse, class_names=names, classes="all")), tmp_path)
    assert parsed.tracks.notes == (NOTE_UNNAMED,) * noted


def test_a_kinetics_file_becomes_a_clip(tmp_path):
    parsed = run_one(KINETICS, kinetics_folder(tmp_path, {"a": listed()}))
    assert (parsed.key, parsed.class_id, parsed.class_name) == ("a", 0, "abseiling")
    assert (parsed.setup, parsed.camera, parsed.subject, parsed.replication) == (None, None, None, None)
    assert parsed.source == "kinetics_train/a.json"
    assert parsed.tracks.notes == ()


@pytest.mark.parametrize("zipped", [True, False])
def test_label_lists_are_found_under_a_common_top_folder_for_both_subsets(tmp_path, zipped):
    for part, label, index in (("train", "zumba", 2), ("val", "air drumming", 1)):
        write_json(tmp_path / "raw" / "top" / f"kinetics_{part}_label.json", {part: listed(label, index)})
        write_json(tmp_path / "raw" / "top" / f"kinetics_{part}" / f"{part}.json", clip(label=None, label_index=None))
    root = zip_folder(tmp_path / "raw", tmp_path / "raw.zip") if zipped else tmp_path / "raw"
    parsed = [run_job(job, KINETICS) for job in make_plan(KINETICS, [root]).jobs]
    assert [(p.key, p.class_id, p.class_name) for p in parsed] == [("train", 2, "zumba"), ("val", 1, "air drumming")]


@pytest.mark.parametrize(
    ("spec", "entry", "own", "expected"),
    [
        (KINETICS, listed(index=""), {"label": "", "label_index": ""}, (0, "abseiling")),
        (KINETICS, listed(label="zumba", index=None), {"label": None, "label_index": 2}, (2, "zumba")),
        (UNNAMED, listed(label="zumba", index=None), {"label": None, "label_index": 7}, (7, "zumba")),
        (UNNAMED, {"has_skeleton": False}, {}, (0, "abseiling")),
        (UNNAMED, {"label_index": 4}, {"label": None, "label_index": None}, (4, "class 4")),
    ],
)
def test_list_and_clip_complete_each_other(tmp_path, spec, entry, own, expected):
    parsed = run_one(spec, kinetics_folder(tmp_path, {"a": entry}, **own))
    assert (parsed.class_id, parsed.class_name) == expected


@pytest.mark.parametrize(
    ("spec", "entry", "own", "reason"),
    [
        (
            UNNAMED,
            listed("zumba", 0),
            {},
            r"label 'zumba' in the list kinetics_train_label\.json, but 'abseiling' in the clip",
        ),
        (UNNAMED, listed(index=5), {}, "label_index 5 in the list .*, but 0 in the clip"),
        (KINETICS, listed("zumba", 0), {"label": "zumba"}, "'zumba' with label_index 0, .*call 'abseiling'"),
        (KINETICS, listed(None, None), {"label": "yoga"}, "label 'yoga' is not among"),
        (
            UNNAMED,
            listed("x", None),
            {"label": None, "label_index": None},
            "no label_index, neither in the clip nor on",
        ),
        (UNNAMED, {}, {"label": None, "label_index": None}, "no label_index, neither in the clip nor on"),
    ],
)
def test_contradicting_or_missing_labels_are_refused(tmp_path, spec, entry, own, reason):
    with pytest.raises(RefusedError, match=reason):
        run_one(spec, kinetics_folder(tmp_path, {"a": entry}, **own))


def test_two_lists_that_disagree_refuse_the_clip_unread(tmp_path):
    kinetics_folder(tmp_path, {"a": listed()})
    write_json(tmp_path / "kinetics_val_label.json", {"a": listed("zumba", 2)})
    (job,) = make_plan(UNNAMED, [tmp_path]).jobs
    assert "'abseiling' in the list kinetics_train_label.json, but 'zumba' in the list kinetics_val" in str(job.problem)


def test_a_clip_on_no_list_keeps_its_own_label_and_a_note(tmp_path):
    parsed = run_one(KINETICS, kinetics_folder(tmp_path, {"other": listed()}))
    assert (parsed.class_id, parsed.tracks.notes) == (0, ("not_on_list",))


def test_a_clip_said_to_have_no_skeleton_is_tried(tmp_path):
    entry = listed() | {"has_skeleton": False}
    assert run_one(KINETICS, kinetics_folder(tmp_path, {"a": entry})).tracks.frames == 4
    with pytest.raises(RefusedError, match="'data' is an empty list"):
        run_one(KINETICS, kinetics_folder(tmp_path, {"a": entry}, data=[]))


def test_a_broken_label_list_stops_the_run(tmp_path):
    kinetics_folder(tmp_path, {"a": 3})
    with pytest.raises(
        DataError, match=r'label list kinetics_train_label\.json: clip "a": the entry: expected an object'
    ):
        make_plan(KINETICS, [tmp_path])


def test_label_lists_alone_are_no_data(tmp_path):
    write_json(tmp_path / "kinetics_val_label.json", {})
    with pytest.raises(DataError, match="label lists, but not a single clip"):
        find_files(KINETICS, [tmp_path])


def test_what_is_found_is_told_apart(tmp_path):
    kinetics_folder(tmp_path, {}, clips=("b", "a"))
    (tmp_path / "README").write_text("x")
    files = find_files(KINETICS, [tmp_path])
    assert [file.name for file in files.clips] == ["a.json", "b.json"]
    assert [file.name for file in files.label_lists] == ["kinetics_train_label.json"]
    assert files.ignored == 1


def test_the_missing_list_is_honoured_unread(tmp_path):
    write_ntu(tmp_path, ["S001C002P005R002A008.skeleton"])
    (job,) = make_plan(definition("ntu-t"), [tmp_path]).jobs
    assert job.problem == MISSING
    with pytest.raises(RefusedError, match="on the data set's list of missing skeletons"):
        run_job(job, definition("ntu-t"))


def test_a_file_with_another_name_is_refused(tmp_path):
    write_ntu(tmp_path, ["walking.skeleton"])
    (job,) = make_plan(definition("ntu-t"), [tmp_path]).jobs
    assert job.name is None
    with pytest.raises(RefusedError, match="the file name is not Ssss"):
        run_job(job, definition("ntu-t"))


def test_a_name_that_is_not_unicode_can_be_stored(tmp_path):
    (tmp_path / "a\udcff.json").write_text("{}")
    (job,) = make_plan(KINETICS, [tmp_path]).jobs
    assert job.source == "a\\xff.json"
    assert "unprintable" in str(job.problem)


def test_the_second_file_of_a_key_is_a_duplicate(tmp_path):
    write_ntu(tmp_path, ["b/" + NTU.format(1), "a/" + NTU.format(1), "c/" + NTU.format(1)])
    plan = make_plan(definition("ntu-t"), [tmp_path])
    same = "the same clip as 'a/S001C002P003R004A001.skeleton'"
    assert [job.problem for job in plan.jobs] == [None, same, same]


def test_a_duplicate_from_another_root_names_the_root(tmp_path):
    for root in ("one", "two"):
        write_ntu(tmp_path / root, [NTU.format(1)])
    plan = make_plan(definition("ntu-t"), [tmp_path / "two", tmp_path / "one"])
    assert plan.jobs[1].problem == "the same clip as 'two: S001C002P003R004A001.skeleton'"


def test_ntu_classes_outside_the_split_are_counted_unread(tmp_path):
    spec = definition("demo-ntu", classes="split")  # 90 classes
    write_ntu(tmp_path, [NTU.format(90), NTU.format(91), NTU.format(120)])
    plan = make_plan(spec, [tmp_path])
    assert [job.source for job in plan.jobs] == [NTU.format(90)]
    assert plan.outside_split == 2


def test_kinetics_classes_outside_the_split_are_found_on_the_list_or_in_the_clip(tmp_path):
    spec = definition("demo-kinetics", classes="split")
    entries = {"a": listed("x", 99), "b": listed("x", None), "c": listed("x", 5)}
    kinetics_folder(tmp_path, entries, clips="abc", label=None, label_index=None)
    write_json(tmp_path / "kinetics_train" / "b.json", clip(label="x", label_index=97))
    plan = make_plan(spec, [tmp_path])
    assert [job.raw.name for job in plan.jobs] == ["b.json", "c.json"]
    assert plan.outside_split == 1
    assert run_job(plan.jobs[0], spec) is None
    assert run_job(plan.jobs[1], spec).class_id == 5


def test_jobs_carry_what_was_said_of_the_class(tmp_path):
    kinetics_folder(tmp_path, {"a": listed()})
    (job,) = make_plan(KINETICS, [tmp_path]).jobs
    assert job.labels == (Label("list kinetics_train_label.json", "abseiling", 0),)
