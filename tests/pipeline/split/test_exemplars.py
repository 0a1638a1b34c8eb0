"""Given examples: found, marked in the shards, drawn first; one line for each way in which a list can be wrong."""

import pytest

from dastm.contract.errors import DataError
from dastm.contract.shard_format import decode_manifest
from pipeline.definitions.definition import load_definition
from pipeline.split.exemplars import drawn_first, find_exemplars
from pipeline.split.run import split
from pipeline.storage.table import read_facts
from tests.oracles.hand_made import definition_of, made_table, parsed_clip, tracks_of, write_table
from tests.pipeline.split.test_run import plain_clips, stored

TEST_ONLY = {"train": (), "val": (), "test": (0, 2)}


@pytest.fixture
def parsed(tmp_path, rng):
    """Clips a0 .. a5 of class 0, b0 .. b5 of class 2, and c0 of class 1, which is in no part here."""
    clips = [*plain_clips(rng, [f"a{i}" for i in range(6)]), *plain_clips(rng, [f"b{i}" for i in range(6)], 2)]
    return write_table(tmp_path / "parsed", clips[3:], [*clips[:3], *plain_clips(rng, ["c0"], 1)])


def defined(exemplars, **split_fields):
    return definition_of(**{"class_split": TEST_ONLY, "exemplars": exemplars, **split_fields})


def marked(out):
    """Class -> keys of its exemplars, as the manifest's positions and the order in the tars say."""
    manifest = decode_manifest((out / "manifest.json").read_bytes(), "here")
    keys = {}
    for key, (_, facts, tar) in sorted(stored(out).items(), key=lambda item: (item[1][2], item[0])):
        keys.setdefault((tar.split("/")[0], facts["class_id"]), []).append(key)
    return {
        class_id: [keys[part, class_id][i] for i in positions]
        for part in manifest.subsets
        for class_id, positions in manifest.exemplars(part).items()
    }


def test_exemplars_are_marked_in_the_manifest_and_nothing_else_is(parsed, tmp_path):
    summary = split(defined(("b1", "a4")), parsed, tmp_path / "out")
    assert summary.clips["test"] == 12
    assert marked(tmp_path / "out") == {0: ["a4"], 2: ["b1"]}


@pytest.mark.parametrize("seed", range(4))
def test_exemplars_are_among_the_clips_drawn_whatever_the_seed(parsed, tmp_path, seed):
    split(defined(("a0", "b5"), clips_per_class=2, seed=seed), parsed, tmp_path / "out")
    assert marked(tmp_path / "out") == {0: ["a0"], 2: ["b5"]}
    assert len(stored(tmp_path / "out")) == 4


def test_the_others_are_drawn_as_without_exemplars(parsed, tmp_path):
    split(defined((), clips_per_class=2), parsed, tmp_path / "without")
    kept = {key for key in stored(tmp_path / "without") if key.startswith("a")}
    given = min({f"a{i}" for i in range(6)} - kept)
    split(defined((given, "b0"), clips_per_class=3), parsed, tmp_path / "with")
    assert {key for key in stored(tmp_path / "with") if key.startswith("a")} == {given, *kept}


def test_a_definition_without_exemplars_marks_none(tmp_path, rng):
    split(definition_of(), made_table(tmp_path / "parsed", rng), tmp_path / "out")
    assert marked(tmp_path / "out") == {}
    assert b'"exemplars": [' not in (tmp_path / "out/manifest.json").read_bytes().replace(b'"exemplars": []', b"")


def test_several_exemplars_a_class_where_the_definition_says_so(parsed, tmp_path):
    split(defined(("a4", "a1", "b1", "b2"), exemplars_per_class=2), parsed, tmp_path / "out")
    assert marked(tmp_path / "out") == {0: ["a1", "a4"], 2: ["b1", "b2"]}
    split(defined(("a4", "b1", "b2", "b3"), exemplars_per_class=None), parsed, tmp_path / "any")
    assert marked(tmp_path / "any") == {0: ["a4"], 2: ["b1", "b2", "b3"]}


@pytest.mark.parametrize(
    ("exemplars", "per_class", "message"),
    [
        (("a0", "zz"), 1, r"exemplar zz: not among the parsed clips"),
        (("a0", "b0", "c0"), 1, r"exemplar c0: class 1 \(nod\) is not in the test part"),
        (("a0", "b0", "b3"), 1, r"class 2 \(bow\): exemplars b0, b3; expected 1 of the class"),
        (("a0",), 1, r"class 2 \(bow\): exemplars none; expected 1 of the class"),
        (("a0", "a1", "b0"), 2, r"class 2 \(bow\): exemplars b0; expected 2 of the class"),
        (("a0",), None, r"class 2 \(bow\): exemplars none; expected at least 1 of"),
    ],
)
def test_a_wrong_list_is_one_line_that_names_clip_or_class(parsed, tmp_path, exemplars, per_class, message):
    definition = defined(exemplars, exemplars_per_class=per_class)
    with pytest.raises(DataError, match=f"^{message}") as caught:
        split(definition, parsed, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_exemplar_of_a_class_without_a_name_is_named_by_its_number(tmp_path, rng):
    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["d0"], 9))
    with pytest.raises(DataError, match=r"^exemplar d0: class 9 is not in the test part$"):
        find_exemplars(read_facts(parsed, ("key", "class_id")), defined(("d0",)))


@pytest.mark.parametrize("frames", [0, 1])
def test_an_exemplar_that_cannot_be_used_stops_the_run_and_is_named(tmp_path, rng, frames):
    bodies = [{0: [[0.0, 0.0, 0.0]] * 4}] if frames else []
    lost = parsed_clip("lost", 0, tracks_of(bodies, frames))
    clips = [*plain_clips(rng, ["a0"]), lost, *plain_clips(rng, ["b0"], 2)]
    reason = "no usable body" if frames else "no frame or no body in it"
    with pytest.raises(DataError, match=f"^exemplar lost: {reason}"):
        split(defined(("lost", "b0")), write_table(tmp_path / "parsed", clips), tmp_path / "out")


def test_drawn_first_keeps_both_orders():
    assert drawn_first(["d", "b", "a", "c"], ["c", "b"]) == ["b", "c", "d", "a"]


def test_the_official_protocol_has_its_classes_and_one_exemplar_of_each():
    definition = load_definition("ntu-one-shot")
    split_of = definition.split
    novel = tuple(range(0, 120, 6))
    assert split_of.class_split["test"] == novel
    auxiliary = [class_id for class_id in range(120) if class_id not in novel]
    assert split_of.class_split["val"] == tuple(auxiliary[4::5])
    assert sorted(split_of.class_split["train"] + split_of.class_split["val"]) == auxiliary
    assert [int(key[-3:]) - 1 for key in split_of.exemplars] == list(novel)
    assert not set(split_of.exemplars) & definition.parse.missing
    assert (split_of.clips_per_class, split_of.exemplars_per_class) == (None, 1)


def test_the_parsed_table_of_ntu_t_serves_the_official_protocol():
    assert load_definition("ntu-one-shot").parse == load_definition("ntu-t").parse
