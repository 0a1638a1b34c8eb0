"""What a file is, by its contents: the form of a tool, or another format that `parse` reads.

In: a file's name and its first bytes. Out: the form and why it was taken for that, or the forms that it may have.
Nothing is read in full: of JSON the names and brackets at its beginning count, of tables their first lines, of binary
files their magic numbers. The name only helps where the contents of two forms are the same.
"""

import io
import re
import struct
import zlib
from codecs import BOM_UTF8
from contextlib import suppress
from typing import NamedTuple

from dastm.contract.errors import RefusedError
from pipeline.parse.raw_files import RawFile, read
from pipeline.parse.sources.npy import read_header
from pipeline.parse.sources.seekable import reading
from pipeline.parse.sources.times import unit_in
from pipeline.parse.suffixes import has_suffix
from pipeline.parse.tools.json_forms import form_of_json, is_frame
from pipeline.parse.tools.landmark_arrays import PIECES
from pipeline.parse.tools.landmark_csv import words_of
from pipeline.parse.tools.landmark_lines import JOINTS
from pipeline.parse.tools.named_csv import column_of
from pipeline.parse.tools.tables import lines_of, with_points, without_remarks
from pipeline.work.paths import is_local

UNKNOWN, EMPTY = "of no form that is known here", "the file is empty"
HEAD_BYTES = 64 * 2**10
"""The number of bytes of a file that are looked at."""


class Recognised(NamedTuple):
    """What a file was taken for."""

    form: str | None
    """A name for `parse.format`; None where it is unknown, or may be several."""
    why: str
    candidates: tuple[str, ...] = ()
    layout: str | None = None
    """The layout that its contents tell, where they do."""

    def refusal(self) -> str:
        """What to say where this file was to be read."""
        if self.candidates:
            return f"{self.why}: may be {' or '.join(self.candidates)}; say which as parse.format"
        return self.why


