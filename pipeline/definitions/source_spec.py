"""The block `parse.source` of a definition, which says what pickles, stacks and folders of arrays do not say
themselves; the names of all formats; and the layouts of files and shards.

In: the mapping of the YAML. Out: a checked `SourceSpec`, and `Layout`s. Formats that describe themselves (ntu_skeleton,
kinetics_json) have no such block.
"""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from dastm.contract.documents import DocumentError, read_file, shown
from dastm.contract.errors import DataError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.mapping import mapping_to
from dastm.contract.skeleton import COMMON, NTU25, Layout
from pipeline.definitions.lists import checked_key, nfc

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
STATED_FACTS = ("class", "subject", "camera", "setup", "replication")
"""Facts about a clip that a path's named groups or a labels file may state, in addition to its key."""
AUTO = "auto"
"""The format that recognises each file by its contents."""
TAKE_FORMATS: Mapping[str, str | None] = {"pku_mmd": "ntu25", "utkinect": "kinect20", "florence3d": "florence15"}
"""Data sets whose files hold many actions each -> their layouts (see `pipeline.parse.tools.takes`)."""
TOOL_FORMATS: Mapping[str, str | None] = {
    AUTO: None,
    "openpose_json": "body25",
    "openpose_video": "openpose18",
    "landmark_json": "blazepose33",
    "landmark_images": "blazepose33",
    "landmark_csv": "blazepose33",
    "landmark_arrays": "holistic75",
    "landmark_stack": "holistic75",
    "mmpose_json": "coco17",
    "mmpose_images": "coco17",
    "alphapose_json": "coco17",
    "coco_keypoints": "coco17",
    "yolo_txt": "coco17",
    "yolo_json": "coco17",
    "deeplabcut_csv": None,
    "sleap_csv": None,
    "deeplabcut_h5": None,
    "sleap_h5": None,
    "bvh": None,
    "trc": None,
    "mvnx": None,
    "motive_csv": None,
    "vicon_csv": None,
    "c3d": None,
    "named_csv": None,
    "number_lines": None,
    "joint_lines": None,
    "azure_json": "kinect32",
    "ucla_json": "kinect20",
    "utd_mat": "utd20",
    "penn_mat": "penn13",
    "jhmdb_mat": "jhmdb15",
    "ntu_npy": "ntu25",
    "videopose_npz": "coco17",
    "amass_npz": "smpl24",
}
"""Formats of other people's tools -> the layout that their files usually have (see `pipeline.parse.tools`)."""
SOURCE_FORMATS = ("pyskl_pickle", "array_stack", "folder_arrays", *TAKE_FORMATS, *TOOL_FORMATS)
"""Formats that use the block `parse.source`."""
FORMATS = ("ntu_skeleton", "kinetics_json", *SOURCE_FORMATS)
DEFAULT_LAYOUT = {"ntu_skeleton": "ntu25", "kinetics_json": "openpose18"} | {
    name: layout for name, layout in {**TAKE_FORMATS, **TOOL_FORMATS}.items() if layout is not None
}
"""Format -> its usual layout. Pickles, stacks and folders may hold any skeleton, so their definitions must name one."""
WITH_LABELS = ("folder_arrays", *TOOL_FORMATS)
"""Formats whose clips a labels file may name; the others say themselves what their clips are."""
_NAMING = ("pattern", "labels")
"""Keys of formats whose clips are named by their paths."""
_FOLDER_ONLY = ("pattern", "labels", "axes", "columns", "delimiter", "frame_step")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SourceSpec:
    """How joints and names are written in files that do not describe themselves."""

    unit_m: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Length of one unit of 3-D coordinates in metres: 0.001 for millimetres."""
    up: Literal["x", "y", "z", "-x", "-y", "-z"] = "y"
    """The 3-D axis that points upwards; bodies are turned (never mirrored) so that it becomes y."""
    mirrored: bool = False
    """Whether 3-D coordinates are left-handed, like OpenNI's, so that left and right are exchanged: x is negated."""
    image: Literal["fractions", "centred", "pixels"] | None = None
    """2-D coordinates as `fractions` of the image, y down; `centred` as ST-GCN keeps Kinetics, x - 0.5 and 0.5 - y; or
    `pixels`. None: pixels of each clip's img_shape (pyskl_pickle), centred (array_stack), fractions (folder_arrays)."""
    image_size: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] | None = None
    """Width and height in pixels, if clips do not say it."""
    pattern: str | None = None
    """folder_arrays: a regular expression for the whole posix path below the raw folder, with groups named key, class,
    subject, camera, setup, replication. None: the key is made of folders and file name, `wave_000` of
    wave/000.npy (NTU's names are keys as they are), and the class is the folder's, unless there is a labels file."""
    labels: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """folder_arrays: key -> what a CSV file says of it (columns key, class, and any of the other facts). Without a
    pattern a key there is a file's path below the raw folder without suffix, or its name alone."""
    labels_file: str | None = None
    """Name of the labels file; a file of this name in the raw folder is not read as a clip."""
    axes: str | None = None
    """folder_arrays: the axes of .npy files, T, V and C, and M where there are bodies. None: TVC or MTVC."""
    columns: Literal["wide", "long"] = "wide"
    """folder_arrays, CSV: a line a body and frame (frame, [body], x_0, y_0, z_0, [score_0], x_1, ..), or one a joint
    (frame, [body], joint, x, y, z, [score])."""
    delimiter: str = ","
    """folder_arrays: the character between the columns of CSV files."""
    frame_step: Annotated[int, Field(ge=1, strict=True)] | None = None
    """folder_arrays, CSV: the step between the numbers of successive frames, e.g. 10 if every tenth frame was kept. 1:
    missing numbers are gaps. None: 1, but numbers that are usually ten or more apart look like time stamps and are
    refused."""

    def __post_init__(self) -> None:
        if self.axes is not None and "".join(sorted(self.axes)) not in ("CTV", "CMTV"):
            raise ValueError(f"axes: T, V and C in the order of the file, and M where there are bodies, {self.axes!r}")
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise ValueError(f"delimiter: one character, got {self.delimiter!r}")
        if self.image_size is not None and self.image not in (None, "pixels"):
            raise ValueError(f"image_size goes with image: pixels, not with {self.image}")
        if self.pattern is not None:
            _check_pattern(self.pattern)


