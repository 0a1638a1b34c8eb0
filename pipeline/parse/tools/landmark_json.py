"""Landmarks as JSON, as MediaPipe's and TensorFlow.js's users and Apple Vision's write them: frames of joints with x y.

In: a list of frames, JSON lines of frames, or an object that holds such a list. A frame is a list of joints, a list of
bodies that are such lists, an object of joints by name, or an object that holds any of these, with or without its
number (`landmark_bodies` has all shapes). An empty frame shows nobody. Frames may say their times, and what holds them
the frames a second and the image's size. `landmark_images`: a file a frame.

Sources: MediaPipe's guides to pose, hand and holistic landmarks (33, 21 joints, x y as fractions of the image, world
landmarks in metres with y down); tfjs-models' pose-detection and posenet READMEs (pixels); Apple's
VNHumanBodyPoseObservation.JointName (origin at the bottom left). What is what is guessed as `guesses` says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.csv_frames import frames_at
from pipeline.parse.sources.times import Rate, rate_of_texts, unit_in
from pipeline.parse.tools.guesses import MOST_FRACTION, guessed, is_flat
from pipeline.parse.tools.json_documents import a_whole, documents, load_json, shown
from pipeline.parse.tools.landmark_bodies import (
    POSES,
    WORLD,
    Body,
    bodies_of,
    has_parts,
    in_small_letters,
    is_joint,
    of_lists,
)
from pipeline.parse.tools.openpose import NOTE_PARTS, in_order, size_of
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered
from pipeline.parse.tools.space import spoken

_LISTS = ("frames", "data", "poses", "results")
_NUMBERS = ("frame", "frame_id", "frame_index", "framenumber", "frame_number", "frame_idx")
_RATES = ("fps", "frame_rate", "framerate", "framespersecond", "frames_per_second")
_WIDTHS, _HEIGHTS = ("width", "image_width", "frame_width"), ("height", "image_height", "frame_height")
_MOST_METRES = 20
"""Larger coordinates are pixels or millimetres."""
_MOST_SCORE = 1.5
"""Scores of some tools are a little above 1."""
_MOST_BESIDE, _LEAST_INSIDE = 0.6, 0.95
"""From the middle of an image, in fractions of it; and the share of joints that are no farther."""
_APPLE = {"forearm": "elbow", "hand": "wrist", "upLeg": "hip", "leg": "knee", "foot": "ankle"}


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError, naming frame and joint, for what is no landmarks."""
    (file,) = files
    found = in_small_letters(file.data, documents(file.data))
    frames = found if len(found) > 1 else frames_in(found[0])
    numbered = [_numbered(frame, at) for at, frame in enumerate(frames)]
    frames, numbered = _once(frames, numbered)
    fps, size = _facts(found[0]) if len(found) == 1 and isinstance(found[0], dict) else (None, {})
    rate = Rate(fps) if fps is not None else _rate(frames)
    places = [f"frame {at}" for at in range(1, len(frames) + 1)]
    says_none = all(number is None for number, _ in numbered)
    in_order = [at if number is None else number for at, (number, _) in enumerate(numbered)]
    stated, notes = (_by_time(frames) if says_none else None) or (in_order, ())
    poses = _clip([own for _, own in numbered], stated, places, layout, rate, size)
    return replace(poses, notes=(*poses.notes, *notes))


