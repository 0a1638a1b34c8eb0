"""Shard folders: the audit's lines taken apart, copies found, a clean folder without a finding."""

import numpy as np
import pytest

from dastm.contract.shard_format import Clip
from dastm.contract.skeleton import NTU25
from pipeline.definitions.definition import load_definition
from pipeline.doctor.shards import examine_shards
from pipeline.storage.shard_writing import ShardClass, write_shards
from tests.pipeline.doctor.made_clips import person
from tests.pipeline.shard_damage import rewrite, with_array


def clip(key, class_id, part, joints):
    facts = {"class_id": class_id, "class_name": f"class {class_id}", "part": part, "dataset": "demo-ntu"}
    more = {"frame_index": list(range(5)), "source_frames": 5, "source": key, "notes": []}
    return Clip(key=key, joints_MTVC=joints[None].astype(np.float32), facts={**facts, **more})


@pytest.fixture
def write(tmp_path):
    """Write one class a part, from part -> key -> joints."""

    def written(parts):
        classes = {
            part: {i: ShardClass(name=f"class {i}", clips=[clip(key, i, part, j) for key, j in parts[part].items()])}
            for part, i in {"train": 0, "val": 60, "test": 75}.items()
        }
        definition = load_definition("demo-ntu").to_dict()
        facts = {"dataset": "demo-ntu", "layout": NTU25, "frames": 5, "definition": definition}
        write_shards(tmp_path, classes, **facts, clips_per_shard=10)
        return tmp_path

    return written


def whole(rng):
    return {part: {f"{part}{i}": person(rng, 5) for i in range(2)} for part in ("train", "val", "test")}


def findings(folder):
    return [(f.check, f.source, f.key, f.what) for f in examine_shards(folder).findings]


def test_a_clean_folder_has_no_finding(rng, write):
    examined = examine_shards(write(whole(rng)))
    assert (examined.findings, examined.clips, examined.classes) == ((), 6, {0, 60, 75})


def test_a_copy_in_another_subset_is_found(rng, write):
    parts = whole(rng)
    parts["test"]["test1"] = parts["train"]["train0"]
    folder = write(parts)
    what = "the same joints as 'train0' of class 0 in train; this is of class 75 in test"
    assert findings(folder) == [("duplicate", f"{folder}/test/075-000.tar", "test1", what)]


def test_the_audits_problems_and_warnings_name_file_and_clip(rng, write):
    parts = whole(rng)
    parts["val"]["val1"] = np.repeat(person(rng, 1), 5, axis=0)
    folder = write(parts)
    rewrite(folder, "train/000-000.tar", with_array(lambda joints: joints * np.float32(np.nan)))
    tar = f"{folder}/train/000-000.tar"
    assert findings(folder) == [
        ("shards", tar, "train0", "375 values are NaN or infinite"),
        ("shard_warning", f"{folder}/val/060-000.tar", "val1", "frozen, all frames are the same"),
    ]


def test_damage_is_a_finding_never_a_traceback(rng, write):
    folder = write(whole(rng))
    (folder / "train" / "000-000.tar").write_bytes(b"x" * 1000)
    (folder / "index.parquet").write_bytes(b"PAR1")
    found = findings(folder)
    assert {check for check, *_ in found} == {"shards"}
    assert any(source == f"{folder}/index.parquet" for _, source, _, _ in found)
    assert any(source == f"{folder}/train/000-000.tar" and "damaged tar" in what for _, source, _, what in found)
    (folder / "manifest.json").unlink()
    assert ("shards", f"{folder}/manifest.json", None, "No such file or directory") in findings(folder)
