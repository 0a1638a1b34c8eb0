"""A pose network on video: which joint is which, what fits into the picture, what is lost."""

import numpy as np
import pytest

from dastm.contract.skeleton import COCO17, NTU25
from pipeline.synthesis import image_sensor
from pipeline.synthesis.image_sensor import LOST_SHARE, OUTSIDE, POINT_OF_JOINT, filmed
from pipeline.synthesis.render import act
from pipeline.synthesis.vocabulary import recipe

pytestmark = pytest.mark.slow


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOST_SHARE", "CLOSE_UP_RATE", "ANY_SIDE_RATE", "FRONT"):
        monkeypatch.setattr(image_sensor, name, 0.0)
    monkeypatch.setattr(image_sensor, "NOISE_DECADES", (-12.0, -12.0))


def clip(class_id: int, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng([class_id, seed])
    done = act(recipe(class_id), rng)
    return filmed(done.points(np.arange(done.n_frames, dtype=float)), rng)


def test_the_joints_are_those_of_coco() -> None:
    assert len(POINT_OF_JOINT) == COCO17.n_joints
    for name, point in zip(COCO17.joints[5:], POINT_OF_JOINT[5:], strict=True):
        assert NTU25.joints[point] == name


@pytest.mark.usefixtures("exact")
def test_somebody_who_faces_the_camera_is_upright_and_not_mirrored() -> None:
    first = np.stack([clip(class_id)[0] for class_id in range(40)])
    assert (first[:, 0, 1] < first[:, 11, 1]).all()  # nose above hips: y down
    assert (first[:, 5, 0] > first[:, 6, 0]).mean() > 0.9  # the left shoulder is to the right


@pytest.mark.usefixtures("exact")
def test_the_whole_motion_fits_into_the_picture() -> None:
    for class_id in range(30):
        joints = clip(class_id)
        assert np.isfinite(joints).all()
        shown = joints[..., 2] > 0
        assert shown.mean() > 0.95
        extent = np.ptp(joints[shown][:, :2], axis=0).max()
        assert 0.35 < extent <= 1.0 + 2 * OUTSIDE


def test_joints_without_a_confidence_lie_at_zero_and_only_those() -> None:
    joints = np.concatenate([clip(class_id) for class_id in range(60)])
    lost = joints[..., 2] == 0
    assert not joints[lost].any()
    assert joints[~lost][:, :2].any(axis=1).all()
    assert LOST_SHARE * 0.6 < lost.mean() < 0.15
    assert joints[~lost][:, 2].min() >= 0.05
    assert joints[~lost][:, 2].max() <= 1.0
    assert joints[~lost][:, :2].min() >= -OUTSIDE
    assert joints[~lost][:, :2].max() <= 1 + OUTSIDE


def test_a_close_up_cuts_some_of_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    share = {}
    for rate in (0.0, 1.0):
        monkeypatch.setattr(image_sensor, "CLOSE_UP_RATE", rate)
        share[rate] = np.mean([(clip(class_id)[..., 2] == 0).mean() for class_id in range(20)])
    assert share[1.0] > 2 * share[0.0]
