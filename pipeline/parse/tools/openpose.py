"""OpenPose's own output: a JSON file a frame, the frames of a video in one folder.

In: `{"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [x0, y0, c0, ..], ..}, ..]}` in files called
`VIDEO_000000000012_keypoints.json`. Source: OpenPose's doc/02_output.md and its `--write_json`, `--number_people_max`,
`--keypoint_scale`, `--tracking` flags. 25 joints are BODY_25, 18 are COCO. A joint that was not found is 0, 0, 0.
Version 1.0 wrote `pose_keypoints`. Hands and face are left out; with pose_keypoints_3d alone the clip is 3-D.

Numbers that are left out among the files are frames without a body; a file of no bytes is a frame that was not written.

`openpose_video`: the frames of a clip in one file, as AlphaPose's `--format open` and `cmu` write them (`{"12.jpg":
{"people": [..]}}`, or `bodies` with `joints`, 18 in OpenPose's order; its docs/output.md), and lists of such documents,
as ComfyUI's, whose canvas_width and canvas_height are the size of the image.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import FLAT_BY_COUNT, own_layout
from pipeline.parse.tools.json_documents import a_list, a_whole, an_object, documents, load_json, rows_of_each
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered, last_number

LAYOUTS_BY_COUNT = {25: "body25", 18: "openpose18"}
NOTE_EMPTY_FILE = "empty_files"
NOTE_PARTS = "hands_and_face_left_out"
_PARTS = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")
_MPI = (
    *("head", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist"),
    *("right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle", "spine chest"),
)
"""Its 15 joints of `--model_pose MPI`."""
_NO_ID: tuple[Any, ...] = (None, [], [-1], -1)


class _Person(NamedTuple):
    """A person as its file has it: the frame, the place for messages, the numbers, how many a joint has."""

    frame: int
    place: str
    flat: Any
    width: int
    id: int | None


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """The frames of one clip; RefusedError, naming the file, for one that is not OpenPose's."""
    ordered = in_order(files)
    frames, n_frames, notes = frames_of([number for number, _ in ordered])
    people: list[_Person] = []
    said = set(notes)
    empty = 0
    for frame, (_, file) in zip(frames, ordered, strict=True):
        if not file.data.strip():
            empty += 1
            continue
        try:
            people += _people(an_object(load_json(file.data), "the file"), frame, file.bare_name, said)
        except RefusedError as why:
            raise RefusedError(f"{file.bare_name}: {why.reason}", byte=why.byte) from None
    if empty:
        said.add(NOTE_EMPTY_FILE)
    if not people:
        files_said = f" ({empty} of the files are empty)" if empty else ""
        files_said += ": hands or faces alone, which are not read" if NOTE_PARTS in said else ""
        raise RefusedError(f"no body in any of {n_frames} frames{files_said}")
    return _clip(people, n_frames, said)


