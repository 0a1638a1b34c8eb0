"""DeepLabCut's and SLEAP's results as HDF5, through the package `h5py`, which is an optional dependency.

`deeplabcut_h5`: the table that pandas keeps of the same columns as the CSV has (`DataFrame.to_hdf(..,
"df_with_missing", format="table")`, DeepLabCut's docs, "output files"): a group with the dataset `table`, whose field
`values_block_0` has a row a frame, and `index` its number or the path of its picture. The columns' names are a pickle,
which is read without running anything. `sleap_h5`: `tracks`, `point_scores` and `node_names` of an analysis file
(SLEAP's docs, "Analysis HDF5"); the attribute `dims` says the order of axes, and without it they are track, xy, node,
frame, as SLEAP writes them for MATLAB.

Axes: N frames, K columns, B tracks, V joints, C coordinates.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.pickles import load
from pipeline.parse.tools.bodypart_tables import frame_number, joint_names, poses_of_table
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, gathered

INSTALL = "reading HDF5 needs the package h5py: pip install h5py; or take the CSV that the tool writes"
MAX_BYTES = 256 * 2**20
"""A dataset that claims more is refused before it is read."""
_AXES = ("track", "xy", "node", "frame")


def read_deeplabcut(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`deeplabcut_h5`: one file; RefusedError where it is another table, or the package is not installed."""
    with _opened(files) as held:
        groups = [group for group in map(held.get, held) if hasattr(group, "keys") and "table" in group]
        if len(groups) != 1:
            raise RefusedError(f"{len(groups)} tables of pandas, expected the one that DeepLabCut writes")
        rows_N = _all_of(groups[0], "table")
        columns = _columns(groups[0].attrs.get("non_index_axes", b""))
    if [name for name in rows_N.dtype.names or () if name.startswith("values_block")] != ["values_block_0"]:
        raise RefusedError("a table of other numbers than DeepLabCut's; take the .csv")
    values_NK = np.asarray(rows_N["values_block_0"], np.float64).reshape(len(rows_N), -1)
    index_N = rows_N["index"] if "index" in (rows_N.dtype.names or ()) else np.arange(len(rows_N))
    texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in index_N.tolist()]
    if len(columns) != values_NK.shape[1]:
        raise RefusedError(f"{values_NK.shape[1]} columns, and names of {len(columns)}")
    names = [list(name) for name in zip(*columns, strict=True)]
    heads = dict(zip(("bodyparts", "coords"), names[-2:], strict=True))
    if len(names) == 4:
        heads["individuals"] = names[1]
    return poses_of_table(heads, values_NK, [frame_number([text], at) for at, text in enumerate(texts)])


def _columns(pickled: bytes) -> list[tuple[str, ...]]:
    """The names of the columns, (scorer, [individual,] part, coordinate) each."""
    axes = load(io.BytesIO(pickled), len(pickled))
    match axes:
        case [(_, [*columns])] if all(_is_name(column) for column in columns):
            if len({len(column) for column in columns}) == 1:
                return columns
    raise RefusedError("no names of scorer, bodyparts and coords in its table")


def _is_name(column: Any) -> bool:
    return isinstance(column, tuple) and len(column) in (3, 4) and all(isinstance(one, str) for one in column)


def read_sleap(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`sleap_h5`: one file; RefusedError where it is none of SLEAP's, or the package is not installed."""
    with _opened(files) as held:
        tracks = _all_of(held, "tracks")
        dims = _dims(held["tracks"].attrs)
        places_BCVN = _ordered(tracks, dims, _AXES)
        scores_BVN = None
        if "point_scores" in held:
            left = tuple(axis for axis in dims if axis != "xy")
            scores_BVN = _ordered(_all_of(held, "point_scores"), left, ("track", "node", "frame"))
        names = [_text(name) for name in _all_of(held, "node_names").tolist()]
    n_tracks, n_places, n_joints, n_frames = places_BCVN.shape
    if n_places != 2 or n_joints != len(names):
        raise RefusedError(f"tracks of {n_places} coordinates and {n_joints} joints, and {len(names)} node_names")
    if scores_BVN is not None and scores_BVN.shape != (n_tracks, n_joints, n_frames):
        raise RefusedError(f"point_scores of shape {scores_BVN.shape} for tracks of {places_BCVN.shape}")
    shown_NB = np.asarray(np.isfinite(places_BCVN).all(axis=1)).any(axis=1).T
    seen = [
        Seen(n, places_BCVN[b, :, :, n].T, None if scores_BVN is None else _scores(scores_BVN[b, :, n]), b)
        for n, b in np.argwhere(shown_NB).tolist()
    ]
    return gathered(seen, n_frames, own_layout("sleap", joint_names(names), image=True), named=True)


def _scores(scores_V: NDArray[np.float64]) -> NDArray[np.float64]:
    """Labels that a person has set have no score, and are sure."""
    return np.where(np.isnan(scores_V), 1.0, scores_V)


def _dims(attrs: Mapping[str, Any]) -> tuple[str, ...]:
    """The axes of `tracks` in the file's order."""
    try:
        dims = tuple(json.loads(_text(attrs["dims"]))) if "dims" in attrs else _AXES
    except (ValueError, TypeError):
        dims = ()
    if sorted(map(str, dims)) != sorted(_AXES):
        raise RefusedError(f"'tracks' with dims other than {', '.join(_AXES)}")
    return dims


def _ordered(values: NDArray[Any], dims: Sequence[str], wanted: Sequence[str]) -> NDArray[np.float64]:
    if values.ndim != len(dims) or values.dtype.kind not in "fiu":
        raise RefusedError(f"numbers of shape {values.shape}, expected the axes {', '.join(dims)}")
    return values.transpose([dims.index(axis) for axis in wanted]).astype(np.float64)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _all_of(group: Any, name: str) -> NDArray[Any]:
    """What a dataset holds, of a size that a clip may have; nothing is read that lies in another file."""
    dataset = group.get(name) if type(group.get(name, getlink=True)).__name__ == "HardLink" else None
    if dataset is None or not hasattr(dataset, "dtype"):
        raise RefusedError(f"no dataset {name!r} in it")
    if dataset.external or dataset.is_virtual:
        raise RefusedError(f"{name!r} lies in another file")
    if dataset.dtype.hasobject:  # lies in a heap, in which a damaged file can send HDF5's library round for ever
        raise RefusedError(f"{name!r} has items of any length, and the tool writes them of one")
    if dataset.size * dataset.dtype.itemsize > MAX_BYTES:
        raise RefusedError(f"{name!r} claims {dataset.size} items, more than a clip may have")
    values: NDArray[Any] = np.asarray(dataset[()])
    return values


@contextmanager
def _opened(files: Sequence[NamedBytes]) -> Iterator[Any]:
    """The one file as h5py opens it; whatever fails while it is read is one RefusedError."""
    (file,) = files
    try:
        import h5py
    except ImportError:
        raise RefusedError(INSTALL) from None
    try:
        with h5py.File(io.BytesIO(file.data), "r") as held:
            yield held
    except RefusedError:
        raise
    except Exception as error:  # whatever a damaged file makes of a foreign package
        raise RefusedError(f"not a whole HDF5 file: {' '.join(str(error).split())[:100]}") from None
