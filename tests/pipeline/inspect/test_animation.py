import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.inspect.animation import MOST_ROWS, player_data
from pipeline.inspect.find import both_sides
from pipeline.inspect.scene import scene_of, view_of
from pipeline.inspect.tracks import choose
from tests.oracles.hand_made import definition_of, moving_body, parsed_clip, tracks_of
from tests.pipeline.inspect.made import haunted_clip


def scene(clip, **split):
    found = both_sides(clip, definition_of(**split))
    return scene_of(found, choose(found.tracks, found.spec))


def test_positions_come_back_to_a_pixel():
    of = scene(haunted_clip(), bodies=1)
    for panel, sent in zip(of.panels, json.loads(player_data(of).json)["panels"], strict=True):
        shape = panel.points_PV3.shape
        points = np.frombuffer(base64.b64decode(sent["points"]), "<i2").reshape(shape) * sent["quantum"]
        view = view_of(panel)
        centres = np.c_[sent["across"], np.full(len(panel.steps), view.centres_S3[0, 1]), sent["away"]]
        assert np.abs(points + centres[panel.step_P][:, None] - panel.points_PV3).max() <= view.radius / 8000
        measured = np.frombuffer(base64.b64decode(sent["measured"]), np.uint8).reshape(shape[:2])
        assert np.array_equal(measured > 0, panel.measured_PV)
        assert sent["radius"] == pytest.approx(view.radius, rel=1e-5)
        assert sent["floor"] + view.centres_S3[0, 1] == pytest.approx(view.floor, abs=1e-4)
        assert (sent["step"], sent["slot"]) == (panel.step_P.tolist(), panel.slot_P.tolist())


def test_time_and_legend_have_the_kept_bodies_first():
    data = player_data(scene(haunted_clip(), bodies=1))
    document = json.loads(data.json)
    assert document["strips"] == ["99.969", ".99..."]
    assert document["slots"] == [0, -1]
    assert [line.slot for line in data.bodies] == [0, -1]
    assert data.bodies[0].text.startswith("body 5, seen in 5 frames")
    assert (data.frames, data.first, document["sampled"]) == (6, 3, [0, 2, 3, 5])


def test_crowds_are_cut_short(rng):
    bodies = [moving_body(rng, 2) for _ in range(MOST_ROWS + 2)]
    data = player_data(scene(parsed_clip("crowd", 0, tracks_of(bodies, 2))))
    assert data.bodies[-1].text == "and 2 more"
    assert len(json.loads(data.json)["strips"]) == MOST_ROWS


def test_a_clip_without_a_normalised_side_starts_in_its_middle():
    data = player_data(scene(parsed_clip("point", 0, tracks_of([{0: np.zeros((4, 3))}], 8))))
    assert data.first == 4
    assert json.loads(data.json)["sampled"] == []


def test_names_from_the_data_cannot_end_the_script():
    of = scene(haunted_clip())
    evil = replace(of.layout, joints=("</script><b>", *of.layout.joints[1:]))
    text = player_data(replace(of, layout=evil)).json
    assert "<" not in text
    assert json.loads(text)["joints"][0] == "</script><b>"
