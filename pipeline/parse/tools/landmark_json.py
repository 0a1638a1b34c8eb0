"""Landmarks as JSON, as MediaPipe's and TensorFlow.js's users and Apple Vision's write them: frames of joints with x y.

In: a list of frames, JSON lines of frames, or an object that holds such a list. A frame is a list of joints, a list of
bodies that are such lists, an object of joints by name, or an object that holds any of these, with or without its
number. A joint is {x, y, [z], [visibility | score | confidence]}, {position: {x, y}, part | keypoint, [score]}, or
[x, y, [z], [score]]; numbers may be texts. An empty frame shows nobody.

Sources: MediaPipe's guides to pose, hand and holistic landmarks (33, 21 joints, x y as fractions of the image, world
landmarks in metres with y down); tfjs-models' pose-detection and posenet READMEs (pixels); Apple's
VNHumanBodyPoseObservation.JointName (origin at the bottom left). What is what is guessed as `guesses` says.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import guessed
from pipeline.parse.tools.json_documents import a_whole, documents, numbers, shown
from pipeline.parse.tools.openpose import NOTE_PARTS
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered
from pipeline.parse.tools.space import spoken

_LISTS = ("frames", "data", "poses", "results")
_WORLD = ("pose_world_landmarks", "poseworldlandmarks", "world_landmarks", "worldlandmarks", "keypoints3d")
_POSES = (
    *("pose_landmarks", "poselandmarks", "landmarks", "keypoints", "joints", "pose", "landmark", "hand_landmarks"),
    *("multihandlandmarks", "multi_hand_landmarks", "bodies", "people", "persons"),
)
_NUMBERS = ("frame", "frame_id", "frame_index", "framenumber", "frame_number", "frame_idx")
_SCORES = ("visibility", "score", "confidence", "presence")
_NAMES = ("name", "part", "keypoint")
_CAMERA = "cameraX"
"""Where node-kinect2 has a joint's place in space, beside those in its two images."""
_MOST_METRES = 20
"""Larger coordinates are pixels or millimetres."""
_MOST_SCORE = 1.5
"""Scores of some tools are a little above 1."""
_APPLE = {"forearm": "elbow", "hand": "wrist", "upLeg": "hip", "leg": "knee", "foot": "ankle"}


class _Body(NamedTuple):
    places_VC: NDArray[np.float64]
    scores_V: NDArray[np.float64] | None
    joints: tuple[str, ...]


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError, naming frame and joint, for what is no landmarks."""
    (file,) = files
    found = documents(file.data)
    frames = found if len(found) > 1 else _frames(found[0])
    bodies: list[tuple[int, _Body]] = []
    stated: list[int] = []
    for at, frame in enumerate(frames):
        number, own = _numbered(frame, at)
        stated.append(number)
        try:
            bodies += [(at, body) for body in _bodies(own, layout is not None and not layout.is_image)]
        except RefusedError as why:
            raise RefusedError(f"frame {at + 1}: {why.reason}") from None
    at_frame, n_frames, notes = _settled(stated)
    if not bodies:
        raise RefusedError(f"no body in any of {n_frames} frames")
    joints = _joints(bodies)
    seen = [_seen(at_frame[at], body, joints) for at, body in bodies]
    shapes = {(np.shape(one.places_VC), one.scores_V is None) for one in seen}
    if len(shapes) > 1:
        told = " and ".join(sorted({f"{shape}" + " without scores" * bare for shape, bare in shapes}))
        raise RefusedError(f"bodies of different joints in one clip: {told}")
    apple = any(name.endswith("_joint") for name in joints)
    seen = _with_thirds_as_scores(seen, apple)
    notes += (NOTE_PARTS,) if any(map(_has_parts, frames)) and np.shape(seen[0].places_VC)[0] == 33 else ()
    facts = guessed(np.asarray([one.places_VC for one in seen]), layout, _spoken(joints))
    if apple:
        seen = [one._replace(places_VC=_from_below(one.places_VC)) for one in seen]
    return gathered(seen, n_frames, facts.pop("layout"), notes=notes, **facts)


def _settled(stated: list[int]) -> tuple[list[int], int, tuple[str, ...]]:
    if sorted(set(stated)) != stated:
        return list(range(len(stated))), len(stated), ()
    return frames_of(stated)


def _frames(document: Any) -> list[Any]:
    """The frames of a document, whatever holds them."""
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
    return [document] if document and _is_joint(document[0]) else document


def _key_number(key: str) -> tuple[int, str]:
    match = re.search(r"\d{1,15}", key)
    return (int(match[0]) if match else 0, key)


def _is_pose(value: Mapping[str, Any]) -> bool:
    low = {key.casefold() for key in value}
    return bool(low & {*_WORLD, *_POSES}) or any(isinstance(item, dict) and "x" in item for item in value.values())


def _is_joint(value: Any) -> bool:
    if isinstance(value, dict):
        return "x" in value or _CAMERA in value or isinstance(value.get("position"), dict)
    return isinstance(value, list) and 2 <= len(value) <= 4 and not any(isinstance(n, list | dict) for n in value)


def _numbered(frame: Any, at: int) -> tuple[int, Any]:
    """The number of a frame, and what it holds: `{"frame_12": [..]}` and `{"frame": 12, ..}` say theirs."""
    if isinstance(frame, dict):
        if len(frame) == 1 and isinstance(next(iter(frame.values())), list | dict):
            ((key, own),) = frame.items()
            if re.fullmatch(r"(frame|image|img)?[ _-]*\d{1,9}", key, re.IGNORECASE):
                return _key_number(key)[0], own
        for key, value in frame.items():
            if key.casefold() in _NUMBERS:
                return a_whole(value, f"frame {at + 1}: {key!r}"), frame
    return at, frame


def _bodies(frame: Any, world: bool) -> Iterator[_Body]:
    if not frame:
        return
    if isinstance(frame, dict):
        yield from _of_object(frame, world)
    elif not isinstance(frame, list):
        raise RefusedError(f"expected landmarks, found {shown(frame)}")
    elif all(_is_joint(joint) for joint in frame):
        yield _body(frame, ())
    elif _is_number(frame[0]):
        raise RefusedError(f"{len(frame)} numbers, expected joints with x and y")
    else:
        for body in frame:
            yield from _bodies(body, world)


def _of_object(frame: dict[str, Any], world: bool) -> Iterator[_Body]:
    """The bodies of an object that holds landmarks under one of their names, or joints by name."""
    low = {key.casefold(): key for key in frame}
    wanted = (*_WORLD, *_POSES) if world else (*_POSES, *_WORLD)
    held = next((low[name] for name in wanted if name in low and not _is_number(frame[low[name]])), None)
    named = {key: value for key, value in frame.items() if _is_joint(value)}
    if held is not None:
        yield from _bodies(frame[held], world)
    elif named:
        yield _body(list(named.values()), tuple(named))
    elif frame.get("tracked") is not False and not any(name in low and frame[low[name]] is None for name in wanted):
        raise RefusedError(f"no landmarks among {', '.join(map(repr, list(frame)[:5]))}")


def _has_parts(frame: Any) -> bool:
    """Whether a frame has hands or a face beside its body."""
    return isinstance(frame, dict) and any(
        bool(value) and isinstance(value, list) and ("hand" in key.casefold() or "face" in key.casefold())
        for key, value in frame.items()
    )


def _with_thirds_as_scores(seen: list[Seen], apple: bool) -> list[Seen]:
    """The bodies with the third number of their joints as confidence: Apple's, or of pixels where all are 0 to 1.5."""
    places_PVC = np.asarray([one.places_VC for one in seen], np.float64)
    if places_PVC.shape[2] != 3 or seen[0].scores_V is not None:
        return seen
    third_PV = places_PVC[..., 2]
    pixels = np.abs(places_PVC[..., :2]).max(initial=0.0, where=np.isfinite(places_PVC[..., :2])) > _MOST_METRES
    scores = bool(((third_PV >= 0) & (third_PV <= _MOST_SCORE)).all() and third_PV.any())
    if not apple and not (pixels and scores):
        return seen
    return [one._replace(places_VC=one.places_VC[:, :2], scores_V=one.places_VC[:, 2]) for one in seen]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | str) or value is None


