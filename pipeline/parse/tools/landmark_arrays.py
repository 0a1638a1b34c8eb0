"""A `.npy` a frame, the frames of a clip in one folder, as tutorials on sign language and actions make them.

In: `wave/0/12.npy` with the numbers of one frame, flat or as rows: by how many there are, MediaPipe's pose (132 or 99),
hands (126, 63), pose and hands (258, 225), pose, face and hands (1662, with irises 1692; the face is left out), or 17
joints (34, 51).
A hand or body that was not seen is zeros. Source: MediaPipe's guide to holistic landmarks, and the order in which the
tutorial "Sign Language Detection" of N. Renotte joins them: pose, face, left hand, right hand.

Files are in the order of their numbers; numbers that are left out are frames without a body. `landmark_stack`: all
frames of a clip in one file, a row of the same numbers each, cut where it repeats itself to its end; or FreeMoCap's
(frames, 553, 3), body, hands and face in millimetres, of which the body is read (its docs on output data).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.npy import read_array
from pipeline.parse.sources.padding import find_end
from pipeline.parse.tools.guesses import guessed, layout_by_count
from pipeline.parse.tools.openpose import NOTE_PARTS, in_order
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered
from pipeline.parse.tools.space import unit_of, up_of

_POSE4, _POSE3, _FACE, _HAND = (33, 4), (33, 3), (468, 3), (21, 3)
_IRISES = (478, 3)
"""A face with its irises, as `refine_face_landmarks` gives it."""
PIECES: dict[int, tuple[tuple[int, int], ...]] = {
    1662: (_POSE4, _FACE, _HAND, _HAND),
    1692: (_POSE4, _IRISES, _HAND, _HAND),
    258: (_POSE4, _HAND, _HAND),
    225: (_POSE3, _HAND, _HAND),
    126: (_HAND, _HAND),
    132: (_POSE4,),
    99: (_POSE3,),
    66: ((33, 2),),
    63: (_HAND,),
    42: ((21, 2),),
    34: ((17, 2),),
    51: ((17, 3),),
}
"""Numbers of a frame -> the pieces that they are, each joints x numbers of a joint."""
NOTE_FACE = "face_left_out"
_FREEMOCAP = 553
"""Joints of FreeMoCap's array of body, hands and face; the body's 33 are the first."""


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """The frames of one clip; RefusedError, naming the file, for one of other numbers than the first."""
    ordered = in_order(files)
    frames, n_frames, notes = frames_of([number for number, _ in ordered])
    seen: list[Seen] = []
    n_numbers = 0
    for frame, (_, file) in zip(frames, ordered, strict=True):
        try:
            array = read_array(file.data)
        except RefusedError as why:
            raise RefusedError(f"{file.bare_name}: {why.reason}") from None
        flat = array.astype(np.float64).reshape(-1)
        n_numbers = n_numbers or len(flat)
        if len(flat) != n_numbers:
            raise RefusedError(f"{file.bare_name}: {len(flat)} numbers, the frames before have {n_numbers}")
        seen.append(Seen(frame, *divided(flat, array.shape, layout)))
    return _clip(seen, n_frames, n_numbers, layout, notes)


def read_stack(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`landmark_stack`: one file; RefusedError for an array of another shape."""
    (file,) = files
    array = read_array(file.data).astype(np.float64)
    is_freemocap = array.shape[1:] == (_FREEMOCAP, 3)
    if not is_freemocap and (array.ndim != 2 or array.shape[1] not in PIECES):
        known = ", ".join(map(str, sorted(PIECES)))
        raise RefusedError(f"an array of shape {array.shape}, expected frames x numbers: {known}")
    array, notes = _without_padding(array)
    if is_freemocap:
        return _freemocap(array[:, :33], notes)
    seen = [Seen(t, *divided(row, row.shape, layout)) for t, row in enumerate(array)]
    return _clip(seen, len(array), array.shape[1], layout, notes)


def _without_padding(frames_Txx: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The frames before the array repeats itself to its end, and a note where it does."""
    ending = find_end(frames_Txx.reshape(1, len(frames_Txx), -1, 1))
    return frames_Txx[: ending.frames], (ending.note,) if ending.note else ()


def _freemocap(places_TVC: NDArray[np.float64], notes: tuple[str, ...]) -> Poses:
    own = KNOWN_LAYOUTS["blazepose33_world"]
    (unit_m, by_size), (up, by_head) = unit_of(places_TVC), up_of(places_TVC, own.joints)
    seen = [Seen(t, places_VC, None, 0) for t, places_VC in enumerate(places_TVC)]
    return gathered(seen, len(seen), own, unit_m=unit_m, up=up, notes=(*notes, NOTE_PARTS, *by_size, *by_head))


def _clip(seen: Sequence[Seen], n_frames: int, n_numbers: int, layout: Layout | None, notes: tuple[str, ...]) -> Poses:
    notes += (NOTE_FACE,) if {_FACE, _IRISES} & set(PIECES.get(n_numbers, ())) else ()
    facts = guessed(np.asarray([one.places_VC for one in seen]), layout)
    if n_numbers in PIECES and (layout is None or layout.is_image):
        facts |= {"layout": layout_by_count(np.shape(seen[0].places_VC)[0], image=True)}
    return gathered(seen, n_frames, facts.pop("layout"), notes=notes, **facts)


def divided(
    flat: NDArray[np.float64], shape: Sequence[int], layout: Layout | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Places and confidences of one frame; RefusedError for a count of numbers that nobody writes."""
    pieces = PIECES.get(len(flat), ())
    if not pieces:
        width = shape[-1] if len(shape) > 1 else len(flat) // layout.n_joints if layout is not None else 0
        if width not in (2, 3, 4) or len(flat) % width or (layout is not None and len(flat) != width * layout.n_joints):
            known = ", ".join(map(str, sorted(PIECES)))
            raise RefusedError(
                f"{len(flat)} numbers a frame, expected {known}, or 2 or 3 for each joint of parse.layout"
            )
        pieces = ((len(flat) // width, width),)
    at, found = 0, []
    for n_joints, width in pieces:
        piece = flat[at : at + n_joints * width].reshape(n_joints, width)
        at += n_joints * width
        if n_joints not in (_FACE[0], _IRISES[0]):
            found.append(piece)
    if (
        len(pieces) == 1
        and pieces[0][1] == 3
        and (pieces[0][0] == 17 or (layout is not None and layout.is_image and pieces[0] not in (_POSE3, _HAND)))
    ):
        return found[0][:, :2], found[0][:, 2]
    scored = any(piece.shape[1] == 4 for piece in found)
    scores_V = np.concatenate([p[:, 3] if p.shape[1] == 4 else p.any(axis=1).astype(float) for p in found])
    places_VC = np.concatenate([piece[:, :3] for piece in found])
    return places_VC, scores_V if scored else None
