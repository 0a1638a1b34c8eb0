import numpy as np
import pytest

from dastm.config.evaluation import EvalConfig
from dastm.evaluation.intervals import interval95
from dastm.evaluation.metrics import Row, over_seeds, summary
from dastm.evaluation.printed import table_lines

CONFIG = EvalConfig(n_way=3, n_query=2, episodes=12)


def test_summary_has_intervals_over_episodes_and_seeds_and_paired_differences():
    first = Row(name="DASTM", by_seed={0: np.array([0.5, 0.7, 0.9]), 1: np.array([0.7, 0.7, 0.7])})
    other = Row(name="coordinates", by_seed={0: np.array([0.5, 0.6, 0.7])})
    metrics = summary([first, other], CONFIG, "toy")
    entry = metrics["rows"]["DASTM"]
    assert entry["mean"] == pytest.approx(70)
    assert entry["interval"] == pytest.approx(100 * interval95(np.array([0.6, 0.7, 0.8])), abs=1e-3)
    assert entry["interval_over_seeds"] == pytest.approx(0, abs=1e-3)
    assert entry["seeds"]["1"] == {"mean": pytest.approx(70), "interval": pytest.approx(0)}
    assert metrics["differences"] == {
        "DASTM - coordinates": {"mean": pytest.approx(10), "interval": pytest.approx(0, abs=1e-6)}
    }
    assert "seeds" not in metrics["rows"]["coordinates"]
    text = "\n".join(table_lines(metrics))
    assert "DASTM" in text
    assert "over 2 seeds" in text
    assert "+10.00 ± 0.00  (paired)" in text


def test_seeds_are_averaged_episode_by_episode():
    row = Row(name="DASTM", by_seed={0: np.array([0.5, 0.7]), 1: np.array([0.7, 0.9])})
    assert over_seeds(row) == pytest.approx(np.array([0.6, 0.8]))
