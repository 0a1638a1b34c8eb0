import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.definitions.definition import SplitSpec
from pipeline.kernels.frame_sampling import NOTE_SCRAMBLED
from pipeline.split.normalise import NOTE_UNSCALED, NOTE_UNTURNED, POINT, check_split, normalise_clip
from pipeline.tracks import Tracks
from tests.oracles.hand_made import STANDING, STICK, STICK_2D, moving_body, tracks_of
from tests.oracles.pre_normalization import pre_normalization

pytestmark = pytest.mark.kernel


def spec_of(**fields):
    return SplitSpec(**{"class_split": {}, "n_frames": 4, "origin": "none", **fields})


def shift(x):
    return STANDING + np.array([x, 0.0, 0.0])


def test_a_whole_clip_is_stored_as_it_is_at_the_sampled_frames():
    clip = normalise_clip(tracks_of([{t: shift(t) for t in range(8)}], 8), spec_of(), STICK)
    assert clip.frame_index == (1, 3, 5, 7)
    assert clip.joints_MTVC.dtype == np.float32
    np.testing.assert_allclose(clip.joints_MTVC, [[shift(t) for t in (1, 3, 5, 7)]], atol=1e-6)
    assert clip.notes == ()


def test_in_slots_a_body_stays_where_its_source_has_it():
    body = {t: shift(t) for t in range(4)}
    second = tracks_of([body], 4, ids=[1])
    alone, clip = (normalise_clip(second, spec_of(rank=rank), STICK) for rank in ("stored", "slots"))
    assert (alone.kept, clip.kept) == (((1,),), ((), (1,)))
    assert np.array_equal(clip.joints_MTVC[1], alone.joints_MTVC[0])
    assert not clip.joints_MTVC[0].any()
    for rank in ("stored", "slots"):
        both = normalise_clip(tracks_of([body, body], 4, ids=[0, 1]), spec_of(rank=rank), STICK)
        assert both.kept == ((0,), (1,))
    with pytest.raises(RefusedError, match=r"a body in slot 2, rank: slots has 0 .. 1 here \(split.bodies\)"):
        normalise_clip(tracks_of([body], 4, ids=[2]), spec_of(rank="slots"), STICK)
    with pytest.raises(DataError, match="denoise: rank: slots keeps every body in the slot that it has"):
        check_split(spec_of(rank="slots", denoise="frozen"), NTU25)


def test_empty_ends_are_cut_and_gaps_are_filled_before_frames_are_sampled():
    clip = normalise_clip(tracks_of([{2: shift(0), 5: shift(3)}], 9), spec_of(), STICK)
    assert clip.frame_index == (2, 3, 4, 5)
    np.testing.assert_allclose(clip.joints_MTVC[0], [shift(x) for x in range(4)], atol=1e-6)


def test_a_clip_shorter_than_asked_is_stretched():
    clip = normalise_clip(tracks_of([{0: shift(0), 1: shift(1)}], 2), spec_of(), STICK)
    assert clip.frame_index == (0, 0, 1, 1)
    assert not (clip.joints_MTVC == 0).all(axis=(2, 3)).any()


@pytest.mark.parametrize("layout", [STICK, STICK_2D])
def test_scrambled_frames_are_those_in_time_with_frames_and_coordinates_mixed_up(rng, layout):
    places, scores = rng.normal(size=(7, 4, 3 - layout.is_image)) + 5, rng.random((7, 4)) + 0.1
    tracks = tracks_of([dict(enumerate(places))], 7, scores=[dict(enumerate(scores))] if layout.is_image else None)
    clips = [normalise_clip(tracks, spec_of(frame_order=order), layout) for order in ("time", "scrambled")]
    theirs = clips[0].joints_MTVC[0].transpose(0, 2, 1).reshape(3, 4, 4).transpose(1, 2, 0)
    np.testing.assert_array_equal(clips[1].joints_MTVC, [theirs])
    assert clips[1].frame_index == clips[0].frame_index
    assert (clips[0].notes, clips[1].notes) == ((), (NOTE_SCRAMBLED,))


def test_a_clip_with_fewer_frames_than_asked_escapes_scrambling():
    for n_frames, notes in ((4, (NOTE_SCRAMBLED,)), (5, ())):
        tracks = tracks_of([{t: shift(t) for t in range(1, 5)}], 9)  # four frames without its empty ends
        specs = [spec_of(frame_order=order, n_frames=n_frames) for order in ("time", "scrambled")]
        clips = [normalise_clip(tracks, spec, STICK) for spec in specs]
        assert clips[1].notes == notes
        assert np.array_equal(clips[0].joints_MTVC, clips[1].joints_MTVC) == (not notes)


