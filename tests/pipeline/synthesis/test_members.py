"""Which files there are: names, counts, grammar of every one, oddities on top."""

import json
import re
from collections import Counter

import numpy as np
import pytest

from pipeline.definitions.definition import SynthSpec
from pipeline.synthesis.classes import class_name, class_script
from pipeline.synthesis.members import (
    N_KINETICS_EXTRAS,
    N_NTU_EXTRAS,
    NTU_TEMPO,
    kinetics_members,
    kinetics_names,
    ntu_clip,
    ntu_members,
    ntu_path,
)
from pipeline.synthesis.motion import draw_timing

pytestmark = pytest.mark.slow

SPEC = SynthSpec(n_classes=6, clips_per_class=20, seed=1)
N_CLIPS = 120
NAME = re.compile(r"nturgb\+d_skeletons/S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})\.skeleton")
NUMBER = r"-?(?=(?:0\.0*|\.)*(?:\d\.?){1,7}(?:E|\s))\d+(?:\.\d+)?(?:E-\d\d)?"  # at most 7 significant digits
HEADER = re.compile(rf"(\d{{17}})(?: \d){{6}}(?: {NUMBER}){{2}} 2")
JOINT = re.compile(rf"(?:{NUMBER} ){{11}}[012]")
Frames = list[list[str]]


@pytest.fixture(scope="module")
def ntu() -> dict[str, bytes]:
    members = list(ntu_members(SPEC))
    assert len(members) == len(dict(members)) == N_CLIPS + N_NTU_EXTRAS
    return dict(members)


@pytest.fixture(scope="module")
def kinetics() -> dict[str, bytes]:
    members = list(kinetics_members(SPEC))
    assert len(members) == len(dict(members)) == N_CLIPS + N_KINETICS_EXTRAS
    return dict(members)


