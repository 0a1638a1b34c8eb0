"""One motion as other people's tools would write it, in files: what every reader must make the same of.

In: an action of `tests.actions`. Out: the files of one clip. A joint that the actions lack lies where a neighbour does,
or in the middle of two; images have 1280 x 720 pixels.

Axes: T frames, V joints, C coordinates.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dastm.contract.layouts import KNOWN_LAYOUTS, layout_of
from tests.actions import STANDING, joints_of

_PARTS = ("shoulder", "elbow", "wrist", "hand", "hand tip", "thumb", "hip", "knee", "ankle", "foot", "eye", "ear")
_NAMES = (
    *(name for name in STANDING if name not in _PARTS),
    *(f"{side} {part}" for side in ("left", "right") for part in _PARTS),
)
_ALL = layout_of("all", _NAMES, image=False)
_LIKE = {
    "big toe": "foot", "small toe": "foot", "foot index": "foot", "heel": "ankle", "pinky": "hand tip",
    "index": "hand tip", "eye inner": "eye", "eye outer": "eye",
}  # fmt: skip
SIZE = (1280, 720)
Motion = Mapping[str, np.ndarray]
"""Joint -> its places in metres (T, C), y up."""


def motion_of(action: str, seed: int = 0, n_frames: int = 40) -> Motion:
    """The action, done once; necks and hips lie between shoulders and hips, where all tools see them."""
    joints_TVC = joints_of(action, np.random.default_rng([seed, *action.encode()]), n_frames, _ALL).astype(np.float64)
    motion = dict(zip(_NAMES, np.moveaxis(joints_TVC, 1, 0), strict=True))
    for middle, part in (("neck", "shoulder"), ("spine shoulder", "shoulder"), ("hip centre", "hip")):
        motion[middle] = (motion[f"left {part}"] + motion[f"right {part}"]) / 2
    motion["nose"] = motion["head"]
    return motion


def in_space(motion: Motion, joints: Sequence[str]) -> np.ndarray:
    """(T, V, 3) metres."""
    return np.stack([motion[_like(joint)] for joint in joints], axis=1)


def in_image(motion: Motion, joints: Sequence[str]) -> np.ndarray:
    """(T, V, 2) pixels, y down, of a camera that is far away."""
    x_TV, y_TV, _ = np.moveaxis(in_space(motion, joints), 2, 0)
    return np.stack([640 + 280 * x_TV, 700 - 280 * y_TV], axis=2)


def _like(joint: str) -> str:
    joint = {"mid hip": "hip centre", "mouth left": "nose", "mouth right": "nose"}.get(joint, joint)
    joint = {"shoulder centre": "spine shoulder"}.get(joint, joint)
    side, _, part = joint.partition(" ")
    return f"{side} {_LIKE[part]}" if part in _LIKE else joint


def openpose(path: Path, motion: Motion) -> None:
    """A folder with a file a frame, BODY_25."""
    path.mkdir(parents=True)
    for t, places_VC in enumerate(in_image(motion, KNOWN_LAYOUTS["body25"].joints).tolist()):
        flat = [number for place in places_VC for number in (*place, 0.9)]
        people = [{"person_id": [-1], "pose_keypoints_2d": flat, "face_keypoints_2d": []}]
        (path / f"{path.name}_{t:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))


def coco_results(path: Path, motion: Motion) -> None:
    """Detections with the numbers of their images."""
    document = [
        {
            "image_id": t,
            "category_id": 1,
            "keypoints": [number for place in places_VC for number in (*place, 0.9)],
            "score": 0.9,
        }
        for t, places_VC in enumerate(in_image(motion, KNOWN_LAYOUTS["coco17"].joints).tolist())
    ]
    path.with_suffix(".json").write_text(json.dumps(document))


def yolo(path: Path, motion: Motion) -> None:
    """A folder with a text a frame: class, box, fractions of the image."""
    path.mkdir(parents=True)
    for t, places_VC in enumerate((in_image(motion, KNOWN_LAYOUTS["coco17"].joints) / SIZE).tolist()):
        joints = " ".join(f"{x:.6f} {y:.6f} 0.9" for x, y in places_VC)
        (path / f"{path.name}_{t}.txt").write_text(f"0 0.5 0.5 0.2 0.8 {joints}\n")


def mediapipe(path: Path, motion: Motion) -> None:
    """A line a frame, fractions of the image and a depth."""
    _csv(
        path,
        ["frame", *(f"L{v}_{k}" for v in range(33) for k in ("x", "y", "z", "visibility"))],
        [
            [t + 1, *(number for x, y in places_VC for number in (x, y, -0.3, 0.9))]
            for t, places_VC in enumerate((in_image(motion, KNOWN_LAYOUTS["blazepose33"].joints) / SIZE).tolist())
        ],
    )


def deeplabcut(path: Path, motion: Motion, parts: Mapping[str, str] | None = None) -> None:
    """Three lines of names and a line a frame; `parts`: what the user calls joints, by default of a person."""
    parts = parts or {joint.replace(" ", ""): joint for joint in KNOWN_LAYOUTS["coco17"].joints}
    scorer = "DLC_resnet50_actionsJan1shuffle1_100000"
    heads = [
        ["scorer", *[scorer] * 3 * len(parts)],
        ["bodyparts", *(part for part in parts for _ in range(3))],
        ["coords", *["x", "y", "likelihood"] * len(parts)],
    ]
    places_TVC = in_image(motion, list(parts.values()))
    rows = [
        [t, *(number for place in places_VC for number in (*place, 0.9))]
        for t, places_VC in enumerate(places_TVC.tolist())
    ]
    _csv(path.with_name(f"{path.name}{scorer}"), heads[0], [*heads[1:], *rows])


def ntu(path: Path, motion: Motion) -> None:
    """NTU's text of 25 joints, in metres."""
    places_TVC = in_space(motion, KNOWN_LAYOUTS["ntu25"].joints)
    lines = [str(len(places_TVC))]
    for places_VC in places_TVC.tolist():
        lines += ["1", "72057594037931101 0 1 1 1 1 0 0.01 -0.25 2", "25"]
        lines += [f"{x:.7f} {y:.7f} {z:.7f} 0 0 0 0 0 0 0 0 2" for x, y, z in places_VC]
    path.with_suffix(".skeleton").write_text("\n".join(lines) + "\n")


