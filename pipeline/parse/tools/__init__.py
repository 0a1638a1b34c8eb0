"""The forms in which other people's tools write skeletons: pose estimators, depth cameras, motion capture.

Each module reads one family of forms into `Poses` (`poses`), which become tracks by one step for all. To add a form,
add a module, a row of `TOOLS`, and its name and usual layout in `TOOL_FORMATS` of
`pipeline/definitions/source_spec.py`; `recognise` says how it is told from the others.
"""

from collections.abc import Mapping

from pipeline.definitions.source_spec import TOOL_FORMATS
from pipeline.parse.tools import keypoint_lists, landmark_arrays, landmark_csv, landmark_json, openpose, yolo
from pipeline.parse.tools.tool import Tool

_JSON, _TEXT = (".json", ".jsonl"), (".csv", ".txt", ".tsv")

_ROWS: Mapping[str, Tool] = {
    "openpose_json": Tool(what="OpenPose JSON, a file a frame", suffixes=_JSON, read=openpose.read, frames=True),
    "landmark_json": Tool(what="landmarks as JSON (MediaPipe, TensorFlow.js)", suffixes=_JSON, read=landmark_json.read),
    "landmark_csv": Tool(what="numbered landmarks as CSV (MediaPipe)", suffixes=_TEXT, read=landmark_csv.read),
    "landmark_arrays": Tool(
        what=".npy files of one frame each (MediaPipe)", suffixes=(".npy",), read=landmark_arrays.read, frames=True
    ),
    "mmpose_json": Tool(what="MMPose's results of a video", suffixes=_JSON, read=keypoint_lists.read_mmpose),
    "mmpose_images": Tool(
        what="MMPose's results, a file an image", suffixes=_JSON, read=keypoint_lists.read_mmpose_images, frames=True
    ),
    "alphapose_json": Tool(what="AlphaPose's results", suffixes=_JSON, read=keypoint_lists.read_alphapose),
    "coco_keypoints": Tool(
        what="COCO's keypoint results or annotations (Detectron2)", suffixes=_JSON, read=keypoint_lists.read_coco
    ),
    "yolo_txt": Tool(what="YOLO-pose text, a file a frame", suffixes=(".txt",), read=yolo.read_text, frames=True),
    "yolo_json": Tool(what="YOLO-pose JSON, a file a frame", suffixes=_JSON, read=yolo.read_json, frames=True),
}
TOOLS: Mapping[str, Tool] = {name: _ROWS[name] for name in TOOL_FORMATS if name in _ROWS}
"""Every form by its name, in the order of `TOOL_FORMATS`."""
