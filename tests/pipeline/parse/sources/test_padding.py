"""Padding by repetition is cut to the frame; what only looks like it stays."""

import numpy as np
import pytest

from pipeline.parse.plan import make_plan, run_job
from pipeline.parse.sources.padding import NOTE_HELD, NOTE_LOOPED, NOTE_REFLECTED, NOTE_REPEATS, find_end
from tests.pipeline.parse.sources.source_files import STICK_2D, annotation, define, write_pickle


def moving(frames, bodies=1, seed=0):
    """(M, T, V, C), no frame like another."""
    return np.random.default_rng(seed).normal(size=(bodies, frames, 25, 3)).astype(np.float32)


def looped(clip_MTVC, frames):
    return np.resize(clip_MTVC.swapaxes(0, 1), (frames, len(clip_MTVC), 25, 3)).swapaxes(0, 1)


@pytest.mark.parametrize("frames", [10, 30, 103, 150, 200, 290])
@pytest.mark.parametrize("zeros", [0, 40])
def test_a_clip_repeated_to_the_end_ends_where_it_began_anew(frames, zeros):
    clip_MTVC = np.pad(looped(moving(frames), 300), ((0, 0), (0, zeros), (0, 0), (0, 0)))
    ending = find_end(clip_MTVC)
    assert (ending.frames, ending.lengths_M.tolist(), ending.note) == (frames, [frames], NOTE_LOOPED)


@pytest.mark.parametrize("again", [False, True])
def test_frames_that_show_nobody_may_come_before_a_loop_and_in_it(again):
    clip_MTVC = np.pad(moving(100), ((0, 0), (5, 0), (0, 0), (0, 0)))
    whole_MTVC = looped(clip_MTVC, 300) if again else np.concatenate([clip_MTVC, looped(clip_MTVC[:, 5:], 195)], axis=1)
    ending = find_end(whole_MTVC)
    assert (ending.frames, ending.note) == (105, NOTE_LOOPED)
    assert find_end(np.zeros((2, 30, 3, 3))).frames == 30


def test_every_body_has_a_loop_of_its_own_and_the_longest_is_the_clip():
    clip_MTVC = np.concatenate([looped(moving(80), 300), looped(moving(103, seed=1), 300), moving(300, seed=2)])
    clip_MTVC[2, 60:] = 0
    ending = find_end(clip_MTVC)
    assert (ending.frames, ending.lengths_M.tolist(), ending.note) == (103, [80, 103, 60], NOTE_LOOPED)


def test_no_clip_loses_frames_of_a_body_that_goes_on_moving():
    for order in (1, -1):
        ending = find_end(np.concatenate([looped(moving(90), 300), moving(300, seed=1)])[::order])
        assert (ending.frames, ending.lengths_M.tolist(), ending.note) == (300, [300, 300], NOTE_REPEATS)


def _ghost(kind, frames=300):
    ghost_MTVC = np.repeat(moving(1, seed=7), frames, axis=1)
    ghost_MTVC[:, 1::2] *= kind == "frozen"
    return ghost_MTVC


@pytest.mark.parametrize("kind", ["frozen", "flickers"])
def test_a_ghost_that_repeats_one_pose_cuts_nobody_and_hinders_no_cut(kind):
    ending = find_end(np.concatenate([moving(300), _ghost(kind)]))
    assert (ending.frames, ending.note) == (300, None)
    ending = find_end(np.concatenate([looped(moving(103), 300), _ghost(kind)]))
    assert (ending.frames, ending.lengths_M.tolist(), ending.note) == (103, [103, 103], NOTE_LOOPED)


@pytest.mark.parametrize(("frames", "whole"), [(95, 100), (52, 60), (5, 300), (9, 30)])
def test_a_few_frames_that_occur_again_are_noted_and_kept(frames, whole):
    ending = find_end(looped(moving(frames), whole))
    assert (ending.frames, ending.lengths_M.tolist(), ending.note) == (whole, [whole], NOTE_REPEATS)


def test_frames_of_nan_at_the_end_are_absent_as_zeros_are():
    clip_MTVC = np.pad(moving(50), ((0, 0), (0, 20), (0, 0), (0, 0)), constant_values=np.nan)
    assert (find_end(clip_MTVC).frames, find_end(clip_MTVC).note) == (70, None)
    clip_MTVC = np.pad(looped(moving(50), 90), ((0, 0), (0, 20), (0, 0), (0, 0)), constant_values=np.nan)
    assert (find_end(clip_MTVC).frames, find_end(clip_MTVC).note) == (50, NOTE_LOOPED)


