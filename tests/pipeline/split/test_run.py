import io
import json
import re
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipeline.split.cache
import pipeline.split.run
from dastm.contract.errors import DataError
from dastm.contract.shard_format import decode_manifest
from pipeline.kernels.frame_sampling import clip_rng
from pipeline.split.normalise import NOTE_UNTURNED, normalise_clip
from pipeline.split.run import split
from pipeline.storage.table import read_clips
from tests.oracles.hand_made import (
    STANDING,
    STICK,
    STICK_2D,
    definition_of,
    made_table,
    moving_body,
    parsed_clip,
    tracks_of,
    write_table,
)

ONE_CLASS = {"train": (0,), "val": (), "test": ()}


def stored(out):
    """key -> (array, facts, tar) of a whole shard folder."""
    found = {}
    for path in sorted(out.rglob("*.tar")):
        with tarfile.open(path) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}
        for name, data in members.items():
            if name.endswith(".json"):
                key = name.removesuffix(".json")
                array = np.load(io.BytesIO(members[f"{key}.joints.npy"]))
                found[key] = (array, json.loads(data), path.relative_to(out).as_posix())
    return found


def test_a_table_of_another_data_set_is_refused_where_its_classes_have_other_names(tmp_path, rng):
    table = made_table(tmp_path / "parsed", rng)
    other = replace(definition_of(), name="other")
    what = "parsed table of made, where class 0 is 'action 0'; in other it is 'wave'; name the data set"
    with pytest.raises(DataError, match=re.escape(what)):
        split(other, table, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    same = replace(other, parse=replace(other.parse, class_names=("action 0", "action 1", "action 2")))
    assert split(same, table, tmp_path / "out").clips == {"train": 10, "val": 5, "test": 5}


def plain_clips(rng, keys, class_id=0):
    return [parsed_clip(key, class_id, tracks_of([moving_body(rng, 6)], 6)) for key in keys]


def test_every_class_of_the_split_comes_out_in_its_subset_and_the_others_are_counted(tmp_path, rng):
    summary = split(definition_of(), made_table(tmp_path / "parsed", rng), tmp_path / "out")
    assert summary.clips == {"train": 10, "val": 5, "test": 5}
    assert summary.classes == {"train": 2, "val": 1, "test": 1}
    assert summary.outside == 5
    assert sum(summary.bodies.values()) == 20
    assert set(summary.bodies) == {1, 2}
    assert summary.notes == ()
    places = Counter(tar for _, _, tar in stored(tmp_path / "out").values())
    assert places == {
        f"{part}/{class_id}-{number:03d}.tar": 2 if number < 2 else 1
        for part, class_id in (("train", "000"), ("train", "002"), ("val", "001"), ("test", "005"))
        for number in range(3)
    }


def test_clips_are_what_prepare_makes_of_them_with_their_facts(tmp_path, rng):
    parsed = made_table(tmp_path / "parsed", rng)
    definition = definition_of(frame_sampling="random", rotate="yaw", scale="torso", seed=3)
    split(definition, parsed, tmp_path / "out")
    found = stored(tmp_path / "out")
    for clip in read_clips(parsed):
        if clip.class_id == 7:
            assert clip.key not in found
            continue
        array, facts, _ = found[clip.key]
        expected = normalise_clip(clip.tracks, definition.split, STICK, clip_rng(3, clip.key))
        np.testing.assert_array_equal(array, expected.joints_MTVC)
        names = {0: "wave", 1: "nod", 2: "bow", 5: "action 5"}
        assert facts == {
            "key": clip.key,
            "class_id": clip.class_id,
            "class_name": names[clip.class_id],
            "part": definition.subset_of(clip.class_id),
            "dataset": "made",
            "subject": 3,
            "camera": 1,
            "setup": 2,
            "replication": None,
            "source": f"raw/{clip.key}.skeleton",
            "source_frames": clip.tracks.frames,
            "frame_index": list(expected.frame_index),
            "notes": [],
            "bodies": len(array),
            "checksum": facts["checksum"],
            "facts_checksum": facts["facts_checksum"],
        }


def index_of(out):
    return {row["key"]: row for row in pq.read_table(out / "index.parquet").to_pylist()}


def test_the_index_says_of_every_track_what_became_of_it(tmp_path, rng):
    parsed = made_table(tmp_path / "parsed", rng)
    definition = definition_of(bodies=1)
    split(definition, parsed, tmp_path / "out")
    index = index_of(tmp_path / "out")
    seen = set()
    for clip in read_clips(parsed):
        if clip.class_id != 7:
            expected = normalise_clip(clip.tracks, definition.split, STICK)
            assert index[clip.key]["kept"] == [list(body) for body in expected.kept]
            assert index[clip.key]["dropped"] == [track._asdict() for track in expected.dropped]
            seen.update(track.reason for track in expected.dropped)
    assert seen == {"rank: number 2 by spread, 1 kept"}


def test_two_people_are_kept_where_two_act_and_one_where_one_does(tmp_path, rng):
    def clip(key, class_id):
        people = [moving_body(rng, 20, speed) for speed in (0.3, 0.2, 0.1)]
        return parsed_clip(key, class_id, tracks_of(people, 20))

    parsed = write_table(tmp_path / "parsed", [clip("a", 0), clip("b", 1)])
    fields = {"class_split": {"train": (0, 1), "val": (), "test": ()}, "two_person_classes": (1,)}
    split(definition_of(**fields, extra_bodies="drop", bodies=3), parsed, tmp_path / "drop")
    assert {key: row["kept"] for key, row in index_of(tmp_path / "drop").items()} == {"a": [[0]], "b": [[0], [1]]}
    split(definition_of(**fields), parsed, tmp_path / "keep")
    assert {row["bodies"] for row in index_of(tmp_path / "keep").values()} == {2}


def test_denoising_changes_no_byte_of_a_tar_where_there_is_no_noise(tmp_path, rng):
    parsed = made_table(tmp_path / "parsed", rng)
    for name, denoise in (("plain", "none"), ("denoised", ["frozen", "join"])):
        split(definition_of(denoise=denoise), parsed, tmp_path / name)
    tars = [path.relative_to(tmp_path / "plain") for path in (tmp_path / "plain").rglob("*.tar")]
    assert all((tmp_path / "plain" / tar).read_bytes() == (tmp_path / "denoised" / tar).read_bytes() for tar in tars)


def test_the_manifest_holds_the_definition_and_the_names(tmp_path, rng):
    definition = definition_of(clips_per_class=3)
    split(definition, made_table(tmp_path / "parsed", rng), tmp_path / "out")
    manifest = decode_manifest((tmp_path / "out/manifest.json").read_bytes(), "here")
    assert {part: manifest.pool_sizes(part) for part in manifest.subsets} == {
        "train": {0: 3, 2: 3},
        "val": {1: 3},
        "test": {5: 3},
    }
    assert manifest.definition == json.loads(json.dumps(definition.to_dict()))
    assert manifest.subsets["test"][5].name == "action 5"


def test_two_runs_give_the_same_bytes_and_so_does_another_order_of_the_table(tmp_path, rng):
    parsed = made_table(tmp_path / "parsed", rng)
    clips = list(read_clips(parsed))
    shuffled = write_table(tmp_path / "shuffled", clips[17:], clips[3:17], clips[:3])
    definition = definition_of(clips_per_class=3, frame_sampling="random")
    for out, table in (("one", parsed), ("two", parsed), ("three", shuffled)):
        split(definition, table, tmp_path / out)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) == 4 * 2 + 2
    for file in files:
        for out in ("two", "three"):
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / out / file).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".one.done", ".three.done", ".two.done"),
        *("one", "parsed", "shuffled", "three", "two"),
    ]