def kinect1(path: Path, motion: Motion) -> None:
    """MSRC-12's text: a time stamp, and 20 joints with a state."""
    lines = [
        " ".join([str(10**9 + 33 * t), *(f"{number:.6f}" for place in places_VC for number in (*place, 1))])
        for t, places_VC in enumerate(in_space(motion, KNOWN_LAYOUTS["kinect20"].joints).tolist())
    ]
    path.with_suffix(".txt").write_text("\n".join(lines) + "\n")


def trc(path: Path, motion: Motion) -> None:
    """OpenSim's markers, in millimetres."""
    names = [name for name in _NAMES if name != "spine"]
    places_TVC = 1000 * in_space(motion, names)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"30\t30\t{len(places_TVC)}\t{len(names)}\tmm\t30\t1\t{len(places_TVC)}",
        "Frame#\tTime\t" + "\t\t\t".join(names),
        "\t\t" + "\t".join(f"{axis}{v}" for v in range(1, 1 + len(names)) for axis in "XYZ"),
    ]
    for t, places_VC in enumerate(places_TVC.tolist()):
        lines.append("\t".join([str(t + 1), f"{t / 30:.4f}", *(f"{n:.4f}" for place in places_VC for n in place)]))
    path.with_suffix(".trc").write_text("\n".join(lines) + "\n")


def array(path: Path, motion: Motion) -> None:
    """A .npy of NTU's joints, in metres."""
    np.save(path.with_suffix(".npy"), in_space(motion, KNOWN_LAYOUTS["ntu25"].joints).astype(np.float32))


def _csv(path: Path, names: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
    text = "\n".join(",".join(map(str, row)) for row in (names, *rows))
    path.with_name(f"{path.name}.csv").write_text(text + "\n")


Writer = Callable[[Path, Motion], None]
IN_IMAGES: Mapping[str, Writer] = {
    "openpose": openpose,
    "coco": coco_results,
    "yolo": yolo,
    "mediapipe": mediapipe,
    "deeplabcut": deeplabcut,
}
IN_SPACE: Mapping[str, Writer] = {"ntu": ntu, "kinect1": kinect1, "trc": trc, "array": array}
