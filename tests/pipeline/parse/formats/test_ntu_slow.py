"""The slow way, line by line; its refusals are in test_ntu_skeleton, where it decides."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.formats.ntu_slow import parse_lines
from tests.pipeline.raw_files import SKELETON, TWO


def test_every_value_of_a_hand_written_file():
    tracks = parse_lines(SKELETON.replace("\n", "\r\n").encode(), TWO)
    assert (tracks.frames, tracks.notes) == (3, ("crlf",))
    assert tracks.ids.tolist() == [72057594037944738, 72057594037944739]
    assert (tracks.lengths.tolist(), tracks.frame_index.tolist()) == ([2, 1], [0, 2, 2])
    expected = [[[0.1, -0.25, 3], [-1, 100, 0.3333333333333]], [[7, 8, 9], [10, 11, 12]], [[1, 2, 3], [4, 5, 6]]]
    np.testing.assert_array_equal(tracks.joints_PVC, np.array(expected, np.float32))


def test_a_refusal_names_its_line():
    with pytest.raises(RefusedError, match="a body's header has 10 fields, this line has 9") as refused:
        parse_lines(SKELETON[:-60].encode(), TWO)
    assert refused.value.line == 13
