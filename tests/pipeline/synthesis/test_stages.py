"""Tracks: the other side of one is its mirror image, in every part."""

import numpy as np

from pipeline.synthesis.body import CHANNELS, COLUMN, draw_subject, pose
from pipeline.synthesis.moves import angles
from pipeline.synthesis.stages import Track, Wave, mirrored, mirrored_track

PAIRS = ((4, 8), (7, 11), (14, 18))
"""Left and right joints."""


def test_the_mirrored_pose_is_the_mirror_image_in_space(rng: np.random.Generator) -> None:
    subject = draw_subject(rng)
    vectors = rng.normal(0.0, 0.4, (3, len(CHANNELS)))
    vectors[:, COLUMN["forward"]] = 0.0
    here, _ = pose(vectors, subject)
    there, _ = pose(mirrored(vectors), subject)
    for left, right in PAIRS:
        np.testing.assert_allclose(here[:, left, 1:], there[:, right, 1:], atol=1e-12)
    np.testing.assert_allclose(mirrored(mirrored(vectors)), vectors)


def test_a_mirrored_track_mirrors_its_wave() -> None:
    right, left = angles({"r_flex": 30.0, "twist": 10.0}), angles({"l_flex": 30.0, "twist": -10.0})
    wave = Wave(sine_D=right, cosine_D=2 * right, bias_D=3 * right, beats=2, hertz=1.5)
    track = Track(keys_KD=right[None], seconds_K=np.ones(1), pause=0.2, returns=True, wave=wave)
    other = mirrored_track(track)
    assert other.wave is not None
    np.testing.assert_array_equal(other.keys_KD, left[None])
    np.testing.assert_array_equal(other.wave.sine_D, left)
    np.testing.assert_array_equal(other.wave.cosine_D, 2 * left)
    np.testing.assert_array_equal(other.wave.bias_D, 3 * left)
    assert (other.wave.beats, other.wave.hertz, other.pause, other.returns) == (2, 1.5, 0.2, True)
    bare = mirrored_track(Track(keys_KD=right[None], seconds_K=np.ones(1), pause=0.2, returns=True))
    assert bare.wave is None
