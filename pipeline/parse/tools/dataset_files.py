"""Files of data sets and cameras that say what they are: NW-UCLA, UTD-MHAD, Penn Action, J-HMDB, Azure Kinect, NTU as
.npy dictionaries.

`ucla_json`: `{"file_name", "skeletons": [[[x, y, z] x 20] a frame]}` (Wang et al., CVPR 2014, as CTR-GCN distributes
it). `utd_mat`: a MATLAB 5 file with d_skel (20, 3, frames) (Chen et al., ICIP 2015), read by scipy. `penn_mat`: one
with action, x, y and visibility (frames, 13) in pixels and dimensions (rows, columns, frames) (Zhang et al., ICCV
2013); a joint that is not visible was not measured. `jhmdb_mat`: one with pos_img (2, 15, frames) in pixels (Jhuang et
al., ICCV 2013). `azure_json`:
`{"frames": [{"frame_id", ["timestamp_usec"], "bodies": [{"body_id", "joint_positions": [[x, y, z] x 32]}]}]}` in
millimetres with y down, as Azure Kinect's offline_processor sample writes it, or the frames alone, as a list or a line
each; an id of 4294967295 is none. `ntu_npy`: the dictionary of NTU's files that txt2npy.py of
shahroudy/NTURGB-D saves, {"skel_body0": (frames, 25, 3), ..}; its pickle is read without running anything.
"""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.pickled import Array, numbers
from pipeline.parse.sources.pickles import load
from pipeline.parse.sources.times import rate_of_texts
from pipeline.parse.tools.json_documents import a_list, a_whole, an_object, documents, load_json, rows_of_each
from pipeline.parse.tools.json_documents import numbers as json_numbers
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered

MAX_MAT_BYTES = 32 * 2**20
_COMPRESSED = 15
_NOBODY = 2**32 - 1
"""K4ABT_INVALID_BODY_ID."""


