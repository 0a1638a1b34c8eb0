"""How frames in which a body is not seen are treated: tracks closed up, or frames left at zero.

In: the tracks of a clip, or its normalised bodies. Out: tracks without gaps, with frames numbered as CTR-GCN (Chen et
al., ICCV 2021) and PYSKL (Duan et al., ACM MM 2022) do; or the frames that stay zero, as in these two and in ST-GCN
(Yan et al., AAAI 2018). The third way, straight lines between the frames that show a body, is
`dastm.contract.clips.fill`.

Axes: P observations, M bodies, T frames, V joints.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.tracks import Tracks


def closed(tracks: Tracks) -> tuple[Tracks, NDArray[np.int64]]:
    """The tracks without gaps, and for each remaining frame its frame number in the source.

    Frames that show nobody are left out. Then every track keeps its first frame, and its other frames follow without
    gaps. So after its first gap a track runs ahead of the others by the frames that were closed, as in both sources.
    """
    shown = np.unique(tracks.frame_index).astype(np.int64)
    starts = np.cumsum(tracks.lengths) - tracks.lengths
    first_P = np.repeat(starts, tracks.lengths)
    begin_P = np.searchsorted(shown, tracks.frame_index)[first_P]
    frame_P = begin_P + np.arange(len(first_P)) - first_P
    return replace(tracks, frames=len(shown), frame_index=frame_P.astype(np.int32)), shown


def absent(measured_MTV: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Frames that do not show a body at all. Shapes: (M, T, V) -> (M, T)."""
    return ~np.asarray(measured_MTV.any(axis=2))
