"""One clip's whole way, for both raw formats: synth, parse, split, audit, train, eval, report, on the command line."""

import csv
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.storage.table import read_facts, read_refused
from pipeline.synthesis import class_name
from tests.blank_figures import write_no_figure
from tests.command_line import done
from tests.pipeline.raw_files import zip_folder

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

CLASS_SPLIT = {"train": [0, 1, 2, 3], "val": [4, 5], "test": [6, 7, 8]}
SYNTH = {"n_classes": 9, "clips_per_class": 5, "seed": 4}
SPLIT = {"class_split": CLASS_SPLIT, "n_frames": 8, "clips_per_class": 4, "scale": "torso"}
NAMES = [class_name(class_id) for class_id in range(9)]
NTU = {
    "name": "tiny",
    "synth": SYNTH,
    "parse": {"format": "ntu_skeleton", "class_names": NAMES},
    "split": {**SPLIT, "rotate": "yaw"},
}
KINETICS = {
    "name": "tiny",
    "synth": {**SYNTH, "zipped": True},
    "parse": {"format": "kinetics_json"},
    "split": {**SPLIT, "rank": "confidence", "missing_joints": "zero"},
}
TRAINING = {
    "backbone.channels": "[8,8,16,16]",
    "episode.n_way": 2,
    "episode.n_query": 2,
    "optimise.epochs": 2,
    "optimise.episodes": 3,
    "optimise.val_episodes": 2,
    "optimise.val_query": 2,
    "optimise.device": "cpu",
}
EVALUATION = ("--n-way", 3, "--k-shot", 2, "--n-query", 2, "--episodes", 6, "--device", "cpu")
DEFECTS = {"ntu": 2, "kinetics": 5}
"""Unusable files that the synthesiser adds."""