def sound(members: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return list(members.items())[:N_CLIPS]


def walk(content: bytes) -> Frames:
    """The body ids of each frame of an NTU file, after a look at every line; AssertionError for any that is odd."""
    end = "\r\n" if b"\r" in content else "\n"
    lines = iter(content.decode("ascii").split(end))
    frames = []
    for _ in range(int(next(lines))):
        ids = []
        for _ in range(int(next(lines))):
            header = HEADER.fullmatch(next(lines))
            assert header
            ids.append(header[1])
            assert next(lines) == "25"
            assert all(JOINT.fullmatch(next(lines)) for _ in range(25))
        frames.append(ids)
    assert next(lines) == ""
    assert next(lines, None) is None
    return frames


@pytest.fixture(scope="module")
def walked(ntu: dict[str, bytes]) -> list[Frames]:
    return [walk(content) for _, content in sound(ntu)]


def test_every_ntu_file_keeps_the_grammar(walked: list[Frames]) -> None:
    for frames in walked:
        assert any(frames)
        assert all(len(set(ids)) == len(ids) for ids in frames)
    assert all(15 <= len(frames) <= 300 for frames in walked)


def test_ntu_clips_are_as_long_as_genuine_ones(rng: np.random.Generator) -> None:
    """Of NTU-120: half below 66 frames, 5 % below 32, 5 % above 132, 14 % below 42."""
    lengths = [
        draw_timing(class_script(c), rng.uniform(0.88, 1.3), NTU_TEMPO, rng)[1] for c in range(30) for _ in range(60)
    ]
    fewest, middle, most = np.percentile(lengths, (5, 50, 95))
    assert middle == pytest.approx(66, abs=4)
    assert fewest == pytest.approx(32, abs=4)
    assert most == pytest.approx(132, abs=10)
    assert np.mean(np.array(lengths) < 42) == pytest.approx(0.14, abs=0.04)


def test_ntu_names_tell_class_camera_subject(ntu: dict[str, bytes]) -> None:
    fields = [[int(part) for part in NAME.fullmatch(path).groups()] for path in ntu]  # type: ignore[union-attr]
    assert Counter(row[4] for row in fields[:N_CLIPS]) == dict.fromkeys(range(1, 7), 20)
    assert {row[1] for row in fields} == {1, 2, 3}
    assert len({row[2] for row in fields}) == 40
    assert len({(row[0], row[2]) for row in fields}) == 40  # a subject belongs to one setup


def test_more_clips_than_subjects_go_into_replications() -> None:
    paths = [ntu_path(3, clip) for clip in range(90)]
    assert len(set(paths)) == 90
    assert paths[0][-21:] != paths[40][-21:]
    assert "R001A004" in paths[39]
    assert "R002A004" in paths[40]


def test_ntu_oddities_occur_at_about_their_rate(ntu: dict[str, bytes], walked: list[Frames]) -> None:
    assert 0.1 < sum(b"\r\n" in content for _, content in sound(ntu)) / N_CLIPS < 0.3
    assert sum(not all(clip) for clip in walked) / N_CLIPS < 0.03
    assert sum(len({i for ids in clip for i in ids}) > 1 for clip in walked[:100]) / 100 < 0.1


def test_two_bodies_are_there_in_two_person_classes(walked: list[Frames]) -> None:
    for frames in walked[100:]:  # class 5
        assert sum(len(ids) >= 2 for ids in frames) > 0.6 * len(frames)


def test_one_ntu_file_is_cut_off_and_one_holds_nobody(ntu: dict[str, bytes]) -> None:
    cut, nobody = list(ntu.values())[N_CLIPS:]
    with pytest.raises((StopIteration, AssertionError)):
        walk(cut)
    assert walk(nobody) == [[]] * 64


def test_a_clip_can_be_made_again_on_its_own(ntu: dict[str, bytes]) -> None:
    assert ntu_clip(SPEC.seed, 4, 17) == ntu[ntu_path(4, 17)]
    assert ntu_clip(SPEC.seed + 1, 4, 17) != ntu[ntu_path(4, 17)]


def labels(kinetics: dict[str, bytes], part: str) -> dict[str, dict[str, object]]:
    result: dict[str, dict[str, object]] = json.loads(kinetics[f"kinetics_{part}_label.json"])
    return result


def test_every_kinetics_clip_keeps_the_structure(kinetics: dict[str, bytes]) -> None:
    lengths, people = [], []
    for path, content in sound(kinetics):
        part, name = re.fullmatch(r"kinetics_(train|val)/([\w-]{11})\.json", path).groups()  # type: ignore[union-attr]
        clip = json.loads(content)
        assert list(clip) == ["data", "label", "label_index"]
        assert labels(kinetics, part)[name] == {
            "has_skeleton": True,
            "label": clip["label"],
            "label_index": clip["label_index"],
        }
        assert clip["label"] == class_name(clip["label_index"])
        assert [frame["frame_index"] for frame in clip["data"]] == list(range(1, len(clip["data"]) + 1))
        lengths.append(len(clip["data"]))
        people.append(max(len(frame["skeleton"]) for frame in clip["data"]))
        for person in (p for frame in clip["data"] for p in frame["skeleton"]):
            assert (len(person["pose"]), len(person["score"])) == (36, 18)
            assert any(person["score"])
            assert all(
                (s == 0) == (x == y == 0)
                for s, x, y in zip(person["score"], person["pose"][::2], person["pose"][1::2], strict=True)
            )
        assert not re.search(rb"\d\.\d{4}", content)  # three decimals
    assert min(people) >= 1
    assert max(people) >= 4
    assert {26, 299} < set(lengths)
    assert 0.04 < lengths.count(299) / N_CLIPS < 0.22


def test_the_lists_name_every_file_and_every_class_keeps_its_clips(kinetics: dict[str, bytes]) -> None:
    for part in ("train", "val"):
        files = [path.split("/")[1][:-5] for path in kinetics if path.startswith(f"kinetics_{part}/")]
        assert sorted(files) == sorted(labels(kinetics, part))
    clips = [json.loads(content)["label_index"] for _, content in sound(kinetics)]
    assert Counter(clips) == dict.fromkeys(range(6), 20)
    assert len(labels(kinetics, "val")) == 12


def test_kinetics_oddities_come_on_top(kinetics: dict[str, bytes]) -> None:
    entries = labels(kinetics, "train")
    paths = list(kinetics)[N_CLIPS:-2]
    odd = [(entries[path.split("/")[1][:-5]], json.loads(kinetics[path])) for path in paths]
    bare, bare_too, empty, unlisted, unlabelled, copy = odd
    for entry, clip in (bare, bare_too):
        assert entry["has_skeleton"] is False
        assert clip["data"] == []
    assert empty[0]["has_skeleton"] is True
    assert [frame["skeleton"] for frame in empty[1]["data"]] == [[]] * 150
    assert (unlisted[0]["label_index"], unlisted[1]["label_index"]) == ("", 0)
    assert (unlabelled[0]["label_index"], unlabelled[1]["label_index"]) == (None, None)
    assert (copy[0]["label_index"], copy[1]["label_index"]) == (1, 0)
    assert copy[1] == json.loads(next(iter(kinetics.values())))


def test_names_are_like_those_of_videos() -> None:
    names = kinetics_names(SPEC)
    drawn = [next(names) for _ in range(2000)]
    assert len(set(drawn)) == 2000
    assert all(re.fullmatch(r"[\w-]{11}", name) for name in drawn)
    for first in "_-":
        assert 0.02 < sum(name.startswith(first) for name in drawn) / 2000 < 0.1


def test_a_name_drawn_twice_is_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.synthesis.members.NAME_LETTERS", "a")
    monkeypatch.setattr("pipeline.synthesis.members.NAME_LENGTH", 2)
    names = kinetics_names(SPEC)
    assert {next(names) for _ in range(9)} == {a + b for a in "a_-" for b in "a_-"}
