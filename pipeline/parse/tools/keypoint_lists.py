"""Results of pose estimators as JSON lists of detections: MMPose, AlphaPose, COCO results and annotations.

`mmpose_json`: `{"meta_info", "instance_info": [{"frame_id", "instances": [..]}, ..]}` or that list alone, as
MMPoseInferencer's `pred_out_dir` has it for a video (mmpose/apis/inferencers/base_mmpose_inferencer.py); an instance is
`{"keypoints": [[x, y], ..], "keypoint_scores": [..], "bbox", "bbox_score", ["track_id"]}`. Version 0 had [x, y, score]
a joint, and people keep its results as a list of the frames' instances, or of frames with `preds`. `mmpose_images`: a
list of instances alone, a file an image. `alphapose_json`: a list of `{"image_id": "12.jpg", "keypoints": [x, y, c,
..], "score", "idx"}`, or pictures with lists of such persons (AlphaPose's docs/output.md, PoseFlow's README); of 136
joints those of face and hands are left out.
`coco_keypoints`: the same with whole numbers as image_id (cocodataset.org, "results format"; Detectron2's
COCOEvaluator), or annotations with their images, whose v is 0: not labelled, 1: hidden, 2: visible.

Scores are kept as they are: none of these tools promises probabilities. Frames are numbered by frame_id, or by the last
number of a picture's name; pictures without numbers are in the order of their names.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import plain
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import guessed, layout_by_count, own_layout
from pipeline.parse.tools.json_documents import a_list, a_whole, an_object, load_json, numbers, rows_of, shown
from pipeline.parse.tools.openpose import NOTE_PARTS, in_order, size_of
from pipeline.parse.tools.poses import NamedBytes, Poses, Seen, frames_of, gathered, last_number

_HALPE136 = 136


def read_mmpose(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`mmpose_json`: one file; RefusedError, naming frame and instance, for anything else."""
    (file,) = files
    document = load_json(file.data)
    meta = document.get("meta_info") if isinstance(document, dict) else None
    frames = document.get("instance_info") if isinstance(document, dict) else document
    items = [
        {"instances": item} if isinstance(item, list) else an_object(item, f"item {at} of 'instance_info'")
        for at, item in enumerate(a_list(frames, "the frames"))
    ]
    stated = [a_whole(item.get("frame_id", at), f"item {at}: 'frame_id'") for at, item in enumerate(items)]
    seen: list[tuple[int, Seen]] = []
    for number, item in zip(stated, items, strict=True):
        where = f"frame_id {number}"
        for place, instance in enumerate(a_list(item.get("instances", item.get("preds")), f"{where}: 'instances'")):
            seen.append((number, _instance(instance, f"{where}, instance {place}")))
    return _clip(seen, stated, layout, _joints_of(meta))