def test_a_second_body_is_held_where_it_is_absent():
    near, far = {t: shift(t) for t in range(4)}, {1: shift(9), 2: shift(10)}
    clip = normalise_clip(tracks_of([near, far], 4), spec_of(), STICK)
    np.testing.assert_allclose(clip.joints_MTVC[1], [shift(x) for x in (9, 9, 10, 10)], atol=1e-6)


@pytest.mark.parametrize("n_bodies", [1, 2])
def test_upright_in_every_frame_is_the_pre_normalization_of_2s_agcn(rng, n_bodies):
    joints_MTVC = rng.normal(size=(n_bodies, 6, 25, 3)) * [1.0, 2.0, 0.5] + [0.3, 0.1, 3.0]
    joints_MTVC[0] *= 1.5  # so that the first track is the one that moves most
    bodies = [dict(enumerate(body)) for body in joints_MTVC]
    spec = spec_of(n_frames=6, origin="every_frame", rotate="upright")
    clip = normalise_clip(tracks_of(bodies, 6), spec, NTU25)
    np.testing.assert_allclose(clip.joints_MTVC, pre_normalization(joints_MTVC), atol=1e-5)


def test_torso_scale_divides_by_the_median_torso_of_the_first_body():
    clip = normalise_clip(
        tracks_of([{t: shift(t) for t in range(4)}], 4), spec_of(scale="torso", origin="first_frame"), STICK
    )
    np.testing.assert_allclose(clip.joints_MTVC[0, 1], (shift(1) - STANDING[1]) / 0.5, atol=1e-6)


def test_a_clip_without_a_torso_is_left_unscaled_and_says_so():
    body = {t: shift(t) for t in range(4)}
    for joints in body.values():
        joints[0] = np.nan
    clip = normalise_clip(tracks_of([body], 4), spec_of(scale="torso"), STICK)
    assert clip.notes == (NOTE_UNSCALED,)
    np.testing.assert_allclose(clip.joints_MTVC[0, 2, 1:], shift(2)[1:], atol=1e-6)
    np.testing.assert_allclose(clip.joints_MTVC[0, 2, 0], shift(2)[1], atol=1e-6)  # a joint never seen: the centre


def test_a_clip_without_shoulders_is_not_turned_and_says_so():
    body = {t: shift(t) for t in range(4)}
    for joints in body.values():
        joints[2] = joints[3]
    clip = normalise_clip(tracks_of([body], 4), spec_of(rotate="yaw"), STICK)
    assert clip.notes == (NOTE_UNTURNED,)
    np.testing.assert_allclose(clip.joints_MTVC[0, 3], body[3], atol=1e-6)


def test_zero_leaves_missing_joints_at_the_origin_after_normalisation():
    body = {t: shift(t) for t in range(4)}
    body[1][3], body[2][0] = 0.0, np.nan
    interpolated = normalise_clip(tracks_of([body], 4), spec_of(origin="first_frame"), STICK).joints_MTVC
    zeroed = normalise_clip(
        tracks_of([body], 4), spec_of(origin="first_frame", missing_joints="zero"), STICK
    ).joints_MTVC
    np.testing.assert_allclose(interpolated[0, 1, 3], shift(1)[3] - STANDING[1], atol=1e-6)
    expected = interpolated.copy()
    expected[0, 1, 3] = expected[0, 2, 0] = 0.0
    np.testing.assert_array_equal(zeroed, expected)


PERSON = np.array([[0.5, 0.75], [0.5, 0.25], [0.25, 0.25], [0.75, 0.25]])


def image_clip():
    """Three frames; joint 3 has no confidence in the middle one, which is absent, and in the last."""
    scores = [{0: [0.5, 0.9, 0.4, 0.3], 2: [0.6, 0.8, 0.2, 0.0]}]
    return tracks_of([{0: PERSON, 2: PERSON + 0.1}], 3, scores=scores)


def test_image_clips_have_y_up_from_the_middle_and_the_confidence_third():
    spec = spec_of(n_frames=3, rank="confidence")
    joints_TVC = normalise_clip(image_clip(), spec, STICK_2D).joints_MTVC[0]
    np.testing.assert_allclose(joints_TVC[0, :, :2], [[0, -0.25], [0, 0.25], [-0.25, 0.25], [0.25, 0.25]], atol=1e-6)
    np.testing.assert_allclose(joints_TVC[1, 0, :2], [0.05, -0.3], atol=1e-6)  # half way
    np.testing.assert_allclose(joints_TVC[..., 2], [[0.5, 0.9, 0.4, 0.3], [0, 0, 0, 0], [0.6, 0.8, 0.2, 0]], atol=1e-6)
    np.testing.assert_allclose(joints_TVC[2, 3, :2], [0.25, 0.25], atol=1e-6)  # missing: held


