import numpy as np
import pytest

from pipeline.definitions.definition import SplitSpec
from pipeline.kernels import joints
from pipeline.split.body_choice import choose_bodies
from tests.oracles import body_choice
from tests.oracles.hand_made import STANDING, tracks_of

pytestmark = pytest.mark.kernel

PERSON = STANDING.copy()
PERSON[0, 1] = 0.0
"""Feet at y = 0, shoulders at 1.5, half a metre wide."""


def choose(tracks, most=2, **fields):
    spec = SplitSpec(class_split={}, **fields)
    return choose_bodies(tracks, joints.measured(tracks.joints_PVC, tracks.scores_PV), spec, most)


def walk(frames, speed=0.02, x=0.0):
    return {t: PERSON + np.array([x + speed * t, 0.0, 0.0]) for t in frames}


def crumpled(frames):
    """All joints in a flat heap half a metre away, trembling much."""
    return {t: PERSON * [0.6, 0.1, 1.0] + [1.0 + 2.0 * (t % 2), 0.3, 0.5] for t in frames}


def reasons(choice):
    return {track.id: track.reason.split(":")[0] for track in choice.dropped}


def test_a_crumpled_ghost_beside_a_person_is_dropped():
    tracks = tracks_of([crumpled(range(40)), walk(range(40))], 40, ids=[7, 9])
    assert choose(tracks, most=1).kept == ((7,),)  # without denoising the ghost is the first
    for preset in ("ctr_gcn", "pyskl"):
        choice = choose(tracks, rank="motion", denoise=preset)
        assert choice.kept == ((9,),)
        assert [tuple(track) for track in choice.dropped] == [(7, "wide: 1.00000 of its frames are not upright")]
        assert choice.places_MT.tolist() == [list(range(40, 80))]
    assert reasons(choose(tracks, denoise="ghosts")) == {7: "crumpled"}


def test_a_frozen_ghost_is_dropped_and_a_person_who_stands_still_is_not():
    trembling = {t: PERSON + 0.02 * np.sin(t + np.arange(12.0)).reshape(4, 3) for t in range(40)}
    tracks = tracks_of([walk(range(40)), walk(range(40), 0.0, 2.0), trembling], 40)
    choice = choose(tracks, most=3, denoise="frozen")
    assert reasons(choice) == {1: "frozen"}
    assert {i for body in choice.kept for i in body} == {0, 2}


@pytest.mark.parametrize("denoise", ["none", "ctr_gcn", "pyskl", "ghosts", ["ctr_gcn", "motion_low", "motion_high"]])
def test_two_people_are_both_kept_whatever_the_steps(denoise):
    tracks = tracks_of([walk(range(60)), walk(range(5, 60), 0.01, 1.0)], 60, ids=[72057594037932127, 3])
    choice = choose(tracks, rank="motion", denoise=denoise)
    assert choice.kept == ((72057594037932127,), (3,))
    assert choice.dropped == ()
    assert choice.places_MT[1].tolist() == [-1] * 5 + list(range(60, 115))


def test_a_body_that_comes_and_goes_keeps_its_gap_where_it_was():
    frames = [*range(20), *range(35, 50)]
    choice = choose(tracks_of([walk(frames)], 50), denoise="ctr_gcn")
    assert choice.places_MT.tolist() == [[*range(20), *[-1] * 15, *range(20, 35)]]


def test_a_person_under_a_new_id_is_joined_where_the_steps_say_so():
    bodies = [walk(range(30)), walk(range(30, 60), 0.03), walk(range(60), 0.001, 2.0)]
    tracks = tracks_of(bodies, 60, ids=[5, 6, 4])
    apart = choose(tracks, rank="motion")
    assert apart.kept == ((6,), (5,))
    assert [tuple(track) for track in apart.dropped] == [(4, "rank: number 3 by motion, 2 kept")]
    joined = choose(tracks, rank="motion", denoise="join")
    assert joined.kept == ((6, 5), (4,))
    assert joined.dropped == ()
    assert joined.places_MT.tolist() == [list(range(60)), list(range(60, 120))]


def test_ctr_gcn_lets_joined_tracks_share_a_frame_and_pyskl_does_not():
    tracks = tracks_of([walk(range(30), 0.05), walk(range(29, 60))], 60)
    assert choose(tracks, rank="motion", denoise="pyskl").kept == ((0,), (1,))
    joined = choose(tracks, rank="motion", denoise="ctr_gcn")
    assert joined.kept == ((0, 1),)
    assert joined.places_MT.tolist() == [[*range(29), *range(30, 61)]]  # frame 29 is that of the track joined last