def read_mmpose_images(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`mmpose_images`: the files of one clip, a frame each; RefusedError naming the file."""
    ordered = in_order(files)
    seen: list[tuple[int, Seen]] = []
    for number, file in ordered:
        try:
            instances = a_list(load_json(file.data), "the file")
            seen += [(number, _instance(one, f"instance {place}")) for place, one in enumerate(instances)]
        except RefusedError as why:
            raise RefusedError(f"{file.bare_name}: {why.reason}", byte=why.byte) from None
    return _clip(seen, [number for number, _ in ordered], layout, ())


def read_alphapose(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`alphapose_json`: one file; RefusedError, naming the detection, for anything else."""
    (file,) = files
    document = load_json(file.data)
    if isinstance(document, dict):
        detections = [
            {**an_object(one, f"{name}, person {place}"), "image_id": name}
            for name, people in document.items()
            for place, one in enumerate(a_list(people, f"picture {name}"))
        ]
        names: list[Any] = list(document)
    else:
        detections = [an_object(one, f"detection {at}") for at, one in enumerate(a_list(document, "the file"))]
        names = [one.get("image_id") for one in detections]
    number_of = _numbers_of(names)
    seen = [
        (number_of[str(one.get("image_id"))], _detection(one, f"detection {at}")) for at, one in enumerate(detections)
    ]
    return _clip(seen, sorted(set(number_of.values())), layout, ())


def read_coco(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`coco_keypoints`: one file; RefusedError, naming the detection, for anything else."""
    (file,) = files
    document = load_json(file.data)
    if not isinstance(document, dict):
        return read_alphapose(files, spec, layout)
    images = a_list(document.get("images"), "'images'")
    stated: list[int] = []
    sizes: set[tuple[Any, Any]] = set()
    for at, image in enumerate(images):
        fields = an_object(image, f"image {at}")
        stated.append(a_whole(fields.get("id"), f"image {at}: 'id'"))
        width, height = fields.get("width"), fields.get("height")
        sizes.add((width, height) if isinstance(width, int | float) and isinstance(height, int | float) else (0, 0))
    seen = []
    for at, one in enumerate(a_list(document.get("annotations"), "'annotations'")):
        fields = an_object(one, f"annotation {at}")
        if fields.get("keypoints"):
            number = a_whole(fields.get("image_id"), f"annotation {at}: 'image_id'")
            own = _detection(fields, f"annotation {at}")
            seen.append((number, own._replace(scores_V=own.scores_V / 2, id=_track(fields, f"annotation {at}"))))
    categories = document.get("categories") or [{}]
    names = categories[0].get("keypoints") if isinstance(categories, list) and isinstance(categories[0], dict) else None
    return _clip(seen, stated, layout, _named(names), **size_of(sizes))


def _instance(value: Any, where: str) -> Seen:
    """An instance of MMPose."""
    fields = an_object(value, where)
    places_VC = numbers(fields.get("keypoints"), f"{where}: 'keypoints'")
    if places_VC.ndim == 3 and len(places_VC) == 1:  # as lifting to 3-D writes them
        places_VC = places_VC[0]
    if places_VC.ndim != 2 or not 2 <= places_VC.shape[1] <= 3:
        raise RefusedError(f"{where}: 'keypoints' are {shown(fields.get('keypoints'))}, expected [x, y] a joint")
    if places_VC.shape[1] == 3 and "keypoint_scores" not in fields:
        return Seen(0, places_VC[:, :2], places_VC[:, 2], _track(fields, where))
    scores_V = numbers(fields.get("keypoint_scores", [1.0] * len(places_VC)), f"{where}: 'keypoint_scores'").reshape(-1)
    if scores_V.shape != places_VC.shape[:1]:
        raise RefusedError(f"{where}: {scores_V.size} keypoint_scores for {len(places_VC)} keypoints")
    return Seen(0, places_VC, scores_V, _track(fields, where))


def _detection(fields: dict[str, Any], where: str) -> Seen:
    """A detection with flat keypoints x, y, c."""
    rows_VK = rows_of(fields.get("keypoints"), 3, f"{where}: 'keypoints'")
    track = fields.get("idx")
    while isinstance(track, list) and track:
        track = track[0]
    number = None if track is None or track == [] else a_whole(track, f"{where}: 'idx'")
    return Seen(0, rows_VK[:, :2], rows_VK[:, 2], number)


def _track(fields: dict[str, Any], where: str) -> int | None:
    value = next((fields[name] for name in ("track_id", "instance_id") if fields.get(name) is not None), None)
    return None if value is None else a_whole(value, f"{where}: 'track_id'")


def _numbers_of(names: Sequence[Any]) -> dict[str, int]:
    """The number of each picture: the last one in its name, if all have one and no two the same."""
    texts = sorted(
        {str(name) for name in names}, key=lambda text: [int(p) if p.isdigit() else p for p in _pieces(text)]
    )
    if None in names:
        raise RefusedError("a detection without 'image_id'")
    found = {text: last_number(text.rpartition("/")[2]) for text in texts}
    numbered = {text: number for text, number in found.items() if number is not None}
    if len(numbered) == len(texts) == len(set(numbered.values())):
        return numbered
    return {text: at for at, text in enumerate(texts)}


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
    seen: Sequence[tuple[int, Seen]],
    stated: Sequence[int],
    layout: Layout | None,
    joints: tuple[str, ...],
    **facts: Any,
) -> Poses:
    """The clip of detections with the numbers of their frames."""
    frames, n_frames, notes = frames_of(stated)
    frame_of = dict(zip(stated, frames, strict=True))
    if any(number not in frame_of for number, _ in seen):
        raise RefusedError("a detection in an image that is not listed")
    if not seen:
        raise RefusedError(f"no body in any of {n_frames} frames")
    found = sorted((one._replace(frame=frame_of[number]) for number, one in seen), key=lambda one: one.frame)
    counts = sorted({one.places_VC.shape for one in found})
    if len(counts) > 1:
        raise RefusedError(f"bodies of different joints in one clip: {' and '.join(map(str, counts))}")
    if counts[0] == (_HALPE136, 2):  # 26 of the body, 68 of the face, 42 of the hands
        found = [one._replace(places_VC=one.places_VC[:26], scores_V=one.scores_V[:26]) for one in found]
        counts, notes = [(26, 2)], (*notes, NOTE_PARTS)
    told = guessed(np.asarray([one.places_VC for one in found]), layout)
    own = layout_by_count(counts[0][0], image=True) if counts[0][1] == 2 else told.pop("layout")
    told |= {"layout": own}
    if len(joints) == counts[0][0] and joints != own.joints:
        told |= {"layout": own_layout("own", joints, image=own.is_image), "named": True}
    return gathered(found, n_frames, told.pop("layout"), notes=notes, **told, **facts)
