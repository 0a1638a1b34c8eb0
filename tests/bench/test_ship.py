"""A shipped encoder may decide by another matching than it was trained with, and by nothing else."""

import pytest

from dastm.runs.record import TrainingRecord
from tests.bench.ship import decided
from tests.toy import tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("ship")
    train_toy(
        toy_shards(root / "shards"),
        root / "run",
        tiny(matching__spatial="none", matching__examples="nearest", optimise__epochs=1),
    )
    return root / "run"


def test_another_matching_leaves_the_weights_and_the_run_as_they_are(run):
    for _ in range(2):  # a copy that is there is made again
        copy = decided(run, ["matching.path_power=0.7", "matching.gamma=0.5"])
    before, after = TrainingRecord.read(run).config, TrainingRecord.read(copy).config
    assert (before.matching.path_power, after.matching.path_power, after.matching.gamma) == (0.0, 0.7, 0.5)
    assert after.optimise == before.optimise
    weights = "train/seed-0/best.pt"
    assert (copy / weights).read_bytes() == (run / weights).read_bytes()


def test_what_a_training_depends_on_cannot_be_decided_after_it(run):
    with pytest.raises(SystemExit, match=r"--decide augment\.yaw=3: only settings of the matching"):
        decided(run, ["augment.yaw=3"])