def test_the_draw_depends_on_the_seed_and_not_on_other_classes(tmp_path, rng):
    parsed = made_table(tmp_path / "parsed", rng, clips_per_class=12)
    drawn = {}
    for name, fields in {
        "first": {"seed": 0},
        "other seed": {"seed": 1},
        "fewer classes": {"seed": 0, "class_split": ONE_CLASS},
    }.items():
        split(definition_of(clips_per_class=5, **fields), parsed, tmp_path / "out")
        drawn[name] = {key for key, (_, facts, _) in stored(tmp_path / "out").items() if facts["class_id"] == 0}
        assert len(drawn[name]) == 5
    assert drawn["first"] == drawn["fewer classes"] != drawn["other seed"]


def test_too_few_clips_stop_the_run_in_one_line_that_names_the_classes(tmp_path, rng):
    parsed = made_table(tmp_path / "parsed", rng)
    definition = definition_of(clips_per_class=6, class_split={"train": (0, 9), "val": (), "test": ()})
    expected = (
        r"2 classes have too few usable clips .*: class 0 \(wave\): 5 of 6 clips, class 9 \(class 9\): 0 of 6 clips$"
    )
    with pytest.raises(DataError, match=expected):
        split(definition, parsed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_error_names_ten_short_classes_and_counts_the_others(tmp_path, rng):
    definition = definition_of(class_split={"train": tuple(range(100, 112)), "val": (), "test": ()})
    with pytest.raises(DataError, match=r"^12 classes .*, class 109 \(class 109\): 0 of 1 clips and 2 more$"):
        split(definition, made_table(tmp_path / "parsed", rng), tmp_path / "out")


def test_a_class_without_clips_stops_the_run_even_where_no_number_is_asked_for(tmp_path, rng):
    definition = definition_of(class_split={"train": (0, 9), "val": (), "test": ()})
    with pytest.raises(DataError, match=r"class 9 \(class 9\): 0 of 1 clips"):
        split(definition, made_table(tmp_path / "parsed", rng), tmp_path / "out")


def test_too_few_clips_can_be_a_note(tmp_path, rng):
    definition = definition_of(clips_per_class=6, too_few="note", class_split={"train": (0, 9), "val": (), "test": ()})
    summary = split(definition, made_table(tmp_path / "parsed", rng), tmp_path / "out")
    assert summary.clips == {"train": 5, "val": 0, "test": 0}
    assert summary.classes["train"] == 1
    assert summary.notes == ("class 0 (wave): 5 of 6 clips", "class 9 (class 9): 0 of 6 clips")


def test_no_clip_at_all_stops_the_run_in_any_case(tmp_path, rng):
    definition = definition_of(too_few="note", class_split={"train": (9,), "val": (), "test": ()})
    with pytest.raises(DataError, match="no class of the split has a usable clip"):
        split(definition, made_table(tmp_path / "parsed", rng), tmp_path / "out")


def test_an_unusable_clip_is_replaced_by_the_next_one_drawn(tmp_path, rng):
    lost = [parsed_clip(f"lost{i}", 0, tracks_of([{0: np.zeros((4, 3))}], 1)) for i in range(4)]
    parsed = write_table(tmp_path / "parsed", lost[:2], plain_clips(rng, ["a", "b", "c"]), lost[2:])
    definition = definition_of(clips_per_class=3, class_split=ONE_CLASS)
    summary = split(definition, parsed, tmp_path / "out")
    assert set(stored(tmp_path / "out")) == {"a", "b", "c"}
    assert summary.clips["train"] == 3
    assert all(note.endswith("left out, no usable body: no frame has a measured joint") for note in summary.notes)
    assert len(summary.notes) >= 1


def test_unusable_clips_count_as_missing(tmp_path, rng):
    lost = parsed_clip("lost", 0, tracks_of([{0: np.zeros((4, 3))}], 1))
    parsed = write_table(tmp_path / "parsed", [lost, *plain_clips(rng, ["a", "b"])])
    with pytest.raises(DataError, match=r"class 0 \(wave\): 2 of 3 clips"):
        split(definition_of(clips_per_class=3, class_split=ONE_CLASS), parsed, tmp_path / "out")
    summary = split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")
    assert summary.notes == ("lost: left out, no usable body: no frame has a measured joint",)


def test_what_could_not_be_normalised_is_counted_and_kept_with_the_clip(tmp_path, rng):
    line = {t: STANDING * [0, 1, 0] + [0, 0, 2 + t] for t in range(4)}
    clips = [parsed_clip(key, 0, tracks_of([line], 4, notes=("crlf",))) for key in ("p", "q")]
    parsed = write_table(tmp_path / "parsed", [*clips, *plain_clips(rng, ["r"])])
    summary = split(definition_of(class_split=ONE_CLASS, rotate="yaw"), parsed, tmp_path / "out")
    assert summary.notes == (f"2 clips: {NOTE_UNTURNED}",)
    assert stored(tmp_path / "out")["p"][1]["notes"] == ["crlf", NOTE_UNTURNED]


def test_a_key_that_occurs_twice_stops_the_run(tmp_path, rng):
    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["a", "b"]), plain_clips(rng, ["b"], class_id=7))
    with pytest.raises(DataError, match="1 keys occur more than once, the first is b"):
        split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")


