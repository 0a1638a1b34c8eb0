"""Ultralytics YOLO-pose: a text file a frame (`save_txt`), or JSON (`Results.to_json`).

In: lines `class x y w h  x0 y0 [c0]  x1 y1 [c1] ..  [confidence] [track id]`, everything a fraction of the image
(Ultralytics' docs, "Pose Estimation Datasets", and `Results.save_txt` of ultralytics/engine/results.py); files of a
video are called `VIDEO_12.txt`, and a frame in which nobody was found has no file. 17 joints are COCO's, 21 a hand's,
26 Halpe's and 133 a whole body's. Labels have 0, 1 or 2 for the confidence: not labelled, hidden, visible.
JSON: a list of `{"name", "class", "confidence", "box", ["track_id"], "keypoints": {"x": [..], "y": [..], ["visible":
[..]]}}` in pixels, or fractions; a thing without keypoints is no body. One file may hold all frames, as a list of such
lists or a line each.

A joint below the model's threshold is written as 0 0 with a confidence: it was not found. A run that was repeated has
appended the same lines again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import layout_by_count
from pipeline.parse.tools.json_documents import a_list, a_whole, an_object, documents, load_json, numbers
from pipeline.parse.tools.openpose import in_order
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered
from pipeline.parse.tools.quick_tables import quick_rows
from pipeline.parse.tools.tables import floats, lines_of, text_of

_BOX = 5
"""Class and box before the joints."""


def read_text(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """The frames of one clip; RefusedError, naming file and line, for anything else."""
    ordered = in_order(files)
    frames, n_frames, notes = frames_of([number for number, _ in ordered])
    seen = _quick(frames, [file.data for _, file in ordered], layout)
    for frame, (_, file) in [] if seen else zip(frames, ordered, strict=True):
        for line, text in enumerate(lines_of(text_of(file.data)) if file.data.strip() else [], 1):
            if text.split():
                try:
                    seen.append(_line(np.array(floats(text.split(), line)), frame, layout))
                except RefusedError as why:
                    raise RefusedError(f"{file.bare_name}: {why.reason}", line=line) from None
    return _clip(seen, n_frames, notes=notes, pixels=False)


def read_json(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """The frames of one clip, each the list of a `Results.to_json`; RefusedError naming file and body."""
    ordered = in_order(files)
    frames, n_frames, notes = frames_of([number for number, _ in ordered])
    seen: list[Seen] = []
    several = _frames_in(files[0].data) if len(files) == 1 else []
    if several:
        frames, n_frames = list(range(len(several))), len(several)
    documents_in = several or [None] * len(ordered)
    names = [file for _, file in ordered] * (len(several) or 1)
    for frame, document, file in zip(frames, documents_in, names, strict=True):
        try:
            found = load_json(file.data) if document is None else document
            for place, body in enumerate(a_list(found, "the file")):
                fields = an_object(body, f"body {place}")
                if fields.get("keypoints") is not None:
                    seen += _body(fields, frame, f"body {place}")
        except RefusedError as why:
            raise RefusedError(f"{file.bare_name}: {why.reason}", byte=why.byte) from None
    poses = _clip(seen, n_frames, notes=notes)
    return replace(poses, pixels=bool(np.nanmax(poses.places_PVC, initial=0) > 2))


def _frames_in(data: bytes) -> list[Any]:
    """The frames of a file that holds several; none where it is one frame."""
    if data.lstrip()[:2] != b"[[" and b"\n[" not in data:
        return []
    found = documents(data)
    frames = found if len(found) > 1 else found[0]
    return frames if isinstance(frames, list) and frames and all(isinstance(one, list) for one in frames) else []


def _clip(seen: Sequence[Seen], n_frames: int, **facts: Any) -> Poses:
    counts = sorted({len(one.places_VC) for one in seen})
    if len(counts) > 1:
        raise RefusedError(f"bodies of {' and of '.join(map(str, counts))} joints in one clip")
    poses = gathered(seen, n_frames, layout_by_count(counts[0] if counts else 17, image=True), **facts)
    there_PV = poses.places_PVC.any(axis=2)  # what is at 0 0 was not found, whatever its confidence
    scores_PV = np.asarray(poses.scores_PV)
    if np.isin(scores_PV, (0, 1, 2)).all() and scores_PV.max() == 2:
        scores_PV = scores_PV / 2
    return replace(poses, scores_PV=np.where(there_PV, scores_PV, 0.0))


def _quick(frames: Sequence[int], texts: Sequence[bytes], layout: Layout | None) -> list[Seen]:
    """All lines at once, where they are plain and as long as each other; else none."""
    counts = [sum(map(bool, map(bytes.strip, text.split(b"\n")))) for text in texts]
    rows_PN = quick_rows(b"\n".join(texts))
    if rows_PN is None or len(rows_PN) != sum(counts):
        return []
    try:
        n_joints, width = _shape(rows_PN.shape[1], layout)
    except RefusedError:  # which line it is, is told line by line
        return []
    return [
        _found(joints_VK, frame, _track_of(rest))
        for frame, joints_VK, rest in zip(
            np.repeat(frames, counts).tolist(),
            rows_PN[:, _BOX : _BOX + n_joints * width].reshape(-1, n_joints, width),
            rows_PN[:, _BOX + n_joints * width :].tolist(),
            strict=True,
        )
    ]


def _line(values: NDArray[np.float64], frame: int, layout: Layout | None) -> Seen:
    n_joints, width = _shape(len(values), layout)
    end = _BOX + n_joints * width
    return _found(values[_BOX:end].reshape(n_joints, width), frame, _track_of(values[end:].tolist()))


def _shape(n_numbers: int, layout: Layout | None) -> tuple[int, int]:
    """How many joints a line of so many numbers has, and how many numbers each joint."""
    known = (layout.n_joints,) if layout is not None else (17, 21, 26, 133)
    for n_joints, width in [(n, width) for n in known for width in (3, 2)]:
        if 0 <= n_numbers - _BOX - n_joints * width <= 2:
            return n_joints, width
    told = " or ".join(map(str, known))
    raise RefusedError(f"{n_numbers} numbers, expected {_BOX} and 2 or 3 for each of {told} joints")


def _track_of(rest: Sequence[float]) -> int | None:
    """The track id, from 1 on, where the last number behind the joints is one, and not the confidence."""
    last = rest[-1] if rest else 0.0
    return int(last) if last >= 1 and last % 1 == 0 else None


def _body(fields: dict[str, Any], frame: int, where: str) -> list[Seen]:
    """The body; none where it has no joint."""
    joints = an_object(fields.get("keypoints"), f"{where}: 'keypoints'")
    if joints and not any(joints.values()):
        return []
    columns = [a_list(joints[name], f"{where}: {name!r}") for name in ("x", "y", "visible") if joints.get(name)]
    if len(columns) < 2 or len(set(map(len, columns))) > 1:
        raise RefusedError(f"{where}: 'keypoints' without as many x as y")
    rows_VK = numbers(columns, f"{where}: 'keypoints'").T
    if rows_VK.ndim != 2:
        raise RefusedError(f"{where}: 'keypoints' that are no lists of numbers")
    track = fields.get("track_id")
    own = None if track is None else a_whole(track, f"{where}: 'track_id'")
    return [_found(rows_VK, frame, own)]


def _found(rows_VK: NDArray[np.float64], frame: int, track: int | None) -> Seen:
    return Seen(frame, rows_VK[:, :2], rows_VK[:, 2] if rows_VK.shape[1] == 3 else np.ones(len(rows_VK)), track)
