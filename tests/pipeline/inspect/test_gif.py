import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pipeline.inspect.find import both_sides
from pipeline.inspect.gif import MOST_FRAMES, gif
from pipeline.inspect.scene import scene_of
from pipeline.inspect.tracks import choose
from tests.oracles.hand_made import STANDING, definition_of, parsed_clip, tracks_of
from tests.pipeline.inspect.made import haunted_clip


def scene(clip, **split):
    found = both_sides(clip, definition_of(**split))
    return scene_of(found, choose(found.tracks, found.spec))


def pictures(data):
    with Image.open(io.BytesIO(data)) as image:
        return [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(image)]


@pytest.fixture(scope="module")
def data():
    return gif(scene(haunted_clip(), bodies=1))


def test_every_frame_shows_both_sides(data):
    frames = pictures(data)
    assert len(frames) == 6
    assert frames[0].shape == (400, 720, 3)
    blue = [(frame[..., 2] - frame[..., 0] > 90) for frame in frames]
    left, right = ([half.sum() for half in np.split(np.array(blue), 2, axis=2)[side]] for side in (0, 1))
    assert [count > 50 for count in left] == [True, True, False, True, True, True]  # nobody in frame 2
    assert [count > 50 for count in right] == [True, True, False, True, True, True]  # filled in frame 2: rings only
    assert (frames[2][:, 360:] < 200).any(axis=2).sum() > 500 > (frames[2][60:380, 20:345] < 200).any(axis=2).sum()


def test_heads_are_up(data):
    """The shoulders of `STICK` are the widest part, above its hips."""
    frame = pictures(data)[0][60:380, 20:345]
    rows = np.flatnonzero((frame[..., 2] - frame[..., 0] > 90).any(axis=1))
    wide = [np.ptp(np.flatnonzero(frame[row, :, 2] - frame[row, :, 0] > 90)) for row in (rows[8], rows[-8])]
    assert wide[0] > 3 * wide[1]


def test_the_same_clip_gives_the_same_bytes(data):
    assert gif(scene(haunted_clip(), bodies=1)) == data


def test_long_clips_are_thinned(monkeypatch):
    monkeypatch.setattr("pipeline.inspect.gif.MOST_FRAMES", 3)
    standing = {t: STANDING + 0.1 * t for t in range(7)}
    data = gif(
        scene(parsed_clip("a name that is much too long for a title of this width " * 2, 0, tracks_of([standing], 7)))
    )
    assert len(pictures(data)) == 3
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["duration"] == 100
    assert MOST_FRAMES == 120