def test_a_definition_that_its_layout_cannot_serve_stops_before_any_work(tmp_path):
    with pytest.raises(DataError, match="rotate: layout stick2d is not 3-D"):
        split(definition_of(STICK_2D, rotate="yaw"), tmp_path / "nowhere", tmp_path / "out")


def test_clips_that_do_not_fit_the_layout_name_the_clip_and_its_source(tmp_path, rng):
    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["a"]))
    definition = definition_of(class_split=ONE_CLASS, rank="confidence")
    with pytest.raises(DataError, match=r"clip a \(raw/a.skeleton\): rank: confidence needs confidences"):
        split(definition, parsed, tmp_path / "out")
    parsed = write_table(tmp_path / "dotted", plain_clips(rng, ["a.b"]))
    with pytest.raises(DataError, match=r"clip a.b .*a key holds no dot"):
        split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")


def test_a_missing_table_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match="no parsed table"):
        split(definition_of(), tmp_path / "nowhere", tmp_path / "out")


def test_a_table_that_loses_clips_between_its_two_readings_is_found(tmp_path, rng, monkeypatch):
    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["a", "b"]))
    monkeypatch.setattr(pipeline.split.cache, "read_chosen", lambda part, keys: list(read_clips(parsed))[:1])
    with pytest.raises(DataError, match="1 clips of its facts have no joints, the first is b"):
        split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")


