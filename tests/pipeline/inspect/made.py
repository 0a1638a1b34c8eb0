"""A small data set made by hand, in all three forms, and a clip of two bodies of which one is dropped."""

from pathlib import Path

import numpy as np

from pipeline.inspect.find import SearchFolders, find_clip
from pipeline.split.run import split
from tests.oracles.hand_made import STANDING, STICK_2D, definition_of, made_table, moving_body, parsed_clip, tracks_of

GHOST_ID = 77


def made(folder: Path, **settings):
    """A parsed table and shards of `STICK`, and where they are."""
    definition = definition_of(**{"origin": "first_frame", **settings})
    parsed = made_table(folder / "parsed", np.random.default_rng(4), clips_per_class=3)
    split(definition, parsed, folder / "shards")
    return SearchFolders(definition=definition, parsed=parsed, shards=folder / "shards")


def key_of(places):
    """A clip that both the table and the shards have: class 0, two bodies."""
    found = find_clip("clip000", places)
    assert found.tracks is not None
    assert found.normalised is not None
    return found.key


def haunted(frames=6):
    """Tracks of a moving body with a gap and a lost joint, and of a frozen ghost in two frames."""
    walker = moving_body(np.random.default_rng(1), frames)
    del walker[2]
    walker[4][3] = 0.0
    return tracks_of([{1: STANDING * 0.5, 2: STANDING * 0.5}, walker], frames, ids=[GHOST_ID, 5])


def haunted_clip():
    return parsed_clip("haunted", 0, haunted())


def seen_clip():
    """A 2-D clip of one body whose first joint has no confidence in frame 1."""
    places = {t: np.array([[0.5, 0.6], [0.5, 0.4], [0.4, 0.4], [0.6, 0.4 + 0.05 * t]]) for t in range(4)}
    scores = {t: np.array([0.0 if t == 1 else 0.5, 0.9, 0.8, 0.7]) for t in range(4)}
    return parsed_clip("seen", 1, tracks_of([places], 4, scores=[scores]))


def definition_2d(**settings):
    return definition_of(STICK_2D, rank="confidence", missing_joints="zero", origin="none", **settings)
