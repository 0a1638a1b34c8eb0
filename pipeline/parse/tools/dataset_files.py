"""Files of data sets and cameras that say what they are: NW-UCLA, UTD-MHAD, Azure Kinect, NTU as .npy dictionaries.

`ucla_json`: `{"file_name", "skeletons": [[[x, y, z] x 20] a frame]}` (Wang et al., CVPR 2014, as CTR-GCN distributes
it). `utd_mat`: a MATLAB 5 file with d_skel (20, 3, frames) (Chen et al., ICIP 2015), read by scipy. `azure_json`:
`{"frames": [{"frame_id", "bodies": [{"body_id", "joint_positions": [[x, y, z] x 32]}]}]}` in millimetres with y down,
as Azure Kinect's offline_processor sample writes it. `ntu_npy`: the dictionary of NTU's files that txt2npy.py of
shahroudy/NTURGB-D saves, {"skel_body0": (frames, 25, 3), ..}; its pickle is read without running anything.
"""

import io
from collections.abc import Sequence

import numpy as np

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.pickled import Array, numbers
from pipeline.parse.sources.pickles import load
from pipeline.parse.tools.json_documents import a_list, a_whole, an_object, load_json, rows_of
from pipeline.parse.tools.json_documents import numbers as json_numbers
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered

MAX_MAT_BYTES = 64 * 2**20


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
    from scipy.io import loadmat

    (file,) = files
    if len(file.data) > MAX_MAT_BYTES:
        raise RefusedError(f"{len(file.data)} bytes, more than the {MAX_MAT_BYTES} of a MATLAB file that is one clip")
    try:
        document = loadmat(io.BytesIO(file.data), variable_names=["d_skel"])
    except Exception as error:  # whatever a damaged file makes of scipy
        raise RefusedError(f"not a MATLAB 5 file: {' '.join(str(error).split())[:100]}") from None
    array = document.get("d_skel")
    if array is None or array.ndim != 3 or array.shape[1] != 3 or array.dtype.kind not in "fiu":
        raise RefusedError("no array d_skel of joints x 3 x frames")
    places_PVC = array.transpose(2, 0, 1).astype(np.float64)
    return gathered([Seen(t, p, None, 0) for t, p in enumerate(places_PVC)], len(places_PVC), KNOWN_LAYOUTS["utd20"])


def read_azure(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`azure_json`: one file."""
    (file,) = files
    document = an_object(load_json(file.data), "the file")
    stated: list[int] = []
    found: list[tuple[int, Seen]] = []
    for at, item in enumerate(a_list(document.get("frames"), "'frames'")):
        frame = an_object(item, f"frame {at}")
        stated.append(a_whole(frame.get("frame_id", at), f"frame {at}: 'frame_id'"))
        for place, one in enumerate(a_list(frame.get("bodies"), f"frame {at}: 'bodies'")):
            where = f"frame {at}, body {place}"
            body = an_object(one, where)
            places_VC = rows_of(body.get("joint_positions"), 3, f"{where}: 'joint_positions'")
            if len(places_VC) != 32:
                raise RefusedError(f"{where}: {len(places_VC)} joint_positions, Azure Kinect has 32")
            found.append((at, Seen(0, places_VC, None, a_whole(body.get("body_id", place), f"{where}: 'body_id'"))))
    if sorted(set(stated)) != stated:
        raise RefusedError("numbers of frames that do not ascend")
    frames, n_frames, notes = frames_of(stated)
    seen = [one._replace(frame=frames[at]) for at, one in found]
    return gathered(seen, n_frames, KNOWN_LAYOUTS["kinect32"], unit_m=0.001, up="-y", notes=notes)


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
