"""Kinetics-skeleton JSON: the bytes of one clip -> body tracks and its label; the bytes of a label list -> labels.

In: `{"data": [{"frame_index": 1, "skeleton": [{"pose": [x0, y0, ..], "score": [s0, ..]}, ..]}, ..], "label": "..",
"label_index": 0}` as released with ST-GCN (Yan et al., AAAI 2018). Out: `Tracks` with scores, fractions of the image,
y down; the source has no body ids, so a track is a place in the frames' lists of people.

Only the grammar is handled here: nothing is flipped, centred, ranked or cut. `pipeline.parse.labels` decides which
label is used.

`pipeline.kernels.clip_json` reads plain clips, as nearly all are. A clip that it declines is read by
`pipeline.parse.formats.kinetics_slow`, or refused there with place and reason; the grammar of that module holds for
both.
"""

from unicodedata import normalize

import numpy as np

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import OPENPOSE18, Layout
from pipeline.kernels.clip_json import Limits, read_clip
from pipeline.parse.formats.kinetics_slow import MAX_CLASSES, parse_objects
from pipeline.parse.suffixes import without_suffix
from pipeline.tracks import MAX_FRAMES, ClipName, Tracks, sorted_tracks

SUFFIX = ".json"
LIST_NAMES = ("kinetics_train_label.json", "kinetics_val_label.json")


def facts_of_name(name: str) -> ClipName:
    """The key: the file's name without `.json`.

    Raises: RefusedError where it is empty, not text, or holds a dot, slash, backslash or control character.
    """
    key = normalize("NFC", without_suffix(name, SUFFIX))
    if not key or not key.isprintable() or set(key) & set("./\\"):
        raise RefusedError("the clip's name is empty or holds a dot, a slash or an unprintable character")
    return ClipName(key)


def parse_clip(data: bytes, layout: Layout = OPENPOSE18) -> tuple[Tracks, str | None, int | None]:
    """Read one clip: (tracks, label, label_index), the last two None where the clip does not say.

    Frame 0 is the first `frame_index`; indices left out are frames without a body.
    Raises: RefusedError with the byte where the text is not JSON, else with the frame_index and person it is about.
    """
    read = read_clip(data, Limits(MAX_FRAMES, MAX_CLASSES, layout.n_joints))
    if read is None:
        return parse_objects(data, layout)
    ids = np.arange(read.place_P.max() + 1, dtype=np.int64)  # whoever is third in a list has two before
    tracks = sorted_tracks(read.n_frames, ids, read.place_P, read.frame_P, read.pose_PVC, read.score_PV)
    return tracks, read.label, read.label_index
