"""Features as a table: what a row is, and whose file it replaces."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from dastm.contract.ownership import NotOurs
from dastm.recogniser.embed import MARK, write_features
from tests.actions import clip_of


@pytest.mark.parametrize(("pool", "axes"), [("clip", 2), ("frames", 3)])
def test_a_row_is_a_body_with_its_features(encoder, tmp_path, pool, axes):
    clips = [clip_of(action, seed) for action in ("wave", "kick") for seed in range(40)]
    path = tmp_path / "features.parquet"
    assert write_features(clips, encoder, path, pool) == 80
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[MARK])
    assert (about["encoder"], len(about["shape"])) == ("motion3d", axes)
    assert table["key"].to_pylist()[:2] == ["wave_0", "wave_1"]
    assert table["frames"].to_pylist() == [40] * 80
    expected = encoder.encode(clips[70:71]).values_LTVD[0].numpy()
    row = np.array(table["features"][70].as_py(), np.float32).reshape(about["shape"])
    np.testing.assert_allclose(row, expected.mean(0) if pool == "clip" else expected, atol=1e-5)


def test_only_our_own_table_is_replaced(encoder, tmp_path):
    path = tmp_path / "features.parquet"
    for _ in range(2):
        assert write_features([clip_of("wave")], encoder, path) == 1
    (tmp_path / "theirs").write_text("mine")
    (tmp_path / "empty").touch()
    write_features([clip_of("wave")], encoder, tmp_path / "empty")
    with pytest.raises(NotOurs, match="move it away"):
        write_features([clip_of("wave")], encoder, tmp_path / "theirs")
    assert write_features([], encoder, tmp_path / "nothing") == 0
    assert not (tmp_path / "nothing").exists()