def test_of_three_people_the_best_two_are_kept_as_ranked():
    tracks = tracks_of([walk(range(50), 0.01), walk(range(20), 0.1), walk(range(40), 0.04)], 50)
    assert choose(tracks, rank="spread").kept == ((1,), (2,))
    assert choose(tracks, rank="motion", most=1).kept == ((1,),)
    assert choose(tracks, rank="length").kept == ((0,), (2,))
    assert choose(tracks, most=5).kept == ((1,), (2,), (0,))
    assert reasons(choose(tracks, rank="length")) == {1: "rank"}


def test_stored_keeps_bodies_in_the_order_of_the_source():
    tracks = tracks_of([walk(range(20), 0.0), walk(range(5), 0.05, 1.0), walk(range(20), 0.1, 2.0)], 20, ids=[9, 3, 5])
    choice = choose(tracks, rank="stored")
    assert choice.kept == ((9,), (3,))
    assert [tuple(track) for track in choice.dropped] == [(5, "rank: number 3 by stored, 2 kept")]
    assert choose(tracks, rank="stored", denoise="frozen").kept == ((3,), (5,))


def test_equal_tracks_are_ranked_by_length_or_spread_and_then_by_order():
    still = [walk(range(n), 0.0) for n in (2, 3, 3)]
    assert choose(tracks_of(still, 3)).kept == choose(tracks_of(still, 3), rank="motion").kept == ((1,), (2,))
    moving = [walk(range(3), speed) for speed in (0.1, 0.0, 0.2, 0.1)]
    assert choose(tracks_of(moving, 3), most=4, rank="length").kept == ((2,), (0,), (3,), (1,))


def test_the_order_by_spread_and_by_motion_can_differ():
    """A path along one axis has the greater variance, one along two the greater deviation in sum."""
    along = {t: PERSON + np.array([2.0 * (t % 2), 0.0, 0.0]) for t in range(20)}
    across = {t: PERSON + np.array([1.3 * (t % 2), 0.0, 1.3 * (t % 2)]) for t in range(20)}
    tracks = tracks_of([along, across], 20)
    assert choose(tracks, rank="spread").kept == ((1,), (0,))
    assert choose(tracks, rank="motion").kept == ((0,), (1,))


def test_a_clip_that_shows_nobody_keeps_nobody():
    empty = choose(tracks_of([{0: np.zeros((4, 3))}, {1: np.full((4, 3), np.nan)}], 3), denoise="ctr_gcn")
    assert empty.kept == ()
    assert empty.places_MT.shape == (0, 3)
    assert reasons(empty) == {0: "unmeasured", 1: "unmeasured"}
    assert choose(tracks_of([], 3)).dropped == ()


def test_by_confidence_a_body_is_made_of_the_tracks_that_are_best_in_some_frame():
    point = np.full((4, 2), 0.5)
    poses = [dict.fromkeys(range(3), point), dict.fromkeys(range(3), point), {0: point}]
    sure = [{t: [score] * 4 for t, score in enumerate(scores)} for scores in ((0.9, 0.1, 0.1), (0.5, 0.6, 0.7), (0.2,))]
    choice = choose(tracks_of(poses, 3, scores=sure), rank="confidence")
    assert choice.kept == ((1, 0), (0, 1))  # as first body track 1 in two frames, track 0 in one
    assert [tuple(track) for track in choice.dropped] == [(2, "rank: in no frame among the 2 most confident")]
    assert choice.places_MT.tolist() == [[0, 4, 5], [3, 1, 2]]


@pytest.mark.parametrize(("preset", "shared"), [("ctr_gcn", 1), ("pyskl", 0)])
@pytest.mark.unmeasured
def test_the_presets_equal_their_slow_restatement(preset, shared, rng):
    """Clips of up to five tracks: people, heaps, people who lie down half way; short, long, broken, overlapping."""
    seen = set()
    for _ in range(150):
        bodies = []
        for _ in range(rng.integers(1, 6)):
            start, length = rng.integers(0, 40), rng.integers(4, 40)
            lying_from = start + length * rng.choice([0.0, 0.2, 0.6, 2.0])
            body = walk(range(start, start + length), 0.1 * rng.random())
            body = {t: pose if t < lying_from else pose[:, [1, 0, 2]] for t, pose in body.items()}
            body = {t: pose for t, pose in body.items() if rng.random() < 0.95} or body
            bodies.append({t: pose * rng.choice([1.0, 0.0], p=[0.95, 0.05]) for t, pose in body.items()})
        tracks = tracks_of(bodies, 80)
        expected = body_choice.published(tracks, shared)
        choice = choose(tracks, rank="motion", denoise=preset)
        assert [list(body) for body in choice.kept] == expected
        seen.update(len(body) for body in expected)
        seen.update(reasons(choice).values())
    assert seen >= {1, 2, "short", "wide", "rank"}