def _body(joints: list[Any], names: tuple[str, ...]) -> _Body:
    if isinstance(joints[0], list):
        array = numbers(joints, "the joints")
        return _Body(array[:, :3], array[:, 3] if array.shape[1] == 4 else None, names)
    if not all(isinstance(joint, dict) for joint in joints):
        raise RefusedError("joints as objects and as lists in one body")
    flat = [{**joint, **joint["position"]} if isinstance(joint.get("position"), dict) else joint for joint in joints]
    held = set(flat[0]).intersection(*flat)  # what all joints have
    if _CAMERA in held:
        flat = [{axis: joint.get(f"camera{axis.upper()}") for axis in "xyz"} for joint in flat]
        held = set("xyz")
    axes = ("x", "y", "z") if "z" in held else ("x", "y")
    score = next((name for name in _SCORES if name in held), None)
    said = next((name for name in _NAMES if name in held and all(isinstance(j[name], str) for j in flat)), None)
    if said is not None and not names:
        names = tuple(joint[said] for joint in flat)
    try:
        places_VC = numbers(list(map(itemgetter(*axes), flat)), "the joints")
    except KeyError as missing:
        raise RefusedError(f"a joint without {missing}") from None
    scores_V = numbers([joint[score] for joint in flat], f"{score!r}") if score is not None else None
    return _Body(places_VC, scores_V, names if len(set(names)) == len(names) else ())


def _joints(bodies: Sequence[tuple[int, _Body]]) -> tuple[str, ...]:
    """All names in the clip, in order of first appearance; none where joints are only numbered."""
    names = dict.fromkeys(name for _, body in bodies for name in body.joints)
    numbered = all(re.fullmatch(r"[A-Za-z_]*\d+", name) for name in names)
    return () if numbered else tuple(names)


def _seen(frame: int, body: _Body, joints: tuple[str, ...]) -> Seen:
    """A body with all joints of the clip in one order; those that it lacks are nan."""
    if not joints or body.joints == joints:
        return Seen(frame, body.places_VC, body.scores_V)
    at = {name: v for v, name in enumerate(body.joints)}
    places_VC = np.full((len(joints), body.places_VC.shape[1]), np.nan)
    scores_V = np.zeros(len(joints)) if body.scores_V is not None else None
    for v, name in enumerate(joints):
        if name in at:
            places_VC[v] = body.places_VC[at[name]]
            if scores_V is not None and body.scores_V is not None:
                scores_V[v] = body.scores_V[at[name]]
    return Seen(frame, places_VC, scores_V)


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