def test_zero_in_an_image_clip_keeps_the_frames_between():
    joints_TVC = normalise_clip(
        image_clip(), spec_of(n_frames=3, rank="confidence", missing_joints="zero"), STICK_2D
    ).joints_MTVC[0]
    assert joints_TVC[2, 3].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(joints_TVC[1, 3, :2], [0.25, 0.25], atol=1e-6)
    np.testing.assert_allclose(joints_TVC[2, 2], [-0.15, 0.15, 0.2], atol=1e-6)


def test_scale_does_not_touch_the_confidence():
    spec = spec_of(n_frames=3, rank="confidence", origin="every_frame", scale="torso")
    joints_TVC = normalise_clip(image_clip(), spec, STICK_2D).joints_MTVC[0]
    np.testing.assert_allclose(joints_TVC[0], [[0, -1, 0.5], [0, 0, 0.9], [-0.5, 0, 0.4], [0.5, 0, 0.3]], atol=1e-6)


def test_a_body_that_is_one_point_is_dropped_with_a_note():
    near = {t: shift(t) for t in range(4)}
    zero = {t: np.array([[0.0, 0.0, 0.0]] * 3 + [[0.0, 1.0, 0.0]]) for t in range(4)}
    spec = spec_of(missing_joints="zero", origin="every_frame")
    tracks = tracks_of([{t: j - j[1] + [0, 1, 0] for t, j in near.items()}, zero], 4)
    clip = normalise_clip(tracks, spec, STICK)
    assert clip.joints_MTVC.shape == (1, 4, 4, 3)
    assert clip.notes == (f"body dropped: {POINT}",)
    assert clip.kept == ((0,),)
    assert clip.dropped == ((1, "point: all joints in one point"),)


def test_every_track_of_a_clip_has_a_verdict():
    near, far, short = ({t: shift(t * s) for t in range(n)} for s, n in ((1.0, 14), (2.0, 14), (3.0, 5)))
    tracks = tracks_of([near, {3: np.zeros((4, 3))}, far, short], 14, ids=[5, 2, 72057594037932127, 1])
    clip = normalise_clip(tracks, spec_of(denoise="short"), STICK)
    assert clip.kept == ((72057594037932127,), (5,))
    assert clip.dropped == ((2, "unmeasured: no measured joint"), (1, "short: seen in 5 frames"))
    one = normalise_clip(tracks, spec_of(denoise="short"), STICK, most_bodies=1)
    assert one.kept == ((72057594037932127,),)
    assert one.dropped[0] == (5, "rank: number 2 by spread, 1 kept")
    np.testing.assert_array_equal(one.joints_MTVC, clip.joints_MTVC[:1])


def test_a_gap_of_a_joined_person_is_filled_between_its_tracks():
    tracks = tracks_of([{0: shift(0.0), 1: shift(1.0)}, {3: shift(3.0)}], 4)
    clip = normalise_clip(tracks, spec_of(denoise="join"), STICK)
    assert clip.kept == ((0, 1),)
    np.testing.assert_allclose(clip.joints_MTVC, [[shift(x) for x in range(4)]], atol=1e-6)


def test_a_clip_that_is_one_point_or_shows_nobody_is_refused():
    point = {t: np.ones((4, 3)) for t in range(4)}
    with pytest.raises(RefusedError, match="no usable body: all joints in one point"):
        normalise_clip(tracks_of([point], 4), spec_of(origin="every_frame"), STICK)
    for tracks in (tracks_of([{0: np.zeros((4, 3))}], 4), tracks_of([], 4)):
        with pytest.raises(RefusedError, match="no usable body: no frame has a measured joint"):
            normalise_clip(tracks, spec_of(), STICK)


