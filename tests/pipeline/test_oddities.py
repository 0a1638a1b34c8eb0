"""Oddities of genuine files: each as a file by hand through parse, split and doctor, with a row in docs/formats.md.

The skeletons have a hip and a head only, so that every number of a file can be read here; what is odd is as recorded.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dastm.contract.skeleton import OPENPOSE18, Layout
from pipeline.definitions.definition import Definition, load_definition
from pipeline.doctor.findings import Totals
from pipeline.doctor.run import doctor
from pipeline.parse.run import parse
from pipeline.split.run import split
from pipeline.storage.table import ParsedClip, read_clips, read_refused
from tests.pipeline.raw_files import TWO, TWO_2D
from tests.pipeline.split.test_run import stored

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
KEY = "S001C001P001R001A001"
FIRST, SECOND, THIRD = 72057594037944738, 72057594037944739, 72057594037931001
"""Body ids of 17 digits; as float64 the first two are the same number."""


@dataclass(frozen=True)
class Journey:
    """What became of some raw files."""

    parsed: dict[str, ParsedClip]
    refused: dict[str, str]
    shards: dict[str, tuple[np.ndarray, dict, str]]
    doubts: dict[str, list[str]]
    """Clip -> names of the doctor's checks."""
    told: list[str]


def definition(base: str, layout: Layout, n_frames: int) -> Definition:
    """The shipped definition for a small skeleton and two classes; everything else is as for the whole data set."""
    knobs = {
        "class_split": {"train": [0], "val": [1]},
        "clips_per_class": None,
        "too_few": "note",
        "n_frames": n_frames,
    }
    shipped = load_definition(base, {"split": knobs})
    return replace(shipped, parse=replace(shipped.parse, layout=layout))


def travel(
    tmp_path: Path, base: str, files: dict[str, str], *, layout: Layout, n_frames: int = 5, usable: bool = True
) -> Journey:
    raw, parsed, shards = (tmp_path / name for name in ("raw", "parsed", "shards"))
    for name, text in files.items():
        path = raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    spec = definition(base, layout, n_frames)
    found = list(doctor([raw], Totals(), spec))
    if not usable:  # a data set needs a clip that can be used
        name, text = SOUND[base]
        (raw / name).write_text(text)
    parse(spec, [raw], parsed)
    split(spec, parsed, shards)
    doubts: dict[str, list[str]] = {}
    for finding in found:
        if finding.key is not None:
            doubts.setdefault(finding.key, []).append(finding.check)
    return Journey(
        parsed={clip.key: clip for clip in read_clips(parsed)},
        refused={row["key"]: row["reason"] for row in read_refused(parsed).to_pylist()},
        shards=stored(shards),
        doubts=doubts,
        told=[str(finding) for finding in found],
    )


def ntu(*frames: list[str]) -> str:
    """A `.skeleton` text: each frame lists its bodies as `id  hip x y z  head x y z`."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body in bodies:
            number, *xyz = body.split()
            lines += [f"{number} 0 1 1 1 1 0 0.01 -0.25 2", "2"]
            lines += [f"{' '.join(xyz[at : at + 3])} 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2" for at in (0, 3)]
    return "\n".join(lines) + "\n"


def steady(frames: int) -> str:
    """One person who walks 5 cm a frame."""
    return ntu(*([f"{FIRST}  {0.05 * t:.2f} 0 3  {0.05 * t:.2f} 0.9 3"] for t in range(frames)))


def ntu_journey(tmp_path: Path, text: str, key: str = KEY, **options) -> Journey:
    return travel(tmp_path, "ntu-t", {f"nturgb+d_skeletons/{key}.skeleton": text}, layout=TWO, **options)


def test_lf_and_crlf_are_the_same_clip(tmp_path):
    text = """5
