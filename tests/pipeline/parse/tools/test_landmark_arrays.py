"""A .npy a frame: what its numbers are by how many there are; order, gaps, zeros."""

import io

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.padding import NOTE_HELD, NOTE_LOOPED, NOTE_REFLECTED
from pipeline.parse.tools.landmark_arrays import NOTE_FACE, PIECES
from pipeline.parse.tools.poses import NOTE_DEPTH
from tests.pipeline.parse.tools.tool_files import clip_of, poses_of


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def frames(*arrays, names=None):
    return {f"{name}.npy": npy(array) for name, array in zip(names or range(len(arrays)), arrays, strict=True)}


def test_files_are_in_the_order_of_their_numbers_and_those_left_out_show_nobody():
    arrays = [np.full(34, 0.1 * n) for n in (1, 2, 3)]
    clip = clip_of("landmark_arrays", frames(*arrays, names=(9, 10, 12)))
    assert (clip.frames, clip.frame_index.tolist()) == (4, [0, 1, 3])
    assert clip.joints_PVC[:, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("count", sorted(PIECES))
def test_the_numbers_of_tutorials_are_known_by_their_count(count):
    poses = poses_of("landmark_arrays", frames(np.linspace(0.1, 0.9, count)))
    joints = sum(n for n, _ in PIECES[count] if n not in (468, 478))
    assert (poses.layout.n_joints, poses.layout.is_image) == (joints, True)
    assert (NOTE_FACE in poses.notes) == (count in (1662, 1692))


def test_a_hand_that_was_not_seen_is_zeros():
    both = np.r_[np.zeros(63), np.linspace(0.1, 0.9, 63)]
    clip = clip_of("landmark_arrays", frames(both, np.zeros(126), both))
    assert (clip.frames, clip.frame_index.tolist(), clip.notes) == (3, [0, 2], (NOTE_DEPTH,))
    assert (clip.scores_PV[0] > 0).tolist() == [False] * 21 + [True] * 21


def test_pose_and_hands_keep_the_visibility_of_the_pose():
    flat = np.full(258, 0.5)
    flat[3] = 0.25
    flat[132 + 63 :] = 0
    clip = clip_of("landmark_arrays", frames(flat))
    assert clip.scores_PV[0, [0, 1, 33, 54]].tolist() == [0.25, 0.5, 1, 0]


def test_17_joints_with_a_confidence_each():
    clip = clip_of("landmark_arrays", frames(np.tile([0.3, 0.4, 0.8], 17)))
    assert (clip.joints_PVC.shape, clip.scores_PV[0, 0]) == ((1, 17, 2), np.float32(0.8))


def test_other_numbers_need_a_shape_or_a_layout():
    clip = clip_of("landmark_arrays", frames(np.full(75, 0.5)), "ntu25")
    assert clip.joints_PVC.shape == (1, 25, 3)
    assert clip_of("landmark_arrays", frames(np.full((20, 3), 0.5))).joints_PVC.shape == (1, 20, 3)
    assert clip_of("landmark_arrays", frames(np.full((26, 3), 0.5)), "halpe26").scores_PV[0, 0] == 0.5
    for wrong in (np.ones(7), np.ones((7, 5))):
        with pytest.raises(RefusedError, match=r"numbers a frame, expected 34, 42, .*or 2 or 3 for each joint"):
            clip_of("landmark_arrays", frames(wrong))
    with pytest.raises(RefusedError, match=r"or 2 or 3 for each joint of parse\.layout"):
        clip_of("landmark_arrays", frames(np.ones(76)), "ntu25")


def test_a_damaged_file_or_one_of_other_numbers_is_named():
    with pytest.raises(RefusedError, match=r"1\.npy: 51 numbers, the frames before have 34"):
        clip_of("landmark_arrays", frames(np.ones(34), np.ones(51)))
    with pytest.raises(RefusedError, match=r"0\.npy: not a \.npy array"):
        clip_of("landmark_arrays", {"0.npy": b"hello"})
    with pytest.raises(RefusedError, match=r"0\.npy: an array of object"):
        clip_of("landmark_arrays", {"0.npy": npy(np.array([None, 1], object))})


def test_all_frames_of_a_clip_in_one_array_are_read_as_those_in_many():
    frames = np.random.default_rng(0).uniform(0.1, 0.9, (5, 1662))
    many = clip_of("landmark_arrays", {f"a_{t}.npy": npy(frame) for t, frame in enumerate(frames)})
    one = clip_of("landmark_stack", {"a.npy": npy(frames)})
    assert np.array_equal(one.joints_PVC, many.joints_PVC)
    assert (one.frames, one.notes) == (5, many.notes)


@pytest.mark.parametrize(("count", "tail"), [(132, (33, 2)), (1659, (33, 3))])
def test_a_stack_that_repeats_itself_to_its_end_is_cut_there_and_noted(count, tail):
    frames = np.random.default_rng(0).uniform(0.1, 0.9, (40, count) if count in PIECES else (40, 553, 3))
    looped = clip_of("landmark_stack", {"a.npy": npy(np.resize(frames, (100, *frames.shape[1:])))})
    held = clip_of("landmark_stack", {"a.npy": npy(np.concatenate([frames, frames[-1:].repeat(30, axis=0)]))})
    back = clip_of("landmark_stack", {"a.npy": npy(np.concatenate([frames, frames[-2:8:-1]]))})
    assert (looped.frames, held.frames, back.frames, looped.joints_PVC.shape) == (40, 40, 40, (40, *tail))
    assert NOTE_LOOPED in looped.notes
    assert NOTE_HELD in held.notes
    assert NOTE_REFLECTED in back.notes


def test_freemocaps_body_is_read_in_metres_and_upright():
    frames = np.full((4, 553, 3), 900.0)
    frames[:, :33, 2] = np.linspace(1700, 0, 33)
    clip = clip_of("landmark_stack", {"a.npy": npy(frames)})
    assert clip.joints_PVC[0, 0].tolist() == pytest.approx([0.9, 1.7, -0.9])
    assert (clip.joints_PVC.shape, "hands_and_face_left_out" in clip.notes) == ((4, 33, 3), True)


@pytest.mark.parametrize("shape", [(30, 7), (30, 553, 2), (1662,)])
def test_arrays_of_other_shapes_are_no_frames_of_landmarks(shape):
    with pytest.raises(RefusedError, match="expected frames x numbers: 34, 42"):
        clip_of("landmark_stack", {"a.npy": npy(np.ones(shape))})
