"""A training on several data sets: recorded in full, refused where they differ, its classes seen wherever they are."""

from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner

from dastm.cli import main
from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.shard_format import MANIFEST_NAME, checksum
from dastm.contract.skeleton import BODY19, NTU25
from dastm.episodes.sources import open_several
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.runs.encoders import make_encoder
from dastm.runs.record import TrainingRecord
from dastm.runs.record_sets import record_several
from dastm.runs.whereabouts import shards_of
from tests.toy import TINY, tiny, toy_shards

pytestmark = pytest.mark.slow

PREPARED = {"origin": "first_frame", "rotate": "yaw"}
CONFIG = EvalConfig(n_way=3, n_query=2, episodes=3)


def settings(**more):
    changed = {**TINY, "optimise.epochs": 1, "optimise.episodes": 2, **more}
    return [f"--set={key}={value}" for key, value in changed.items()]


def train(*arguments):
    return CliRunner().invoke(main, ["train", "--preset", "small", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run on `a` and `b`, which differ in layout, preparation and number of frames."""
    root = tmp_path_factory.mktemp("sets")
    toy_shards(root / "a", dataset="a", layout=NTU25, split=PREPARED)
    toy_shards(root / "b", dataset="b", layout=BODY19, frames=9, seed=1, split={"origin": "every_frame"})
    common = settings(**{"augment.layout": "body19", "augment.n_frames": 4, "pretrain.steps": 2, "pretrain.clips": 12})
    ran = train("--shards", root / "a", "--shards", root / "b", "--out", root / "run", *common)
    assert ran.exit_code == 0, ran.output
    (root / "said").write_text(ran.output)
    return root


def test_the_record_keeps_every_folder_its_digest_and_its_classes(place):
    record = TrainingRecord.read(place / "run")
    assert [(one.dataset, one.shards) for one in record.sets] == [("a", str(place / "a")), ("b", str(place / "b"))]
    assert [one.digest for one in record.sets] == [
        checksum((place / name / MANIFEST_NAME).read_bytes()) for name in ("a", "b")
    ]
    assert [sorted(one.classes["train"]) for one in record.sets] == [list(range(6))] * 2
    assert (record.dataset, record.layout.name) == ("a+b", "body19")
    assert len(record.classes["train"]) == 12
    assert record.beside is None


def test_the_training_says_what_is_lost_and_what_comes_next(place):
    said = (place / "said").read_text()
    assert "b: split.origin is every_frame" in said
    assert said.rstrip().endswith(f"next: dastm eval --run {place / 'run'} --shards ..")


def test_it_is_scored_on_each_set_in_a_folder_of_its_own_and_no_set_is_the_default(place):
    for name in ("a", "b"):
        evaluate_and_write(CONFIG, place / "run", str(place / name), "cpu", None)
    folders = sorted(path.name.partition("-on-")[2][0] for path in (place / "run" / "eval").iterdir())
    assert folders == ["a", "b"]
    with pytest.raises(RunError, match=r"was trained on several data sets \(.*/a \+ .*/b\); name shards with --shards"):
        shards_of(TrainingRecord.read(place / "run"), place / "run")


def test_classes_of_every_set_are_seen(place, tmp_path):
    for name in ("a", "b"):  # elsewhere, and made of other clips: known by their ids in the data set
        other = toy_shards(tmp_path / name, dataset=name, layout=BODY19, seed=7)
        with pytest.raises(RunError, match=f"trained or validated on 6 of the 6 classes of {name} train"):
            evaluate_and_write(replace(CONFIG, subset="train"), place / "run", other, "cpu", None)


def test_an_encoder_of_several_sets_tells_no_path(place, tmp_path):
    make_encoder(place / "run", tmp_path / "several", "card")
    assert str(place) not in (tmp_path / "several" / "train" / "config.json").read_text()
    assert [one.dataset for one in TrainingRecord.read(tmp_path / "several").sets] == ["a", "b"]


def test_sets_that_are_prepared_differently_are_refused_by_the_key(place, tmp_path):
    twin = toy_shards(tmp_path / "c", dataset="c", layout=NTU25, frames=9, split=PREPARED)
    turned = toy_shards(tmp_path / "d", dataset="d", layout=NTU25, split={**PREPARED, "rotate": "none"})
    for other, why in (
        (twin, "split.n_frames is 6 in a and 9 in c"),
        (turned, "split.rotate is yaw in a and none in d"),
    ):
        shards = [str(place / "a"), other]
        with closing(open_several(shards, layout=None, merge=False, balance=True)) as source:
            with pytest.raises(RunError, match=f"{why}: split them alike, or set augment.layout=standard19"):
                record_several(tiny(), shards, source)
            with pytest.raises(RunError, match=why):
                record_several(tiny(augment__n_frames=4), shards, source)


def test_merging_classes_is_another_training_and_so_is_another_set(place, tmp_path):
    same = toy_shards(tmp_path / "e", dataset="e", layout=NTU25, split=PREPARED, seed=3)
    two = ["--shards", place / "a", "--shards", same, "--out", tmp_path / "run"]
    assert train(*two, *settings()).exit_code == 0
    assert "already trained" in train(*two, *settings()).output
    assert "episode.merge_classes" in train(*two, "--merge-classes", *settings()).output
    assert (
        "other shards"
        in train("--shards", same, "--shards", place / "a", "--out", tmp_path / "run", *settings()).output
    )
    refused = train("--shards", same, "--shards", place / "b", "--out", tmp_path / "run", *settings())
    assert "set augment.layout=standard19" in refused.output.replace("--set ", "set ")
    assert TrainingRecord.read(tmp_path / "run").config.episode.balance == "sets"
