"""Data set definitions: shipped ones say what the paper says, a user's own works the same, wrong ones are one line."""

import json

import pytest

from dastm.contract.errors import DataError
from pipeline.definitions.definition import load_definition, shipped_names

MINIMAL = """
name: mine
parse: {format: ntu_skeleton}
split: {class_split: {train: [0, 1], val: [2], test: [3]}}
"""
KEY = "S001C001P001R001A004"


def write(tmp_path, text=MINIMAL, name="mine.yaml"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.mark.parametrize(("name", "clips", "frames"), [("ntu-t", 30, 30), ("ntu-s", 60, 30), ("kinetics", 100, 50)])
def test_paper_sets_have_its_sizes(name, clips, frames):
    definition = load_definition(name)
    split = definition.split
    assert {part: len(ids) for part, ids in split.class_split.items()} == {"train": 80, "val": 20, "test": 20}
    assert (split.clips_per_class, split.n_frames) == (clips, frames)
    assert definition.download


def test_ntu_names_and_missing_list():
    definition = load_definition("ntu-t")
    assert definition.class_name(0) == "drink water"
    assert definition.class_name(119) is not None
    assert definition.class_name(120) is None
    assert len(definition.parse.missing) == 535
    assert "S001C002P005R002A008" in definition.parse.missing
    assert definition.subset_of(4) == "test"


def test_kinetics_ids_have_two_readings():
    released, one_based = load_definition("kinetics"), load_definition("kinetics", {"split": {"first_class_id": 1}})
    assert released.class_name(0) == "abseiling"
    assert released.subset_of(0) is None
    assert released.subset_of(120) == "val"
    assert one_based.subset_of(0) == "train"
    assert one_based.subset_of(119) == "val"


def test_demos_have_ninety_classes():
    for name in ("demo-ntu", "demo-kinetics"):
        definition = load_definition(name)
        assert [len(ids) for ids in definition.split.class_split.values()] == [60, 15, 15]
        assert definition.synth is not None
        assert definition.synth.n_classes == 90


@pytest.mark.parametrize("name", ["motion3d", "motion2d"])
def test_classes_of_the_open_vocabulary_have_names_that_tell_nothing_and_all_but_some_train(name):
    definition = load_definition(name, {"synth": {"n_classes": 3000}})
    assert definition.class_name(1234) == "motion_1234"
    assert len(definition.parse.class_names) == 3000
    split = definition.split.class_split
    assert (split["train"], len(split["val"]), len(split["test"])) == (tuple(range(60, 3000)), 40, 20)
    assert definition.synth.vocabulary == "open"
    assert load_definition("demo-ntu").synth.vocabulary == "fixed"
    for wrong in ("many", 0):
        with pytest.raises(DataError, match=r"synth\.n_classes"):
            load_definition(name, {"synth": {"n_classes": wrong}})


def test_rest_is_every_class_that_no_other_subset_lists(tmp_path):
    text = MINIMAL.replace("ntu_skeleton", "ntu_skeleton, class_names: [a, b, c, d]").replace(
        "train: [0, 1]", "train: rest"
    )
    assert load_definition(write(tmp_path, text)).split.class_split == {"train": (0, 1), "val": (2,), "test": (3,)}
    one_based = text.replace("{class_split", "{first_class_id: 1, class_split")
    assert load_definition(write(tmp_path, one_based)).split.class_split["train"] == (0, 3)
    for wrong, why in (
        (text.replace(", class_names: [a, b, c, d]", ""), "parse.class_names do not say which classes there are"),
        (text.replace("val: [2]", "val: rest"), "two subsets cannot have it"),
    ):
        with pytest.raises(DataError, match=rf"mine\.yaml: split\.class_split\.\w+: rest: {why}"):
            load_definition(write(tmp_path, wrong))


@pytest.mark.parametrize("name", shipped_names())
def test_resolved_definition_is_json_and_names_no_path_of_this_machine(name):
    definition = load_definition(name)
    document = definition.to_dict()
    assert str(definition.source.parent) not in json.dumps(document)
    assert "source" not in document


def test_a_users_own_file_works_the_same(tmp_path):
    (tmp_path / "names.txt").write_text("A001 wave\nA002 bow\n")
    (tmp_path / "split.yaml").write_text("train: [1, 2]\nval: [3]\ntest: [4]\n")
    text = """
parse: {format: ntu_skeleton, class_names: names.txt}
split: {class_split: split.yaml, first_class_id: 1, rotate: yaw, scale: torso}
"""
    definition = load_definition(write(tmp_path, text))
    assert definition.name == "mine"
    assert definition.class_name(1) == "bow"
    assert definition.split.class_split == {"train": (0, 1), "val": (2,), "test": (3,)}
    assert definition.parse.layout.name == "ntu25"


@pytest.mark.parametrize(
    ("format_name", "layout", "missing"),
    [
        *(("ntu_skeleton", "ntu25", True), ("kinetics_json", "openpose18", True)),
        *((name, "ntu25", False) for name in ("pyskl_pickle", "array_stack", "folder_arrays")),
        *((name, "coco17", name != "array_stack") for name in ("pyskl_pickle", "array_stack", "folder_arrays")),
    ],
)
def test_a_joint_at_zero_is_what_the_format_or_the_definition_says(tmp_path, format_name, layout, missing):
    text = MINIMAL.replace("format: ntu_skeleton", f"format: {format_name}, layout: {layout}")
    definition = load_definition(write(tmp_path, text))
    assert definition.parse.zero_is_missing is missing
    assert definition.to_dict()["parse"]["zero_joints"] == ("missing" if missing else "measured")
    for said in ("missing", "measured"):
        own = load_definition(write(tmp_path, text.replace("layout:", f"zero_joints: {said}, layout:")))
        assert own.parse.zero_is_missing is (said == "missing")


@pytest.mark.parametrize("name", ["pyskl_pickle", "array_stack", "folder_arrays"])
@pytest.mark.parametrize(
    ("source", "missing"),
    [("image: centred", False), ("image: fractions", True), ("image: pixels", True), ("image_size: [8, 8]", True)],
)
def test_zero_is_measured_where_it_is_the_middle_of_the_image(tmp_path, name, source, missing):
    text = MINIMAL.replace("format: ntu_skeleton", f"format: {name}, layout: coco17, source: {{{source}}}")
    assert load_definition(write(tmp_path, text)).parse.zero_is_missing is missing


def test_own_layout(tmp_path):
    text = MINIMAL.replace(
        "format: ntu_skeleton", "format: ntu_skeleton, layout: {name: stick, joints: [a, b], bones: [[1, 0]]}"
    )
    assert load_definition(write(tmp_path, text)).parse.layout.n_joints == 2


def test_overrides_go_over_the_file_and_none_is_a_value(tmp_path):
    path = write(tmp_path, MINIMAL.replace("test: [3]}}", "test: [3]}, clips_per_class: 5}"))
    definition = load_definition(path, {"split": {"n_frames": 7, "clips_per_class": None}})
    assert definition.split.n_frames == 7
    assert definition.split.clips_per_class is None
    with pytest.raises(DataError, match=r"--set: split.rotate: .*got None"):
        load_definition(path, {"split": {"rotate": None}})


def test_the_old_name_of_the_frame_sampling_is_read_in_definitions_and_overrides(tmp_path):
    assert load_definition(write(tmp_path)).split.frame_sampling == "center"
    older = write(tmp_path, MINIMAL.replace("\nsplit: {", "\nsplit: {frames: random, "), "older.yaml")
    assert load_definition(older).split.frame_sampling == "random"
    assert load_definition(older).to_dict()["split"]["frame_sampling"] == "random"
    for name in ("frames", "frame_sampling"):
        assert load_definition(older, {"split": {name: "center"}}).split.frame_sampling == "center"
        with pytest.raises(DataError, match=r"params\.yaml or --set: split\.frame_sampling: .*got 'middle'"):
            load_definition(older, {"split": {name: "middle"}})
    both = write(
        tmp_path, MINIMAL.replace("\nsplit: {", "\nsplit: {frames: random, frame_sampling: center, "), "both.yaml"
    )
    with pytest.raises(DataError, match=r"both\.yaml: split\.frames: the old name of split\.frame_sampling; leave it"):
        load_definition(both)


def test_denoising_is_resolved_to_steps_and_thresholds(tmp_path):
    path = write(tmp_path, MINIMAL.replace("test: [3]}}", "test: [3]}, denoise: [pyskl, {frozen: 0.02}]}"))
    expected = {"short": 11, "wide": 0.69754, "frozen": 0.02, "join": 0, "swap": 0}
    assert load_definition(path).split.denoise == expected
    assert load_definition(path).to_dict()["split"]["denoise"] == expected
    assert load_definition(path, {"split": {"denoise": "none"}}).split.denoise == {}
    with pytest.raises(DataError, match=r"--set: split.denoise: .*no step 'blur'; presets: none, .*got 'blur'"):
        load_definition(path, {"split": {"denoise": "blur"}})


def test_ntu_names_the_classes_of_two_people():
    split = load_definition("ntu-t", {"split": {"extra_bodies": "drop", "bodies": 3}}).split
    assert split.two_person_classes == (*range(49, 60), *range(105, 120))
    assert [split.most_bodies(i) for i in (48, 49, 59, 60, 104, 105, 119)] == [1, 2, 2, 1, 1, 2, 2]
    assert load_definition("ntu-s").split.most_bodies(0) == 2
    for name in ("ntu-s", "ntu-one-shot"):
        assert load_definition(name).split.two_person_classes == split.two_person_classes
    assert load_definition("kinetics").split.two_person_classes is None


def test_a_recorded_data_set_cannot_be_made_to_be_synthesised():
    with pytest.raises(DataError, match=r"ntu-t\.yaml: synth: this data set is recorded"):
        load_definition("ntu-t", {"synth": {"seed": 1}})
    assert load_definition("demo-ntu", {"synth": {"seed": 1}}).synth.seed == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ntu_skeleton", "fbx", "parse.format: .*folder_arrays, pku_mmd, .*auto, openpose_json, .*got 'fbx'"),
        ("name: mine", "name: a/b", "name: .*got 'a/b'"),
        ("name: mine", "nam: mine", "nam: no such key; did you mean name"),
        ("val: [2]", "val: [1]", "class 1 is in train and in val"),
        ("val: [2]", "vall: [2]", "unknown subset 'vall'"),
        ("val: [2]", "val: [-2]", "-2 is not a class id"),
        ("val: [2]", "val: [two]", "'two' is not a class id"),
        ("{class_split: {train: [0, 1], val: [2], test: [3]}}", "{}", "class_split: a mapping or a YAML file"),
        ("test: [3]}}", "test: [3]}, n_frames: 0}", "split.n_frames: .*got 0"),
        ("test: [3]}}", "test: [3]}, rotate: up}", "split.rotate: .*got 'up'"),
        ("test: [3]}}", "test: [3]}, denoise: {short: -1}}", "split.denoise: .*short: a threshold of at least 0"),
        ("test: [3]}}", "test: [3]}, two_person_classes: [-1]}", "split.two_person_classes.0: .*got -1"),
        ("ntu_skeleton}", "ntu_skeleton, layout: human}", "parse.layout: one of ntu25, openpose18"),
        ("ntu_skeleton}", "ntu_skeleton, missing: none.txt}", "none.txt: cannot read this list"),
        ("name: mine", "name: [", "not readable as YAML"),
    ],
)
def test_wrong_definitions_are_one_line(tmp_path, old, new, message):
    with pytest.raises(DataError, match=message) as caught:
        load_definition(write(tmp_path, MINIMAL.replace(old, new)))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_what_is_no_mapping_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a mapping"):
        load_definition(write(tmp_path, "- a\n"))


