"""A person who sways raises no doubt; another order of joints, another axis upwards and other units do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dastm.contract.skeleton import COCO17, NTU25, OPENPOSE18
from pipeline.audit.landmarks import landmarks
from pipeline.audit.posture import FEWEST, FEWEST_FEET, SAMPLE, doubts, measure, not_checked, step_of
from pipeline.parse.formats import FORMATS
from pipeline.parse.raw_files import RawFile, list_raw, read
from pipeline.parse.sources.npy import read_array
from tests.pipeline.doctor.made_clips import person

pytestmark = pytest.mark.slow

RECORDINGS = Path(__file__).parents[4] / "shared"
SETS = RECORDINGS / "kinectsets"
MOTION = RECORDINGS / "realmotion" / "realmotion.zip"


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
    "the head for the hip centre": swapped((0, 3)),
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


MIRRORED = {
    "an axis mirrored": lambda clip: clip * [-1, 1, 1],
    "left and right swapped": swapped((4, 8), (12, 16), (21, 23), (22, 24), *ARMS, *LEGS),
}
BACKWARDS = "the feet point backwards in 100% of the frames: left and right swapped, or parse.source.mirrored?"


@pytest.mark.parametrize("name", MIRRORED)
def test_a_mirrored_person_is_known_by_the_feet(rng, name):
    clips = [MIRRORED[name](person(rng)) for _ in range(FEWEST_FEET)]
    assert said(clips) == [BACKWARDS]
    assert said(clips[1:]) == []
    flat = replace(NTU25, coordinates=("x", "y", "confidence"))
    assert said([clip[..., :2] * [1, -1] for clip in clips], flat) == []


def test_a_person_who_turns_has_the_feet_in_front(rng):
    for turn in np.linspace(0, 2 * np.pi, FEWEST_FEET):
        c, s = np.cos(turn), np.sin(turn)
        clip = person(rng) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        assert measure(clip, np.ones(clip.shape[:2], bool), landmarks(NTU25.joints))["feet ahead"] == 1.0


def test_feet_along_the_shin_or_without_toes_tell_no_front(rng):
    clip = person(rng)
    clip[:, [15, 19]] = 2 * clip[:, [14, 18]] - clip[:, [13, 17]]
    known_TV = np.ones(clip.shape[:2], bool)
    assert "feet ahead" not in measure(clip, known_TV, landmarks(NTU25.joints))
    names = [name.replace("foot", "sole") for name in NTU25.joints]
    assert "feet ahead" not in measure(person(rng), known_TV, landmarks(names))


def test_a_person_is_judged_as_far_as_the_joints_are_known(rng):
    clips = [person(rng) for _ in range(FEWEST)]
    names = [f"joint{chr(97 + at)}" for at in range(25)]
    marks = landmarks(names, torso=((0,), (20,)))
    found = [measure(clip * [1, -1, 1], np.ones(clip.shape[:2], bool), marks) for clip in clips]
    (line,) = doubts(found, False, True)
    assert line.startswith("the torso is within 60 degrees of upright in 0% of the frames only")


def test_what_cannot_be_judged_is_said_with_the_names_to_give():
    for layout in (NTU25, OPENPOSE18, COCO17):
        assert not_checked(landmarks(layout.joints), layout.name) == ""
    names = [name.replace("head", "top") for name in NTU25.joints]
    assert not_checked(landmarks(names), "mine") == (
        "posture checked in part only: no joint of layout mine is known as head; name them (`head`)"
    )
    assert not_checked(landmarks(["a", "b"]), "mine") == (
        "posture not checked: no joint of layout mine is known as head / hips / shoulders / elbows / wrists / knees /"
        " feet; name them (`head`, `left hip`, `left shoulder`, `left elbow`, `left wrist`, `left knee`, `left ankle`)"
        " or give the layout `torso` and `shoulders`"
    )


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
@pytest.mark.parametrize(
    ("name", "tells"), [("jackknife", 1), ("kard", 0), ("msr", 1), ("ucla", 1), ("utkinect", 1), ("realmotion", 1)]
)
def test_recorded_people_raise_no_doubt_and_mirrored_ones_do(name, tells):
    clips = [clip.astype(float) for clip in recorded(name)]
    assert said(clips) == []
    lines = said([clip * [-1, 1, 1] for clip in clips])
    assert [line.startswith("the feet point backwards") for line in lines] == [True] * tells


def recorded(name):
    if name == "realmotion":
        files: list[RawFile] = list_raw([MOTION], [".skeleton"]).files
        ntu = FORMATS["ntu_skeleton"]
        return [ntu.read(read(file), NTU25, True)[0].joints_PVC for file in files[:: len(files) // 12]]
    files = list_raw([SETS / f"{name}.zip"], [".npy"]).files
    return [read_array(read(file)) for file in files[:: len(files) // 12]]