def test_a_table_file_that_vanishes_is_named_whenever_it_does(tmp_path, rng, monkeypatch):
    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["a"]), plain_clips(rng, ["b"]))
    (parsed / "summary.json").write_text('{"clips": 2}')
    genuine, last = pipeline.split.run._facts, parsed / "clips-00001.parquet"

    def vanishing(parts):
        facts = genuine(parts)
        last.unlink()
        return facts

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.split.run, "_facts", vanishing)
        with pytest.raises(DataError, match=r"clips-00001\.parquet: gone; run `dastm-data parse` again$"):
            split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match=r"parsed: 1 clips, its summary says 2; run `dastm-data parse` again$"):
        split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")


def test_a_note_that_vanishes_is_named(tmp_path, rng, monkeypatch):
    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["a"]))
    monkeypatch.setattr(pipeline.split.run, "fill_cache", lambda part: None)
    with pytest.raises(DataError, match=r"prepared-000-00000\.json: gone while the split was at work; run it again$"):
        split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")


def test_a_read_only_folder_is_one_clear_line(tmp_path, rng, monkeypatch):
    def refuse(path, *_words, **_options):
        raise OSError(30, "Read-only file system", str(path))

    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["a"]))
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(
        DataError,
        match=r"out.*: cannot be written: Read-only file system; nothing can be written there",
    ):
        split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")