1
72057594037944738 0 1 1 1 1 0 0.01 -0.25 2
2
0.1 0 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
0.1 0.9 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
1
72057594037944738 0 1 1 1 1 0 0.01 -0.25 2
2
0.2 0 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
0.2 0.9 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
1
72057594037944738 0 1 1 1 1 0 0.01 -0.25 2
2
0.3 0 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
0.3 0.9 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
1
72057594037944738 0 1 1 1 1 0 0.01 -0.25 2
2
0.4 0 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
0.4 0.9 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
1
72057594037944738 0 1 1 1 1 0 0.01 -0.25 2
2
0.5 0 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
0.5 0.9 3 250.1 200.2 960.3 540.4 0.1 0.2 0.3 0.4 2
"""
    unix = ntu_journey(tmp_path / "lf", text)
    dos = ntu_journey(tmp_path / "crlf", text.replace("\n", "\r\n"))
    assert (unix.parsed[KEY].tracks.notes, dos.parsed[KEY].tracks.notes) == ((), ("crlf",))
    for journey in (unix, dos):
        assert (
            journey.parsed[KEY].tracks.joints_PVC[:, 1].tolist()
            == np.float32([[0.1, 0.9, 3], [0.2, 0.9, 3], [0.3, 0.9, 3], [0.4, 0.9, 3], [0.5, 0.9, 3]]).tolist()
        )
        assert journey.doubts == {}
    assert (unix.shards[KEY][0] == dos.shards[KEY][0]).all()
    assert dos.shards[KEY][1]["notes"] == ["crlf"]


def test_nan_of_older_windows_programs_after_x_y_z_changes_nothing(tmp_path):
    plain = steady(5)
    odd = plain.replace("250.1 200.2", "-1.#IND 1.#QNAN").replace("0.01 -0.25 2", "-1.#IND00 1.#INF 2")
    journeys = [ntu_journey(tmp_path / name, text) for name, text in (("a", plain), ("b", odd))]
    assert np.array_equal(*(journey.shards[KEY][0] for journey in journeys))
    assert journeys[1].doubts == {}
    used = ntu_journey(tmp_path / "c", plain.replace("0.10 0 3", "0.10 -1.#IND 3"), usable=False)
    assert used.refused[KEY] == "coordinate '-1.#IND' is not finite"


def test_ids_of_17_digits_in_any_order_stay_apart(tmp_path):
    left = [f"{FIRST}  {x} 0 3  {x} 0.9 3" for x in ("-1", "-1.1", "-1.2", "-1.3", "-1.4")]
    right = [f"{SECOND}  {x} 0 3  {x} 0.9 3" for x in ("1", "1.2", "1.4", "1.6", "1.8")]
    text = ntu([left[0], right[0]], [right[1], left[1]], [left[2], right[2]], [right[3], left[3]], [right[4], left[4]])
    journey = ntu_journey(tmp_path, text)
    tracks = journey.parsed[KEY].tracks
    assert tracks.ids.tolist() == [FIRST, SECOND]
    assert (
        tracks.joints_PVC[:, 0, 0].tolist() == np.float32([-1, -1.1, -1.2, -1.3, -1.4, 1, 1.2, 1.4, 1.6, 1.8]).tolist()
    )
    walks = journey.shards[KEY][0][:, :, 0, 0]  # first the one that moves more, from the origin on
    assert walks == pytest.approx(np.array([[0, 0.2, 0.4, 0.6, 0.8], [-2, -2.1, -2.2, -2.3, -2.4]]), abs=1e-6)
    assert journey.doubts == {}


def test_frames_show_nobody_one_two_or_more_bodies(tmp_path):
    def walker(t):
        return f"{FIRST}  {0.2 * t:.1f} 0 3  {0.2 * t:.1f} 0.9 3"

    def second(t):
        return f"{SECOND}  {1 + 0.1 * t:.1f} 0 3  {1 + 0.1 * t:.1f} 0.9 3"

    still = f"{THIRD}  -1 0 3  -1 0.9 3"
    both = [[walker(t), second(t)] for t in (1, 2, 3)]
    text = ntu([], [*both[0], still], [*both[1], still], both[2], [walker(4)], [walker(5)])
    journey = ntu_journey(tmp_path, text)
    tracks = journey.parsed[KEY].tracks
    assert (tracks.frames, tracks.lengths.tolist()) == (6, [5, 3, 2])
    assert tracks.frame_index.tolist() == [1, 2, 3, 4, 5, 1, 2, 3, 1, 2]
    joints, facts, _ = journey.shards[KEY]
    assert facts["frame_index"] == [1, 2, 3, 4, 5]  # the empty beginning is cut
    assert joints[:, :, 0, 0] == pytest.approx(np.array([[0, 0.2, 0.4, 0.6, 0.8], [0.9, 1.0, 1.1, 1.1, 1.1]]), abs=1e-6)
    assert journey.doubts == {KEY: ["many_bodies", "ghost"]}
    assert "frame 2: 3 bodies at once" in journey.told[0]


def test_a_body_that_comes_and_goes_keeps_its_times(tmp_path):
    at = [f"{FIRST}  {x} 0 3  {x} 0.9 3" for x in ("0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6")]
    journey = ntu_journey(tmp_path, ntu([at[0]], [at[1]], [at[2]], [], [], [], [at[6]]), n_frames=7)
    tracks = journey.parsed[KEY].tracks
    assert (tracks.frames, tracks.lengths.tolist()) == (7, [4])
    assert tracks.frame_index.tolist() == [0, 1, 2, 6]
    filled = journey.shards[KEY][0][0, :, 0, 0]
    assert filled == pytest.approx(np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), abs=1e-6)
    assert journey.doubts == {KEY: ["short"]}


def test_a_person_who_comes_back_under_a_new_id_is_two_bodies(tmp_path):
    first = [f"{FIRST}  {x} 0 3  {x} 0.9 3" for x in ("0", "0.1", "0.2", "0.3", "0.4")]
    later = [f"{SECOND}  {x} 0 3  {x} 0.9 3" for x in ("0.6", "0.7", "0.8")]
    text = ntu(*([body] for body in first), [], *([body] for body in later))
    journey = ntu_journey(tmp_path, text)
    assert journey.parsed[KEY].tracks.ids.tolist() == [FIRST, SECOND]
    assert journey.shards[KEY][0].shape[0] == 2
    assert journey.doubts == {KEY: ["new_id"]}


def test_a_crumpled_ghost_never_comes_first(tmp_path):
    person = [f"{SECOND}  {0.1 * t:.1f} 0 3  {0.1 * t:.1f} 0.9 3" for t in range(6)]
    ghost = f"{FIRST}  1.5 -0.7 3.5  1.6 -0.5 3.4"  # 0.2 m tall, beside the person, listed first, and it does not move
    journey = ntu_journey(tmp_path, ntu(*([ghost, body] for body in person)), n_frames=6)
    assert journey.parsed[KEY].tracks.ids.tolist() == [FIRST, SECOND]
    assert journey.shards[KEY][0][0, :, 0, 0] == pytest.approx(np.arange(6) / 10, abs=1e-6)
    assert journey.doubts == {KEY: ["ghost"]}
    assert f"body {FIRST} is crumpled into 0.2 m" in journey.told[0]


def test_a_clip_on_the_missing_list_is_left_out_although_it_parses(tmp_path):
    listed = "S001C002P005R002A008"  # the first of the official list
    journey = ntu_journey(tmp_path, steady(6), key=listed, usable=False)
    assert journey.refused == {listed: "on the data set's list of missing skeletons"}
    assert listed not in journey.shards
    assert journey.doubts == {listed: ["missing_list"]}
    broken = ntu_journey(tmp_path / "broken", "3\n0\n0\n0\n", key=listed, usable=False)
    assert broken.refused == journey.refused
    assert broken.doubts == {listed: ["listed"]}


@pytest.mark.parametrize("frames", [42, 300])
def test_42_to_300_frames_are_kept_and_sampled_over_their_whole_length(tmp_path, frames):
    journey = ntu_journey(tmp_path, steady(frames))
    assert journey.parsed[KEY].tracks.frames == frames
    fifths = [(2 * i + 1) * frames // 10 for i in range(5)]
    assert journey.shards[KEY][1]["frame_index"] == pytest.approx(fifths, abs=1)
    assert journey.doubts == {}


MAN = {"pose": [0.5, 0.75, 0.5, 0.25], "score": [0.75, 0.5]}
"""A hip and a head in the middle of the image."""


def kinetics(frames: list[list[dict]], first: int = 1, label: str = "abseiling", label_index: object = 0) -> str:
    """A clip's JSON: a list of people for each frame, `frame_index` from `first` on."""
    data = [{"frame_index": first + t, "skeleton": people} for t, people in enumerate(frames)]
    return json.dumps({"data": data, "label": label, "label_index": label_index})


