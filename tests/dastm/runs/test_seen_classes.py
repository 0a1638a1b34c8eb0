"""The guard: classes are told apart by name across data sets and by id within one; the refusal says which they are."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dastm.config.evaluation import EvalConfig
from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.contract.shard_format import ClassEntry, Manifest
from dastm.contract.skeleton import NTU25
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.printed import table_lines
from dastm.report.page import write_report
from dastm.runs.record import TrainingRecord, record_training
from dastm.runs.seen_classes import check_unseen, unnamed_note
from pipeline.definitions.definition import load_definition
from tests.toy import toy_shards, train_toy

pytestmark = pytest.mark.slow

CONFIG = EvalConfig(n_way=3, n_query=2, episodes=4)


def manifest_of(dataset, **parts):
    entries = {
        part: {class_id: ClassEntry(name=name, clips=3, shards=()) for class_id, name in classes.items()}
        for part, classes in parts.items()
    }
    return Manifest(
        dataset=dataset, layout=NTU25, frames=4, subsets=entries, definition={}, contents=dataset, versions={}
    )


MINE = manifest_of("mine", train={0: "wave", 1: "Sit  Down"}, val={2: "bow"}, test={3: "nod"})


@pytest.fixture
def record():
    return record_training(load_config("small"), "shards", MINE)


def defined(name):
    """The manifest that shards of a shipped definition have, as far as classes go."""
    definition = load_definition(name)
    split = definition.split.class_split
    return manifest_of(name, **{part: {i: definition.class_name(i) for i in ids} for part, ids in split.items()})


@pytest.mark.parametrize(
    ("classes", "seen"),
    [
        ({7: "jump", 8: "kick"}, []),
        ({7: "wave", 8: "kick"}, ["wave"]),
        ({7: " sit down ", 8: "WAVE", 9: "bow"}, [" sit down ", "WAVE", "bow"]),
        ({7: "sit_down", 8: "Sit-Down", 9: "sitdown"}, ["sit_down", "Sit-Down", "sitdown"]),
        ({7: "wave-", 8: "sit -down", 9: "+"}, []),
        ({0: "jump", 2: "nod"}, []),
    ],
)
def test_classes_of_another_data_set_are_compared_by_name_however_it_is_spelt(record, classes, seen):
    other = manifest_of("other", test=classes)
    assert check_unseen(record, other, "test", allow=True) == seen
    if not seen:
        assert check_unseen(record, other, "test", allow=False) == []
        return
    with pytest.raises(RunError, match=f"on {len(seen)} of the {len(classes)} classes of other test: {seen[0]} "):
        check_unseen(record, other, "test", allow=False)


def test_classes_of_the_same_data_set_are_compared_by_id_as_well(record):
    again = manifest_of("mine", test={0: "greet", 3: "nod", 5: "bow"})
    with pytest.raises(RunError, match=r"2 of the 3 classes of mine test: greet \(train\), bow \(val\); score it"):
        check_unseen(record, again, "test", allow=False)


def test_own_shards_are_scored_on_what_is_asked_for_and_say_what_was_seen(record):
    assert check_unseen(record, MINE, "test", allow=False) == []
    assert check_unseen(record, MINE, "val", allow=False) == ["bow"]
    assert check_unseen(record, MINE, "train", allow=False) == ["wave", "Sit  Down"]
    changed = replace(MINE, contents="other clips")
    with pytest.raises(RunError, match=r"1 of the 1 classes of mine val: bow \(val\)"):
        check_unseen(record, changed, "val", allow=False)


def test_a_test_class_of_the_own_shards_with_the_name_of_a_training_class_is_refused():
    twice = manifest_of("mine", train={0: "wave"}, test={3: "Wave"})
    with pytest.raises(RunError, match=r"Wave \(train\)"):
        check_unseen(record_training(load_config("small"), "shards", twice), twice, "test", allow=False)


def test_a_record_that_names_no_classes_scores_its_own_shards_only(record):
    old = replace(record, classes=None)
    assert check_unseen(old, MINE, "test", allow=False) == []
    assert check_unseen(old, MINE, "val", allow=False) == ["bow"]
    other = manifest_of("other", test={7: "jump"})
    with pytest.raises(RunError, match=r"does not say which classes it was trained on .* train again, or add --allow-"):
        check_unseen(old, other, "test", allow=False)
    assert check_unseen(old, other, "test", allow=True) is None
    assert unnamed_note(old, other, "test") == ""


def test_a_model_trained_on_the_papers_split_is_not_scored_on_the_official_protocol():
    """13 of the 20 novel classes are among the paper's training classes, 3 among its validation classes."""
    for name in ("ntu-t", "ntu-s"):
        record = record_training(load_config("small"), "shards", defined(name))
        with pytest.raises(RunError) as caught:
            check_unseen(record, defined("ntu-one-shot"), "test", allow=False)
        said = str(caught.value)
        assert said.startswith("the run was trained or validated on 16 of the 20 classes of ntu-one-shot test: drink ")
        assert said.endswith(" and 11 more; score it on others, or add --allow-seen")
        assert "\n" not in said
    seen = check_unseen(record, defined("ntu-one-shot"), "test", allow=True)
    training = {name.casefold() for name in record.classes["train"].values()}
    assert len(seen) == 16
    assert sum(name.casefold() in training for name in seen) == 13


