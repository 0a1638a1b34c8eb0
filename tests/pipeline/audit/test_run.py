import ast
import io
import json
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pipeline.audit.decisions
import pipeline.audit.people
import pipeline.audit.posture
import pipeline.audit.run
from pipeline.audit.landmarks import landmarks
from pipeline.audit.posture import not_checked
from pipeline.audit.run import audit, audit_json
from pipeline.split.run import split
from tests.oracles.hand_made import (
    STANDING,
    STICK,
    STICK_2D,
    definition_of,
    made_table,
    parsed_clip,
    tracks_of,
    write_table,
)
from tests.pipeline.shard_damage import change_index, change_manifest, members_of, rewrite, with_array, with_facts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A shard folder as split writes it."""
    folder = tmp_path_factory.mktemp("sound")
    parsed = made_table(folder / "parsed", np.random.default_rng(4), clips_per_class=3)
    split(definition_of(origin="first_frame", scale="torso"), parsed, folder / "shards")
    return folder / "shards"


@pytest.fixture
def shards(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "shards")


def problems(folder):
    report = audit(folder)
    assert report["ok"] == (not report["problems"])
    json.dumps(report, allow_nan=False)
    return report["problems"]


SHARD = "train/000-000.tar"
IN_PART = not_checked(landmarks(STICK.joints, STICK.shoulders, STICK.torso), "stick")
"""Of a stick without limbs not much can be judged, and that is said."""


def first_key(folder):
    return pq.read_table(folder / "index.parquet")["key"][0].as_py()


def test_a_sound_folder_has_no_problems_and_is_counted(sound):
    report = audit(sound)
    spread = {"min": 3, "max": 3}
    assert (report["problems"], report["warnings"]) == ([], [IN_PART])
    assert report["ok"] is True
    assert (report["clips"], report["classes"], report["frames"], report["joints"]) == (12, 4, 4, 4)
    assert report["dataset"] == "made"
    assert report["parts"] == {
        "train": {"classes": 2, "clips": 6, "clips_per_class": spread},
        "val": {"classes": 1, "clips": 3, "clips_per_class": spread},
        "test": {"classes": 1, "clips": 3, "clips_per_class": spread},
    }
    assert sum(report["bodies"].values()) == 12
    assert set(report["bodies"]) == {"1", "2"}
    arrays = [np.load(io.BytesIO(data)) for p in sound.rglob("*.tar") for m, data in members_of(p) if "npy" in m.name]
    for c, name in enumerate("xyz"):
        low, high = min(a[..., c].min() for a in arrays), max(a[..., c].max() for a in arrays)
        assert report["range"][name] == pytest.approx([low, high], abs=1e-6)


def test_the_report_is_the_same_twice(sound):
    assert audit_json(audit(sound)) == audit_json(audit(sound))
    assert json.loads(audit_json(audit(sound))) == audit(sound)


def test_rewriting_a_tar_without_a_change_is_sound(shards):
    rewrite(shards, SHARD, lambda members: members)
    assert problems(shards) == []


def test_a_flipped_byte_of_an_array_is_found(shards):
    row = pq.read_table(shards / "index.parquet").to_pylist()[0]
    data = bytearray((shards / row["shard"]).read_bytes())
    data[row["offset"] + row["length"] - 2] ^= 1
    (shards / row["shard"]).write_bytes(data)
    found = problems(shards)
    assert f"{SHARD}: {row['key']}: checksum differs from the index" in found
    assert any("facts say checksum" in problem for problem in found)


@pytest.mark.parametrize(("at", "bit"), [(154, 5), (155, 0), (155, 7)])
def test_a_bit_that_tarfile_does_not_look_at_is_found(shards, at, bit):
    data = bytearray((shards / SHARD).read_bytes())
    data[at] ^= 1 << bit
    (shards / SHARD).write_bytes(data)
    (problem,) = problems(shards)
    assert problem.endswith("the header's own checksum is not as written")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_outside_the_facts_is_found(sound, tmp_path, data):
    shards = tmp_path / "flipped"
    shutil.rmtree(shards, ignore_errors=True)
    shutil.copytree(sound, shards)
    path = shards / "val/001-001.tar"
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        facts = [range(m.offset_data, m.offset_data + m.size) for m in tar if m.name.endswith(".json")]
        end = max(m.offset_data + m.size for m in tar) + 2048
    at = data.draw(st.integers(0, end - 1).filter(lambda i: not any(i in span for span in facts)))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert problems(shards)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["val/001-001.tar", "manifest.json", "index.parquet"]))
def test_damage_of_any_kind_is_a_report_and_never_a_traceback(sound, tmp_path, data, name):
    shards = tmp_path / "damaged"
    shutil.rmtree(shards, ignore_errors=True)
    shutil.copytree(sound, shards)
    content = (shards / name).read_bytes()
    start = data.draw(st.integers(0, len(content)))
    middle = data.draw(st.binary(max_size=8))
    (shards / name).write_bytes(content[:start] + middle + content[start + data.draw(st.integers(0, 700)) :])
    json.dumps(audit(shards), allow_nan=False)


@pytest.mark.parametrize("length", [0, 300, 512, 900, 2000, 2600])
def test_a_truncated_tar_is_found(shards, length):
    content = (shards / SHARD).read_bytes()
    (shards / SHARD).write_bytes(content[:length])
    found = problems(shards)
    assert any("damaged tar" in problem for problem in found)
    assert any(problem.startswith("class 0 of train: manifest 3, index 3, tars") for problem in found)


def test_a_tar_that_loses_a_part_of_its_end_only_is_found(shards):
    content = (shards / SHARD).read_bytes()
    (shards / SHARD).write_bytes(content[:-700])
    assert problems(shards) == [f"{SHARD}: damaged tar (no proper end)"]


def test_a_missing_shard_is_found(shards):
    (shards / SHARD).unlink()
    assert f"{SHARD}: No such file or directory" in problems(shards)


def test_a_missing_manifest_or_index_or_folder_is_found(shards):
    (shards / "index.parquet").unlink()
    assert "index.parquet: No such file or directory" in "\n".join(problems(shards))
    (shards / "manifest.json").unlink()
    assert "manifest.json: No such file or directory" in problems(shards)
    assert len(problems(shards / "nowhere")) == 2


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema_version": 2}', '{"schema_version": 1}', '{"schema_version": 1, "definition": 3}']
)
def test_a_manifest_of_another_kind_is_found(shards, text):
    (shards / "manifest.json").write_text(text)
    assert any(problem.startswith("manifest.json: not a manifest of shards") for problem in problems(shards))


def test_a_wrong_count_in_the_manifest_is_found(shards):
    def swap(document):
        document["parts"]["train"]["000"]["clips"] = 4

    change_manifest(shards, swap)
    assert problems(shards) == ["class 0 of train: manifest 4, index 3, tars 3 clips"]


def test_a_class_moved_to_another_subset_is_found_even_where_manifest_and_index_follow(shards):
    def move(document):
        entry = document["parts"]["train"].pop("000")
        entry["shards"] = [shard.replace("train", "test") for shard in entry["shards"]]
        document["parts"]["test"]["000"] = entry

    change_manifest(shards, move)
    for number in range(2):
        (shards / f"train/000-00{number}.tar").rename(shards / f"test/000-00{number}.tar")
    change_index(
        shards,
        lambda rows: [
            {**r, "part": "test", "shard": r["shard"].replace("train", "test")} if r["class_id"] == 0 else r
            for r in rows
        ],
    )
    found = problems(shards)
    assert "manifest.json: class 0 of test: the definition's class split does not have it there" in found
    assert "index.parquet: rows are not sorted by part, class and key" in found
    assert any("facts say part 'train', it is 'test'" in problem for problem in found)


def test_a_moved_file_is_found(shards):
    (shards / SHARD).rename(shards / "val/000-000.tar")
    found = problems(shards)
    assert "val/000-000.tar: not in the manifest" in found
    assert f"{SHARD}: No such file or directory" in found


def test_a_class_in_two_subsets_is_found_and_its_keys_too(shards):
    def double(document):
        document["parts"]["val"]["000"] = document["parts"]["train"]["000"]

    change_manifest(shards, double)
    found = problems(shards)
    assert "manifest.json: class 0 of val: also in train" in found
    assert any(f"is also in {SHARD}" in problem for problem in found)


def test_unknown_subsets_and_wrong_shard_names_are_found(shards):
    def rename(document):
        document["parts"]["dev"] = {"003": {"name": "", "clips": 0, "shards": []}}
        document["parts"]["test"]["005"]["shards"].reverse()

    change_manifest(shards, rename)
    found = problems(shards)
    assert "manifest.json: class 3 of dev: unknown subset" in found
    assert "manifest.json: class 3 of dev: shards [], expected at least one" in found
    assert any("class 5 of test: shards ['test/005-001.tar', 'test/005-000.tar'], expected" in p for p in found)


def test_pairs_that_are_not_pairs_are_found(shards):
    key = first_key(shards)
    rewrite(shards, SHARD, lambda members: [members[0], *members[2:]], index_too=False)
    found = problems(shards)
    assert f"{SHARD}: members are not pairs of <key>.joints.npy and <key>.json" in found
    assert any(problem.startswith(f"{SHARD}: {key}: facts are not the JSON of a clip") for problem in found)


def test_clips_out_of_order_are_found(shards):
    rewrite(shards, SHARD, lambda members: [*members[2:], *members[:2]])
    assert f"{SHARD}: keys are not in ascending order" in problems(shards)


def test_headers_with_times_or_owners_are_found(shards):
    members = members_of(shards / SHARD)
    with tarfile.open(shards / SHARD, "w") as tar:
        for number, (member, data) in enumerate(members):
            member.mtime, member.uid = (1700000000, 1000) if number == 1 else (0, 0)
            tar.addfile(member, io.BytesIO(data))
    found = problems(shards)
    assert len(found) == 1
    assert f"{members[1][0].name}: header holds a time, an owner or a mode: (1700000000, 1000, 0" in found[0]


def test_a_member_that_is_no_file_is_found(shards):
    with tarfile.open(shards / SHARD, "w") as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    assert any("folder: not a file, or cut short" in problem for problem in problems(shards))


def test_index_rows_that_point_elsewhere_are_found(shards):
    key = first_key(shards)

    def shift(rows):
        rows[0] |= {"offset": rows[0]["offset"] + 1, "bodies": 9, "class_id": 0, "part": "val"}
        return rows

    change_index(shards, shift)
    found = "\n".join(problems(shards))
    assert f"{key}: the index's offset and length are not those of its array" in found
    assert f"{key}: the index has it in class 0 of val" in found
    assert f"{key}: the index says 9 bodies x 4 frames" in found


def test_index_rows_too_many_too_few_or_twice_are_found(shards):
    key = first_key(shards)
    change_index(
        shards, lambda rows: [*rows[1:], {**rows[-1], "key": "zz"}, {**rows[-1], "key": "zz", "shard": "x.tar"}]
    )
    found = problems(shards)
    assert f"{SHARD}: {key}: not in the index" in found
    assert "test/005-001.tar: zz is in the index, not in the tar" in found
    assert "index.parquet: key zz occurs more than once" in found
    assert "index.parquet: 1 clips in x.tar, which is not in the manifest" in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["shard"]), "columns"),
        (lambda table: table.set_column(0, "key", pa.nulls(len(table), pa.string())), "empty cells"),
    ],
)
def test_an_index_of_another_kind_is_found(shards, change, message):
    pq.write_table(change(pq.read_table(shards / "index.parquet")), shards / "index.parquet")
    assert any(problem.startswith(f"index.parquet: {message}") for problem in problems(shards))


def put(value, at=(0, 0, 0, 0)):
    def change(array):
        array[at] = value
        return array

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(np.nan), "1 values are NaN or infinite"),
        (put(-np.inf), "1 values are NaN or infinite"),
        (put(101.0), "x from .* to 101, expected -100 to 100"),
        (put(-101.0, (0, 0, 0, 2)), "z from -101 to .*, expected -100 to 100"),
        (put(0.0, (0,)), "body 0 is all zero"),
        (lambda a: a.astype(np.float64), "float64 .*, expected float32"),
        (lambda a: a[:, :3], r"expected float32 \(bodies, 4, 4, 3\)"),
        (lambda a: a[:, :, :, :2], r"expected float32 \(bodies, 4, 4, 3\)"),
        (lambda a: a[:0], "expected float32"),
        (lambda a: np.float32(1.0), "not a numpy array"),
        (lambda a: np.repeat(a[:1], 3, axis=0), "3 bodies, the definition keeps 2"),
    ],
)
def test_wrong_arrays_are_found(shards, change, message):
    rewrite(shards, SHARD, with_array(change))
    key = first_key(shards)
    pattern = re.compile(f"{SHARD}: {key}: .*{message}")
    assert any(pattern.match(problem) for problem in problems(shards))


def test_an_array_of_nothing_but_nan_has_no_range(shards):
    rewrite(shards, SHARD, with_array(put(np.nan, ...)))
    assert any("values are NaN" in problem for problem in problems(shards))


def test_a_signalling_nan_is_a_problem_and_no_warning(shards):
    signalling = np.array(0x7F800001, np.uint32).view(np.float32)
    rewrite(shards, SHARD, with_array(put(signalling)))
    assert any("1 values are NaN" in problem for problem in problems(shards))


def test_json_nested_without_end_is_a_problem(shards):
    deep = b"[" * 100_000
    rewrite(shards, SHARD, lambda members: [members[0], (members[1][0], deep), *members[2:]], index_too=False)
    assert any("facts are not the JSON of a clip (it is nested too deeply)" in problem for problem in problems(shards))
    (shards / "manifest.json").write_bytes(deep)
    assert any("not a manifest of shards (it is nested too deeply)" in problem for problem in problems(shards))


def test_a_member_whose_name_is_not_utf8_can_be_reported(shards):
    rewrite(shards, SHARD, lambda members: [("\udcff.joints.npy", members[0][1]), *members[1:]], index_too=False)
    assert any(problem.startswith(f"{SHARD}: \\udcff: ") for problem in problems(shards))


def test_a_data_set_whose_name_is_no_unicode_can_be_reported(shards):
    change_manifest(shards, lambda document: document.update(dataset="\udcff"))
    assert json.loads(audit_json(audit(shards)))["dataset"] == "\udcff"


def test_bytes_that_are_no_array_are_found(shards):
    rewrite(shards, SHARD, lambda members: [(members[0][0], b"PK\x03\x04 no array"), *members[1:]])
    assert any("not a numpy array" in problem for problem in problems(shards))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key": "other"}, "facts say key 'other'"),
        ({"class_id": 2}, "facts say class_id 2, it is 0"),
        ({"class_name": "bow"}, "facts say class_name 'bow', it is 'wave'"),
        ({"dataset": "ntu"}, "facts say dataset 'ntu', it is 'made'"),
        ({"frame_index": [0, 1]}, "facts name 2 source frames, not 4"),
        ({"frame_index": [0, 2, 1, 3]}, "out of order or outside"),
        ({"frame_index": [0, 1, 2, 99]}, "out of order or outside"),
        ({"frame_index": [-1, 1, 2, 3]}, "out of order or outside"),
        ({"frame_index": None}, "facts are not the JSON of a clip"),
        ({"source_frames": float("inf")}, "facts are not the JSON of a clip"),
    ],
)
def test_facts_that_do_not_fit_are_found(shards, fields, message):
    rewrite(shards, SHARD, with_facts(**fields))
    found = problems(shards)
    assert len(found) == 1
    assert message in found[0]


def test_a_frozen_clip_is_a_warning(shards):
    rewrite(shards, SHARD, with_array(lambda array: np.repeat(array[:, :1], 4, axis=1)))
    report = audit(shards)
    assert report["ok"]
    assert report["warnings"] == [f"{SHARD}: {first_key(shards)}: frozen, all frames are the same", IN_PART]


@pytest.mark.parametrize(("confidence", "fine"), [(1.29, True), (2.5, False)])
def test_confidences_have_their_own_range(tmp_path, confidence, fine):
    scores = [{t: np.full(4, 0.5) for t in range(4)}]
    scores[0][1][2] = confidence
    tracks = tracks_of([{t: STANDING[:, :2] / (3 + t) for t in range(4)}], 4, scores=scores)
    parsed = write_table(tmp_path / "parsed", [parsed_clip("a", 0, tracks)])
    definition = definition_of(STICK_2D, class_split={"train": (0,), "val": (), "test": ()}, rank="confidence")
    split(definition, parsed, tmp_path / "shards")
    report = audit(tmp_path / "shards")
    assert report["ok"] is fine
    assert report["range"]["confidence"] == pytest.approx([0.5, confidence])
    assert fine or "confidence from 0.5 to 2.5, expected 0 to 2" in report["problems"][0]


def test_the_audit_shares_no_code_with_the_writer():
    for path in Path(pipeline.audit.run.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
        ours = {module for module in modules if module.split(".")[0] in ("dastm", "pipeline")}
        assert {module for module in ours if not module.startswith("pipeline.audit.")} <= {"dastm.contract.progress"}
