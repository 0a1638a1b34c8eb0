"""Data that a run's weights do not fit are never scored: each key that differs is named with both values."""

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import BODY19, COCO17, NTU25, OPENPOSE18
from dastm.episodes.sources import open_source
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.printed import table_lines
from dastm.report.page import run_section
from dastm.runs.files import write_json
from dastm.runs.fit import differences, fitted
from dastm.runs.load import load_run
from dastm.runs.record import TrainingRecord, clips_digest, preparation_of
from tests.toy import STICK, tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

PREPARED = {
    "origin": "first_frame",
    "rotate": "yaw",
    "scale": "torso",
    "missing_joints": "interpolate",
    "frame_sampling": "center",
}
CONFIG = EvalConfig(n_way=3, n_query=2, episodes=4)
TURNED = replace(STICK, joints=("head", "foot", "hip"), bones=((2, 1), (0, 2)), centre=2, hub=2)
"""The same skeleton with its joints in another order."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("fit")
    train_toy(toy_shards(root / "shards", split={**PREPARED, "bodies": 2}, dataset="mine"), root / "run")
    return root


def manifest_of(layout=STICK, frames=6, **split):
    return Manifest(
        dataset="x",
        layout=layout,
        frames=frames,
        subsets={},
        definition={"split": {**PREPARED, **split}},
        contents="",
        versions={},
    )


def found(here, layout=STICK, **trained):
    prepared = {**preparation_of(manifest_of(layout)), **trained}
    return [(str(one), one.convertible) for one in differences(layout, prepared, here)]


def test_the_same_data_differ_in_nothing():
    for layout in (STICK, NTU25, OPENPOSE18, COCO17):
        assert found(manifest_of(layout), layout) == []


@pytest.mark.parametrize("key", ["origin", "rotate", "scale", "missing_joints"])
def test_another_preparation_is_named_by_its_key_and_both_values(key):
    assert found(manifest_of(**{key: "none"})) == [(f"split.{key} is none, trained on {PREPARED[key]}", False)]
    assert found(manifest_of(**{key: None})) == [(f"split.{key} is not said, trained on {PREPARED[key]}", False)]


def test_their_number_of_frames_can_be_converted_and_how_they_were_chosen_cannot():
    assert found(manifest_of(frames=9)) == [("split.n_frames is 9, trained on 6", True)]
    told = "split.frame_sampling is center, trained on random"
    assert found(manifest_of(), frame_sampling="random") == [(told, False)]


def test_bodies_in_the_slots_of_their_source_are_another_preparation():
    """A network with a norm for each slot tells a body in the second slot from one in the first."""
    imported = replace(manifest_of(), definition={"split": PREPARED, "arrays": {"keep_slots": True}})
    kept, closed = manifest_of(rank="slots"), manifest_of(rank="spread")
    line = "split.keep_slots is {}, trained on {}"
    assert found(kept, **preparation_of(closed)) == [(line.format(True, False), False)]
    assert found(closed, **preparation_of(imported)) == [(line.format(False, True), False)]
    assert found(kept, **preparation_of(imported)) == found(manifest_of(rank="motion"), **preparation_of(closed)) == []
    assert found(kept) == []  # an older record does not say it


def test_another_number_of_bodies_is_another_preparation():
    """A clip's features are averaged over its bodies: of one body they are others than of two."""
    two, one = manifest_of(bodies=2), manifest_of(bodies=1)
    assert found(one, **preparation_of(two)) == [("split.bodies is 1, trained on 2", False)]
    assert found(two, **preparation_of(one)) == [("split.bodies is 2, trained on 1", False)]
    alone = manifest_of(bodies=2, extra_bodies="drop")
    assert found(alone, **preparation_of(two)) == [("split.extra_bodies is drop, trained on keep", False)]
    imported = replace(two, definition={"split": {**PREPARED, "bodies": 2}, "arrays": {"keep_slots": False}})
    assert found(imported, **preparation_of(two)) == []


def test_an_older_record_that_does_not_say_how_many_bodies_there_were_still_knows_its_shards(place, tmp_path):
    with closing(open_source(toy_shards(tmp_path / "shards", split={**PREPARED, "bodies": 2}))) as source:
        again = replace(source.manifest, versions={"numpy": "another"})
    record = replace(TrainingRecord.read(place / "run"), clips=clips_digest(again))
    assert record.trained_on(again)
    assert found(again) == []
    assert not replace(record, preparation={**record.preparation, "bodies": 1}).trained_on(again)