def recognise(name: str, head: bytes) -> Recognised:
    """What a file of this name and beginning is; never raises."""
    if not head.strip(b"\xef\xbb\xbf \t\r\n\0"):
        return (
            Recognised("openpose_json", "an empty file, named as OpenPose names a frame")
            if has_suffix(name, "_keypoints.json")
            else Recognised(None, EMPTY)
        )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        if "<mvnx" in head[: len(head) // 2 * 2].decode("utf-16", "replace"):
            return Recognised("mvnx", "an mvnx document of Xsens, as UTF-16")
        return Recognised(None, "text as UTF-16; save it as UTF-8")
    for look in (_binary, _json, _marked, _table, _numbers):
        found = look(name, head)
        if found is not None:
            return found
    return Recognised(None, UNKNOWN)


def head_of(file: RawFile) -> bytes:
    """The first bytes of a file, enough to recognise it; RefusedError where it cannot be read."""
    if file.member is not None or (is_local(file.root) and not (file.root / file.source).is_file()):  # refused there
        return read(file)[:HEAD_BYTES]
    with reading(file) as opened:
        return opened.read(HEAD_BYTES)


def _binary(name: str, head: bytes) -> Recognised | None:
    if head.startswith(b"\x93NUMPY"):
        return _npy(head)
    if head.startswith(b"PK\x03\x04"):
        return _npz(head)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _hdf5(name, head)
    if head.startswith(b"MATLAB 5.0"):
        return _mat(head)
    if head.startswith(b"MATLAB 7.3"):
        return Recognised(None, "a MATLAB 7.3 file, which is another format; save it with -v7")
    if head[1:2] == b"\x50" and 2 <= head[0] <= 40 and len(head) >= 512 and head[:1] != b"P":
        return Recognised("c3d", "the magic byte 0x50 of a C3D file")
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        if b"frame_dir" in head or b"annotations" in head:
            return Recognised("pyskl_pickle", "a pickle with annotations as PYSKL writes them")
        if b"smpl_poses" in head or b"body_pose" in head:
            return Recognised(None, "a pickle of SMPL's rotations, which are no joints; make joints of them with smplx")
        return Recognised(None, "a pickle, but not one of PYSKL's", ("pyskl_pickle", "array_stack"))
    return None


def _npy(head: bytes) -> Recognised:
    if b"'descr': '|O'" in head[:200]:
        if b"skel_body" in head:
            return Recognised("ntu_npy", "a .npy dictionary with skel_body0", layout="ntu25")
        return Recognised(None, "a .npy of Python objects, which are not those of NTU's dictionaries")
    try:
        shape = read_header(io.BytesIO(head)).shape
    except RefusedError as why:
        return Recognised(None, why.reason)
    if len(shape) == 1:
        return Recognised("landmark_arrays", f"a .npy of {shape[0]} numbers, one frame")
    if len(shape) == 2 and shape[1] in (2, 3, 4) and shape[0] in (17, 21, 33, 42, 75, 543):
        return Recognised("landmark_arrays", f"a .npy of {shape[0]} joints, one frame")
    if (len(shape) == 2 and shape[1] in PIECES) or shape[1:] == (553, 3):
        return Recognised("landmark_stack", f"a .npy of shape {shape}, the frames of one clip")
    if len(shape) in (3, 4):
        return Recognised("folder_arrays", f"a .npy of shape {shape}, one clip")
    if len(shape) == 5:
        return Recognised("array_stack", f"a .npy of shape {shape}, many clips")
    return Recognised(None, f"a .npy of shape {shape}", ("folder_arrays", "landmark_arrays"))


_MATS = {b"d_skel": "utd_mat", b"pos_img": "jhmdb_mat", b"visibility": "penn_mat"}


def _mat(head: bytes) -> Recognised:
    """By the variables' names, which stand at the beginning of each, compressed or not."""
    at = 128
    while at + 8 <= len(head):
        kind, size = struct.unpack_from("<II", head, at)
        start = head[at + 8 : at + 8 + min(size, 256)]
        with suppress(zlib.error):
            start = zlib.decompressobj().decompress(head[at + 8 : at + 8 + size], 256) if kind == 15 else start
        found = next((name for name in _MATS if name in start), None)
        if found is not None:
            return Recognised(_MATS[found], f"a MATLAB 5 file with {found.decode()}")
        at += 8 + size
    return Recognised(None, "a MATLAB 5 file without d_skel, pos_img or visibility, the arrays that are known here")


def _npz(head: bytes) -> Recognised:
    names = set(re.findall(rb"([A-Za-z_0-9]+)\.npy", head))
    smpl = {b"poses", b"smpl_poses", b"root_orient", b"pose_body", b"body_pose", b"global_orient", b"fullpose"} & names
    if smpl or (b"pose" in names and {b"trans", b"betas", b"shape"} & names):
        return Recognised(
            "amass_npz",
            "an AMASS or SMPL file of rotations and shapes, which holds no joints; make joints of it with the smplx"
            " package (smplx.create(..)(..).joints, first 24) and save them as .npy of layout smpl24",
        )
    if b"positions_2d" in names or b"reconstruction" in names:
        return Recognised("videopose_npz", "an archive with 2-D poses as VideoPose3D keeps them")
    if any(re.fullmatch(rb"x_\w+", array) for array in names):
        return Recognised("array_stack", "an archive with arrays x_..")
    return Recognised(None, "an archive (.npz or zip) without arrays that are known here")


def _hdf5(name: str, head: bytes) -> Recognised:
    if has_suffix(name, ".slp"):
        return Recognised(None, "a project of SLEAP; export it: sleap-convert --format analysis.csv")
    if b"df_with_missing" in head or b"_i_table" in head:
        return Recognised("deeplabcut_h5", "a table of DeepLabCut as HDF5")
    if b"track_occupancy" in head or b"node_names" in head:
        return Recognised("sleap_h5", "SLEAP's analysis as HDF5")
    return Recognised(None, "an HDF5 file of neither DeepLabCut nor SLEAP; export poses as CSV")


def _json(name: str, head: bytes) -> Recognised | None:
    text = head.decode("utf-8-sig", "replace")
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    if re.fullmatch(r"\s*(\[\s*\]|\{\s*\})\s*", text):
        return Recognised(None, "an empty list or object: no frame")
    keys = set(re.findall(r'"([^"\\]{1,64})"\s*:', text))
    if {"pose", "name"} <= keys and "data" in keys:
        return Recognised(None, "single poses with names, one a sample: no motion, and so no clip")
    found = form_of_json(start, keys, text)
    if found is not None:
        form, why = found
        if form == "landmark_json" and len(head) < HEAD_BYTES and is_frame(name, head):
            return Recognised("landmark_images", f"JSON of one frame with {why}, its number in the file's name")
        return Recognised(form, f"JSON with {why}")
    return None if not keys and not has_suffix(name, ".json") else Recognised(None, f"JSON {UNKNOWN}")


_MARKS: tuple[tuple[str, str | None, str], ...] = (
    (r"(?i:\s*HIERARCHY\b)", "bvh", "begins with HIERARCHY"),
    (r"PathFileType\s", "trc", "begins with PathFileType"),
    (r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<(\w+:)?mvnx\b", "mvnx", "an mvnx document of Xsens"),
    (r"Format Version[,;\t]", "motive_csv", "begins with OptiTrack Motive's 'Format Version'"),
    (r"(.*\n)?Trajectories[,; \t]*\r?\n[ ]*\d+", "vicon_csv", "Vicon's 'Trajectories' and their rate"),
    (r"(?i:\"?scorer\"?[,;\t])", "deeplabcut_csv", "a first line 'scorer'"),
    (r"(?i:[,;\t]?\s*\"?bodyparts\"?[,;\t])", "deeplabcut_csv", "a first line 'bodyparts'"),
    (r"(?=[^\n]*\bframe_idx\b)(?=[^\n]*\binstance\.score\b)", "sleap_csv", "the columns of SLEAP's analysis export"),
    (r"\d+\r?\n\d+\r?\n-?\d+ (\S+ ){8}\S+\s*\r?\n\d+\r?\n", "ntu_skeleton", "the counts and body header of NTU RGB+D"),
    (
        r"\d+\r?\n(0\r?\n)+\d+\r?\n-?\d+ (\S+ ){8}\S+\s*\r?\n\d+\r?\n",
        "ntu_skeleton",
        "the counts and body header of NTU RGB+D",
    ),
)


def _marked(name: str, head: bytes) -> Recognised | None:
    text = head.decode("utf-8-sig", "replace")
    if text.startswith("#Kinovea"):
        return Recognised(None, "Kinovea's text of one trajectory after another; export a table of all points")
    for pattern, form, why in _MARKS:
        if re.match(pattern, text, re.DOTALL):
            return Recognised(form, why)
    return None


_NUMBERED = re.compile(
    r"((?:l|landmark|lm|p|point|pose|kp|kpt|keypoint|j|joint|node|(?:left_|right_)?hand)?_?)"
    r"(?:\d+[_ .]?[xyzv]\w*|(?<!.)[xyzv]_?\d+)"
)


def _table(name: str, head: bytes) -> Recognised | None:
    """A first line of names."""
    lines = [line for line in lines_of(head.decode("utf-8-sig", "replace"))[:9] if line.strip()]
    line, second = (*lines, "", "")[:2]
    delimiter = next((mark for mark in (",", "\t", ";") if line.count(mark) >= 2), None)
    fields = [field.strip().strip('"') for field in line.split(delimiter)] if delimiter else []
    axes = [field.strip().lower() for field in second.split(delimiter)]
    if delimiter and axes.count("x") >= 2 and axes.count("y") >= 2 and line[:1].isalpha():
        return Recognised("named_csv", "joints' names, each over its x, y and z")
    if not fields or sum(bool(re.match(r"[A-Za-z_]|\d+[_ .][A-Za-z]", field)) for field in fields) < len(fields) / 2:
        return None
    low = words_of(fields)
    numbered = [match[1] for f in low if (match := _NUMBERED.fullmatch(f))]
    if len(numbered) >= 12 and len(set(numbered)) == 1:
        if {"x_0", "y_0"} <= set(low) and ("frame" in low or any(unit_in(f) is not None for f in low)):
            return Recognised("folder_arrays", "columns frame, x_0, y_0, ..")
        return Recognised("landmark_csv", "numbered columns of x and y")
    if {"joint", "x", "y"} <= set(low):
        return Recognised("folder_arrays", "columns joint, x and y; say columns: long")
    if {"x", "y"} <= set(low) and set(low) & set(JOINTS):
        return Recognised("landmark_csv", "columns of a joint's name or number, x and y")
    kinds = [column[1] for column in map(column_of, fields) if column is not None]
    if kinds.count("x") >= 3 and kinds.count("y") >= 3:
        return Recognised("named_csv", "columns of joints' names that end in x, y, z")
    if len(low) > len(set(low)) + 5:
        return Recognised("named_csv", "joints' names, each over its x, y and z")
    return None


_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?([eE][-+]?\d+)?|\.\d+|nan|NaN)")


def _numbers(name: str, head: bytes) -> Recognised | None:
    """Lines of numbers: by how many there are in one."""
    plain = with_points(without_remarks(head.removeprefix(BOM_UTF8)))
    lines = [line for line in lines_of(plain.decode(errors="replace"))[:40] if line.strip()]
    rows = [re.split(r"[\s,;]+", line.strip().strip(",;")) for line in lines]
    if not rows or not all(map(_NUMBER.fullmatch, rows[0])):
        return None
    width = len(rows[0])
    if (
        width in YOLO_LINES
        and float(rows[0][0]) % 1 == 0
        and not any(float(f) < -1 or float(f) > 2 for f in rows[0][1:39])
    ):
        n_joints, whose = YOLO_LINES[width]
        return Recognised("yolo_txt", f"lines of class, box and {n_joints} joints as YOLO writes them", layout=whose)
    if width in FRAME_LINES:
        layout, why = FRAME_LINES[width]
        return Recognised("number_lines", f"{width} numbers a line, {why}", layout=layout)
    heads = [row[0] for row in rows if len(row) == width]
    if width - 1 in FRAME_LINES and all(map(str.isdecimal, heads)) and heads == sorted(heads, key=int):
        layout, why = FRAME_LINES[width - 1]
        return Recognised("number_lines", f"{width} numbers a line, a frame's number and {why}", layout=layout)
    if width == 48 and all(all(map(str.isdecimal, row[:3])) for row in rows):
        return Recognised(None, "all clips of Florence 3D in one file; say --dataset florence3d or its parse.format")
    if width in (3, 4):
        return Recognised("joint_lines", f"{width} numbers a line, one joint each; only you know which layout")
    if width == 2:
        return Recognised("joint_lines", "two numbers a line, one joint each")
    return None


YOLO_LINES = {
    5 + n_joints * each + more: (n_joints, layout)
    for n_joints, layout, numbers in ((26, "halpe26", (3,)), (133, "wholebody133", (3,)), (21, "hands21", (2, 3)))
    for each in numbers
    for more in (0, 1, 2)
} | {5 + 17 * each + more: (17, "coco17") for each in (2, 3) for more in (0, 1, 2)}
"""Numbers a line of YOLO's -> how many joints and which: class and box, x y [c] of each joint, confidence, track id."""
FRAME_LINES: dict[int, tuple[str | None, str]] = {
    150: ("ntu25", "two bodies of Kinect v2's 25 joints with x y z"),
    175: ("ntu25", "Kinect v2's 25 joints with x y z and a quaternion"),
    81: ("kinect20", "a time stamp and Kinect v1's 20 joints with x y z and a state"),
    91: ("openni15", "a frame and two bodies of OpenNI's 15 joints"),
    170: ("openni15", "a frame and OpenNI's 15 joints with orientations"),
    171: ("openni15", "a frame and OpenNI's 15 joints with orientations"),
    75: ("ntu25", "Kinect v2's 25 joints with x y z"),
    60: ("kinect20", "Kinect v1's 20 joints with x y z"),
    45: ("openni15", "15 joints with x y z"),
    96: ("kinect32", "Azure Kinect's 32 joints with x y z"),
    99: ("blazepose33_world", "MediaPipe's 33 joints with x y z"),
    132: ("blazepose33", "MediaPipe's 33 joints with x y z and visibility"),
}
"""Numbers a line -> layout, and what they are; with a frame number or time stamp before them there is one more."""
