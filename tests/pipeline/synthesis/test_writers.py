"""Bytes of both formats, from recordings written by hand."""

import json

import numpy as np

from pipeline.synthesis.depth_camera import Recorded, Recording
from pipeline.synthesis.video_camera import Film, Person
from pipeline.synthesis.writers import kinetics_json, kinetics_labels, ntu_skeleton


def recorded(ids: tuple[str | None, ...], first: float) -> Recorded:
    joints = np.zeros((len(ids), 25, 12))
    joints[..., 0] = first
    joints[..., 1] = -0.0
    joints[..., 2] = 3.14159265
    joints[..., 7:11] = (1.0, -0.25, 0.5, 0.125)
    joints[..., 11] = 2
    joints[:, [3, 15, 19, 21, 22, 23, 24], 7:11] = 0.0
    header = np.tile([0, 1, 1, 0, 4, 0, 0.01119184, -0.256052, 2], (len(ids), 1))
    return Recorded(ids=ids, header_TF=header.astype(np.float64), joints_TVF=joints)


def test_ntu_text_to_the_letter() -> None:
    bodies = (
        recorded(("72057594037944738", None, None), -0.00001234567),
        recorded((None, None, "72057594037900001"), 12),
    )
    lines = ntu_skeleton(Recording(n_frames=3, bodies=bodies)).decode().split("\n")
    assert lines[:4] == ["3", "1", "72057594037944738 0 1 1 0 4 0 0.01119184 -0.256052 2", "25"]
    assert lines[4] == "-1.234567E-05 0 3.141593 0 0 0 0 1 -0.25 0.5 0.125 2"
    assert lines[7] == "-1.234567E-05 0 3.141593 0 0 0 0 0 0 0 0 2"
    assert lines[29:33] == ["0", "1", "72057594037900001 0 1 1 0 4 0 0.01119184 -0.256052 2", "25"]
    assert lines[33] == "12 0 3.141593 0 0 0 0 1 -0.25 0.5 0.125 2"
    assert len(lines) == 59
    assert lines[-1] == ""


def test_ntu_lines_can_end_as_on_windows() -> None:
    recording = Recording(n_frames=1, bodies=(recorded(("72057594037944738",), 1.0),))
    plain, windows = ntu_skeleton(recording), ntu_skeleton(recording, crlf=True)
    assert windows.replace(b"\r\n", b"\n") == plain
    assert windows.count(b"\r") == plain.count(b"\n")


def test_bodies_of_a_frame_are_listed_in_the_order_of_the_recording() -> None:
    bodies = (recorded(("72057594037999999",), 1), recorded(("72057594037900000",), 2))
    lines = ntu_skeleton(Recording(n_frames=1, bodies=bodies)).decode().split("\n")
    assert lines[1] == "2"
    assert [line[:17] for line in lines if line.startswith("72057")] == ["72057594037999999", "72057594037900000"]


def person(x: float, present: list[bool]) -> Person:
    xy = np.full((len(present), 18, 2), x)
    xy[:, 0] = (-0.0001, 1.0996)
    return Person(xy_TV2=xy, score_TV=np.full((len(present), 18), 0.1234), present_T=np.array(present))


def test_kinetics_json_to_the_letter() -> None:
    shown = Film(
        people=(person(0.5, [True, True, False]), person(0.25, [False, True, True])),
        empty_T=np.array([False, True, False]),
    )
    content = kinetics_json(shown, "bow", 7)
    pose = ", ".join(["0.0, 1.1"] + ["0.5, 0.5"] * 17)
    score = ", ".join(["0.123"] * 18)
    begin = f'{{"data": [{{"frame_index": 1, "skeleton": [{{"pose": [{pose}], "score": [{score}]}}]}}, '
    assert content.decode().startswith(begin + '{"frame_index": 2, "skeleton": []}, ')
    document = json.loads(content)
    assert (document["label"], document["label_index"]) == ("bow", 7)
    assert [len(frame["skeleton"]) for frame in document["data"]] == [1, 0, 1]
    assert document["data"][2]["skeleton"][0]["pose"][2:] == [0.25] * 34


def test_a_clip_without_a_film_has_no_data() -> None:
    assert kinetics_json(None, "bow", None) == b'{"data": [], "label": "bow", "label_index": null}'


def test_label_lists_keep_their_order() -> None:
    entries = {"b": {"has_skeleton": True, "label": "bow", "label_index": 1}, "a": {"has_skeleton": False}}
    assert list(json.loads(kinetics_labels(entries)).items()) == list(entries.items())
