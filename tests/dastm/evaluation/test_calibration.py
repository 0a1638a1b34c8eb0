"""Limits are measured on episodes as evaluations draw them, and never written into an encoder that comes with DASTM."""

from contextlib import closing

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.calibration import _without_own, calibrate, known_movements
from dastm.evaluation.feature_cache import FeatureCache
from dastm.evaluation.limits import Compared
from dastm.runs.limits import read_limits
from dastm.runs.load import load_recogniser
from dastm.runs.record import TrainingRecord
from tests.toy import STICK


def test_examples_are_as_far_from_each_other_as_queries_would_be(open_run, open_shards):
    record = TrainingRecord.read(open_run)
    cache = FeatureCache(load_recogniser(open_run, record.config, STICK, 0, torch.device("cpu")))
    with closing(open_source(open_shards)) as source, torch.inference_mode():
        drawn = episodes(source, "test", n_way=2, k_shot=1, n_query=3, seed=0, epoch=0, count=1, n_unknown=2, workers=0)
        episode = next(iter(drawn))
        found = Compared.of(episode, cache(episode), cache)
    assert found.n_way == 2
    assert found.distances_QW.shape == (12, 2)
    assert found.labels_Q.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    as_queries = type(episode)(
        plan=type(episode.plan)(
            class_ids=episode.plan.class_ids[:2], support=episode.plan.support[:2], query=episode.plan.support[:2]
        ),
        support=episode.support,
        query=episode.support,
        support_labels=episode.support_labels,
        query_labels=episode.support_labels,
    )
    torch.testing.assert_close(found.between_LL, cache.model.episode_distances(as_queries).detach())


def test_known_movements_are_a_clip_of_each_class_and_those_of_an_episodes_classes_do_not_count(open_run, open_shards):
    record = TrainingRecord.read(open_run)
    with closing(open_source(open_shards)) as source, torch.inference_mode():
        known = known_movements(source, "test")
        assert known.class_ids == tuple(sorted(source.pool_sizes("test")))
        cache = FeatureCache(load_recogniser(open_run, record.config, STICK, 0, torch.device("cpu")), known)
        drawn = episodes(source, "test", n_way=2, k_shot=1, n_query=3, seed=0, epoch=0, count=1, n_unknown=1, workers=0)
        episode = next(iter(drawn))
        found = Compared.of(episode, cache(episode), cache)
        left = _without_own(found, episode, known)
    assert found.to_known_QK.shape == (9, len(known.class_ids))
    assert found.to_known_QK.isfinite().all()
    counted = [class_id not in episode.plan.class_ids for class_id in known.class_ids]
    assert left.to_known_QK.isfinite().all(0).tolist() == counted
    assert sum(counted) == len(known.class_ids) - 3
    itself = episode.plan.query[0].index(0) if 0 in episode.plan.query[0] else None
    if itself is not None:  # the first clip of the class is that movement
        column = known.class_ids.index(episode.plan.class_ids[0])
        assert found.to_known_QK[itself, column] == found.to_known_QK[itself].min()


def test_the_same_classes_give_the_same_limits(open_run, open_shards, tmp_path):
    found = [calibrate(open_run, open_shards, "test", 3, "cpu", tmp_path / name) for name in ("a.json", "b.json")]
    assert found[0][0] == found[1][0]
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_limits(open_run, 0) is None


def test_too_few_classes_to_measure_limits_on_are_told(open_run, open_shards):
    with pytest.raises(RunError, match="has 3 classes and at least 8 clips in each; to measure limits takes 4 classes"):
        calibrate(open_run, open_shards, "val", 2, "cpu", None)


def test_limits_are_not_measured_on_classes_that_the_run_was_trained_on(open_run, open_shards, tmp_path):
    with pytest.raises(RunError, match=r"was trained on .* and 1 more, so limits would be too narrow"):
        calibrate(open_run, open_shards, "train", 2, "cpu", tmp_path / "a.json")


def test_distances_that_have_no_limits_are_told(open_run, open_shards, tmp_path, monkeypatch):
    monkeypatch.setattr(FeatureCache, "__call__", lambda cache, episode: -torch.ones(len(episode.query_labels), 2))
    with pytest.raises(RunError, match="seed 0: distances are not positive"):
        calibrate(open_run, open_shards, "test", 2, "cpu", tmp_path / "a.json")


def test_an_encoder_that_comes_with_us_is_not_written_into(tmp_path, open_run):
    encoder = tmp_path / "encoder"
    (encoder / "train").mkdir(parents=True)
    (encoder / "card.md").write_text("# card")
    (encoder / "train" / "config.json").write_bytes((open_run / "train" / "config.json").read_bytes())
    with pytest.raises(RunError, match="is not written into"):
        calibrate(encoder, None, "val", 2, "cpu", None)