@pytest.mark.parametrize("change", ["nothing", "definition", "table", "code", "shard", "index", "manifest", "less"])
def test_only_the_same_shards_of_the_same_table_and_definition_are_not_made_again(tmp_path, rng, monkeypatch, change):
    parsed, out = write_table(tmp_path / "parsed", plain_clips(rng, ["a", "b"])), tmp_path / "out"
    definition, said = definition_of(class_split=ONE_CLASS), []
    first = split(definition, parsed, out, log=said.append)
    fresh = {path.name: path.read_bytes() for path in out.rglob("*.*")}
    if change == "definition":
        definition = definition_of(class_split=ONE_CLASS, n_frames=5)
    elif change == "table":
        write_table(parsed, plain_clips(rng, ["a", "c"]))
    elif change == "code":
        monkeypatch.setattr(pipeline.split.run, "code_digest", lambda: "changed")
    elif change in ("shard", "index", "manifest"):
        names = {"shard": "train/000-000.tar", "index": "index.parquet", "manifest": "manifest.json"}
        path = out / names[change]
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    elif change == "less":
        (out / "train/000-000.tar").unlink()
    again = split(definition, parsed, out, log=said.append)
    assert said == (
        ["the parsed table, the definition and the shards are as they were, nothing is done again"]
        if change == "nothing"
        else []
    )
    if change not in ("definition", "table"):
        assert again == first
        assert {path.name: path.read_bytes() for path in out.rglob("*.*")} == fresh


def test_a_failing_run_leaves_the_old_shards_and_no_other_file(tmp_path, rng):
    parsed = write_table(tmp_path / "parsed", plain_clips(rng, ["a", "b"]))
    split(definition_of(class_split=ONE_CLASS), parsed, tmp_path / "out")
    before = (tmp_path / "out/manifest.json").read_bytes()
    with pytest.raises(DataError, match="too few"):
        split(definition_of(class_split=ONE_CLASS, clips_per_class=3), parsed, tmp_path / "out")
    assert (tmp_path / "out/manifest.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.done", "out", "parsed"]


def test_image_clips_go_the_same_way(tmp_path, rng):
    pose = rng.random((4, 2))
    tracks = tracks_of([{t: pose + 0.01 * t for t in range(5)}], 5, scores=[{t: np.full(4, 0.5) for t in range(5)}])
    parsed = write_table(tmp_path / "parsed", [parsed_clip("a", 0, tracks)])
    definition = definition_of(STICK_2D, class_split=ONE_CLASS, rank="confidence", missing_joints="zero")
    split(definition, parsed, tmp_path / "out")
    array, _, _ = stored(tmp_path / "out")["a"]
    assert array.shape == (1, 4, 4, 3)
    assert (array[..., 2] == 0.5).all()


def test_the_summary_reads_well(tmp_path, rng):
    summary = split(definition_of(), made_table(tmp_path / "parsed", rng), tmp_path / "out")
    one, two = summary.bodies[1], summary.bodies[2]
    assert summary.lines() == [
        "train: 10 clips of 2 classes",
        "val: 5 clips of 1 classes",
        "test: 5 clips of 1 classes",
        f"clips: {one} with 1 body, {two} with 2 bodies",
        "5 clips of classes outside the split",
    ]


def test_a_clip_without_bodies_or_frames_is_never_drawn():
    columns = {
        "key": ["b", "nobody", "a", "never"],
        "class_id": [0] * 4,
        "class_name": ["wave"] * 4,
        "frames": [3, 3, 3, 0],
        "bodies": [1, 0, 1, 1],
    }
    pools, outside = pipeline.split.run._draw(pa.table(columns), definition_of(class_split=ONE_CLASS))
    assert sorted(pools[0].waiting) == ["a", "b"]
    assert outside == 0