def known_format(name: Any) -> Any:
    """The name of a known format. Raises: ValueError for any other name."""
    if name not in FORMATS:
        raise ValueError(f"one of {', '.join(FORMATS)}, got {shown(name)}")
    return name


def resolve_layout(value: Any, format_name: str) -> Layout:
    """The layout that a definition names or describes, or the usual one of its format. Raises: ValueError if none."""
    value = DEFAULT_LAYOUT.get(format_name) if value is None else value
    if value is None and format_name not in SOURCE_FORMATS:  # an unknown format is complained of later
        return NTU25
    if not isinstance(value, Mapping) and (not isinstance(value, str) or value not in KNOWN_LAYOUTS):
        raise ValueError(f"parse.layout: one of {', '.join(KNOWN_LAYOUTS)}, or a mapping, got {shown(value)}")
    layout = Layout.from_dict(value) if isinstance(value, Mapping) else KNOWN_LAYOUTS[value]
    if format_name in SOURCE_FORMATS and len(layout.coordinates) != 3:
        raise ValueError(f"parse.layout: {format_name} needs three coordinates, got {list(layout.coordinates)}")
    return layout


def resolve_target(value: Any, parsed: Layout) -> Layout | None:
    """The layout of `split.layout`, or None. Raises: ValueError if the layout of the files cannot be mapped to it."""
    known = {**COMMON, **KNOWN_LAYOUTS}
    if value is None or value == parsed.name:
        return None
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"split.layout: one of {', '.join(known)}, got {shown(value)}")
    try:
        mapping_to(parsed, known[value])
    except ValueError as error:
        raise ValueError(f"split.layout: {error}") from None
    return known[value]


def resolve_source(value: Any, format_name: str, folder: Path) -> Any:
    """The block with its labels file; `SourceSpec()` if a format uses a block but has none, else None.

    Raises: ValueError for a block or a key that the format does not use.
    """
    if format_name not in SOURCE_FORMATS:
        if value is not None:
            takers = ", ".join(SOURCE_FORMATS)
            raise ValueError(f"parse.source: format {format_name} takes no such block, only {takers}")
        return None
    block = value if value is not None else {}
    if not isinstance(block, Mapping):
        raise ValueError(f"parse.source: expected a mapping, got {block!r}")
    own = _NAMING if format_name in TOOL_FORMATS else _FOLDER_ONLY if format_name == "folder_arrays" else ()
    foreign = sorted(set(block) & set(_FOLDER_ONLY) - set(own))
    if foreign:
        raise ValueError(f"parse.source.{foreign[0]}: only folder_arrays takes it, not {format_name}")
    if "labels_file" in block:
        raise ValueError("parse.source.labels_file: not a key that you can set; name the file as labels")
    if block.get("labels") is None:
        return {key: item for key, item in block.items() if key != "labels"}
    if not isinstance(block["labels"], str):
        raise ValueError(f"parse.source.labels: the name of a CSV file, got {block['labels']!r}")
    path = folder / block["labels"]
    return {**block, "labels": _read_labels(path), "labels_file": path.name}


def _check_pattern(pattern: str) -> None:
    try:
        groups = set(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"pattern: not a regular expression: {error}") from None
    unknown = groups - {"key", *STATED_FACTS}
    if unknown or "key" not in groups:
        known = ", ".join(("key", *STATED_FACTS))
        wrong = f"unknown group {min(unknown)}" if unknown else "no group named key"
        raise ValueError(f"pattern: {wrong}; groups: {known}")


def _read_labels(path: Path) -> dict[str, dict[str, str]]:
    """key -> the other columns."""
    labels: dict[str, dict[str, str]] = {}
    try:
        text = read_file(path).decode("utf-8-sig")  # some programs begin their CSV with a mark
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = reader.fieldnames or []
        if not {"key", "class"} <= set(columns) <= {"key", *STATED_FACTS} or len(set(columns)) < len(columns):
            raise DataError(f"{path}: line 1: columns {', '.join(columns)}; expected key, class, .., each once")
        for row in reader:
            where = f"{path}: line {reader.line_num}"
            if None in row or None in row.values():
                raise DataError(f"{where}: another number of columns")
            key = checked_key(row.pop("key"), where, "folder_arrays")
            if key in labels:
                raise DataError(f"{where}: a key seen before, {key!r}")
            labels[key] = {name: nfc(text) for name, text in row.items() if text}
    except (DocumentError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot read these labels ({error})") from error
    return labels