def read_video(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`openpose_video`: one file; RefusedError, naming the frame, for anything else."""
    (file,) = files
    found = documents(file.data)
    document = found if len(found) > 1 else found[0]
    named = list(document.items()) if isinstance(document, dict) else list(enumerate(a_list(document, "the file")))
    numbers = [last_number(str(name)) for name, _ in named]
    stated = [at if number is None else number for at, number in enumerate(numbers)]
    if len(set(stated)) < len(stated):
        stated = list(range(len(stated)))
    in_turn = sorted(zip(stated, named, strict=True), key=lambda frame: frame[0])
    frames, n_frames, notes = frames_of([number for number, _ in in_turn])
    people: list[_Person] = []
    said = set(notes)
    sizes: set[tuple[Any, Any]] = set()
    for frame, (_, (name, one)) in zip(frames, in_turn, strict=True):
        fields = an_object(one, f"frame {name}")
        sizes.add((fields.get("canvas_width"), fields.get("canvas_height")))
        try:
            people += _people(fields, frame, f"frame {name}", said)
        except RefusedError as why:
            raise RefusedError(f"frame {name}: {why.reason}") from None
    if not people:
        raise RefusedError(f"no body in any of {n_frames} frames")
    return _clip(people, n_frames, said, **size_of(sizes))


def size_of(sizes: set[tuple[Any, Any]]) -> dict[str, Any]:
    """Width and height where all images have the same."""
    match list(sizes):
        case [(int() | float() as width, int() | float() as height)] if width > 0 and height > 0:
            return {"size": (float(width), float(height))}
    return {}


def _clip(people: Sequence[_Person], n_frames: int, said: set[str], **facts: Any) -> Poses:
    width = people[0].width
    if any(one.width != width for one in people):
        raise RefusedError("bodies with pose_keypoints_3d and bodies with 2-D keypoints in one clip")
    rows = rows_of_each([one.flat for one in people], width, [one.place for one in people], "'pose_keypoints'")
    n_joints = {len(rows_VK) for rows_VK in rows}
    if len(n_joints) > 1:
        raise RefusedError(f"bodies of {' and of '.join(map(str, sorted(n_joints)))} joints in one clip")
    rows_PVK = np.asarray(rows)
    seen = [
        Seen(one.frame, rows_VK[:, :-1], rows_VK[:, -1], one.id) for one, rows_VK in zip(people, rows_PVK, strict=True)
    ]
    # Joints that were not measured may be nan; `--keypoint_scale 3` writes fractions of the image.
    places = rows_PVK[..., :-1]
    pixels = float(np.abs(places).max(initial=0, where=np.isfinite(places))) > 2
    return gathered(seen, n_frames, _layout(rows_PVK[0, :, :-1]), pixels=pixels, notes=tuple(sorted(said)), **facts)


def in_order(files: Sequence[NamedBytes]) -> list[tuple[int, NamedBytes]]:
    """The files by the last number in their names, as a number: 10 comes after 9; those without one by name."""
    numbered = [(number, file) for file in files if (number := last_number(file.bare_name)) is not None]
    if len(numbered) < len(files):
        return list(enumerate(sorted(files, key=lambda file: file.name)))
    return sorted(numbered, key=lambda pair: (pair[0], pair[1].name))


def _people(document: dict[str, Any], frame: int, place: str, said: set[str]) -> list[_Person]:
    nobody = document.get("people", ...) is None or document.get("bodies", ...) is None
    people = [] if nobody else a_list(document.get("bodies", document.get("people")), "'people'")
    found = []
    for at, person in enumerate(people):
        where = f"person {at}"
        fields = an_object(person, where)
        if any(map(fields.get, _PARTS)):
            said.add(NOTE_PARTS)
        flat, width = _body(fields)
        if flat:
            found.append(_Person(frame, f"{place}: {where}", flat, width, _id(fields.get("person_id"), where)))
    return found


def _body(fields: dict[str, Any]) -> tuple[Any, int]:
    """The numbers of the body, and how many there are for each joint."""
    for name, width in (("pose_keypoints_2d", 3), ("pose_keypoints", 3), ("joints", 3), ("pose_keypoints_3d", 4)):
        if fields.get(name):
            return fields[name], width
    if not any(name.startswith("pose_keypoints") or name == "joints" for name in fields):
        raise RefusedError("a person without 'pose_keypoints_2d'")
    return None, 3


def _id(value: Any, where: str) -> int | None:
    """The number that `--tracking` gives; -1 says that it was not asked for."""
    if value in _NO_ID or not isinstance(value, list | int):
        return None
    number = a_whole(value, f"{where}: 'person_id'")
    return number if number >= 0 else None


def _layout(places_VC: NDArray[np.float64]) -> Layout:
    name = LAYOUTS_BY_COUNT.get(len(places_VC))
    if name is not None and places_VC.shape[1] == 2:
        return KNOWN_LAYOUTS[name]
    if name is None and len(places_VC) in FLAT_BY_COUNT and places_VC.shape[1] == 2:  # as rtmlib writes MMPose's
        return KNOWN_LAYOUTS[FLAT_BY_COUNT[len(places_VC)]]
    numbered = [f"joint {v}" for v in range(len(places_VC))]
    joints = KNOWN_LAYOUTS[name].joints if name else _MPI if len(places_VC) == len(_MPI) else numbered
    return own_layout(f"openpose{len(places_VC)}", joints, image=places_VC.shape[1] == 2)
