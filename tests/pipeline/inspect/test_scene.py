from dataclasses import replace

import numpy as np
import pytest

from pipeline.inspect.find import SearchFolders, both_sides, find_clip
from pipeline.inspect.scene import scene_of, view_of
from pipeline.inspect.tracks import choose
from tests.oracles.hand_made import STANDING, definition_of, parsed_clip, tracks_of
from tests.pipeline.inspect.made import definition_2d, haunted_clip, made, seen_clip
from tests.pipeline.shard_damage import change_manifest


def scene(clip, definition):
    found = both_sides(clip, definition)
    return scene_of(found, choose(found.tracks, definition.split)), found


def test_the_source_is_drawn_as_it_is_and_what_is_missing_where_interpolation_puts_it():
    (of, found) = scene(haunted_clip(), definition_of(bodies=1))
    source = of.panels[0]
    tracks, measured = found.tracks, source.measured_PV
    assert np.array_equal(source.points_PV3[measured], tracks.joints_PVC[measured].astype(float))
    assert np.argwhere(~measured).tolist() == [[5, 3]]
    before, after = tracks.joints_PVC[4, 3].astype(float), tracks.joints_PVC[6, 3].astype(float)
    assert np.allclose(source.points_PV3[5, 3], (before + after) / 2)
    assert source.step_P.tolist() == tracks.frame_index.tolist()
    assert source.body_P.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert source.slot_P.tolist() == [-1, -1, 0, 0, 0, 0, 0]
    assert (source.names, source.steps, of.slots) == (("body 77", "body 5"), tuple(range(6)), (-1, 0))


def test_the_normalised_side_marks_what_was_filled():
    (of, found) = scene(haunted_clip(), definition_of(bodies=1))
    normalised = of.panels[1]
    assert normalised.steps == of.sampled == (0, 2, 3, 5)
    assert np.array_equal(normalised.points_PV3, found.normalised.joints_MTVC[0].astype(float))
    assert normalised.measured_PV.all(axis=1).tolist() == [True, False, True, True]  # frame 2 shows nobody
    assert normalised.slot_P.tolist() == [0, 0, 0, 0]


def test_images_are_drawn_upright_and_doubts_marked():
    (of, found) = scene(seen_clip(), definition_2d())
    source, normalised = of.panels
    joints_PVC = found.tracks.joints_PVC
    assert np.allclose(source.points_PV3[0], np.c_[joints_PVC[0, :, 0], -joints_PVC[0, :, 1], np.zeros(4)])
    assert not source.is_3d
    assert np.argwhere(~normalised.measured_PV).tolist() == [[1, 0]]
    alone = scene_of(replace(found, tracks=None), None)
    assert len(alone.panels) == 1
    assert np.array_equal(alone.panels[0].measured_PV, normalised.measured_PV)
    assert alone.bodies == ()


def test_spines_along_z_are_drawn_upright_seen_from_the_front():
    standing = dict.fromkeys(range(4), STANDING)
    (of, _) = scene(
        parsed_clip("up", 0, tracks_of([standing], 4)), definition_of(rotate="upright", origin="every_frame")
    )
    source, turned = (panel.points_PV3[0] for panel in of.panels)
    assert np.allclose(turned - turned[1], source - source[1], atol=1e-6)


def test_shards_say_themselves_which_way_is_up(tmp_path):
    def standing(places):
        found = find_clip("clip000", SearchFolders(shards=places.shards))
        return np.ptp(scene_of(found, None).panels[0].points_PV3[0], axis=0)

    usual, upright = (made(tmp_path / rotate, rotate=rotate) for rotate in ("none", "upright"))
    change_manifest(upright.shards, lambda document: document["definition"]["split"].update(origin="as stored"))
    assert np.allclose(standing(usual)[1], standing(upright)[1], atol=0.1)


def test_shards_alone_are_whole_and_have_no_source(places):
    of = scene_of(find_clip("clip000", SearchFolders(shards=places.shards)), None)
    assert len(of.panels) == 1
    assert of.panels[0].measured_PV.all()
    assert (of.bodies, of.slots) == ((), ())
    assert of.panels[0].names == ("kept body 0", "kept body 1")


def test_one_joint_far_away_does_not_shrink_the_rest(rng):
    body = {t: STANDING + 0.01 * rng.normal(size=STANDING.shape) for t in range(60)}
    (near, _) = scene(parsed_clip("near", 0, tracks_of([body], 60)), definition_of())
    body[30][0] = 50.0
    (far, _) = scene(parsed_clip("far", 0, tracks_of([body], 60)), definition_of())
    assert view_of(far.panels[0]).radius < 1.2 * view_of(near.panels[0]).radius
    assert view_of(near.panels[0]).floor == pytest.approx(1.0, abs=0.05)


def test_everything_kept_is_in_the_picture_whichever_way_it_is_turned(places):
    found = find_clip("clip000", places)
    for panel in scene_of(found, choose(found.tracks, found.spec)).panels:
        view = view_of(panel)
        points = (panel.points_PV3 - view.centres_S3[panel.step_P][:, None]).reshape(-1, 3)
        for yaw in np.linspace(0, 3, 7):
            across = points[:, 0] * np.cos(yaw) + points[:, 2] * np.sin(yaw)
            assert np.mean(np.abs(across) <= view.radius) > 0.95


def test_a_clip_with_nothing_measured_is_still_a_scene():
    (of, found) = scene(parsed_clip("point", 0, tracks_of([{0: np.zeros((4, 3))}], 2)), definition_of())
    assert found.normalised is None
    assert of.sampled == ()
    view = view_of(of.panels[0])
    assert (view.radius, view.floor) == (1.0, 0.0)
    assert np.array_equal(view.centres_S3, np.zeros((2, 3)))


def test_the_picture_follows_who_walks_far_and_nobody_else():
    def walk(speed):
        body = {t: STANDING + np.array([speed * t, 0.0, 0.0]) for t in range(60) if t != 30}
        (of, _) = scene(parsed_clip("walk", 0, tracks_of([body], 60)), definition_of())
        return view_of(of.panels[0])

    still, far = walk(0.001), walk(0.2)
    assert np.ptp(still.centres_S3, axis=0).max() == 0
    assert far.radius < 2 * still.radius
    assert np.allclose(far.centres_S3[5:-5, 0], 0.2 * np.arange(60)[5:-5], atol=1e-6)
    assert np.ptp(far.centres_S3[:, 1]) == 0