def test_the_old_name_of_how_frames_were_chosen_is_read_in_shards_and_in_runs(place, tmp_path):
    older = {("frames" if key == "frame_sampling" else key): value for key, value in PREPARED.items()}
    shards = replace(manifest_of(), definition={"split": older})
    assert preparation_of(shards) == preparation_of(manifest_of())
    assert found(shards) == []
    run = tmp_path / "run"
    shutil.copytree(place / "run", run)
    record = TrainingRecord.read(run)
    assert record.preparation["frame_sampling"] == "center"
    replace(record, preparation={**older, "n_frames": 6}).write(run)
    assert '"frames": "center"' in (run / "train" / "config.json").read_text()
    assert TrainingRecord.read(run).preparation == {**PREPARED, "n_frames": 6}


def test_another_order_of_the_same_joints_is_one_difference_that_can_be_converted():
    assert found(manifest_of(TURNED)) == [("layout.joints is joint 0 'head', trained on joint 0 'foot'", True)]


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (
            replace(STICK, joints=("foot", "hip", "nose")),
            "layout.joints is 3 joints, joint 2 'nose', trained on 3 joints, joint 2 'head'",
        ),
        (
            replace(STICK, joints=("foot", "hip", "head", "hat"), bones=(*STICK.bones, (3, 2))),
            "layout.joints is 4 joints, joint 3 'hat', trained on 3 joints, no joint 3",
        ),
        (replace(STICK, bones=((1, 0), (2, 0))), "layout.bones is ('head', 'foot'), trained on ('head', 'hip')"),
        (replace(STICK, bones=((0, 1), (2, 1))), "layout.bones is ('foot', 'hip'), trained on ('hip', 'foot')"),
        (replace(STICK, hub=0), "layout.hub is foot, trained on hip"),
        (replace(STICK, centre=0), "layout.centre is foot, trained on hip"),
        (replace(STICK, coordinates=("x", "z", "y")), "layout.coordinates is x, z, y, trained on x, y, z"),
        (replace(STICK, torso=((0,), (2,))), "layout.torso is ('foot',), ('head',), trained on not said"),
    ],
)
def test_another_skeleton_is_named_and_cannot_be_converted(here, said):
    assert found(manifest_of(here)) == [(said, False)]


def test_landmarks_that_the_preparation_did_not_use_may_differ():
    here = replace(STICK, torso=((0,), (2,)), shoulders=(0, 2), centre=0, name="other")
    told = preparation_of(manifest_of(origin="none", rotate="none", scale="none"))
    assert differences(STICK, told, manifest_of(here, origin="none", rotate="none", scale="none")) == []


@pytest.mark.parametrize("convert", [False, True])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"split": {**PREPARED, "scale": "none", "origin": "none"}},
            "split.origin is none, trained on first_frame; split.scale is none",
        ),
        (
            {"split": {**PREPARED, "frame_sampling": "random"}},
            "split.frame_sampling is random, trained on center; split",
        ),
        ({"split": {**PREPARED, "bodies": 1}}, "split.bodies is 1, trained on 2; split"),
        ({"layout": replace(STICK, hub=0)}, "layout.hub is foot, trained on hip"),
        ({"layout": NTU25}, "layout.joints is 25 joints, joint 0 'hip centre', trained on 3 joints, joint 0 'foot'"),
    ],
)
def test_eval_never_gives_a_number_of_data_that_the_weights_do_not_fit(place, tmp_path, options, said, convert):
    other = toy_shards(tmp_path / "other", **{"split": PREPARED, "dataset": "others", **options})
    with pytest.raises(RunError, match=r"others: the weights of .*run do not fit these data: ") as caught:
        evaluate_and_write(replace(CONFIG, convert=convert), place / "run", other, "cpu", tmp_path / "out")
    assert said in str(caught.value)
    assert str(caught.value).endswith("split them as the run's shards were, or train a run on them")
    assert not (tmp_path / "out").exists()