def entry(label: str = "abseiling", label_index: object = 0) -> dict:
    return {"has_skeleton": True, "label": label, "label_index": label_index}


def kinetics_journey(
    tmp_path: Path, clips: dict[str, str], listed: dict[str, dict] | None = None, layout: Layout = TWO_2D, **options
) -> Journey:
    files = {f"kinetics_train/{key}.json": text for key, text in clips.items()}
    entries = listed if listed is not None else {key: entry() for key in clips}
    files["kinetics_train_label.json"] = json.dumps(entries)
    return travel(tmp_path, "kinetics", files, layout=layout, **options)


def test_data_that_is_an_empty_list_is_refused(tmp_path):
    text = '{"data": [], "label": "abseiling", "label_index": 0}'
    journey = kinetics_journey(tmp_path, {"a": text}, usable=False)
    assert journey.refused == {"a": "'data' is an empty list"}
    assert journey.doubts == {"a": ["unreadable"]}
    assert set(journey.shards) == {"sound"}


def test_frames_that_are_all_empty_are_refused_whatever_the_list_says(tmp_path):
    journey = kinetics_journey(tmp_path, {"a": kinetics([[], [], []])}, {"a": entry()}, usable=False)
    assert journey.refused == {"a": "no body in any of 3 frames"}
    assert journey.doubts == {"a": ["unreadable"]}
    assert set(journey.shards) == {"sound"}