@pytest.fixture(scope="module", params=["ntu", "kinetics"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def place(kind, tmp_path_factory):
    """A folder in which all commands have run, one after the other, and what each has said."""
    folder = tmp_path_factory.mktemp(kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_no_figure(patch.setattr)
        Path("tiny.yaml").write_text(yaml.safe_dump({"ntu": NTU, "kinetics": KINETICS}[kind]))
        settings = [word for key, value in TRAINING.items() for word in ("--set", f"{key}={value}")]
        shards, run = "data/shards/tiny", "data/runs/tiny"
        said = {
            "synth": done("dastm-data", "synth", "--dataset", "tiny.yaml"),
            "parse": done("dastm-data", "parse", "--dataset", "tiny.yaml", "--workers", 1),
            "split": done("dastm-data", "split", "--dataset", "tiny.yaml"),
            "audit": done("dastm-data", "audit", "--dataset", "tiny.yaml", "--out", "data/audit/tiny.json"),
            "train": done("dastm", "train", "--shards", shards, "--preset", "small", *settings),
            "eval": done("dastm", "eval", "--run", run, *EVALUATION, *all_baselines()),
            "report": done("dastm", "report", run),
        }
    return folder, said


@pytest.fixture
def at(place, monkeypatch):
    monkeypatch.chdir(place[0])
    return place[1]


def all_baselines():
    return tuple(word for name in ("coordinates", "path", "untrained") for word in ("--baseline", name))


def raw_clips():
    """Names of all raw files that should be clips."""
    names = [path.relative_to("data/raw/tiny").as_posix() for path in Path("data/raw/tiny").rglob("*.*")]
    for path in Path("data/raw/tiny").glob("*.zip"):
        names.remove(path.name)
        names += [f"{path.name}/{name}" for name in zipfile.ZipFile(path).namelist()]
    return sorted(name for name in names if not name.endswith("_label.json") and not name.startswith("."))


def tree(folder):
    """Relative path -> bytes of every file in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("*.*")}


def rows(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_raw_file_is_parsed_or_refused(at, kind):
    parsed, refused = read_facts(Path("data/parsed/tiny")), read_refused(Path("data/parsed/tiny"))
    assert sorted(parsed["source"].to_pylist() + refused["source"].to_pylist()) == raw_clips()
    assert refused.num_rows == DEFECTS[kind]
    unlabelled = kind == "kinetics"  # a label that only the clip has is enough
    assert parsed.num_rows == 45 + unlabelled
    counts = [parsed["class_id"].to_pylist().count(class_id) for class_id in range(9)]
    assert counts == [5 + unlabelled, *[5] * 8]
    assert f"{parsed.num_rows} clips of 9 classes" in at["parse"]
    assert all(refused["reason"].to_pylist())
    assert set(zip(parsed["class_id"].to_pylist(), parsed["class_name"].to_pylist(), strict=True)) == set(
        enumerate(NAMES)
    )


def test_shards_hold_the_clips_that_were_asked_for(at, kind):
    report = json.loads(Path("data/audit/tiny.json").read_text())
    assert report["ok"] is True
    assert report["problems"] == []
    assert (report["clips"], report["classes"], report["frames"]) == (36, 9, 8)
    assert report["joints"] == {"ntu": 25, "kinetics": 18}[kind]
    assert {part: (of["classes"], of["clips"]) for part, of in report["parts"].items()} == {
        part: (len(ids), 4 * len(ids)) for part, ids in CLASS_SPLIT.items()
    }
    assert sum(report["bodies"].values()) == 36
    assert report["bodies"]["2"] >= 4
    manifest = json.loads(Path("data/shards/tiny/manifest.json").read_text())
    named = {int(i): entry["name"] for classes in manifest["parts"].values() for i, entry in classes.items()}
    assert named == dict(enumerate(NAMES))
    assert at["split"].splitlines()[:3] == [
        f"{part}: {4 * len(ids)} clips of {len(ids)} classes" for part, ids in (CLASS_SPLIT.items())
    ]
    assert at["audit"].splitlines()[-1] == "  no problem found"


def test_training_leaves_its_record_and_curves(at):
    record = json.loads(Path("data/runs/tiny/train/config.json").read_text())
    assert record["dataset"] == "tiny"
    assert record["config"]["backbone"]["n_blocks"] == 4
    curves = rows("data/runs/tiny/curves.csv")
    assert [(row["epoch"], row["episode"], row["part"]) for row in curves] == [
        *(("1", "3", "train"), ("1", "3", "val")),
        *(("2", "6", "train"), ("2", "6", "val")),
    ]
    assert all(np.isfinite(float(row["loss"])) for row in curves if row["part"] == "train")
    assert all(0 <= float(row["accuracy"]) <= 1 for row in curves)
    assert at["train"].splitlines()[-1] == "trained: data/runs/tiny; next: dastm eval --run data/runs/tiny"


def test_evaluation_has_a_row_each_and_every_episode(at):
    folder = Path("data/runs/tiny/eval/test-3way-2shot-2q-6e-seed0")
    metrics, episodes = json.loads((folder / "metrics.json").read_text()), rows(folder / "episodes.csv")
    assert list(metrics["rows"]) == ["DASTM", "coordinates", "path", "untrained"]
    assert list(metrics["differences"]) == ["DASTM - coordinates", "DASTM - path", "DASTM - untrained"]
    assert len(episodes) == 4 * 6
    means = {}
    for name, row in metrics["rows"].items():
        shares = [float(episode["accuracy"]) for episode in episodes if episode["row"] == name]
        assert len(shares) == 6
        assert all(round(6 * share, 3).is_integer() for share in shares)  # 3 ways x 2 queries
        means[name] = 100 * sum(shares) / 6
        assert row["mean"] == pytest.approx(means[name], abs=1e-3)
        assert f"  {name:<24} {row['mean']:6.2f} ± " in at["eval"]
    difference = metrics["differences"]["DASTM - coordinates"]["mean"]
    assert difference == pytest.approx(means["DASTM"] - means["coordinates"], abs=1e-3)


def test_report_is_one_page_that_names_the_classes(at):
    page = Path("data/runs/tiny/report.html").read_text(encoding="utf-8")
    assert at["report"] == "report: data/runs/tiny/report.html\n"
    matched = re.findall(r"Query “(.+?)” against “(.+?)”", page)
    assert len(matched) == 2
    names = {name for pair in matched for name in pair}
    assert names <= {NAMES[class_id] for class_id in CLASS_SPLIT["test"]}
    assert matched[0][0] == matched[0][1] == matched[1][0] != matched[1][1]
    assert page.count("<svg") >= 7
    assert [page.count(f"<td>{name}</td>") for name in ("coordinates", "path", "untrained")] == [1, 1, 1]
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)


def test_everything_again_elsewhere_gives_the_same_bytes(at):
    done("dastm-data", "synth", "--dataset", "tiny.yaml", "--out", "again/raw")
    assert tree("again/raw") == tree("data/raw/tiny")
    words = ("--raw", "again/raw", "--out", "again/parsed", "--workers", 1)
    assert done("dastm-data", "parse", "--dataset", "tiny.yaml", *words) == at["parse"]
    words = ("--parsed", "again/parsed", "--out", "again/shards")
    assert done("dastm-data", "split", "--dataset", "tiny.yaml", *words) == at["split"]
    for stage in ("parsed", "shards"):
        assert tree(f"again/{stage}") == tree(f"data/{stage}/tiny")
    assert len([name for name in tree("again/shards") if name.endswith(".tar")]) == 9


def parsed_and_split(name, raw):
    """What is made of these raw files, stage by stage."""
    made = {stage: Path(name, stage) for stage in ("parsed", "shards")}
    done("dastm-data", "parse", "--dataset", "tiny.yaml", "--raw", raw, "--out", made["parsed"], "--workers", 1)
    done("dastm-data", "split", "--dataset", "tiny.yaml", "--parsed", made["parsed"], "--out", made["shards"])
    return made


def test_a_zip_and_a_folder_give_the_same_shards(at, kind):
    raw, packed = Path("data/raw/tiny"), Path("packed.zip")
    made = {"parsed": Path("data/parsed/tiny"), "shards": Path("data/shards/tiny")}  # of the folder, but of Kinetics
    if kind == "kinetics":
        packed = raw / "tiny.zip"
        with zipfile.ZipFile(packed) as archive:
            archive.extractall("unpacked")
        made = parsed_and_split("folder", Path("unpacked"))
    else:
        zip_folder(raw, packed)
    for stage, out in parsed_and_split("zip", packed).items():  # not their notes, which hold times
        assert tree(out) == tree(made[stage])
    assert len(tree("zip/shards")) == 9 + 2


def test_evaluation_again_gives_the_same_numbers(at):
    done("dastm", "eval", "--run", "data/runs/tiny", *EVALUATION, *all_baselines(), "--out", "again/eval")
    assert tree("again/eval") == tree("data/runs/tiny/eval/test-3way-2shot-2q-6e-seed0")
