"""Archives of arrays (.npz): 2-D poses for VideoPose3D, and what cannot be read from AMASS and SMPL files.

`videopose_npz`: `positions_2d`, a pickled dictionary {video: {camera: [(frames, 17, 2)]}} with `metadata` that says the
joints' layout and each video's size, as prepare_data_2d_custom.py of facebookresearch/VideoPose3D writes it; or
`reconstruction`, (bodies, frames, 17, 2), as the demos of StridedTransformer and others keep HRNet's poses in the order
of Human3.6M. `amass_npz`: rotations of joints and shapes of bodies; without the model of SMPL, which nobody may pass
on, they are no joints, and the refusal says what makes joints of them. Pickles are read without running anything.
"""

import io
import zipfile
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.raw_files import BAD_MEMBER, MAX_BYTES
from pipeline.parse.sources.npy import read_array
from pipeline.parse.sources.pickled import Array, numbers
from pipeline.parse.sources.pickles import load
from pipeline.parse.tools.guesses import layout_by_count
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, gathered

CONVERT = (
    "rotations and shapes of SMPL, which are no joints; make joints of them with the smplx package"
    " (smplx.create(MODEL)(..).joints, the first 24) and save each clip as .npy: folder_arrays, layout smpl24"
)


def read_amass(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> NoReturn:
    """`amass_npz`: refused, with what converts it."""
    raise RefusedError(CONVERT)


def read_videopose(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`videopose_npz`: one file with one clip; RefusedError, naming them, for one with several."""
    (file,) = files
    arrays = _members(file.data)
    if "reconstruction" in arrays:
        clip_MTVC = read_array(arrays["reconstruction"]).astype(np.float64)
        if clip_MTVC.ndim != 4 or clip_MTVC.shape[3] not in (2, 3):
            raise RefusedError(f"'reconstruction' of shape {clip_MTVC.shape}, expected bodies x frames x joints x 2")
        name = "h36m17_2d" if clip_MTVC.shape[2:] == (17, 2) else None
        own = KNOWN_LAYOUTS[name] if name else layout_by_count(clip_MTVC.shape[2], image=clip_MTVC.shape[3] == 2)
        seen = [
            Seen(t, body_TVC[t], None, m) for t in range(clip_MTVC.shape[1]) for m, body_TVC in enumerate(clip_MTVC)
        ]
        return gathered(seen, clip_MTVC.shape[1], own)
    if "positions_2d" not in arrays:
        raise RefusedError("neither positions_2d nor reconstruction in it")
    videos = _pickled(arrays["positions_2d"])
    clips = {
        f"{video} {camera} {at}": clip
        for video, cameras in (videos.items() if isinstance(videos, dict) else ())
        for camera, listed in (cameras.items() if isinstance(cameras, dict) else ())
        for at, clip in enumerate(listed if isinstance(listed, list) else [])
    }
    if len(clips) != 1:
        raise RefusedError(f"{len(clips)} clips in one file ({', '.join(clips)[:80]}); save each in a file of its own")
    ((name, clip),) = clips.items()
    if not isinstance(clip, np.ndarray) or clip.ndim != 3 or clip.shape[2] != 2:
        raise RefusedError("positions_2d that are not frames x joints x 2")
    size = _size(_pickled(arrays["metadata"]) if "metadata" in arrays else None, name.split(" ")[0])
    seen = [Seen(t, places_VC, None, 0) for t, places_VC in enumerate(clip.astype(np.float64))]
    return gathered(seen, len(clip), layout_by_count(clip.shape[1], image=True), size=size)


def _members(data: bytes) -> dict[str, bytes]:
    """Name without .npy -> bytes; RefusedError for a damaged archive, or one that swells."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise RefusedError(f"an archive of more than {MAX_BYTES} bytes")
            return {entry.filename.removesuffix(".npy"): archive.open(entry).read(entry.file_size) for entry in entries}
    except BAD_MEMBER as error:
        raise RefusedError(f"not a whole archive: {' '.join(str(error).split())[:100]}") from None


def _pickled(data: bytes) -> Any:
    """The one object of a .npy of objects, with its arrays read."""
    start = data.find(b"\n") + 1
    if not data.startswith(b"\x93NUMPY") or b"'|O'" not in data[:start]:
        raise RefusedError("an array that is no pickled dictionary")
    file = io.BytesIO(data[start:])
    found = load(file, len(data) - start)
    return _read(file, found.items[0] if isinstance(found, Array) and len(found.items) == 1 else found)


def _read(file: io.BytesIO, value: Any, depth: int = 0) -> Any:
    if depth > 8:
        raise RefusedError("a dictionary nested too deeply")
    if isinstance(value, Array):
        return [_read(file, item, depth + 1) for item in value.items] if value.items else numbers(file, value)
    if isinstance(value, dict):
        return {key: _read(file, item, depth + 1) for key, item in value.items()}
    return [_read(file, item, depth + 1) for item in value] if isinstance(value, list | tuple) else value


def _size(metadata: Any, video: str) -> tuple[float, float] | None:
    """Width and height of a video, where the metadata say them."""
    try:
        own = metadata["video_metadata"][video]
        return float(own["w"]), float(own["h"])
    except (KeyError, TypeError, ValueError):
        return None