def test_a_third_of_the_frames_without_skeleton_is_filled(tmp_path):
    people = [[{"pose": [0.5 + t / 50, 0.75, 0.5 + t / 50, 0.25], "score": [0.75, 0.5]}] for t in range(9)]
    people[2] = people[3] = people[6] = []
    journey = kinetics_journey(tmp_path, {"a": kinetics(people)}, n_frames=9)
    tracks = journey.parsed["a"].tracks
    assert (tracks.frames, tracks.frame_index.tolist()) == (9, [0, 1, 4, 5, 7, 8])
    joints = journey.shards["a"][0]
    assert joints[0, :, 0, 0] == pytest.approx(np.arange(9) * 0.02, abs=1e-6)
    assert (joints[0, :, 0, 2] > 0).tolist() == [True, True, False, False, True, True, False, True, True]
    assert journey.doubts == {}


def test_24_people_in_a_frame_are_kept_and_two_of_the_first_five_taken(tmp_path):
    crowd = [
        {"pose": [0.04 * n, 0.75, 0.04 * n, 0.25], "score": [score, score]}
        for n, score in enumerate([0.125, 0.25, 0.5, 0.125, 0.375, *[1.0] * 19])
    ]
    journey = kinetics_journey(tmp_path, {"a": kinetics([crowd] * 5)})
    assert journey.parsed["a"].tracks.ids.tolist() == list(range(24))
    joints = journey.shards["a"][0]
    assert joints[:, 0, 0, 0] == pytest.approx(np.array([0.04 * 2, 0.04 * 4]) - 0.5)
    assert journey.doubts == {"a": ["many_bodies"]}
    assert "24 bodies at once" in journey.told[0]


