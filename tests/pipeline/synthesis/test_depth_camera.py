"""The Kinect: geometry, noise, and each kind of trouble at about its rate."""

from collections import Counter

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipeline.synthesis import depth_camera
from pipeline.synthesis.body import draw_subject
from pipeline.synthesis.classes import class_script
from pipeline.synthesis.depth_camera import LEAVES, Recorded, Recording, quaternions, record
from pipeline.synthesis.motion import Scene, Tempo, perform, stand

pytestmark = pytest.mark.slow


def scene(rng: np.random.Generator, class_id: int = 0) -> Scene:
    script = class_script(class_id)
    subjects = tuple(draw_subject(rng) for _ in range(script.n_bodies))
    return perform(script, subjects, Tempo(45, 140), rng)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sensor to which nothing happens but noise."""
    for rate in ("NO_BODY_RATE", "NEW_ID_RATE", "LATE_RATE", "GHOST_RATE", "BYSTANDER_RATE", "LOST_JOINTS_A_CLIP"):
        monkeypatch.setattr(depth_camera, rate, 0.0)


@pytest.fixture(scope="module")
def many() -> list[Recording]:
    recordings = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        recordings.append(record(scene(rng), 1 + seed % 17, 1 + seed % 3, rng))
    return recordings


def main_body(recording: Recording) -> Recorded:
    """The tallest body that is there most of the time."""
    return max(recording.bodies, key=lambda b: (sum(i is not None for i in b.ids), np.ptp(b.joints_TVF[0, :, 1])))


def test_quaternions_are_scipys(rng: np.random.Generator) -> None:
    rotations = Rotation.random(50, random_state=3)
    expected = rotations.as_quat(canonical=True)[:, [3, 0, 1, 2]]
    np.testing.assert_allclose(quaternions(rotations.as_matrix()), expected, atol=1e-7)


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize(("camera", "yaw"), [(1, -45.0), (2, 0.0), (3, 45.0)])
def test_each_camera_sees_the_subject_from_its_side(camera: int, yaw: float) -> None:
    seen = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        (body,) = record(scene(rng), 3, camera, rng).bodies
        across = body.joints_TVF[:5, 8, :3].mean(axis=0) - body.joints_TVF[:5, 4, :3].mean(axis=0)
        seen.append(np.degrees(np.arctan2(-across[2], across[0])))
    assert np.mean(seen) == pytest.approx(yaw, abs=5.0)
    assert 5.0 < np.std(seen) < 20.0  # people do not face the camera exactly


@pytest.mark.usefixtures("calm")
def test_noise_is_5_to_15_mm_and_larger_in_hands_and_feet(rng: np.random.Generator) -> None:
    spreads = []
    for _ in range(30):
        still = Scene(bodies=(stand(draw_subject(rng), 90, np.zeros(3), rng),))
        (body,) = record(still, 1, 2, rng).bodies
        points = body.joints_TVF[..., :3]
        curve = points[2:] - 2 * points[1:-1] + points[:-2]  # sway is smooth, so this is noise: sqrt(6) sigma
        spreads.append(np.median(np.abs(curve), axis=(0, 2)) / 0.6745 / np.sqrt(6))
    spread = np.mean(spreads, axis=0)
    assert (spread > 0.005).all()
    assert (spread < 0.015).all()
    assert spread[[7, 11, 15, 19]].min() > 1.4 * spread[[0, 1, 20]].max()


@pytest.mark.usefixtures("calm")
def test_subjects_stand_in_front_of_the_camera(rng: np.random.Generator) -> None:
    for setup in range(1, 18):
        (body,) = record(scene(rng), setup, 2, rng).bodies
        assert 2.3 < body.joints_TVF[0, 0, 2] < 4.6
        assert body.joints_TVF[0, 3, 1] > body.joints_TVF[0, 15, 1] + 1.0  # y up


def test_image_columns_are_the_projected_joints(many: list[Recording]) -> None:
    joints = many[0].bodies[0].joints_TVF
    x, y, z = np.moveaxis(joints[..., :3], -1, 0)
    np.testing.assert_allclose(joints[..., 3], 256.4 + 366.1 * x / z)
    np.testing.assert_allclose(joints[..., 4], 208.5 - 366.1 * y / z)
    np.testing.assert_allclose(joints[..., 5], 974.6 + 1063.0 * x / z)
    np.testing.assert_allclose(joints[..., 6], 567.6 - 1063.0 * y / z)


def test_orientations_are_unit_quaternions_and_zero_at_the_ends(many: list[Recording]) -> None:
    length = np.linalg.norm(many[1].bodies[0].joints_TVF[..., 7:11], axis=2)
    expected = np.ones(25)
    expected[list(LEAVES)] = 0.0
    np.testing.assert_allclose(length, np.broadcast_to(expected, length.shape), atol=1e-9)


def test_lost_joints_freeze_or_jump_and_say_so(many: list[Recording]) -> None:
    states: Counter[float] = Counter()
    for recording in many[:100]:
        body = main_body(recording)
        states.update(body.joints_TVF[..., 11].ravel().tolist())
        lost = body.joints_TVF[..., 11] == depth_camera.NOT_TRACKED
        frozen = lost[1:] & lost[:-1]
        steps = np.abs(np.diff(body.joints_TVF[..., :3], axis=0)).max(axis=2)
        if frozen.any():
            assert np.mean(steps[frozen] == 0.0) > 0.9  # another event may hit the same joint
    total = sum(states.values())
    assert set(states) == {0.0, 1.0, 2.0}
    for state in (0.0, 1.0):
        assert 0.001 < states[state] / total < 0.01


def test_a_joint_that_jumps_is_far_off(many: list[Recording]) -> None:
    jumps = []
    for recording in many[:150]:
        body = main_body(recording)
        inferred = body.joints_TVF[..., 11] == depth_camera.INFERRED
        begins = inferred[1:] & ~inferred[:-1]
        jumps += np.linalg.norm(np.diff(body.joints_TVF[..., :3], axis=0), axis=2)[begins].tolist()
    assert len(jumps) > 50
    assert 0.15 < np.median(jumps) < 0.5


def test_rates_of_bodies_that_come_and_go(many: list[Recording]) -> None:
    n = len(many)
    extra = sum(len(r.bodies) > 1 for r in many)
    assert 0.015 < extra / n < 0.08
    nobody = sum(bool(nobody_seen(r).any()) for r in many)
    assert nobody / n < 0.02
    renamed = sum(len({i for i in main_body(r).ids if i}) == 2 for r in many)
    assert renamed / n < 0.02


def nobody_seen(recording: Recording) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([all(body.ids[t] is None for body in recording.bodies) for t in range(recording.n_frames)])


@pytest.mark.usefixtures("calm")
def test_frames_without_a_body_are_many_and_at_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_camera, "NO_BODY_RATE", 1.0)
    empty = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        empty.append(nobody_seen(record(scene(rng), 1, 2, rng)))
    assert 15 < np.median([frames.sum() for frames in empty]) < 30
    assert all(frames.sum() <= len(frames) / 2 for frames in empty)
    at_end = [bool(frames[0] or frames[-1]) for frames in empty]
    assert 0.8 < np.mean(at_end) < 1.0
    assert min(sum(frames[0] for frames in empty), sum(frames[-1] for frames in empty)) > 10


@pytest.mark.usefixtures("calm")
def test_a_body_may_go_on_under_another_id(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.setattr(depth_camera, "NEW_ID_RATE", 1.0)
    (body,) = record(scene(rng), 2, 2, rng).bodies
    first, *_, last = (i for i in body.ids if i)
    assert first != last
    assert sum(i is None for i in body.ids) < 4


def test_a_ghost_is_wide_wanders_slowly_and_mostly_stays(monkeypatch: pytest.MonkeyPatch, calm: None) -> None:
    """As of genuine ones: a median motion of 0.09 (variances of x, y and z in square metres, added up)."""
    monkeypatch.setattr(depth_camera, "GHOST_RATE", 1.0)
    motion, stays = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        recording = record(scene(rng), 2, 2, rng)
        ghost, person = sorted(recording.bodies, key=lambda b: np.ptp(b.joints_TVF[0, :, 1]))
        places = ghost.joints_TVF[..., :3]
        assert np.ptp(places[0, :, 1]) < 0.75 * np.ptp(person.joints_TVF[0, :, 1])
        assert places.std(axis=0).max() < 0.15
        motion.append(places.reshape(-1, 3).var(axis=0).sum())
        stays.append(all(ghost.ids))
        assert any(ghost.ids)
    assert np.median(motion) == pytest.approx(0.09, abs=0.02)
    assert 0.8 < np.mean(stays) < 1.0


def test_somebody_stands_by(monkeypatch: pytest.MonkeyPatch, calm: None, rng: np.random.Generator) -> None:
    monkeypatch.setattr(depth_camera, "BYSTANDER_RATE", 1.0)
    recording = record(scene(rng), 2, 2, rng)
    assert len(recording.bodies) == 2
    assert min(np.ptp(b.joints_TVF[0, :, 1]) for b in recording.bodies) > 1.2
    assert len({i for b in recording.bodies for i in b.ids if i}) == 2


def test_ids_have_17_digits_differ_in_a_file_and_come_in_no_order(many: list[Recording]) -> None:
    firsts = []
    for recording in many:
        ids = [{i for i in body.ids if i} for body in recording.bodies]
        assert len(set().union(*ids)) == sum(map(len, ids))
        assert all(len(i) == 17 and i.startswith("720575940379") for own in ids for i in own)
        firsts.append(min(ids[0]))
    assert firsts != sorted(firsts)


@pytest.mark.usefixtures("calm")
def test_both_people_of_a_meeting_are_seen(rng: np.random.Generator) -> None:
    recording = record(scene(rng, class_id=5), 4, 1, rng)
    assert [all(body.ids) for body in recording.bodies] == [True, True]
    for body in recording.bodies:
        assert body.joints_TVF[:, 11, :3].std(axis=0).max() > 0.05


def test_headers_look_like_a_kinects(many: list[Recording]) -> None:
    header = np.concatenate([body.header_TF for recording in many[:50] for body in recording.bodies])
    assert header.shape[1] == 9
    assert set(header[:, 0]) == {0.0, 8.0}
    assert set(header[:, [1, 3]].ravel()) == {0.0, 1.0}
    assert set(header[:, [2, 4]].ravel()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert (header[:, 5] == 0.0).all()
    assert (header[:, 8] == 2.0).all()
    assert np.abs(header[:, 6:8]).max() < 2.0
