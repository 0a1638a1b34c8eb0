"""A person who sways raises no doubt; another order of joints, another axis upwards and other units do."""

from pathlib import Path

import numpy as np
import pytest

from dastm.contract.skeleton import COCO17, NTU25, OPENPOSE18
from pipeline.audit.posture import FEWEST, SAMPLE, doubts, landmarks, measure, step_of
from pipeline.parse.raw_files import RawFile, list_raw, read
from pipeline.parse.sources.npy import read_array
from tests.pipeline.doctor.made_clips import person

SETS = Path("/work/shared/kinectsets")


def swapped(*pairs):
    order = np.arange(25)
    for a, b in pairs:
        order[[a, b]] = order[[b, a]]
    return lambda clip: clip[:, order]


ARMS = (5, 9), (6, 10), (7, 11)
LEGS = (13, 17), (14, 18), (15, 19)
WRONG = {
    "y down": lambda clip: clip * [1, -1, 1],
    "z up": lambda clip: clip[..., [0, 2, 1]],
    "millimetres": lambda clip: clip * 1000,
    "reversed": lambda clip: clip[:, ::-1],
    "shifted by a joint": lambda clip: np.roll(clip, 1, axis=1),
    "arms for legs": swapped((4, 12), (8, 16), *((a, a + 8) for a in (5, 6, 7, 9, 10, 11))),
    "one arm for one leg": swapped((4, 12), (5, 13), (6, 14)),
    "elbows crossed": swapped((5, 9)),
    "arms crossed": swapped(*ARMS),
    "legs crossed": swapped(*LEGS),
    "an elbow for a knee": swapped((5, 13)),
    "wrists for hands and elbows": swapped((5, 6), (9, 10)),
    "knees for ankles": swapped((13, 14), (17, 18)),
}


def said(clips, layout=NTU25, in_metres=True):
    marks = landmarks(layout.joints)
    image = layout.is_image
    found = [measure(c, np.ones(c.shape[:2], bool), marks, (1, -1) if image else (1, 1)) for c in clips]
    return doubts(found, image, in_metres)


def test_a_person_raises_no_doubt(rng):
    assert said([person(rng) for _ in range(FEWEST)]) == []


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_skeleton_is_noticed(rng, name):
    clips = [WRONG[name](person(rng)) for _ in range(FEWEST)]
    assert said(clips)
    assert said(clips[1:]) == []  # fewer clips may show somebody who lies down


def test_any_order_at_random_is_noticed(rng):
    for _ in range(20):
        order = rng.permutation(25)
        assert said([person(rng)[:, order] for _ in range(FEWEST)])


def test_a_bone_that_changes_its_length_is_noticed(rng):
    clips = [person(rng) for _ in range(FEWEST)]
    for clip in clips:
        clip[::2, [5, 9]] += 0.3
        clip[1::4, [5, 9]] -= 0.2
    assert any("changes its length" in line for line in said(clips))


def test_units_are_of_interest_in_metres_only(rng):
    clips = [WRONG["millimetres"](person(rng)) for _ in range(FEWEST)]
    assert said(clips, in_metres=False) == []
    (line,) = said(clips)
    assert line == "the torso is 550 m long, a person's 0.2 to 0.9 m: other units?"


def test_an_image_is_judged_by_heights_and_sides(rng):
    ntu = {name: at for at, name in enumerate(NTU25.joints)}
    order = [ntu.get(name, ntu["head"]) for name in COCO17.joints]
    film = [person(rng)[:, order, :2] * [1, -1] for _ in range(FEWEST)]
    assert said(film, COCO17) == []
    assert said([clip * [1, -1] for clip in film], COCO17)


def test_joints_are_known_by_usual_names_and_only_by_them():
    marks = landmarks(NTU25.joints)
    assert (marks.head, marks.hips, marks.shoulders, marks.feet) == (3, (12, 16), (4, 8), (14, 18))
    assert marks.bones["forearm"] == ((5, 6), (9, 10))
    assert landmarks(OPENPOSE18.joints).head == 0
    names = ["LHip", "r_hip", "Shoulder_L", "RightShoulder"]
    assert landmarks(names) == (None, (0, 1), (2, 3), None, {})
    assert landmarks(["hip", "head"]) is None


def test_joints_without_a_measurement_say_nothing(rng):
    clip = person(rng)
    known_TV = np.ones(clip.shape[:2], bool)
    known_TV[:, [3, 14]] = False
    found = measure(clip, known_TV, landmarks(NTU25.joints))
    assert "the head is above the hips" not in found
    assert "the hips are above the feet" not in found
    assert found["torso"] == pytest.approx(0.55, abs=0.02)
    assert measure(clip, np.zeros_like(known_TV), landmarks(NTU25.joints)) == {}


def test_a_sample_is_spread_over_a_large_set():
    assert [step_of(n) for n in (0, 1, SAMPLE, SAMPLE + 1, 10 * SAMPLE)] == [1, 1, 1, 2, 10]


@pytest.mark.skipif(not SETS.is_dir(), reason="recorded sets that are not part of the project")
@pytest.mark.parametrize("name", ["jackknife", "kard", "msr", "ucla", "utkinect"])
def test_recorded_people_raise_no_doubt(name):
    files: list[RawFile] = list_raw([SETS / f"{name}.zip"], [".npy"]).files
    clips = [read_array(read(file)).astype(float) for file in files[:: len(files) // 12]]
    assert said(clips) == []