class Turned:
    """A source with joints in another order and each frame twice, made of another source."""

    def __init__(self, source, manifest):
        self.source, self.manifest = source, manifest
        order = [source.manifest.layout.joints.index(name) for name in manifest.layout.joints]
        self.look = lambda joints: joints[:, :, :, order].repeat_interleave(2, dim=2)

    def pool_sizes(self, part):
        return self.source.pool_sizes(part)

    def clips(self, part, selections):
        batches = self.source.clips(part, selections)
        return [replace(batch, joints_LMTVC=self.look(batch.joints_LMTVC)) for batch in batches]

    def close(self):
        self.source.close()


def test_converted_data_are_the_data_of_the_training_and_the_result_says_so(place, monkeypatch, tmp_path):
    plain = evaluate_and_write(CONFIG, place / "run", str(place / "shards"), "cpu", tmp_path / "plain")

    def turned(*args, **options):
        source = open_source(*args, **options)
        return Turned(source, replace(source.manifest, layout=TURNED, frames=12))

    monkeypatch.setattr("dastm.evaluation.evaluator.open_source", turned)
    with pytest.raises(
        RunError, match=r"do not fit these data: layout\.joints .*; split\.n_frames is 12, trained on 6; convert them"
    ):
        evaluate_and_write(CONFIG, place / "run", str(place / "shards"), "cpu", None)
    told = replace(CONFIG, convert=True, allow_seen=True)
    metrics = evaluate_and_write(told, place / "run", str(place / "shards"), "cpu", tmp_path / "out")
    assert metrics["rows"] == plain["rows"]
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["converted"] == metrics["converted"]
    assert (
        "  note: converted to fit: split.n_frames is 12, trained on 6: of the 12 frames, the middle one of each of 6"
        " equal segments"
    ) in table_lines(metrics)
    assert metrics["converted"][0].endswith(
        "trained on joint 0 'foot': the joints were put into the order of the training"
    )
    assert "converted" not in plain


def test_more_frames_are_thinned_to_the_middles_of_equal_segments_and_fewer_repeat(place):
    record = TrainingRecord.read(place / "run")
    with closing(open_source(str(place / "shards"))) as source:
        for n_frames, kept, done in (
            (3, [1, 3, 5], "of the 6 frames, the middle one of each of 3 equal segments"),
            (
                *(8, [0, 1, 1, 2, 3, 4, 4, 5]),
                "the 6 frames stretched to 8, each repeated up to 2 times; none between them is made",
            ),
        ):
            asked = replace(record, preparation={**record.preparation, "n_frames": n_frames})
            seen, said = fitted(source, asked, place / "run", convert=True)
            assert said == [f"split.n_frames is 6, trained on {n_frames}: {done}"]
            assert seen.manifest.frames == n_frames
            whole, some = (of.clips("test", [[(9, 0), (10, 2)]])[0].joints_LMTVC for of in (source, seen))
            assert torch.equal(some, whole[:, :, kept])


def as_older(place, run, shards):
    """The run as an older version left it."""
    (run / "train").mkdir(parents=True)
    (run / "train" / "seed-0").symlink_to(place / "run" / "train" / "seed-0")
    document = json.loads((place / "run" / "train" / "config.json").read_text())
    for key in ("layout", "preparation", "beside", "digest"):
        del document[key]
    write_json(run / "train" / "config.json", {**document, "shards": shards})


def test_an_older_run_is_compared_by_the_shards_of_its_training_or_refused(place, tmp_path):
    other = toy_shards(tmp_path / "other", split={**PREPARED, "origin": "none"}, dataset="others")
    as_older(place, tmp_path / "a", str(place / "shards"))
    with pytest.raises(RunError, match=r"split\.origin is none, trained on first_frame"):
        evaluate_and_write(CONFIG, tmp_path / "a", other, "cpu", None)
    assert evaluate_and_write(CONFIG, tmp_path / "a", None, "cpu", tmp_path / "out")["rows"]
    for number, gone in enumerate(("gone/shards", "http://127.0.0.1:9/shards", other)):
        as_older(place, tmp_path / str(number), gone)
        with pytest.raises(RunError, match=r"its record does not say what data it was trained on .* or train again"):
            evaluate_and_write(CONFIG, tmp_path / str(number), other, "cpu", None)
    again = evaluate_and_write(CONFIG, tmp_path / "0", str(place / "shards"), "cpu", tmp_path / "out")
    assert np.isfinite(again["rows"]["DASTM"]["mean"])
    assert not Path(tmp_path / "a" / "eval").exists()