def test_unknown_names_list_the_known_ones(tmp_path):
    with pytest.raises(DataError, match=r"no data set 'ntu'.*demo-ntu"):
        load_definition("ntu")
    with pytest.raises(DataError, match="no such definition file"):
        load_definition(tmp_path / "none.yaml")


def test_exemplars_are_a_list_or_a_text_file(tmp_path):
    (tmp_path / "given.txt").write_text("S001C001P001R001A004\n\n")
    for value in ("given.txt", "[S001C001P001R001A004]"):
        path = write(tmp_path, MINIMAL.replace("test: [3]}}", f"test: [3]}}, exemplars: {value}}}"))
        assert load_definition(path).split.exemplars == ("S001C001P001R001A004",)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("none.txt", "none.txt: cannot read this list"),
        ("{a: b}", "split.exemplars: a list, or the name of a text file, got"),
        (f"[{KEY}, {KEY}.skeleton]", f"split.exemplars: {KEY} is listed more than once"),
        (f"[{KEY}], exemplars_per_class: 0", "split.exemplars_per_class: .*got 0"),
    ],
)
def test_wrong_exemplars_are_one_line(tmp_path, value, message):
    path = write(tmp_path, MINIMAL.replace("test: [3]}}", f"test: [3]}}, exemplars: {value}}}"))
    with pytest.raises(DataError, match=message):
        load_definition(path)


def test_class_names_may_say_what_files_call_the_classes(tmp_path):
    text = MINIMAL.replace("format: ntu_skeleton", "format: ucla_json, class_names: {a01: wave, a03: clap}")
    parse = load_definition(write(tmp_path, text)).parse
    assert (parse.class_names, parse.class_codes) == (("wave", "clap"), {"a01": "wave", "a03": "clap"})
    for wrong, why in (
        (text.replace("a03", "3"), "3 is not text to YAML; write it in quotes"),
        (text.replace("ucla_json", "ntu_skeleton"), "files of ntu_skeleton call no class otherwise"),
    ):
        with pytest.raises(DataError, match=f"parse.class_names: {why}"):
            load_definition(write(tmp_path, wrong))


def test_only_three_dimensions_can_be_mirrored(tmp_path):
    text = MINIMAL.replace("format: ntu_skeleton", "format: folder_arrays, layout: LAYOUT, source: {mirrored: true}")
    assert load_definition(write(tmp_path, text.replace("LAYOUT", "ntu25"))).parse.source.mirrored
    with pytest.raises(DataError, match=r"parse\.source\.mirrored: .* coco17 is of an image"):
        load_definition(write(tmp_path, text.replace("LAYOUT", "coco17")))
