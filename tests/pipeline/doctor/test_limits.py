"""Thresholds: each can be given another value of its own kind, and nothing else."""

from dataclasses import asdict

import pytest

from pipeline.doctor.limits import Limits, limits_from


def test_pairs_change_what_they_name_and_nothing_else():
    changed = limits_from(["jump_body=0.9", "frozen_frames=20", "jump_body=1"])
    assert asdict(changed) == asdict(Limits()) | {"jump_body": 1.0, "frozen_frames": 20}
    assert limits_from([]) == Limits()


@pytest.mark.parametrize(
    ("pair", "what"),
    [
        ("speed=3", "no limit 'speed'; known: frozen_frames, zero_share, "),
        ("", "no limit ''"),
        ("jump_body", "jump_body: a number, got ''"),
        ("frozen_frames=2.5", "frozen_frames: a whole number, got '2.5'"),
        ("far=-1", "far: a number from 0 on, got -1"),
        ("far=nan", "far: a number from 0 on, got nan"),
    ],
)
def test_a_wrong_pair_is_named(pair, what):
    with pytest.raises(ValueError, match=what):
        limits_from([pair])
