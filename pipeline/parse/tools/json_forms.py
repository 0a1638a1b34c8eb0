"""Which form of JSON a document is of, by the names and brackets at its beginning.

In: the first sign of a document that counts, the names in it, its text. Out: the form, and what it was told by. The
first of `RULES` that fits counts.
"""

import re
from collections.abc import Callable
from contextlib import suppress

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.json_documents import load_json
from pipeline.parse.tools.landmark_arrays import PIECES
from pipeline.parse.tools.landmark_bodies import in_small_letters
from pipeline.parse.tools.landmark_json import frames_in
from pipeline.parse.tools.poses import last_number

_Rule = tuple[Callable[[str, set[str], str], bool], str, str]


def _has(*names: str) -> Callable[[str, set[str], str], bool]:
    return lambda start, keys, text: keys >= set(names)


_FLAT = re.compile(r'"(joints|pose_keypoints(_2d)?)"\s*:\s*\[\s*(-?\d|\])|"canvas_width"')
_SEVERAL = re.compile(r'\s*(\[\s*\{|\{\s*"[^"]*\d[^"]*"\s*:\s*\{|\{.*\}\s*\n\s*\{)', re.DOTALL)
_TRACKED = re.compile(r'\s*\{\s*"\d+"\s*:\s*\{\s*"\d+"\s*:\s*\{\s*"keypoints"')
_LANDMARK_KEYS = {
    *(
        "x",
        "y",
        "camerax",
        "nose",
        "head",
        "head_joint",
        "keypoints",
        "landmarks",
        "poses",
        "position",
        "left_shoulder",
    ),
    *(
        "pose_landmarks",
        "left_hand_landmarks",
        "right_hand_landmarks",
        "left_hand",
        "right_hand",
        "multi_hand_landmarks",
    ),
}


def _flat_numbers(text: str) -> int:
    """How many numbers there are in the first list that holds no other."""
    match = re.search(r"\[([-+\d.eE,\s]+)\]", text[:20000])
    return match[1].count(",") + 1 if match is not None else 0


RULES: tuple[_Rule, ...] = (
    (
        lambda start, keys, text: re.search(r'"joints"\s*:\s*\[\s*(\[|null)', text) is not None,
        "landmark_json",
        "'joints' that are lists",
    ),
    (
        lambda start, keys, text: (
            bool(keys & {"people", "bodies"}) and _FLAT.search(text) is not None and _SEVERAL.match(text) is not None
        ),
        "openpose_video",
        "frames with 'people' as OpenPose writes them",
    ),
    (
        lambda start, keys, text: (
            bool(keys & {"people", "pose_keypoints_2d"}) or ("bodies" in keys and _FLAT.search(text) is not None)
        ),
        "openpose_json",
        "'people'",
    ),
    (_has("data", "frame_index"), "kinetics_json", "'data' with 'frame_index'"),
    (_has("data", "skeleton"), "kinetics_json", "'data' with 'skeleton'"),
    (
        lambda start, keys, text: re.search(r'"data"\s*:\s*\[\s*\]', text) is not None,
        "kinetics_json",
        "an empty 'data'",
    ),
    (
        lambda start, keys, text: "instance_info" in keys and not keys & {"frame_id", "instances"},
        "mmpose_images",
        "'instance_info' of one image",
    ),
    (_has("instance_info"), "mmpose_json", "'instance_info'"),
    (_has("frame_id", "instances"), "mmpose_json", "'frame_id' with 'instances'"),
    (_has("frame_id", "preds", "keypoints"), "mmpose_json", "'frame_id' with 'preds'"),
    (
        lambda start, keys, text: (
            keys == {"bbox", "keypoints"} and re.match(r"\s*\[\s*(\[\s*\]\s*,\s*)*\[\s*\{", text) is not None
        ),
        "mmpose_json",
        "lists of 'bbox' and 'keypoints'",
    ),
    (_has("keypoints", "keypoint_scores"), "mmpose_images", "'keypoint_scores' of one image"),
    (_has("joint_positions"), "azure_json", "'joint_positions' of Azure Kinect"),
    (_has("annotations", "images"), "coco_keypoints", "'images' and 'annotations'"),
    (_has("box", "keypoints", "class"), "yolo_json", "'box' and 'keypoints' of Ultralytics"),
    (
        lambda start, keys, text: (
            keys >= {"image_id", "keypoints"} and re.search(r'"image_id"\s*:\s*"', text) is not None
        ),
        "alphapose_json",
        "'image_id' that names a picture",
    ),
    (_has("image_id", "keypoints"), "coco_keypoints", "'image_id' and 'keypoints'"),
    (
        lambda start, keys, text: _TRACKED.match(text) is not None,
        "alphapose_json",
        "persons with their pictures",
    ),
    (_has("file_name", "skeletons"), "ucla_json", "'file_name' and 'skeletons'"),
    (
        lambda start, keys, text: re.match(r'\s*\{\s*"[^"]+\.(jpe?g|png)"\s*:\s*\[', text) is not None,
        "alphapose_json",
        "pictures with lists of persons",
    ),
    (
        lambda start, keys, text: bool({key.casefold() for key in keys} & _LANDMARK_KEYS),
        "landmark_json",
        "joints with 'x' and 'y'",
    ),
    (
        lambda start, keys, text: re.match(r"\s*(\[\s*){3,4}[-\d]", text) is not None or _flat_numbers(text) in PIECES,
        "landmark_json",
        "lists of numbers",
    ),
)


def form_of_json(start: str, keys: set[str], text: str) -> tuple[str, str] | None:
    """The form, and why; None where no rule fits."""
    return next(((form, why) for fits, form, why in RULES if fits(start, keys, text)), None)


def is_frame(name: str, head: bytes) -> bool:
    """Whether a whole document is one frame of landmarks, and the file's name says which."""
    if last_number(name.rpartition("/")[2]) is None:
        return False
    with suppress(RefusedError):
        document = in_small_letters(head, load_json(head))
        found = frames_in(document)
        return len(found) == 1 and found[0] is document
    return False
