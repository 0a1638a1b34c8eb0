"""Results of pose estimators as JSON lists of detections: MMPose, AlphaPose, COCO results and annotations.

`mmpose_json`: `{"meta_info", "instance_info": [{"frame_id", "instances": [..]}, ..]}` or that list alone, as
MMPoseInferencer's `pred_out_dir` has it for a video (mmpose/apis/inferencers/base_mmpose_inferencer.py); an instance is
`{"keypoints": [[x, y], ..], "keypoint_scores": [..], "bbox", "bbox_score", ["track_id"]}`. Version 0 had [x, y, score]
a joint, with tags behind them from bottom-up models, and people keep its results as a list of the frames' instances, or
of frames with `preds`. `mmpose_images`: a list of instances alone, a file an image, also as `instance_info` (its
topdown_demo_with_mmdet.py, Sapiens) or `predictions`. `alphapose_json`: a list of `{"image_id": "12.jpg", "keypoints":
[x, y, c, ..], "score", "idx"}`, pictures with lists of such persons (AlphaPose's docs/output.md, PoseFlow's README), or
persons with their pictures (`.._alphapose_tracked_person.json` of video anomaly sets); of 136 joints those of face and
hands are left out.
`coco_keypoints`: the same with whole numbers as image_id (cocodataset.org, "results format"; Detectron2's
COCOEvaluator), or annotations with their images, whose v is 0: not labelled, 1: hidden, 2: visible.

Scores are kept as they are: none of these tools promises probabilities. An id below 0 is none. Frames are numbered by
frame_id, or by the last number of a picture's name; pictures without numbers are in the order of their names. A list of
images that are named as the frames of one video counts by those names, and not by its ids.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import plain
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import guessed, layout_by_count, own_layout
from pipeline.parse.tools.json_documents import (
    Arrays,
    a_list,
    a_whole,
    an_object,
    documents,
    load_json,
    numbers_of_each,
    rows_of_each,
    shown,
)
from pipeline.parse.tools.openpose import NOTE_PARTS, in_order, size_of
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of, last_number

_HALPE136 = 136
_TRACKS = ("track_id", "instance_id", "idx")
_SURE = np.array([1.0, 1.0, 0.5])
"""What makes a confidence of COCO's v of 0, 1 or 2."""


class _Found(NamedTuple):
    """A detection as its file has it: the number of its frame, its place for messages, its fields."""

    number: int
    place: str
    fields: Any