def test_random_frames_depend_on_the_generator_only(rng):
    tracks = tracks_of([moving_body(rng, 50)], 50)
    spec = spec_of(frame_sampling="random", n_frames=10)
    drawn = [normalise_clip(tracks, spec, STICK, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert drawn[0].frame_index == drawn[1].frame_index != drawn[2].frame_index
    assert (drawn[0].joints_MTVC == drawn[1].joints_MTVC).all()
    with pytest.raises(ValueError, match="frame_sampling: random needs a generator"):
        normalise_clip(tracks, spec, STICK)


def test_frames_along_the_path_leave_out_the_time_in_which_nothing_moves():
    moves = {t: shift(0.0 if t < 30 else t - 29.0) for t in range(34)}
    clip = normalise_clip(tracks_of([moves], 34), spec_of(frame_sampling="path", n_frames=5), STICK)
    assert clip.frame_index == (0, 30, 31, 32, 33)


WHOLE = tracks_of([{0: STANDING, 1: STANDING}], 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints_PVC": np.ones((2, 5, 3), np.float32)}, "joints of shape"),
        ({"scores_PV": np.ones((2, 5), np.float32)}, "confidences of shape"),
        ({"lengths": np.array([3], np.int32)}, "add up to 3, not to 2"),
        ({"lengths": np.array([3, -1], np.int32), "ids": np.arange(2)}, "add up to 2"),
        ({"ids": np.arange(2)}, "2 track ids for 1 tracks"),
        ({"frame_index": np.array([0, 2], np.int32)}, "a frame number outside 0 .. 1"),
        ({"frame_index": np.array([-1, 0], np.int32)}, "a frame number outside"),
    ],
)
def test_tracks_that_contradict_themselves_are_found_before_any_kernel_runs(changes, message):
    with pytest.raises(ValueError, match=message):
        normalise_clip(dataclasses.replace(WHOLE, **changes), spec_of(), STICK)


def test_an_image_layout_needs_confidences():
    with pytest.raises(ValueError, match="has a confidence, the source has none"):
        normalise_clip(tracks_of([{0: PERSON}], 1), spec_of(), STICK_2D)


@pytest.mark.parametrize(
    ("fields", "layout", "message"),
    [
        ({"rotate": "yaw"}, OPENPOSE18, "split.rotate: layout openpose18 is not 3-D"),
        ({"rotate": "upright"}, dataclasses.replace(STICK, spine=None), "names no spine"),
        ({"extra_bodies": "drop"}, NTU25, "split.extra_bodies: drop: needs two_person_classes"),
        ({"denoise": "join", "rank": "confidence"}, OPENPOSE18, "split.denoise: rank: confidence looks at every frame"),
        ({"denoise": "ctr_gcn"}, OPENPOSE18, "split.denoise: wide: its threshold is for metres, layout openpose18"),
        ({"scale": "torso"}, dataclasses.replace(STICK, torso=None), "split.scale: torso: layout stick names no torso"),
    ],
)
def test_a_definition_that_its_layout_cannot_serve_is_one_clear_error(fields, layout, message):
    with pytest.raises(DataError, match=message):
        check_split(spec_of(**fields), layout)


def test_a_definition_that_its_layout_can_serve_passes():
    check_split(spec_of(rotate="upright", scale="torso"), NTU25)
    check_split(spec_of(scale="torso"), OPENPOSE18)
    check_split(spec_of(denoise=["short", "join"]), OPENPOSE18)
    check_split(spec_of(denoise=["ctr_gcn", "ghosts"], extra_bodies="drop", two_person_classes=()), NTU25)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_tracks_give_finite_joints_of_the_promised_shape_or_a_refusal(data):
    frames = data.draw(st.integers(1, 8))
    lengths = data.draw(st.lists(st.integers(0, frames), max_size=3))
    index = [sorted(data.draw(st.permutations(range(frames)))[:n]) for n in lengths]
    numbers = st.sampled_from([0.0, 1.0, -0.5, 2.5, np.nan, np.inf, 1e-9])
    n_seen = sum(lengths)
    values = data.draw(st.lists(numbers, min_size=12 * n_seen, max_size=12 * n_seen))
    tracks = Tracks(
        frames=frames,
        ids=np.arange(len(lengths)),
        lengths=np.array(lengths, np.int32),
        frame_index=np.array([t for body in index for t in body], np.int32),
        joints_PVC=np.array(values, np.float32).reshape(n_seen, 4, 3),
    )
    spec = spec_of(
        origin=data.draw(st.sampled_from(["none", "first_frame", "every_frame"])),
        rotate=data.draw(st.sampled_from(["none", "yaw", "upright"])),
        scale=data.draw(st.sampled_from(["none", "torso"])),
        missing_joints=data.draw(st.sampled_from(["interpolate", "zero"])),
        rank=data.draw(st.sampled_from(["spread", "motion", "length"])),
        denoise=data.draw(st.sampled_from(["none", "ctr_gcn", "ghosts", "join", {"short": 2, "join": 1}])),
    )
    try:
        clip = normalise_clip(tracks, spec, STICK)
    except RefusedError:
        return
    assert clip.joints_MTVC.shape[1:] == (4, 4, 3)
    assert 1 <= len(clip.joints_MTVC) <= 2
    assert np.isfinite(clip.joints_MTVC).all()
    assert len(clip.kept) == len(clip.joints_MTVC)
    verdicts = [i for body in clip.kept for i in body] + [track.id for track in clip.dropped]
    assert sorted(verdicts) == tracks.ids.tolist()
    assert all(0 <= t < frames for t in clip.frame_index)
    assert list(clip.frame_index) == sorted(clip.frame_index)
