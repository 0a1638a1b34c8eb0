"""The format in which the paper's authors keep a data set: three .npy arrays a subset, memory-mapped and checked.

In: a folder with `<part>_data.npy` (N, C, T, V, M), `<part>_label.npy` (N,), the class ids, and `<part>_frame.npy`
(N,), the true frame counts, for train, val and test; as released C is 3, T is 300 and M is 2. Out: one `ArraySubset` a
subset, and its clips one at a time. Nothing in a .npy file is ever run: arrays of Python objects are refused.

Axes: N clips, C coordinates, T frames, V joints, M bodies.
"""

from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import DataError
from dastm.contract.shard_format import SUBSETS
from dastm.contract.skeleton import LAYOUTS, Layout

SLOTS = 2
"""Body slots of every clip; an absent body's is zero."""
LARGEST_ID = 2**31 - 1
"""The index of a shard folder keeps class ids as int32."""


@dataclass(frozen=True, kw_only=True)
class ArraySubset:
    """One part's arrays, checked against each other; the clips themselves are read and checked by `clip`."""

    name: str
    path: Path
    """Path of its data; `label_path` is that of its labels."""
    label_path: Path
    data_NCTVM: NDArray[Any]
    """Floats of any width, left on disk."""
    labels_N: NDArray[np.int64]
    """Class id of each clip, 0 or more."""
    frames_N: NDArray[np.int64]
    """True frames of each clip, 1 to T; the others are padding."""

    def __len__(self) -> int:
        return len(self.labels_N)

    def clip(self, row: int) -> NDArray[np.float32]:
        """One clip, padding included, (M, T, V, C); DataError where a value is not finite (as float32)."""
        with np.errstate(over="ignore"):
            clip_CTVM: NDArray[np.float32] = self.data_NCTVM[row].astype(np.float32)
        finite_CTVM = np.isfinite(clip_CTVM)
        if not finite_CTVM.all():
            c, t, v, m = (int(i) for i in np.unravel_index(np.argmin(finite_CTVM), finite_CTVM.shape))
            raise DataError(
                f"{self.path}: clip {row}: {clip_CTVM[c, t, v, m]} at coordinate {c}, frame {t}, joint {v}, body {m},"
                f" expected finite numbers ({int((~finite_CTVM).sum())} are not)"
            )
        return clip_CTVM.transpose(3, 1, 2, 0)


def read_arrays(folder: Path) -> dict[str, ArraySubset]:
    """All three subsets, in the order of `SUBSETS`; the coordinates stay on disk.

    Raises: DataError (file, what was found, what was expected) where a file is missing or no .npy array of numbers,
    where a subset is empty, or where labels or frame counts do not fit the data.
    """
    return {name: _read_subset(folder, name) for name in SUBSETS}


def usual_layout(subset: ArraySubset) -> Layout:
    """The shipped layout with this number of joints; DataError where there is none."""
    n_joints = subset.data_NCTVM.shape[3]
    fitting = [layout for layout in LAYOUTS.values() if layout.n_joints == n_joints]
    if not fitting:
        known = ", ".join(f"{layout.n_joints} ({layout.name})" for layout in LAYOUTS.values())
        raise DataError(
            f"{subset.path}: {n_joints} joints, expected {known}; for another skeleton give --dataset with its layout"
        )
    return fitting[0]


def check_layout(subset: ArraySubset, layout: Layout) -> None:
    """DataError where the clips of a subset have other joints or coordinates than a layout."""
    shape = subset.data_NCTVM.shape
    expected = (len(layout.coordinates), layout.n_joints, SLOTS)
    if (shape[1], *shape[3:]) != expected:
        c, v, m = expected
        raise DataError(
            f"{subset.path}: shape {shape}, expected (clips, {c}, frames, {v}, {m}) as layout {layout.name} has"
        )


def _read_subset(folder: Path, name: str) -> ArraySubset:
    path, label_path, frame_path = (folder / f"{name}_{what}.npy" for what in ("data", "label", "frame"))
    data_NCTVM, labels_N, frames_N = map(_open, (path, label_path, frame_path))
    shape, dtype = data_NCTVM.shape, data_NCTVM.dtype
    if len(shape) != 5 or dtype.kind != "f" or 0 in shape[1:]:
        raise DataError(f"{path}: {dtype} {shape}, expected floats (clips, coordinates, frames, joints, {SLOTS})")
    if not len(data_NCTVM):
        raise DataError(f"{path}: shape {shape}, expected at least one clip")
    return ArraySubset(
        name=name,
        path=path,
        label_path=label_path,
        data_NCTVM=data_NCTVM,
        labels_N=_whole_numbers(labels_N, label_path, "class id", shape[0], 0, LARGEST_ID),
        frames_N=_whole_numbers(frames_N, frame_path, "frame count", shape[0], 1, shape[2]),
    )


def _open(path: Path) -> NDArray[Any]:
    """What `np.load(path, mmap_mode="r", allow_pickle=False)` does with a .npy file, and nothing else."""
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError as error:
        named = "<part>_data.npy, <part>_label.npy and <part>_frame.npy"
        raise DataError(f"{path}: not there, expected {named} of train, val and test in one folder") from error
    except (OSError, ValueError, TypeError, SyntaxError, OverflowError, EOFError, TokenError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read ({reason}), expected a .npy array of numbers") from error


def _whole_numbers(
    values_N: NDArray[Any], path: Path, what: str, n_clips: int, least: int, most: int
) -> NDArray[np.int64]:
    """Whole numbers of any type: the authors keep the frame counts of Kinetics as floats."""
    if values_N.dtype.kind not in "iuf" or values_N.ndim != 1:
        raise DataError(f"{path}: {values_N.dtype} {values_N.shape}, expected whole numbers ({n_clips},)")
    if len(values_N) != n_clips:
        raise DataError(f"{path}: {len(values_N)} numbers, expected {n_clips}, a {what} for each clip of the data")
    sound_N = (values_N >= least) & (values_N <= most) & (values_N == np.floor(values_N))  # nan is not sound
    if not sound_N.all():
        row = int(np.argmin(sound_N))
        raise DataError(f"{path}: clip {row}: {what} {values_N[row]}, expected a whole number from {least} to {most}")
    return np.asarray(values_N).astype(np.int64)
