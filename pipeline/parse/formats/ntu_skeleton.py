"""NTU RGB+D text files: the bytes of one `.skeleton` file -> body tracks; its name -> class, subject, camera.

In: lines as in the data set's own documentation (Shahroudy et al., CVPR 2016; Liu et al., TPAMI 2019):
frame count; for each frame its body count; for each body a header of 10 fields (the body id first), the joint count
and one line a joint, whose first three columns are x y z in metres. Out: `Tracks`, float32(float(text)) to the bit.

`pipeline.kernels.skeleton_text` reads plain files, as nearly all are. A file that it declines is read by
`pipeline.parse.formats.ntu_slow`, or refused there with line and reason; the grammar of that module holds for both.
"""

import re

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.kernels.skeleton_text import Limits, read_skeleton
from pipeline.parse.formats.ntu_slow import HEADER_FIELDS, MAX_BODIES, parse_lines
from pipeline.tracks import MAX_FRAMES, ClipName, Tracks, sorted_tracks

SUFFIX = ".skeleton"

_NAME = re.compile(r"(S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3}))(?i:\.skeleton)", re.ASCII)


def facts_of_name(name: str) -> ClipName:
    """Key, 0-based class (A001 is 0), subject, camera, setup and replication from `SsssCcccPpppRrrrAaaa.skeleton`.

    Raises: RefusedError for any other name.
    """
    match = _NAME.fullmatch(name)
    if match is None or match[6] == "000":
        raise RefusedError("the file name is not SsssCcccPpppRrrrAaaa.skeleton with an action from A001 on")
    setup, camera, subject, replication, action = (int(match[i]) for i in range(2, 7))
    return ClipName(match[1], action - 1, subject, camera, setup, replication)


def parse_skeleton(data: bytes, layout: Layout) -> Tracks:
    """Read one file; tracks in order of first appearance, frames without a body counted, notes: 'crlf'.

    Raises: RefusedError with the 1-based line for anything outside the grammar. No count in the file is trusted: memory
    grows with the bytes that are there.
    """
    read = read_skeleton(data, Limits(MAX_FRAMES, MAX_BODIES, HEADER_FIELDS, layout.n_joints))
    if read is None:
        return parse_lines(data, layout)
    return sorted_tracks(
        read.n_frames, read.ids, read.track_P, read.frame_P, read.joints_PVC, notes=("crlf",) if read.crlf else ()
    )
