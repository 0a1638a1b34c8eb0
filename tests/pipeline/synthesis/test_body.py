"""Forward kinematics against geometry worked out by hand, and against scipy's rotations."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dastm.contract.skeleton import NTU25
from pipeline.synthesis.body import (
    CHANNELS,
    COLUMN,
    FEET,
    N_POINTS,
    TREE,
    Array,
    Subject,
    axis_rotation,
    draw_subject,
    pose,
)


@pytest.fixture
def subject(rng: np.random.Generator) -> Subject:
    return draw_subject(rng)


def still(**degrees: float) -> Array:
    """Two equal frames, all angles 0 but those named (lift, forward, sideways in heights)."""
    angles = np.zeros((2, len(CHANNELS)))
    for name, value in degrees.items():
        angles[:, COLUMN[name]] = value if name in ("lift", "forward", "sideways") else np.radians(value)
    return angles


def points(subject: Subject, **degrees: float) -> Array:
    return pose(still(**degrees), subject)[0][0]


def bone_lengths(points_TV3: Array) -> Array:
    child, parent = np.array(NTU25.bones).T
    return np.linalg.norm(points_TV3[:, child] - points_TV3[:, parent], axis=2)


def test_bones_keep_their_length_whatever_the_angles(subject: Subject, rng: np.random.Generator) -> None:
    lengths = bone_lengths(pose(rng.uniform(-2.0, 2.0, (50, len(CHANNELS))), subject)[0])
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), atol=1e-9)
    assert (lengths > 0.01).all()


def test_subjects_differ_in_size_and_proportions(rng: np.random.Generator) -> None:
    subjects = [draw_subject(rng) for _ in range(200)]
    heights = np.array([s.height for s in subjects])
    assert heights.min() >= 1.5
    assert heights.max() <= 1.95
    assert heights.std() > 0.1
    lengths = np.array([bone_lengths(pose(still(), s)[0])[0] / s.height for s in subjects])
    assert (lengths.std(axis=0) / lengths.mean(axis=0) > 0.02).all()


def test_a_subject_is_as_tall_as_said(rng: np.random.Generator) -> None:
    tall = [points(s)[3, 1] / s.height for s in (draw_subject(rng) for _ in range(200))]
    assert np.mean(tall) == pytest.approx(0.93, abs=0.03)  # the middle of the head, not its top


def test_standing_puts_the_feet_on_the_ground_and_everything_else_above(subject: Subject) -> None:
    standing = points(subject)
    assert standing[list(FEET), 1].min() == pytest.approx(0.0, abs=1e-12)
    assert (standing[:, 1] >= -1e-12).all()
    np.testing.assert_allclose(standing[:4, 0], 0.0, atol=1e-12)
    assert standing[8, 0] > 0 > standing[4, 0]  # the right shoulder has the larger x
    assert standing[25, 2] < standing[3, 2]  # the nose points to the camera


@pytest.mark.parametrize(
    ("angles", "direction"),
    [
        ({"r_flex": 90}, (0, 0, -1)),
        ({"r_flex": 180}, (0, 1, 0)),
        ({"r_out": 90}, (1, 0, 0)),
        ({"r_flex": 90, "r_across": 90}, (-1, 0, 0)),
    ],
)
def test_the_right_arm_points_where_the_shoulder_turns_it(
    subject: Subject, angles: dict[str, float], direction: tuple[int, int, int]
) -> None:
    at = points(subject, **angles)
    arm = at[10] - at[8]
    np.testing.assert_allclose(arm / np.linalg.norm(arm), direction, atol=1e-12)


def test_an_arm_held_out_with_the_elbow_bent_and_rolled_waves_upwards(subject: Subject) -> None:
    at = points(subject, r_out=90, r_roll=90, r_elbow=90)
    forearm = at[10] - at[9]
    np.testing.assert_allclose(forearm / np.linalg.norm(forearm), (0, 1, 0), atol=1e-12)


def test_the_left_side_is_the_mirror_image_of_the_right(subject: Subject, rng: np.random.Generator) -> None:
    right = {name: float(rng.uniform(-60, 60)) for name in CHANNELS if name.startswith("r_")}
    left = {"l_" + name[2:]: value for name, value in right.items()}
    swap = np.arange(N_POINTS)
    pairs = ((4, 8), (5, 9), (6, 10), (7, 11), (21, 23), (22, 24), (12, 16), (13, 17), (14, 18), (15, 19), (26, 27))
    for a, b in (*pairs, (28, 29)):
        swap[[a, b]] = b, a
    mirrored = points(subject, **left)[swap] * np.array([-1, 1, 1])
    np.testing.assert_allclose(mirrored, points(subject, **right), atol=1e-12)


def test_a_knee_bends_backwards_and_a_bow_goes_forwards(subject: Subject) -> None:
    assert points(subject, r_knee=90)[18, 2] > points(subject)[18, 2] + 0.2
    assert points(subject, bend=60)[3, 2] < points(subject)[3, 2] - 0.3
    assert points(subject, lean=30)[3, 0] > 0.1
    assert points(subject, nod=30)[25, 1] < points(subject)[25, 1]


def test_lift_raises_the_body_by_a_share_of_its_height(subject: Subject) -> None:
    np.testing.assert_allclose(points(subject, lift=0.1)[:, 1] - points(subject)[:, 1], 0.1 * subject.height)


def test_walking_follows_the_heading_of_the_moment(subject: Subject) -> None:
    angles = np.zeros((5, len(CHANNELS)))
    angles[:, COLUMN["forward"]] = [0.0, 0.5, 0.5, 1.0, 1.0]
    angles[:, COLUMN["sideways"]] = [0.0, 0.0, 0.0, 0.0, 0.25]
    angles[:, COLUMN["turn"]] = np.radians([0, 0, 90, 90, 90])
    hips = pose(angles, subject)[0][:, 0] / subject.height
    # Half a height towards the camera (-z), then after the turn to the left (-x), then a step to the right (-z).
    np.testing.assert_allclose(hips[:, 0], [0, 0, 0, -0.5, -0.5], atol=1e-12)
    np.testing.assert_allclose(hips[:, 2], [0, -0.5, -0.5, -0.5, -0.75], atol=1e-12)


def test_rotations_carry_every_bone(subject: Subject, rng: np.random.Generator) -> None:
    at, rotations = pose(rng.uniform(-1.0, 1.0, (3, len(CHANNELS))), subject)
    for point, (parent, _, _) in TREE.items():
        if parent >= 0:
            np.testing.assert_allclose(at[:, point] - at[:, parent], rotations[:, point] @ subject.offsets_V3[point])


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_axis_rotation_is_scipys(axis: str, rng: np.random.Generator) -> None:
    angles = rng.uniform(-4, 4, 7)
    expected = Rotation.from_euler(axis, angles[:, None]).as_matrix()
    np.testing.assert_allclose(axis_rotation(axis, angles), expected, atol=1e-12)