def test_a_model_trained_on_the_auxiliary_classes_is_scored_on_the_novel_ones():
    official = defined("ntu-one-shot")
    record = record_training(load_config("small"), "shards", official)
    assert check_unseen(record, replace(official, contents="as many clips"), "test", allow=False) == []


def test_classes_without_names_are_the_same_in_one_data_set_only_and_a_note_says_so(record):
    nameless = manifest_of("arrays", test={0: "class 0", 1: "class 1"})
    assert check_unseen(record, nameless, "test", allow=False) == []
    assert unnamed_note(record, nameless, "test") == (
        "classes of arrays have no names: whether the run has seen them cannot be told"
    )
    assert unnamed_note(record, manifest_of("other", test={0: "jump"}), "test") == ""
    assert unnamed_note(record, manifest_of("mine", test={9: "class 9"}), "test") == ""
    trained = record_training(load_config("small"), "shards", manifest_of("arrays", train={0: "class 0"}))
    more = manifest_of("more", test={0: "class 0", 1: "Class  0"})
    assert check_unseen(trained, more, "test", allow=False) == []
    assert unnamed_note(trained, more, "test").startswith("classes of arrays and more have no names: whether the run")
    with pytest.raises(RunError, match=r"class 0 \(train\)"):
        check_unseen(trained, manifest_of("arrays", test={0: "class 0"}), "test", allow=False)
    assert unnamed_note(trained, MINE, "test").startswith("classes of arrays have no names")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run on toy shards; beside them shards of another data set, whose test classes are classes 9 to 12 as well."""
    root = tmp_path_factory.mktemp("seen")
    train_toy(toy_shards(root / "shards"), root / "run")
    other = root / "other"
    toy_shards(other, dataset="other")
    path = other / "manifest.json"
    path.write_text(path.read_text().replace('"class 10"', '"Wave"').replace('"class 11"', '"bow"'))
    return root


def renamed(place, tmp_path):
    """The run, had class 3 been called `wave` in its training."""
    record = TrainingRecord.read(place / "run")
    train = {**record.classes["train"], 3: "wave"}
    return replace(record, classes={**record.classes, "train": train}), tmp_path / "run"


def test_evaluation_of_seen_classes_is_refused_and_allowed_where_told(place, tmp_path):
    record, run = renamed(place, tmp_path)
    (run / "train").mkdir(parents=True)
    (run / "train" / "seed-0").symlink_to(place / "run" / "train" / "seed-0")
    record.write(run)
    with pytest.raises(RunError, match=r"1 of the 4 classes of other test: Wave \(train\)"):
        evaluate_and_write(CONFIG, run, str(place / "other"), "cpu", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    metrics = evaluate_and_write(replace(CONFIG, allow_seen=True), run, str(place / "other"), "cpu", tmp_path / "out")
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written["seen_classes"] == metrics["seen_classes"] == ["Wave"]
    assert "  note: 1 class seen in training or validation: Wave" in table_lines(metrics)
    assert "have no names" in metrics["seen_note"]


@pytest.mark.usefixtures("blank_figures")
def test_own_validation_classes_are_scored_and_marked_in_results_and_on_the_page(place, tmp_path):
    config = replace(CONFIG, subset="val")
    metrics = evaluate_and_write(config, place / "run", None, "cpu", None)
    assert metrics["seen_classes"] == ["class 6", "class 7", "class 8"]
    assert evaluate_and_write(config, place / "run", str(place / "shards"), "cpu", tmp_path / "x") == metrics
    write_report([place / "run"], tmp_path / "page.html")
    assert (
        "3 classes seen in training or validation: class 6, class 7, class 8"
        in Path(tmp_path / "page.html").read_text()
    )


def test_old_record_scored_elsewhere_says_that_nobody_knows(place, tmp_path):
    record = replace(TrainingRecord.read(place / "run"), classes=None)
    (tmp_path / "run" / "train").mkdir(parents=True)
    (tmp_path / "run" / "train" / "seed-0").symlink_to(place / "run" / "train" / "seed-0")
    record.write(tmp_path / "run")
    told = replace(CONFIG, allow_seen=True)
    metrics = evaluate_and_write(told, tmp_path / "run", str(place / "other"), "cpu", tmp_path / "out")
    assert metrics["seen_classes"] is None
    assert "  note: the run may have seen these classes in training: its record does not say" in table_lines(metrics)


def test_a_baseline_without_a_run_has_seen_nothing(place):
    config = replace(CONFIG, subset="train", baselines=("coordinates",))
    assert "seen_classes" not in evaluate_and_write(config, None, str(place / "shards"), "cpu", None)


def test_a_class_whose_accent_is_a_character_of_its_own_is_the_same_class(record):
    known = replace(record, classes={"train": {0: "caf\u00e9"}, "val": {}})
    other = manifest_of("other", test={7: "CAFE\u0301"})
    assert check_unseen(known, other, "test", allow=True) == ["CAFE\u0301"]
    assert known.of_classes({"train": [], "val": []}).classes == {"train": {}, "val": {}}
    assert replace(record, classes=None).of_classes({}).classes is None
