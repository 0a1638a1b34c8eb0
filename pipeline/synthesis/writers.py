"""The two raw formats, written as the genuine files are: `Recording` -> NTU text, `Film` -> Kinetics JSON.

NTU numbers have up to 7 significant digits in .NET's style (`0.2181153`, `-5.3E-05`), Kinetics numbers 3 decimals.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.synthesis.depth_camera import LEAVES, N_JOINTS, Recorded, Recording
from pipeline.synthesis.video_camera import Film, Person

_NUMBER = "%.7G"
_JOINT = " ".join([_NUMBER] * 12)
_LEAF = " ".join([*[_NUMBER] * 7, "0 0 0 0", _NUMBER])
_JOINT_LINES = "".join(f"{_LEAF if joint in LEAVES else _JOINT}\n" for joint in range(N_JOINTS))
_BODY_FORMAT = " ".join([_NUMBER] * 9) + f"\n{N_JOINTS}\n{_JOINT_LINES}"
_WRITTEN_VF = np.ones((N_JOINTS, 12), dtype=np.bool_)
_WRITTEN_VF[LEAVES, 7:11] = False


def ntu_skeleton(recording: Recording, *, crlf: bool = False) -> bytes:
    """The text of one `.skeleton` file: frame count, then each frame's bodies: 10 header fields and 25 x 12 numbers."""
    texts = [_body_texts(body) for body in recording.bodies]
    lines = [f"{recording.n_frames}\n"]
    for frame in range(recording.n_frames):
        here = [text[frame] for text in texts if text[frame]]
        lines += [f"{len(here)}\n", *here]
    text = "".join(lines)
    return (text.replace("\n", "\r\n") if crlf else text).encode("ascii")


def _body_texts(body: Recorded) -> list[str]:
    """One text a frame; empty where the body is not seen."""
    rows = np.concatenate([body.header_TF, body.joints_TVF[:, _WRITTEN_VF]], axis=1) + 0.0  # no -0
    return [f"{i} {_BODY_FORMAT % tuple(row)}" if i else "" for i, row in zip(body.ids, rows.tolist(), strict=True)]


def kinetics_json(film: Film | None, label: str, label_index: int | None) -> bytes:
    """One clip; without a film its `data` is empty, as in genuine clips without any skeleton."""
    data = [] if film is None else _frames(film)
    return json.dumps({"data": data, "label": label, "label_index": label_index}).encode("ascii")


def _frames(film: Film) -> list[dict[str, Any]]:
    people = [_poses(person) for person in film.people]
    return [
        {"frame_index": t + 1, "skeleton": [] if empty else [poses[t] for poses in people if poses[t]]}
        for t, empty in enumerate(film.empty_T)
    ]


def _poses(person: Person) -> list[dict[str, list[float]] | None]:
    xy = (np.round(person.xy_TV2.reshape(len(person.xy_TV2), -1), 3) + 0.0).tolist()  # no -0.0
    scores = np.round(person.score_TV, 3).tolist()
    return [
        {"pose": pose, "score": score} if present else None
        for pose, score, present in zip(xy, scores, person.present_T, strict=True)
    ]


def kinetics_labels(entries: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A label list: clip name -> has_skeleton, label, label_index."""
    return json.dumps(entries, indent=4).encode("ascii")
