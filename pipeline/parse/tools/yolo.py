"""Ultralytics YOLO-pose: a text file a frame (`save_txt`), or JSON (`Results.to_json`).

In: lines `class x y w h  x0 y0 [c0]  x1 y1 [c1] ..  [track id]`, everything a fraction of the image (Ultralytics' docs,
"Pose Estimation Datasets", and `Results.save_txt` of ultralytics/engine/results.py); files of a video are called
`VIDEO_12.txt`, and a frame in which nobody was found has no file. JSON: a list of `{"name", "class", "confidence",
"box", ["track_id"], "keypoints": {"x": [..], "y": [..], ["visible": [..]]}}` in pixels.

A joint below the model's threshold is written as 0 0 with a confidence: it was not found. A run that was repeated has
appended the same lines again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import layout_by_count
from pipeline.parse.tools.json_documents import a_list, a_whole, an_object, load_json, numbers
from pipeline.parse.tools.openpose import in_order
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered
from pipeline.parse.tools.tables import floats, lines_of, text_of

_BOX = 5
"""Class and box before the joints."""


def read_text(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """The frames of one clip; RefusedError, naming file and line, for anything else."""
    ordered = in_order(files)
    frames, n_frames, notes = frames_of([number for number, _ in ordered])
    seen: list[Seen] = []
    for frame, (_, file) in zip(frames, ordered, strict=True):
        for line, text in enumerate(lines_of(text_of(file.data)) if file.data.strip() else [], 1):
            if text.split():
                try:
                    seen.append(_line(text.split(), frame, line, layout))
                except RefusedError as why:
                    raise RefusedError(f"{file.bare_name}: {why.reason}", line=line) from None
    return _clip(seen, n_frames, notes=notes, pixels=False)


def read_json(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """The frames of one clip, each the list of a `Results.to_json`; RefusedError naming file and body."""
    ordered = in_order(files)
    frames, n_frames, notes = frames_of([number for number, _ in ordered])
    seen: list[Seen] = []
    for frame, (_, file) in zip(frames, ordered, strict=True):
        try:
            for place, body in enumerate(a_list(load_json(file.data), "the file")):
                seen.append(_body(an_object(body, f"body {place}"), frame, f"body {place}"))
        except RefusedError as why:
            raise RefusedError(f"{file.bare_name}: {why.reason}", byte=why.byte) from None
    largest = max((float(np.nanmax(one.places_VC, initial=0)) for one in seen), default=0.0)
    return _clip(seen, n_frames, notes=notes, pixels=largest > 2)


def _clip(seen: Sequence[Seen], n_frames: int, **facts: Any) -> Poses:
    counts = sorted({len(one.places_VC) for one in seen})
    if len(counts) > 1:
        raise RefusedError(f"bodies of {' and of '.join(map(str, counts))} joints in one clip")
    return gathered(seen, n_frames, layout_by_count(counts[0] if counts else 17, image=True), **facts)


def _line(fields: Sequence[str], frame: int, line: int, layout: Layout | None) -> Seen:
    values = np.array(floats(fields, line))
    count = len(values) - _BOX
    n_joints = layout.n_joints if layout is not None else 17
    for width in (3, 2):
        if count in (n_joints * width, n_joints * width + 1):
            track = int(values[-1]) if count % width and np.isfinite(values[-1]) else None
            return _found(values[_BOX : _BOX + n_joints * width].reshape(n_joints, width), frame, track)
    raise RefusedError(f"{len(values)} numbers, expected {_BOX} and 2 or 3 for each of {n_joints} joints")


def _body(fields: dict[str, Any], frame: int, where: str) -> Seen:
    joints = an_object(fields.get("keypoints"), f"{where}: 'keypoints'")
    columns = [numbers(joints.get(name), f"{where}: {name!r}") for name in ("x", "y", "visible") if joints.get(name)]
    if len(columns) < 2 or len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
        raise RefusedError(f"{where}: 'keypoints' without as many x as y")
    track = fields.get("track_id")
    own = None if track is None else a_whole(track, f"{where}: 'track_id'")
    return _found(np.stack(columns, axis=1), frame, own)


def _found(rows_VK: NDArray[np.float64], frame: int, track: int | None) -> Seen:
    """A body; what is at 0 0 was not found, whatever its confidence."""
    there_V = rows_VK[:, :2].any(axis=1)
    scores_V = rows_VK[:, 2] if rows_VK.shape[1] == 3 else np.ones(len(rows_VK))
    return Seen(frame, rows_VK[:, :2], np.where(there_V, scores_V, 0.0), track)