def test_a_loop_may_hold_nan_negative_zeros_and_frames_without_the_body():
    clip_MTVC = moving(40)
    clip_MTVC[0, 5, 3], clip_MTVC[0, :4] = np.nan, 0.0
    long_MTVC = looped(clip_MTVC, 100)
    long_MTVC[0, 40:44] = -0.0
    assert find_end(long_MTVC)[0] == 40


@pytest.mark.parametrize("held", [10, 150])
@pytest.mark.parametrize("zeros", [0, 7])
def test_a_held_last_frame_is_kept_once(held, zeros):
    clip_MTVC = np.pad(moving(50, bodies=2), ((0, 0), (0, held), (0, 0), (0, 0)), "edge")
    ending = find_end(np.pad(clip_MTVC, ((0, 0), (0, zeros), (0, 0), (0, 0))))
    assert (ending.frames, ending.lengths_M.tolist(), ending.note) == (50, [50, 50], NOTE_HELD)


def to_and_fro(clip_MTVC, frames, mode="reflect"):
    return np.pad(clip_MTVC, ((0, 0), (0, frames - clip_MTVC.shape[1]), (0, 0), (0, 0)), mode)


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
@pytest.mark.parametrize(("frames", "whole"), [(40, 50), (103, 150), (103, 205), (103, 206), (103, 212), (40, 300)])
@pytest.mark.parametrize("zeros", [0, 30])
def test_a_clip_that_runs_backward_or_to_and_fro_to_its_end_ends_where_it_turned(mode, frames, whole, zeros):
    clip_MTVC = np.pad(to_and_fro(moving(frames, bodies=2), whole, mode), ((0, 0), (0, zeros), (0, 0), (0, 0)))
    ending = find_end(clip_MTVC)
    assert (ending.frames, ending.lengths_M.tolist(), ending.note) == (frames, [frames, frames], NOTE_REFLECTED)


def test_a_reflection_may_hold_nan_frames_without_a_body_and_coarse_numbers():
    clip_MTVC = np.round(moving(60, bodies=2), 1)
    clip_MTVC[0, 5, 3], clip_MTVC[0, 30:40], clip_MTVC[:, :4] = np.nan, 0.0, 0.0
    ending = find_end(to_and_fro(clip_MTVC, 110))
    assert (ending.frames, ending.note) == (60, NOTE_REFLECTED)


def in_whole_pixels(moved, frames=120, way=40):
    """Someone who stands still, and moves so many joints to a place and back, a pixel a frame."""
    clip_MTVC = np.full((1, frames, 25, 2), 100.0)
    there = np.minimum(np.arange(way), np.arange(way)[::-1])
    clip_MTVC[0, -way:, :moved] += there[:, None, None]
    return clip_MTVC


@pytest.mark.parametrize(("moved", "note"), [(1, NOTE_REPEATS), (12, NOTE_REPEATS), (14, NOTE_REFLECTED)])
def test_few_joints_that_come_back_in_whole_pixels_are_noted_and_kept(moved, note):
    ending = find_end(in_whole_pixels(moved))
    assert (ending.frames == 120, ending.note) == (note == NOTE_REPEATS, note)


@pytest.mark.parametrize("shake", [0, 1, 2])
def test_someone_who_stands_still_in_whole_pixels_is_not_cut(shake):
    """So many joints shake by a pixel: their poses come back, and few of them differ."""
    clip_MTVC = np.full((1, 300, 25, 2), 100.0)
    clip_MTVC[0, :, :shake] += np.random.default_rng(1).integers(0, 2, (300, shake, 2))
    clip_MTVC[0, 200:] = clip_MTVC[0, 199]
    clip_MTVC = np.concatenate([clip_MTVC[:, :200], clip_MTVC[:, 198:190:-1]], axis=1)
    assert find_end(clip_MTVC).frames == 208


@pytest.mark.parametrize("back", [1, 9])
def test_a_few_frames_that_run_backward_are_kept(back):
    ending = find_end(to_and_fro(moving(60), 60 + back))
    assert (ending.frames, ending.note) == (60 + back, None)


def test_a_reflection_of_one_body_alone_is_kept():
    other = moving(100, seed=5)
    assert find_end(np.concatenate([to_and_fro(moving(60), 100), other])).note is None


def _still_at_both_ends():
    clip_MTVC = moving(60)
    clip_MTVC[0, 45:] = clip_MTVC[0, :15] = 1.0
    clip_MTVC[0, -1] = 2.0
    return np.concatenate([clip_MTVC, clip_MTVC[:, :15]], axis=1)[:, :74]


def _walks_in_circles():
    turn_T = 2 * np.pi * np.arange(200)[:, None, None] / 40
    noise_MTVC = np.random.default_rng(3).normal(0, 1e-6, (1, 200, 25, 3))
    return (np.sin(turn_T + np.arange(25)[:, None] + np.arange(3)) + noise_MTVC).astype(np.float32)