def test_a_key_that_is_younger_than_the_data_means_what_was_done_before_it():
    assert found(manifest_of(gaps="interpolate", frame_order="time")) == []
    assert found(manifest_of(), gaps="interpolate", frame_order="time") == []
    assert found(manifest_of(gaps="zero")) == [("split.gaps is zero, trained on interpolate", False)]
    nothing = replace(manifest_of(), definition={})
    assert ("split.gaps is not said, trained on interpolate", False) in found(nothing)


def test_frames_that_are_scrambled_cannot_be_converted():
    here = manifest_of(frames=9, frame_order="scrambled")
    assert found(here, frame_order="scrambled") == [("split.n_frames is 9, trained on 6", False)]


def test_a_joint_whose_accent_is_a_character_of_its_own_is_the_same_joint():
    one, two = (replace(STICK, joints=("foot", "hip", name)) for name in ("t\u00eate", "te\u0302te"))
    assert found(manifest_of(two), one) == []


COMMON = {"augment__layout": "body19", "augment__n_frames": 4, "optimise__epochs": 1}


@pytest.fixture(scope="module")
def common(tmp_path_factory):
    """A run of the common layout, and shards of another layout, preparation and number of frames."""
    root = tmp_path_factory.mktemp("common")
    shards = toy_shards(root / "shards", split={**PREPARED, "bodies": 2}, dataset="mine", layout=NTU25)
    train_toy(shards, root / "run", tiny(**COMMON))
    named = replace(BODY19, name="ours", centre=3)
    toy_shards(
        root / "others", seed=1, split={"origin": "every_frame", "bodies": 1}, dataset="others", layout=named, frames=9
    )
    return root


def test_a_run_of_a_common_layout_is_scored_on_any_shards_that_map(common):
    record = TrainingRecord.read(common / "run")
    assert (record.layout, record.preparation["common"], record.preparation["origin"]) == (BODY19, "body19", None)
    own = evaluate_and_write(CONFIG, common / "run", None, "cpu", None)
    assert "converted" not in own
    config = replace(CONFIG, allow_seen=True, baselines=("coordinates",))
    other = evaluate_and_write(config, common / "run", str(common / "others"), "cpu", None)
    assert [line.partition(":")[0] for line in other["converted"]] == ["others"]
    assert any("split.origin is every_frame" in line for line in table_lines(other))
    alone = evaluate_and_write(replace(config, allow_seen=False), None, str(common / "others"), "cpu", None)
    assert other["rows"]["coordinates"] == alone["rows"]["coordinates"]  # of the clips as they are stored


def test_a_run_of_a_common_layout_refuses_what_has_not_its_joints(common, place):
    with pytest.raises(
        RunError, match=r"mine: its joints cannot be mapped \(augment.layout body19\): body19 needs hip c"
    ):
        evaluate_and_write(CONFIG, common / "run", str(place / "shards"), "cpu", None)


def test_a_run_of_a_common_layout_that_takes_all_frames_has_their_number_converted_only_when_told(common, tmp_path):
    train_toy(str(common / "shards"), tmp_path / "run", tiny(**{**COMMON, "augment__n_frames": None}))
    config = replace(CONFIG, allow_seen=True)
    with pytest.raises(
        RunError,
        match=r"others: the weights of .* split.n_frames is 9, trained on 6; convert them .--convert, convert=True.",
    ):
        evaluate_and_write(config, tmp_path / "run", str(common / "others"), "cpu", None)
    found = evaluate_and_write(replace(config, convert=True), tmp_path / "run", str(common / "others"), "cpu", None)
    assert len(found["converted"]) == 2


def test_a_training_says_what_the_preparation_of_its_shards_has_lost(common, tmp_path):
    lines = train_toy(str(common / "others"), tmp_path / "run", tiny(**COMMON))
    assert "others: split.origin is every_frame" in lines[0]


@pytest.mark.usefixtures("blank_figures")
def test_a_run_of_a_common_layout_is_drawn_and_asked_in_it(common):
    run = load_run(common / "run", device="cpu")
    with closing(run.open_shards(str(common / "others"))) as source:
        assert source.manifest.layout == BODY19
    section = run_section(common / "run", str(common / "others"))
    assert any("split.origin is every_frame" in note for note in section.notes)
