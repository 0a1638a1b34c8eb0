"""The forms in which other people's tools write skeletons: pose estimators, depth cameras, motion capture.

Each module reads one family of forms into `Poses` (`poses`), which become tracks by one step for all. To add a form,
add a module, a row of `TOOLS`, and its name and usual layout in `TOOL_FORMATS` of
`pipeline/definitions/source_spec.py`; `recognise` says how it is told from the others.
"""

from collections.abc import Mapping

from pipeline.definitions.source_spec import TOOL_FORMATS
from pipeline.parse.tools import (
    archives,
    bodypart_tables,
    bvh,
    capture_csv,
    dataset_files,
    hdf5_tables,
    keypoint_lists,
    landmark_arrays,
    landmark_csv,
    landmark_json,
    markers,
    mvnx,
    named_csv,
    number_lines,
    openpose,
    yolo,
)
from pipeline.parse.tools.tool import Tool

_JSON, _TEXT, _HDF5 = (".json", ".jsonl"), (".csv", ".txt", ".tsv"), (".h5", ".hdf5")

_ROWS: Mapping[str, Tool] = {
    "openpose_json": Tool(what="OpenPose JSON, a file a frame", suffixes=_JSON, read=openpose.read, frames=True),
    "openpose_video": Tool(what="OpenPose's frames in one file", suffixes=_JSON, read=openpose.read_video),
    "landmark_json": Tool(what="landmarks as JSON (MediaPipe, TensorFlow.js)", suffixes=_JSON, read=landmark_json.read),
    "landmark_images": Tool(
        what="landmarks as JSON, a file a frame", suffixes=_JSON, read=landmark_json.read_images, frames=True
    ),
    "landmark_csv": Tool(what="numbered landmarks as CSV (MediaPipe)", suffixes=_TEXT, read=landmark_csv.read),
    "landmark_arrays": Tool(
        what=".npy files of one frame each (MediaPipe)", suffixes=(".npy",), read=landmark_arrays.read, frames=True
    ),
    "landmark_stack": Tool(
        what="a .npy of all frames of a clip (MediaPipe, FreeMoCap)",
        suffixes=(".npy",),
        read=landmark_arrays.read_stack,
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
    "deeplabcut_csv": Tool(what="DeepLabCut's table", suffixes=_TEXT, read=bodypart_tables.read_deeplabcut),
    "sleap_csv": Tool(what="SLEAP's analysis as CSV", suffixes=_TEXT, read=bodypart_tables.read_sleap),
    "deeplabcut_h5": Tool(what="DeepLabCut's table as HDF5", suffixes=_HDF5, read=hdf5_tables.read_deeplabcut),
    "sleap_h5": Tool(what="SLEAP's analysis as HDF5", suffixes=_HDF5, read=hdf5_tables.read_sleap),
    "bvh": Tool(what="BVH motion capture", suffixes=(".bvh",), read=bvh.read),
    "trc": Tool(what="TRC markers", suffixes=(".trc",), read=markers.read_trc),
    "mvnx": Tool(what="Xsens MVNX", suffixes=(".mvnx",), read=mvnx.read),
    "motive_csv": Tool(what="OptiTrack Motive's CSV", suffixes=_TEXT, read=capture_csv.read_motive),
    "vicon_csv": Tool(what="Vicon Nexus's trajectories as CSV", suffixes=_TEXT, read=capture_csv.read_vicon),
    "c3d": Tool(what="C3D markers", suffixes=(".c3d",), read=markers.read_c3d),
    "named_csv": Tool(what="columns of named joints (FreeMoCap, Nuitrack)", suffixes=_TEXT, read=named_csv.read),
    "number_lines": Tool(what="a frame a line of numbers (Kinect)", suffixes=_TEXT, read=number_lines.read_frames),
    "joint_lines": Tool(
        what="a joint a line of numbers (MSR-Action3D, KARD)", suffixes=_TEXT, read=number_lines.read_joints
    ),
    "azure_json": Tool(what="Azure Kinect's JSON", suffixes=_JSON, read=dataset_files.read_azure),
    "ucla_json": Tool(what="NW-UCLA's JSON", suffixes=_JSON, read=dataset_files.read_ucla),
    "utd_mat": Tool(what="UTD-MHAD's .mat", suffixes=(".mat",), read=dataset_files.read_utd),
    "penn_mat": Tool(
        what="Penn Action's .mat", suffixes=(".mat",), read=dataset_files.read_penn, action=dataset_files.penn_action
    ),
    "jhmdb_mat": Tool(what="J-HMDB's joint_positions.mat", suffixes=(".mat",), read=dataset_files.read_jhmdb),
    "ntu_npy": Tool(what="NTU's .npy dictionaries", suffixes=(".npy",), read=dataset_files.read_ntu),
    "videopose_npz": Tool(what="2-D poses for VideoPose3D", suffixes=(".npz",), read=archives.read_videopose),
    "amass_npz": Tool(what="AMASS's rotations, which are refused", suffixes=(".npz",), read=archives.read_amass),
}
TOOLS: Mapping[str, Tool] = {name: _ROWS[name] for name in TOOL_FORMATS if name in _ROWS}
"""Every form by its name, in the order of `TOOL_FORMATS`."""
