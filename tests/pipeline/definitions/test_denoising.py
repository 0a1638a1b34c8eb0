import numpy as np
import pytest

from pipeline.definitions.denoising import PRESETS, STEPS, denoise, resolve_steps
from pipeline.tracks import TrackMeasures

PERSON = {"motion": 0.3, "upright": 1.0, "upright_motion": 0.3, "extent": 1.7, "travel": 0.5}


def denoised(tracks, steps, lengths=None):
    """Tracks as changes to a person of 60 frames; ranked by motion."""
    people = [PERSON | track for track in tracks]
    measures = TrackMeasures(
        spread=np.array([track.get("spread", 0.5) for track in people]),
        **{name: np.array([track[name] for track in people]) for name in PERSON},
    )
    lengths_B = np.array(lengths or [60] * len(people), np.int32)
    return denoise(
        measures, lengths_B, resolve_steps(steps), lambda m, among: sorted(among, key=lambda b: -m.motion[b])
    )


def test_presets_hold_the_published_thresholds():
    assert resolve_steps("ctr_gcn") == {"short": 11, "wide": 0.69754, "join": 1}
    assert resolve_steps("pyskl") == {"short": 11, "wide": 0.69754, "join": 0, "swap": 0}
    assert resolve_steps("none") == resolve_steps(None) == resolve_steps([]) == resolve_steps({}) == {}
    for steps in PRESETS.values():
        assert all(threshold == STEPS[name].threshold for name, threshold in steps.items() if name in STEPS)


def test_steps_come_in_the_order_of_the_table_whatever_names_them():
    assert list(resolve_steps(["join", "frozen", "pyskl"])) == ["short", "wide", "frozen", "join", "swap"]
    assert resolve_steps(["ctr_gcn", {"short": 5}]) == {"short": 5.0, "wide": 0.69754, "join": 1.0}
    assert resolve_steps("motion_low") == {"motion_low": 0.089925}
    again = resolve_steps({"join": 2, "crumpled": 0.5})
    assert resolve_steps(again) == again


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("smooth", "no step 'smooth'; presets: none, ctr_gcn, pyskl, ghosts; steps: short, wide, "),
        (False, "no step 'False'"),
        ("", "no step ''"),
        (["short", 7], "no step '7'"),
        ({"size": 1}, "no step 'size'"),
        ({3: 1}, "no step 3"),
        ({"short": "long"}, "short: a threshold of at least 0, got 'long'"),
        ({"short": True}, "short: a threshold"),
        ({"join": -1}, "join: a threshold"),
        ([{"wide": float("inf")}], "wide: a threshold"),
        ({"wide": float("nan")}, "wide: a threshold"),
    ],
)
def test_what_is_no_step_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        resolve_steps(value)


def test_eleven_frames_are_short_and_twelve_are_not():
    assert denoised([{}, {}, {}], "short", [60, 11, 12]) == ([0, 2], {1: "short: seen in 11 frames"})


def test_a_track_is_wide_from_the_published_share_on():
    wide = [{"upright": 1.0 - share, "motion": 0.9} for share in (0.69753, 0.69755)]
    left, dropped = denoised([{}, *wide], "wide")
    assert sorted(left) == [0, 1]
    assert dropped == {2: "wide: 0.69755 of its frames are not upright"}


def test_after_wide_only_upright_frames_count_as_motion():
    """The sources take the lesser of both; a track that is upright throughout keeps its motion."""
    partly = {"upright": 0.5, "motion": 0.9, "upright_motion": 0.2}
    calm = {"upright": 0.5, "motion": 0.1, "upright_motion": 0.4}
    assert denoised([partly, {}, calm], [])[0] == [0, 1, 2]
    assert denoised([partly, {}, calm], "wide")[0] == [1, 0, 2]
    assert denoised([{**partly, "upright_motion": 0.05}, {}], ["wide", "motion_low"])[1] == {
        0: "motion_low: motion 0.050000 below 0.089925"
    }


def test_motion_outside_its_bounds_is_dropped_but_for_the_best_ranked():
    tracks = [{"motion": motion} for motion in (3.0, 2.5, 2.0, 0.089925, 0.0899)]
    left, dropped = denoised(tracks, ["motion_low", "motion_high"])
    assert left == [0, 2, 3]
    assert dropped == {1: "motion_high: motion 2.500000 above 2", 4: "motion_low: motion 0.089900 below 0.089925"}


def test_ghosts_stand_frozen_or_are_crumpled():
    left, dropped = denoised([{}, {"travel": 0.0099}, {"extent": 0.59}, {"motion": 0.02}, {"extent": 0.6}], "ghosts")
    assert left == [0, 4]
    assert {b: reason.split(":")[0] for b, reason in dropped.items()} == {1: "frozen", 2: "crumpled", 3: "motion_low"}
    assert dropped[1] == "frozen: no joint moves more than 0.009900 m"
    assert dropped[2] == "crumpled: its usual extent is 0.590000 m"


@pytest.mark.parametrize("steps", ["short", "wide", "frozen", "crumpled", "ctr_gcn"])
def test_a_single_body_stays_and_of_several_bad_ones_the_best(steps):
    bad = {"upright": 0.1, "travel": 0.0, "extent": 0.1, "upright_motion": 0.1}
    assert denoised([bad], steps, [3]) == ([0], {})
    left, dropped = denoised([bad, {**bad, "motion": 0.4}, bad], steps, [3, 3, 3])
    assert left == [1]
    assert set(dropped) == {0, 2}


def test_a_track_without_a_measured_joint_is_dropped_whatever_the_steps():
    assert denoised([{"spread": -1.0, "motion": -1.0}, {}], "none") == ([1], {0: "unmeasured: no measured joint"})
    assert denoised([], "ctr_gcn") == ([], {})