def read_mmpose(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`mmpose_json`: one file; RefusedError, naming frame and instance, for anything else."""
    (file,) = files
    lines = documents(file.data)
    document = lines if len(lines) > 1 else lines[0]
    meta = document.get("meta_info") if isinstance(document, dict) else None
    frames = document.get("instance_info") if isinstance(document, dict) else document
    items = [
        {"instances": item} if isinstance(item, list) else an_object(item, f"item {at} of 'instance_info'")
        for at, item in enumerate(a_list(frames, "the frames"))
    ]
    stated = [a_whole(item.get("frame_id", at), f"item {at}: 'frame_id'") for at, item in enumerate(items)]
    found: list[_Found] = []
    for number, item in zip(stated, items, strict=True):
        own = item.get("instances", item.get("preds", ()))
        instances = a_list(own, f"frame_id {number}: 'instances'") if own is not None else []
        found += [_Found(number, f"frame_id {number}, instance {place}", one) for place, one in enumerate(instances)]
    return _clip(found, _instances(found), stated, layout, _joints_of(meta))


def read_mmpose_images(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`mmpose_images`: the files of one clip, a frame each; RefusedError naming the file."""
    ordered = in_order(files)
    found: list[_Found] = []
    for number, file in ordered:
        try:
            instances = _of_image(load_json(file.data))
        except RefusedError as why:
            raise RefusedError(f"{file.bare_name}: {why.reason}", byte=why.byte) from None
        found += [_Found(number, f"{file.bare_name}: instance {place}", one) for place, one in enumerate(instances)]
    return _clip(found, _instances(found), [number for number, _ in ordered], layout)


def _of_image(document: Any) -> list[Any]:
    """The instances of one image."""
    if isinstance(document, dict):
        name = next((name for name in ("instance_info", "predictions") if name in document), "instance_info")
        document = a_list(document.get(name), repr(name))
        if len(document) == 1 and isinstance(document[0], list):
            (document,) = document
    return a_list(document, "the file")


def read_alphapose(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`alphapose_json`: one file; RefusedError, naming the detection, for anything else."""
    (file,) = files
    document = load_json(file.data)
    if isinstance(document, dict) and document and all(isinstance(own, dict) for own in document.values()):
        detections = [
            {**an_object(one, f"person {person}, picture {name}"), "image_id": name, "idx": person}
            for person, own in document.items()
            for name, one in own.items()
        ]
        names: list[Any] = [one["image_id"] for one in detections]
    elif isinstance(document, dict):
        detections = [
            {**an_object(one, f"{name}, person {place}"), "image_id": name}
            for name, people in document.items()
            for place, one in enumerate(a_list(people, f"picture {name}"))
        ]
        names = list(document)
    else:
        detections = [an_object(one, f"detection {at}") for at, one in enumerate(a_list(document, "the file"))]
        names = [one.get("image_id") for one in detections]
    number_of = _numbers_of(names)
    shown = [(at, one) for at, one in enumerate(detections) if one.get("keypoints", ()) not in (None, [])]
    found = [_Found(number_of[str(one.get("image_id"))], f"detection {at}", one) for at, one in shown]
    return _clip(found, _detections(found), sorted(set(number_of.values())), layout)


def read_coco(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`coco_keypoints`: one file; RefusedError, naming the detection, for anything else."""
    (file,) = files
    document = load_json(file.data)
    if not isinstance(document, dict):
        return read_alphapose(files, spec, layout)
    images = a_list(document.get("images", []), "'images'")
    stated: list[int] = []
    pictures: list[Any] = []
    sizes: set[tuple[Any, Any]] = set()
    for at, image in enumerate(images):
        fields = an_object(image, f"image {at}")
        stated.append(a_whole(fields.get("id"), f"image {at}: 'id'"))
        pictures.append(fields.get("file_name"))
        width, height = fields.get("width"), fields.get("height")
        sizes.add((width, height) if isinstance(width, int | float) and isinstance(height, int | float) else (0, 0))
    found: list[_Found] = []
    for at, one in enumerate(a_list(document.get("annotations"), "'annotations'")):
        fields = an_object(one, f"annotation {at}")
        if fields.get("keypoints"):
            number = a_whole(fields.get("image_id"), f"annotation {at}: 'image_id'")
            found.append(_Found(number, f"annotation {at}", fields))
    if "images" not in document:
        stated = sorted({one.number for one in found})
    frame_of = _by_names(stated, pictures)
    found = [one._replace(number=frame_of.get(one.number, -1)) for one in found]
    stated = [frame_of[number] for number in stated]
    categories = document.get("categories") or [{}]
    names = categories[0].get("keypoints") if isinstance(categories, list) and isinstance(categories[0], dict) else None
    rows = [rows_VK * _SURE for rows_VK in _detections(found)]
    return _clip(found, rows, stated, layout, _named(names), **size_of(sizes))


def _by_names(stated: Sequence[int], pictures: Sequence[Any]) -> dict[int, int]:
    """The number of each image's frame: the last one in its name where all are named as frames of one video, or else
    its id."""
    by_id = dict(zip(stated, stated, strict=True))
    names = [picture.rpartition("/")[2] for picture in pictures if isinstance(picture, str)]
    numbers = [last_number(name) for name in names]
    alike = {re.sub(r"\d+(?=\D*$)", "", name) for name in names}
    if len(alike) != 1 or len(names) < len(stated) or None in numbers or len(set(numbers)) < len(set(stated)):
        return by_id
    return {image: number for image, number in zip(stated, numbers, strict=True) if number is not None}


def _instances(found: Sequence[_Found]) -> Arrays:
    """The joints of MMPose's instances, each x, y, [z] and score."""
    places = [one.place for one in found]
    fields = [an_object(one.fields, one.place) for one in found]
    joints = numbers_of_each([one.get("keypoints") for one in fields], places, "'keypoints'")
    scores = numbers_of_each([one.get("keypoint_scores", ()) for one in fields], places, "'keypoint_scores'")
    at_once = isinstance(joints, np.ndarray) and joints.ndim == 3 and joints.shape[2] in (2, 3)
    if at_once and isinstance(scores, np.ndarray) and scores.shape == np.shape(joints)[:2]:
        return np.concatenate([joints, scores[..., None]], axis=2)
    return [_instance(*own) for own in zip(found, joints, scores, strict=True)]


def _instance(found: _Found, places_VC: NDArray[np.float64], scores_V: NDArray[np.float64]) -> NDArray[np.float64]:
    _, where, fields = found
    if places_VC.ndim == 3 and len(places_VC) == 1:  # as lifting to 3-D writes them
        places_VC = places_VC[0]
    if "keypoint_scores" not in fields and places_VC.ndim == 2 and 3 < places_VC.shape[1] <= 5:
        places_VC = places_VC[:, :3]
    if places_VC.ndim != 2 or not 2 <= places_VC.shape[1] <= 3:
        raise RefusedError(f"{where}: 'keypoints' are {shown(fields.get('keypoints'))}, expected [x, y] a joint")
    if "keypoint_scores" not in fields:
        return places_VC if places_VC.shape[1] == 3 else np.pad(places_VC, ((0, 0), (0, 1)), constant_values=1.0)
    if scores_V.size != len(places_VC):
        raise RefusedError(f"{where}: {scores_V.size} keypoint_scores for {len(places_VC)} keypoints")
    return np.column_stack([places_VC, scores_V.reshape(-1)])


def _detections(found: Sequence[_Found]) -> Arrays:
    """The joints of detections with flat keypoints x, y, c."""
    return rows_of_each([one.fields.get("keypoints") for one in found], 3, [one.place for one in found], "'keypoints'")


def _track(fields: dict[str, Any], where: str) -> int | None:
    """The id of a body, by whichever name a tool has for it; AlphaPose's may be nested in lists, CVAT's lies among the
    attributes. None for an id below 0, which trackers give to those whom they do not follow."""
    name = next((name for name in _TRACKS if fields.get(name) is not None), None)
    if name is None:
        inner = fields.get("attributes")
        return (
            _track({"track_id": inner["track_id"]}, where) if isinstance(inner, dict) and "track_id" in inner else None
        )
    track = fields[name]
    while isinstance(track, list) and track:
        track = track[0]
    own = -1 if track == [] else a_whole(track, f"{where}: {name!r}")
    return own if own >= 0 else None


def _numbers_of(names: Sequence[Any]) -> dict[str, int]:
    """The number of each picture: the last one in its name, if all have one and no two the same."""
    if None in names:
        raise RefusedError("a detection without 'image_id'")
    texts = dict.fromkeys(map(str, names))
    found = {text: last_number(text.rpartition("/")[2]) for text in texts}
    numbered = {text: number for text, number in found.items() if number is not None}
    if len(numbered) == len(texts) == len(set(numbered.values())):
        return numbered
    in_turn = sorted(texts, key=lambda text: [int(p) if p.isdigit() else p for p in _pieces(text)])
    return {text: at for at, text in enumerate(in_turn)}


def _pieces(text: str) -> list[str]:
    """Letters and numbers by turns, letters first, so that 9.jpg comes before 10.jpg."""
    return re.split(r"(\d+)", text)


def _joints_of(meta: Any) -> tuple[str, ...]:
    """The joints' names of a `meta_info`, in order; empty where it has none."""
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(names, dict) or any(str(v) not in names for v in range(len(names))):
        return ()
    return _named([names[str(v)] for v in range(len(names))])


def _named(names: Any) -> tuple[str, ...]:
    """Names of joints as layouts have them; empty for anything that is no list of different names."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    plainly = tuple({"hip": "hip centre"}.get(plain(name), plain(name)) for name in names)
    return plainly if len(set(plainly)) == len(plainly) else ()


def _clip(
    found: Sequence[_Found],
    rows: Arrays,
    stated: Sequence[int],
    layout: Layout | None,
    joints: tuple[str, ...] = (),
    **facts: Any,
) -> Poses:
    """The clip of detections with their joints, a score last; the numbers of all frames are in `stated`."""
    frames, n_frames, notes = frames_of(stated)
    frame_of = dict(zip(stated, frames, strict=True))
    if any(one.number not in frame_of for one in found):
        raise RefusedError("a detection in an image that is not listed")
    if not found:
        raise RefusedError(f"no body in any of {n_frames} frames")
    counts = sorted({(len(own), own.shape[1] - 1) for own in rows})
    if len(counts) > 1:
        raise RefusedError(f"bodies of different joints in one clip: {' and '.join(map(str, counts))}")
    frame_P = np.array([frame_of[one.number] for one in found], np.int32)
    order_P = np.argsort(frame_P, kind="stable")
    rows_PVK = np.asarray(rows)[order_P]
    if counts[0] == (_HALPE136, 2):  # 26 of the body, 68 of the face, 42 of the hands
        rows_PVK, notes = rows_PVK[:, :26], (*notes, NOTE_PARTS)
    places_PVC = rows_PVK[..., :-1]
    told = guessed(places_PVC, layout)
    own = layout_by_count(places_PVC.shape[1], image=True) if places_PVC.shape[2] == 2 else told["layout"]
    if len(joints) == own.n_joints and joints != own.joints:
        told["named"], own = True, own_layout("own", joints, image=own.is_image)
    ids = [_track(one.fields, one.place) for one in found]
    return Poses(
        n_frames=n_frames,
        frame_P=frame_P[order_P],
        places_PVC=places_PVC,
        scores_PV=rows_PVK[..., -1],
        id_P=np.array(ids, np.int64)[order_P] if None not in ids else None,
        notes=notes,
        **(told | {"layout": own}),
        **facts,
    )
