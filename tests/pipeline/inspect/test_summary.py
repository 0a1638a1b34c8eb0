from dataclasses import replace

import numpy as np
import pytest

from pipeline.inspect.find import SearchFolders, both_sides, find_clip
from pipeline.inspect.summary import SHOWN, about, blocks, spans, summary_lines, ticks
from pipeline.inspect.tracks import choose
from tests.oracles.hand_made import definition_of, moving_body, parsed_clip, tracks_of
from tests.pipeline.inspect.made import haunted, haunted_clip


def lines(clip, definition):
    found = both_sides(clip, definition)
    return summary_lines(found, choose(found.tracks, definition.split))


def test_a_clip_in_a_few_lines():
    text = lines(haunted_clip(), definition_of(bodies=1))
    assert text == [
        "haunted: action 0 (0), train",
        "  source: raw/haunted.skeleton",
        "  6 frames, 4 joints (stick)",
        "  body 77  ·██···  seen in 2 frames, spread 0.20: dropped, rank: number 2 by spread, 1 kept",
        "  body  5  ██·█▆█  seen in 5 frames, spread 0.43, 5.0 % of joints missing: kept",
        "  sampled  ╵ ╵╵ ╵",
        "  missing joints: 3.6 % (most: right 14 %)",
        "  normalised: 1 body x 4 frames (prepared as made says)",
        "  frames 1, 3, 4, 6 of 6",
    ]


def test_the_shards_side_alone_has_no_bodies_of_the_source(places):
    found = find_clip("clip000", SearchFolders(shards=places.shards))
    text = summary_lines(found, None)
    assert text[0] == "clip000: wave (0), train"
    assert text[5] == f"  normalised: 2 bodies x 4 frames ({found.normalised.made_by})"
    assert not [line for line in text if "missing" in line]


def test_the_shards_side_alone_says_what_became_of_the_sources_bodies(places):
    found = find_clip("clip000", SearchFolders(shards=places.shards))
    assert "  kept: body 0" in summary_lines(found, None)
    row = {"kept": [[5, 7], [], [6]], "dropped": [{"id": 9, "reason": "short: seen in 7 frames"}]}
    text = summary_lines(replace(found, normalised=replace(found.normalised, index_row=row)), None)
    assert text[3:7] == [
        "  kept: body 5, then 7",
        "  kept: an empty slot, as zeros",
        "  kept: body 6",
        "  dropped: body 9, short: seen in 7 frames",
    ]


def test_notes_frames_without_a_body_and_stretched_clips_are_said(rng):
    body = moving_body(rng, 3)
    del body[1]
    clip = parsed_clip("short", 0, tracks_of([body], 3, notes=("crlf",)))
    text = lines(clip, definition_of())
    assert "  1 frames without a body" in text
    assert "  missing joints: none" in text
    assert "  normalised: 1 body x 4 frames, 1 of them repeated (prepared as made says)" in text
    assert text[-1] == "  note: crlf"


def test_a_clip_that_cannot_be_normalised_says_why():
    clip = parsed_clip("point", 9, tracks_of([{0: np.zeros((4, 3))}], 2))
    found = both_sides(replace(clip, class_name="class 9"), definition_of())
    text = summary_lines(found, choose(found.tracks, found.spec))
    assert text[0] == "point: class 9"
    words = "seen in 0 frames, nothing measured, 100.0 % of joints missing: dropped, unmeasured: no measured joint"
    assert f"  body  0  ▁·  {words}" in text
    assert text[-1].startswith("  not normalised: no usable body")


def test_crowds_are_cut_short(rng):
    bodies = [moving_body(rng, 2) for _ in range(SHOWN + 3)]
    text = lines(parsed_clip("crowd", 0, tracks_of(bodies, 2)), definition_of())
    assert "  and 3 more bodies" in text
    assert sum(line.startswith("  body") for line in text) == SHOWN


def test_a_body_kept_now_and_then_says_how_often():
    body = choose(haunted(), definition_of(bodies=1).split).bodies[1]
    assert about(replace(body, kept=3)).endswith("kept in 3 of them")


@pytest.mark.parametrize("frames", [1, 59, 60, 61, 300])
def test_rows_of_time_are_never_wider_than_the_terminal_allows(frames):
    assert len(blocks(np.ones(frames))) == len(ticks((0,), frames)) == min(60, frames)


def test_blocks_show_the_mean_of_what_shares_a_column():
    assert blocks(np.array([1.0, 0.0, np.nan, np.nan]), width=2) == "▅·"
    assert ticks((3,), 4, width=2) == " ╵"


def test_frame_numbers_are_shortened():
    assert spans((1, 2)) == "1, 2"
    assert spans((0, 1, 2, 3, 4, 9)) == "0, 1, 2 .. 9"