def read_images(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`landmark_images`: the files of one clip, a frame each; RefusedError naming the file."""
    ordered = in_order(files)
    frames: list[Any] = []
    for _, file in ordered:
        try:
            frames.append(in_small_letters(file.data, load_json(file.data)) if file.data.strip() else None)
        except RefusedError as why:
            raise RefusedError(f"{file.bare_name}: {why.reason}", byte=why.byte) from None
    places = [file.bare_name for _, file in ordered]
    return _clip(frames, [number for number, _ in ordered], places, layout, _rate(frames), {})


def _clip(
    frames: Sequence[Any],
    stated: list[int],
    places: Sequence[str],
    layout: Layout | None,
    rate: Rate,
    size: Mapping[str, Any],
) -> Poses:
    """The clip of frames with their numbers; `places` is what they are called in messages."""
    at_frame, n_frames, notes = _settled(stated)
    bodies = _bodies(frames, places, layout is not None and not layout.is_image)
    if not bodies:
        raise RefusedError(f"no body in any of {n_frames} frames")
    joints = _joints(bodies)
    seen = sorted((_seen(at_frame[at], body, joints) for at, body in bodies), key=lambda one: one.frame)
    shapes = {(np.shape(one.places_VC), one.scores_V is None) for one in seen}
    if len(shapes) > 1:
        told = " and ".join(sorted({f"{shape}" + " without scores" * bare for shape, bare in shapes}))
        raise RefusedError(f"bodies of different joints in one clip: {told}")
    apple = any(name.endswith("_joint") for name in joints)
    seen = _with_thirds_as_scores(seen, layout, apple, joints if all(body.bare for _, body in bodies) else None)
    notes += (NOTE_PARTS,) if any(map(has_parts, frames)) and np.shape(seen[0].places_VC)[0] == 33 else ()
    facts = guessed(np.asarray([one.places_VC for one in seen]), layout, _spoken(joints))
    if apple:
        seen = [one._replace(places_VC=_from_below(one.places_VC)) for one in seen]
    own = facts.pop("layout")
    return gathered(seen, n_frames, own, notes=(*notes, *rate.notes), fps=rate.fps, **size, **facts)


def _bodies(frames: Sequence[Any], places: Sequence[str], world: bool) -> list[tuple[int, Body]]:
    """The bodies of all frames with the places of these; hands where no frame has a body."""
    at_once = of_lists(frames)
    if at_once is not None:
        return list(enumerate(at_once))
    bodies: list[tuple[int, Body]] = []
    for hands in (False, True):
        for at, frame in enumerate(frames):
            try:
                bodies += [(at, body) for body in bodies_of(frame, world, hands)]
            except RefusedError as why:
                raise RefusedError(f"{places[at]}: {why.reason}") from None
        if bodies:
            break
    return bodies


def _settled(stated: list[int]) -> tuple[list[int], int, tuple[str, ...]]:
    if len(set(stated)) < len(stated):
        return list(range(len(stated))), len(stated), ()
    return frames_of(stated)


def _facts(document: Mapping[str, Any]) -> tuple[float | None, dict[str, Any]]:
    """The frames a second and the size of the image that an object says beside its frames."""
    low = {key.casefold(): value for key, value in document.items()}
    fps = next((low[name] for name in _RATES if isinstance(low.get(name), int | float)), None)
    width, height = (next((low[name] for name in names if name in low), None) for names in (_WIDTHS, _HEIGHTS))
    return fps if fps is not None and 0 < fps < 1e6 else None, size_of({(width, height)})


def _rate(frames: Sequence[Any]) -> Rate:
    """Frames a second from the times that frames say."""
    key, texts = _times(frames)
    return Rate(None) if key is None else rate_of_texts(key, texts)


def _times(frames: Sequence[Any]) -> tuple[str | None, list[str]]:
    """What the times of frames are called, if they say any, and what they say."""
    first = next((frame for frame in frames if isinstance(frame, dict)), {})
    key = next(
        (key for key, value in first.items() if unit_in(key) is not None and isinstance(value, str | int | float)), None
    )
    return key, [str(frame[key]) for frame in frames if isinstance(frame, dict) and key in frame]


def _sent_twice(frames: Sequence[Any]) -> list[bool]:
    """Which frames say the time and the joints of the one before, where each other time is said once."""
    key, texts = _times(frames)
    again = [False] * len(frames)
    if key is None or len(texts) < len(frames):
        return again
    for at in range(1, len(frames)):
        if texts[at] == texts[at - 1]:
            again[at] = _said(frames[at]) == _said(frames[at - 1]) and not again[at - 1]
    return again if len(set(texts)) + sum(again) == len(frames) else [False] * len(frames)


def _said(frame: Mapping[str, Any]) -> dict[str, Any]:
    """All but the number."""
    return {key: value for key, value in frame.items() if key.casefold() not in _NUMBERS}


def _once(
    frames: Sequence[Any], numbered: Sequence[tuple[int | None, Any]]
) -> tuple[list[Any], list[tuple[int | None, Any]]]:
    """The frames without those that were sent twice, and their numbers, which then leave out those of copies."""
    again, copies = _sent_twice(frames), 0
    kept: list[tuple[int | None, Any]] = []
    for at, (number, own) in enumerate(numbered):
        before = numbered[at - 1][0]
        if not again[at]:
            kept.append((None if number is None else number - copies, own))
        elif number is not None and before is not None:
            copies += number - before
    return [frame for frame, twice in zip(frames, again, strict=True) if not twice], kept


def _by_time(frames: Sequence[Any]) -> tuple[list[int], tuple[str, ...]] | None:
    """The numbers of frames by their times, and notes; None where not all say one, each another."""
    key, texts = _times(frames)
    found = frames_at(key, texts) if key is not None and len(texts) == len(frames) else None
    return None if found is None or len(set(found[0])) < len(frames) else found


def frames_in(document: Any) -> list[Any]:
    """The frames of a document, whatever holds them; the document itself where it is one frame."""
    if isinstance(document, dict):
        low = {key.casefold(): key for key in document}
        held = next((document[low[name]] for name in _LISTS if isinstance(document.get(low.get(name, "")), list)), None)
        if held is not None:
            return list(held)
        if _is_pose(document):
            return [document]
        return [{key: value} for key, value in sorted(document.items(), key=lambda item: _key_number(item[0]))]
    if not isinstance(document, list):
        raise RefusedError(f"expected frames, found {shown(document)}")
    return [document] if document and is_joint(document[0]) else document


def _key_number(key: str) -> tuple[int, str]:
    match = re.search(r"\d{1,15}", key)
    return (int(match[0]) if match else 0, key)


def _is_pose(value: Mapping[str, Any]) -> bool:
    low = {key.casefold() for key in value}
    return (
        bool(low & {*WORLD, *POSES})
        or "x" in value
        or any(isinstance(item, dict) and "x" in item for item in value.values())
    )


def _numbered(frame: Any, at: int) -> tuple[int | None, Any]:
    """The number that a frame says, and what it holds: `{"frame_12": [..]}` and `{"frame": 12, ..}` say theirs."""
    if isinstance(frame, dict):
        if len(frame) == 1 and isinstance(next(iter(frame.values())), list | dict):
            ((key, own),) = frame.items()
            if re.fullmatch(r"(frame|image|img)?[ _-]*\d{1,9}", key, re.IGNORECASE):
                return _key_number(key)[0], own
        for key, value in frame.items():
            if key.casefold() in _NUMBERS:
                return a_whole(value, f"frame {at + 1}: {key!r}"), frame
    return None, frame


def _with_thirds_as_scores(
    seen: list[Seen], layout: Layout | None, apple: bool, bare: Sequence[str] | None
) -> list[Seen]:
    """The bodies with the third number of their joints as confidence, where it is one.

    It is for Apple and in pixels; and where joints are lists, whose names if any are `bare`, if the layout that is said
    is of an image, or they are in fractions of one and so many joints, or such names, are of nothing else. A joint of
    three equal negative numbers was not found. Raises: RefusedError for fractions of joints without names if no layout
    is said and so many may be in space.
    """
    places_PVC = np.asarray([one.places_VC for one in seen], np.float64)
    if places_PVC.shape[2] != 3 or seen[0].scores_V is not None:
        return seen
    lost_PV = (places_PVC == places_PVC[..., :1]).all(axis=2) & (places_PVC[..., 0] < 0)
    known_XC = places_PVC[np.isfinite(places_PVC).all(axis=2) & ~lost_PV]
    thirds = known_XC[:, 2]
    small = bool(((thirds >= 0) & (thirds <= _MOST_SCORE)).all() and thirds.any())
    in_pixels = np.abs(known_XC[:, :2]).max(initial=0.0) > _MOST_METRES
    beside_X = np.abs(known_XC[thirds > 0, :2] - 0.5).max(axis=1)
    fractions = small and (beside_X <= _MOST_BESIDE).mean() >= _LEAST_INSIDE and beside_X.max() <= MOST_FRACTION
    may_be_flat = bare is not None and small and (fractions or layout is not None)
    if not (apple or (small and in_pixels) or (may_be_flat and is_flat(places_PVC.shape[1], layout, bare or ()))):
        return seen
    return [
        one._replace(places_VC=one.places_VC[:, :2], scores_V=np.where(lost_V, 0.0, one.places_VC[:, 2]))
        for one, lost_V in zip(seen, lost_PV, strict=True)
    ]


def _joints(bodies: Sequence[tuple[int, Body]]) -> tuple[str, ...]:
    """All names in the clip, in order of first appearance; none where joints are only numbered."""
    names = dict.fromkeys(name for _, body in bodies for name in body.joints)
    numbered = all(re.fullmatch(r"[A-Za-z_]*\d+", name) for name in names)
    return () if numbered else tuple(names)


def _seen(frame: int, body: Body, joints: tuple[str, ...]) -> Seen:
    """A body with all joints of the clip in one order; those that it lacks are nan."""
    if not joints or body.joints == joints:
        return Seen(frame, body.places_VC, body.scores_V, body.id)
    at = {name: v for v, name in enumerate(body.joints)}
    places_VC = np.full((len(joints), body.places_VC.shape[1]), np.nan)
    scores_V = np.zeros(len(joints)) if body.scores_V is not None else None
    for v, name in enumerate(joints):
        if name in at:
            places_VC[v] = body.places_VC[at[name]]
            if scores_V is not None and body.scores_V is not None:
                scores_V[v] = body.scores_V[at[name]]
    return Seen(frame, places_VC, scores_V, body.id)


def _spoken(joints: Sequence[str]) -> tuple[str, ...]:
    """Names as layouts have them; Apple's `left_upLeg_joint` is the left hip, its `head_joint` the nose."""
    told = []
    for joint in joints:
        if joint.endswith("_joint"):
            side, _, part = joint.removesuffix("_joint").removesuffix("_1").partition("_")
            joint = f"{side} {_APPLE.get(part, part)}" if part else {"head": "nose"}.get(side, side)
        told.append(spoken(joint))
    return tuple(told)


def _from_below(places_VC: Any) -> NDArray[np.float64]:
    flipped: NDArray[np.float64] = np.array(places_VC, np.float64)
    flipped[:, 1] = 1 - flipped[:, 1]
    return flipped