def _held_by_one_body_only():
    clip_MTVC = moving(60, bodies=2)
    clip_MTVC[1, 20:] = clip_MTVC[1, 20]
    return clip_MTVC


@pytest.mark.parametrize(
    "clip_MTVC",
    [
        moving(60),
        np.ones((1, 60, 25, 3)),
        np.pad(moving(51), ((0, 0), (0, 9), (0, 0), (0, 0)), "edge"),
        _walks_in_circles(),
        _held_by_one_body_only(),
        np.ones((1, 1, 25, 3)),
        np.zeros((2, 30, 25, 3)),
        moving(0),
    ],
    ids=["moving", "still", "few-held", "circles", "one-holds", "one-frame", "empty", "none"],
)
def test_what_moves_rests_or_goes_in_circles_is_no_padding(clip_MTVC):
    ending = find_end(clip_MTVC)
    assert (ending.frames, ending.note) == (clip_MTVC.shape[1], None)


def test_a_pose_held_at_both_ends_is_no_loop():
    assert find_end(_still_at_both_ends()).note == NOTE_HELD  # a hold of 15 frames, not a loop of 60


def test_a_still_clip_of_100_000_frames_is_settled_at_once():
    clip_MTVC = np.ones((1, 100_000, 1, 3))
    clip_MTVC[0, -1] = 2
    assert find_end(clip_MTVC).note is None
    clip_MTVC[0, 0] = 2
    assert find_end(clip_MTVC).note is None


@pytest.mark.parametrize("source", ["stack", "folder", "pickle"])
@pytest.mark.parametrize(("padded", "note"), [(looped, NOTE_LOOPED), (to_and_fro, NOTE_REFLECTED)])
def test_every_array_source_cuts_padding_and_notes_it(tmp_path, source, padded, note):
    clip_MTVC = padded(moving(103), 150)
    (tmp_path / "raw" / "0").mkdir(parents=True)
    if source == "stack":
        np.save(tmp_path / "raw" / "train_data.npy", clip_MTVC.transpose(3, 1, 2, 0)[None])
        np.save(tmp_path / "raw" / "train_label.npy", np.zeros(1))
    elif source == "folder":
        np.save(tmp_path / "raw" / "0" / "a.npy", clip_MTVC)
    else:
        write_pickle(tmp_path / "raw" / "a.pkl", [annotation("a", 0, keypoint=clip_MTVC, total_frames=103)])
    form = {"stack": "array_stack", "folder": "folder_arrays", "pickle": "pyskl_pickle"}[source]
    definition = define(tmp_path, form, "ntu25")
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    tracks = run_job(job, definition).tracks
    assert tracks.frames == 103
    assert np.array_equal(tracks.joints_PVC, clip_MTVC[0, :103])
    assert note in tracks.notes


def test_where_the_source_states_its_frames_repetition_is_noted_and_kept(tmp_path):
    clip_MTVC = looped(moving(40), 90)
    write_pickle(tmp_path / "raw" / "a.pkl", [annotation("a", 0, keypoint=clip_MTVC, total_frames=90)])
    definition = define(tmp_path, "pyskl_pickle", "ntu25")
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    tracks = run_job(job, definition).tracks
    assert (tracks.frames, tracks.notes) == (90, (NOTE_REPEATS,))


def test_an_array_whose_first_frames_occur_again_at_its_end_keeps_them_all(tmp_path):
    (tmp_path / "raw" / "0").mkdir(parents=True)
    np.save(tmp_path / "raw" / "0" / "a.npy", looped(moving(95), 100))
    definition = define(tmp_path, "folder_arrays", "ntu25")
    (job,) = make_plan(definition, [tmp_path / "raw"]).jobs
    tracks = run_job(job, definition).tracks
    assert (tracks.frames, len(tracks.joints_PVC), tracks.notes) == (100, 100, (NOTE_REPEATS,))


def test_scores_that_differ_are_no_repetition(tmp_path):
    scored = np.concatenate([np.tile(np.arange(1, 13)[:, None, None], (2, 2, 2)), np.ones((24, 2, 1))], axis=2)
    scored[20, 0, 2] = 0.5
    (tmp_path / "raw" / "0").mkdir(parents=True)
    for name, clip, frames in (("a", scored, 24), ("b", np.where(scored == 0.5, 1, scored), 12)):
        np.save(tmp_path / "raw" / "0" / f"{name}.npy", clip)
        definition = define(tmp_path, "folder_arrays", STICK_2D)
        job = next(j for j in make_plan(definition, [tmp_path / "raw"]).jobs if j.raw.name == f"{name}.npy")
        tracks = run_job(job, definition).tracks
        assert tracks.frames == frames
        assert tracks.scores_PV.all()