@pytest.mark.parametrize("frames", [299, 26])
def test_frame_index_counts_from_1_in_clips_of_299_frames_and_of_26(tmp_path, frames):
    people = [[{"pose": [0.5, 0.75, 0.5 + t / 1000, 0.25], "score": [0.75, 0.5]}] for t in range(frames)]
    journey = kinetics_journey(tmp_path, {"a": kinetics(people, first=1)})
    tracks = journey.parsed["a"].tracks
    assert tracks.frames == frames
    assert tracks.frame_index.tolist() == list(range(frames))
    assert journey.shards["a"][1]["frame_index"] == pytest.approx([(2 * i + 1) * frames // 10 for i in range(5)], abs=1)
    assert journey.doubts == {}


def test_coordinates_to_1_16_and_scores_to_1_29_are_taken_as_they_are(tmp_path):
    outside = [{"pose": [1.16, -0.05, 0.5 + t / 100, 0.25], "score": [1.29, 0.5]} for t in range(5)]
    journey = kinetics_journey(tmp_path, {"a": kinetics([[one] for one in outside])})
    tracks = journey.parsed["a"].tracks
    assert tracks.joints_PVC[0, 0].tolist() == [np.float32(1.16), np.float32(-0.05)]
    assert tracks.scores_PV[0].tolist() == [np.float32(1.29), 0.5]
    assert journey.shards["a"][0][0, 0, 0] == pytest.approx(np.array([0.66, 0.55, 1.29]), abs=1e-6)
    assert journey.doubts == {}


def test_a_third_of_the_joints_with_zero_score_is_not_measured(tmp_path):
    found = [0.5] * 12 + [0] * 6  # OpenPose writes (0, 0) with score 0 where it found no joint
    people = [[{"pose": [0.3 + t / 100, 0.4] * 12 + [0, 0] * 6, "score": found}] for t in range(6)]
    journey = kinetics_journey(tmp_path, {"a": kinetics(people)}, layout=OPENPOSE18)
    assert journey.parsed["a"].tracks.scores_PV[:, 12:].tolist() == [[0.0] * 6] * 6
    joints = journey.shards["a"][0]
    assert joints[0, :, 12:].tolist() == [[[0.0, 0.0, 0.0]] * 6] * 5
    assert (joints[0, :, :12, 2] == 0.5).all()
    assert journey.doubts == {}


def test_names_that_begin_with_an_underscore_are_names(tmp_path):
    moving = [[{"pose": [0.5, 0.75, 0.5 + t / 100, 0.25], "score": [0.75, 0.5]}] for t in range(5)]
    journey = kinetics_journey(tmp_path, {"_0Zd4iYfsGo": kinetics(moving), "-_a": kinetics(moving[::-1])})
    assert sorted(journey.parsed) == sorted(journey.shards) == ["-_a", "_0Zd4iYfsGo"]
    assert journey.doubts == {}


def test_a_label_list_with_an_empty_label_index_is_completed_by_the_name(tmp_path):
    moving = [[{"pose": [0.5, 0.75, 0.5 + t / 100, 0.25], "score": [0.75, 0.5]}] for t in range(5)]
    clips = {"a": kinetics(moving), "b": kinetics(moving[::-1], label_index="")}
    journey = kinetics_journey(tmp_path, clips, {"a": entry(label_index=""), "b": entry(label_index=None)})
    assert {key: (clip.class_id, clip.class_name) for key, clip in journey.parsed.items()} == {
        "a": (0, "abseiling"),
        "b": (0, "abseiling"),
    }
    assert sorted(journey.shards) == ["a", "b"]
    assert journey.doubts == {}


def test_a_relabelled_copy_where_clip_and_list_disagree_is_refused(tmp_path):
    moving = kinetics([[{"pose": [0.5, 0.75, 0.5 + t / 100, 0.25], "score": [0.75, 0.5]}] for t in range(5)])
    journey = kinetics_journey(tmp_path, {"a": moving, "b": moving}, {"a": entry(), "b": entry("air drumming", 1)})
    assert set(journey.parsed) == set(journey.shards) == {"a"}
    reason = "label 'air drumming' in the list kinetics_train_label.json, but 'abseiling' in the clip"
    assert journey.refused == {"b": reason}
    assert journey.doubts == {"b": ["label", "duplicate"]}


SOUND = {"ntu-t": ("S001C001P001R002A001.skeleton", steady(6)), "kinetics": ("sound.json", kinetics([[MAN]] * 6))}


def documented() -> list[list[str]]:
    """The cells of each row of the table of oddities."""
    rows = [line.strip("| ").split(" | ") for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    return [row for row in rows if re.fullmatch(r"`test_\w+`", row[-1])]


def test_every_row_of_the_document_names_a_test_and_every_test_has_its_row():
    rows = documented()
    assert {len(row) for row in rows} == {5}
    named = [row[-1].strip("`") for row in rows]
    proven = {name for name in globals() if name.startswith("test_")} - {
        "test_every_row_of_the_document_names_a_test_and_every_test_has_its_row"
    }
    assert len(named) == len(set(named))
    assert set(named) == proven