def read_ucla(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`ucla_json`: one file."""
    (file,) = files
    document = an_object(load_json(file.data), "the file")
    places_PVC = json_numbers(document.get("skeletons"), "'skeletons'")
    if places_PVC.ndim != 3 or places_PVC.shape[2] != 3:
        raise RefusedError(f"'skeletons' of shape {places_PVC.shape}, expected frames x joints x 3")
    return gathered([Seen(t, p, None, 0) for t, p in enumerate(places_PVC)], len(places_PVC), KNOWN_LAYOUTS["kinect20"])


def read_utd(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`utd_mat`: one file."""
    (file,) = files
    (array,) = map(np.atleast_3d, _arrays(file.data, "d_skel"))  # MATLAB drops the axis of a single frame
    if array.ndim != 3 or array.shape[1] != 3:
        raise RefusedError(f"d_skel of shape {array.shape}, expected joints x 3 x frames")
    places_PVC = array.transpose(2, 0, 1)
    return gathered([Seen(t, p, None, 0) for t, p in enumerate(places_PVC)], len(places_PVC), KNOWN_LAYOUTS["utd20"])


def read_penn(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`penn_mat`: one file."""
    (file,) = files
    x_TV, y_TV, seen_TV, size = _arrays(file.data, "x", "y", "visibility", "dimensions")
    if x_TV.ndim != 2 or x_TV.shape[1] != 13 or not x_TV.shape == y_TV.shape == seen_TV.shape or size.size != 3:
        raise RefusedError(f"x of shape {x_TV.shape}, expected x, y and visibility as frames x 13, and 3 dimensions")
    height, width, _ = size.reshape(-1).tolist()
    seen = [Seen(t, p, seen_TV[t], 0) for t, p in enumerate(np.stack([x_TV, y_TV], axis=2))]
    return gathered(seen, len(seen), KNOWN_LAYOUTS["penn13"], size=(width, height))


def penn_action(data: bytes) -> str:
    """What a `penn_mat` calls its class."""
    action = _mat(data, ("action",)).get("action")
    if action is None or action.dtype.kind != "U" or action.size != 1:
        raise RefusedError("no text 'action'")
    return str(action.reshape(-1)[0])


def read_jhmdb(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`jhmdb_mat`: one file."""
    (file,) = files
    (array,) = map(np.atleast_3d, _arrays(file.data, "pos_img"))
    if array.ndim != 3 or array.shape[:2] != (2, 15):
        raise RefusedError(f"pos_img of shape {array.shape}, expected 2 x 15 x frames")
    places_PVC = array.transpose(2, 1, 0)
    return gathered([Seen(t, p, None, 0) for t, p in enumerate(places_PVC)], len(places_PVC), KNOWN_LAYOUTS["jhmdb15"])


def _arrays(data: bytes, *names: str) -> list[NDArray[np.float64]]:
    """The arrays of numbers of these names in a MATLAB file."""
    document = _mat(data, names)
    arrays = [document.get(name) for name in names]
    lacking = next((n for n, a in zip(names, arrays, strict=True) if a is None or a.dtype.kind not in "fiub"), None)
    if lacking is not None:
        raise RefusedError(f"no array {lacking} of numbers")
    return [np.asarray(array, np.float64) for array in arrays]


def _mat(data: bytes, names: Sequence[str]) -> dict[str, Any]:
    """Name -> array of the variables asked for."""
    from scipy.io import loadmat

    if len(data) > MAX_MAT_BYTES:
        raise RefusedError(f"{len(data)} bytes, more than the {MAX_MAT_BYTES} of a MATLAB file that is one clip")
    _check_parts(data)
    try:
        document: dict[str, Any] = loadmat(io.BytesIO(data), variable_names=list(names))
    except Exception as error:  # whatever a damaged file makes of scipy
        raise RefusedError(f"not a MATLAB 5 file: {' '.join(str(error).split())[:100]}") from None
    return document


def _check_parts(data: bytes) -> None:
    """RefusedError where a part claims more bytes than there are: scipy makes room for them before it reads."""
    order = ">II" if data[126:128] == b"MI" else "<II"
    at = 128
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order, data, at)
        within = data[at + 8 : at + 8 + size]
        inner = 0
        if kind == _COMPRESSED:
            try:
                within, inner = zlib.decompressobj().decompress(within, MAX_MAT_BYTES), 8
            except zlib.error:
                raise RefusedError("not a MATLAB 5 file: a damaged variable") from None
        while inner + 8 <= len(within):
            kind, length = struct.unpack_from(order, within, inner)
            length = 0 if kind >> 16 else length  # up to four bytes stand in the tag itself
            if length > len(within) - inner - 8:
                raise RefusedError(f"not a MATLAB 5 file: a part of {length} bytes in one of {len(within)}")
            inner += 8 + length + -length % 8
        at += 8 + size


def read_azure(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`azure_json`: one file."""
    (file,) = files
    held = documents(file.data)
    items = held if len(held) > 1 else held[0]
    if not isinstance(items, list):
        items = an_object(items, "the file").get("frames")
    stated: list[int] = []
    bodies: list[tuple[int, str, dict[str, Any]]] = []
    stamps: list[str] = []
    for at, item in enumerate(a_list(items, "'frames'")):
        frame = an_object(item, f"frame {at}")
        stated.append(a_whole(frame.get("frame_id", at), f"frame {at}: 'frame_id'"))
        stamps += [str(frame["timestamp_usec"])] if "timestamp_usec" in frame else []
        listed = frame.get("bodies") if frame.get("num_bodies") != 0 else []
        for place, one in enumerate(a_list(listed, f"frame {at}: 'bodies'")):
            where = f"frame {at}, body {place}"
            bodies.append((at, where, {"body_id": place, **an_object(one, where)}))
    if len(set(stated)) < len(stated):
        raise RefusedError("a number of a frame twice")
    frames, n_frames, notes = frames_of(stated)
    places = [where for _, where, _ in bodies]
    joints = rows_of_each([body.get("joint_positions") for _, _, body in bodies], 3, places, "'joint_positions'")
    seen = []
    for (at, where, body), places_VC in zip(bodies, joints, strict=True):
        if len(places_VC) != 32:
            raise RefusedError(f"{where}: {len(places_VC)} joint_positions, Azure Kinect has 32")
        number = a_whole(body["body_id"], f"{where}: 'body_id'")
        seen.append(Seen(frames[at], places_VC, None, number if number < _NOBODY else None))
    seen.sort(key=lambda one: one.frame)
    fps = rate_of_texts("timestamp_usec", stamps).fps
    return gathered(seen, n_frames, KNOWN_LAYOUTS["kinect32"], unit_m=0.001, up="-y", fps=fps, notes=notes)


def read_ntu(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`ntu_npy`: one file."""
    (file,) = files
    start = file.data.find(b"\n") + 1
    if not file.data.startswith(b"\x93NUMPY") or not start:
        raise RefusedError("not a .npy file")
    pickled = io.BytesIO(file.data[start:])
    document = load(pickled, len(file.data) - start)
    held = document.items[0] if isinstance(document, Array) and document.items else document
    if not isinstance(held, dict):
        raise RefusedError("no dictionary with skel_body0")
    bodies = sorted(key for key in held if isinstance(key, str) and key.startswith("skel_body"))
    seen: list[Seen] = []
    n_frames = 0
    for number, key in enumerate(bodies):
        own = held[key]
        if not isinstance(own, Array) or len(own.shape) != 3 or own.shape[2] != 3:
            raise RefusedError(f"{key} is not an array of frames x joints x 3")
        places_TVC = numbers(pickled, own).astype(np.float64)
        n_frames = max(n_frames, len(places_TVC))
        seen += [Seen(t, p, None, number) for t, p in enumerate(places_TVC) if p.any()]
    counts = {len(one.places_VC) for one in seen}
    if len(counts) > 1:
        raise RefusedError("bodies of different numbers of joints")
    ordered = sorted(seen, key=lambda one: one.frame)
    return gathered(ordered, n_frames, KNOWN_LAYOUTS["ntu25"])
