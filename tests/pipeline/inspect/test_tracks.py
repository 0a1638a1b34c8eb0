import tracemalloc

import numpy as np
import pytest

from pipeline.inspect.tracks import choose
from pipeline.kernels.measures import measure
from pipeline.tracks import Tracks
from tests.oracles.hand_made import STANDING, definition_of, tracks_of
from tests.pipeline.inspect.made import GHOST_ID, definition_2d, haunted, seen_clip


def test_each_body_has_its_facts():
    tracks = haunted()
    chosen = choose(tracks, definition_of(bodies=1).split)
    ghost, walker = chosen.bodies
    assert (ghost.source_id, ghost.seen, ghost.kept) == (GHOST_ID, 2, 0)
    assert (walker.source_id, walker.seen, walker.kept) == (5, 5, 5)
    assert (ghost.dropped, walker.dropped) == ("rank: number 2 by spread, 1 kept", "")
    assert [ghost.spread, walker.spread] == list(measure(tracks).spread)
    assert (ghost.missing, walker.missing) == (0.0, pytest.approx(1 / 20))
    assert np.array_equal(walker.shares(), [1, 1, np.nan, 1, 0.75, 1], equal_nan=True)
    assert np.array_equal(ghost.shares(), [np.nan, 1, 1, np.nan, np.nan, np.nan], equal_nan=True)


def test_every_observation_knows_which_kept_body_it_is():
    one, two = (choose(haunted(), definition_of(bodies=n).split) for n in (1, 2))
    assert one.slot_P.tolist() == [-1, -1, 0, 0, 0, 0, 0]
    assert two.slot_P.tolist() == [1, 1, 0, 0, 0, 0, 0]
    for m, places_T in enumerate(two.places_MT):
        assert set(places_T[places_T >= 0]) == set(np.flatnonzero(two.slot_P == m))


def test_how_many_bodies_are_kept_depends_on_the_class_where_the_spec_says_so():
    spec = definition_of(extra_bodies="drop", two_person_classes=(1,)).split
    assert [len(choose(haunted(), spec, class_id).places_MT) for class_id in (0, 1, None)] == [1, 2, 2]


def test_by_confidence_a_body_is_kept_frame_by_frame():
    low, high = np.full(4, 0.1), np.full(4, 0.9)
    place = STANDING[:, :2]
    bodies = [{0: place, 1: place}, {0: place, 1: place}]
    tracks = tracks_of(bodies, 2, scores=[{0: low, 1: high}, {0: high, 1: low}])
    chosen = choose(tracks, definition_2d(bodies=1).split)
    assert [body.kept for body in chosen.bodies] == [1, 1]
    assert chosen.slot_P.tolist() == [-1, 0, 0, -1]


def test_a_source_without_confidence_cannot_be_ranked_by_it():
    with pytest.raises(ValueError, match="needs confidences"):
        choose(haunted(), definition_2d().split)


def test_joints_without_confidence_are_missing():
    chosen = choose(seen_clip().tracks, definition_2d().split)
    assert chosen.bodies[0].missing == pytest.approx(1 / 16)
    assert chosen.bodies[0].shares().tolist() == [1, 0.75, 1, 1]


def test_memory_does_not_grow_with_bodies_times_the_frames_that_a_clip_claims():
    ones, firsts = np.ones(2000, np.int32), np.zeros(2000, np.int32)
    joints_PVC = np.ones((2000, 4, 3), np.float32)
    tracks = Tracks(frames=100_000, ids=np.arange(2000), lengths=ones, frame_index=firsts, joints_PVC=joints_PVC)
    tracemalloc.start()
    chosen = choose(tracks, definition_of().split)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(chosen.bodies) == 2000
    assert peak < 20_000_000
