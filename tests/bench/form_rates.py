"""`python -m tests.bench.form_rates [--mb 2] [WORD..]`: how fast each reader of other people's tools is, on one core.

Out: a row a form: MB/s and frames/s of processor time from the bytes of a clip to its tracks, the best of three. The
first rows are what Python itself needs for such bytes, `json.loads` and `float` of each field, which says how fast the
machine is just now. A rate below `LEAST_MB` is marked. The clips are made up: one person, numbers as tools print them.
"""

import argparse
import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

import c3d
import numpy as np

from dastm.contract.layouts import KNOWN_LAYOUTS
from pipeline.parse.tools.poses import NamedBytes
from pipeline.parse.tools.tool_sources import read_alone

LEAST_MB = 20.0
Made = Callable[[int], list[NamedBytes]]
"""Number of frames -> the files of a clip."""


def main(words: list[str]) -> None:
    """All forms, or those that have one of the words in their names."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.form_rates")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--mb", type=float, default=2.0, help="size of a clip")
    chosen = parser.parse_args(words)
    for name, work, data in yardsticks(chosen.mb):
        sys.stdout.write(f"{name:16} {len(data) / best(lambda work=work, data=data: work(data)) / 1e6:7.1f} MB/s\n")
    rows = [(form, form, made, layout) for form, (made, layout) in FORMS.items()]
    rows += [(name, form, made, None) for name, (form, made) in OTHERS.items()]
    for name, form, made, layout in rows:
        if not chosen.words or any(word in name for word in chosen.words):
            rate, frames = measured(form, made, layout, chosen.mb)
            mark = f"  below {LEAST_MB:g}" if rate < LEAST_MB else ""
            sys.stdout.write(f"{name:16} {rate:7.1f} MB/s {frames:11,.0f} frames/s{mark}\n")
            sys.stdout.flush()


def measured(form: str, made: Made, layout: str | None, mb: float) -> tuple[float, float]:
    """MB and frames a second of processor time."""
    n_frames = max(2, int(100 * mb * 1e6 / _size(made(100))))
    files = made(n_frames)
    wanted = KNOWN_LAYOUTS[layout] if layout else None
    n_read = read_alone(form, files, layout=wanted).tracks.frames
    if n_read != n_frames:
        raise ValueError(f"{form}: {n_read} frames, written were {n_frames}")
    taken = best(lambda: read_alone(form, files, layout=wanted))
    return _size(files) / taken / 1e6, n_frames / taken


def best(work: Callable[[], object]) -> float:
    """Seconds of processor time, the best of three."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return max(min(taken), 1e-9)


def yardsticks(mb: float) -> list[tuple[str, Callable[[bytes], object], bytes]]:
    """Name, work, and the bytes to do it on."""
    (numbers,) = number_lines(max(2, int(mb * 1000)))
    (document,) = coco(max(2, int(mb * 2000)))
    return [
        ("(json.loads)", json.loads, document.data),
        ("(float)", lambda data: [float(field) for field in data.decode().split()], numbers.data),
    ]


def _size(files: Sequence[NamedBytes]) -> int:
    return sum(len(file.data) for file in files)


def places(n_frames: int, n_joints: int, n_numbers: int, scale: float = 1.0) -> list[list[list[float]]]:
    """(frames, joints, numbers), as Python's own numbers."""
    drawn = np.random.default_rng(0).uniform(0.1, 0.9, (n_frames, n_joints, n_numbers)) * scale
    lists: list[list[list[float]]] = drawn.round(4).tolist()
    return lists


def _frames(name: str, texts: Iterator[str]) -> list[NamedBytes]:
    """A file a frame."""
    return [NamedBytes(f"a/{name.replace('#', f'{t:012d}')}", text.encode()) for t, text in enumerate(texts)]


def _json(document: object) -> list[NamedBytes]:
    return [NamedBytes("a/b.json", json.dumps(document).encode())]


def _lines(name: str, heads: Sequence[str], rows: Iterator[Sequence[object]], mark: str = ",") -> list[NamedBytes]:
    text = "".join(f"{line}\n" for line in (*heads, *(mark.join(map(str, row)) for row in rows)))
    return [NamedBytes(f"a/{name}", text.encode())]


def _flat(frame: list[list[float]]) -> list[float]:
    return [number for joint in frame for number in joint]


def openpose(n: int) -> list[NamedBytes]:
    people = ([{"person_id": [-1], "pose_keypoints_2d": _flat(frame)}] for frame in places(n, 25, 3, 500))
    return _frames("v_#_keypoints.json", (json.dumps({"version": 1.3, "people": one}) for one in people))


def openpose_video(n: int) -> list[NamedBytes]:
    return _json([{"people": [{"pose_keypoints_2d": _flat(frame)}]} for frame in places(n, 18, 3, 500)])


def landmark_json(n: int) -> list[NamedBytes]:
    names = ("x", "y", "z", "visibility")
    return _json([[dict(zip(names, joint, strict=True)) for joint in frame] for frame in places(n, 33, 4)])


def landmark_json_lines(n: int) -> list[NamedBytes]:
    (file,) = landmark_json(n)
    lines = (json.dumps({"frame": t, "landmarks": frame}) for t, frame in enumerate(json.loads(file.data)))
    return [NamedBytes("a/b.jsonl", "\n".join(lines).encode())]


def landmark_images(n: int) -> list[NamedBytes]:
    names = ("x", "y", "z", "visibility")
    frames = ([dict(zip(names, joint, strict=True)) for joint in frame] for frame in places(n, 33, 4))
    return _frames("v_#.json", (json.dumps({"pose_landmarks": frame}) for frame in frames))


def landmark_csv(n: int) -> list[NamedBytes]:
    head = ",".join(["frame", *(f"L{v}_{k}" for v in range(33) for k in ("x", "y", "z", "visibility"))])
    return _lines("b.csv", [head], ([t, *_flat(frame)] for t, frame in enumerate(places(n, 33, 4))))


def landmark_arrays(n: int) -> list[NamedBytes]:
    files = []
    for t, frame in enumerate(places(n, 33, 4)):
        held = io.BytesIO()
        np.save(held, np.array(frame).reshape(-1))
        files.append(NamedBytes(f"a/{t}.npy", held.getvalue()))
    return files


def landmark_stack(n: int) -> list[NamedBytes]:
    held = io.BytesIO()
    np.save(held, np.array(places(n, 33, 4)).reshape(n, -1))
    return [NamedBytes("a/b.npy", held.getvalue())]


def _instances(frame: list[list[float]]) -> list[dict[str, object]]:
    scores = [0.9123] * len(frame)
    return [{"keypoints": frame, "keypoint_scores": scores, "bbox": [[0.1, 0.2, 0.3, 0.4]], "bbox_score": 0.9}]


def mmpose(n: int) -> list[NamedBytes]:
    frames = places(n, 17, 2, 500)
    return _json([{"frame_id": t + 1, "instances": _instances(frame)} for t, frame in enumerate(frames)])


def mmpose_images(n: int) -> list[NamedBytes]:
    return _frames("v_#.json", (json.dumps(_instances(frame)) for frame in places(n, 17, 2, 500)))


def alphapose(n: int) -> list[NamedBytes]:
    return _json(
        [
            {"image_id": f"{t}.jpg", "category_id": 1, "keypoints": _flat(frame), "score": 2.9, "idx": [1.0]}
            for t, frame in enumerate(places(n, 17, 3, 500))
        ]
    )


def coco(n: int) -> list[NamedBytes]:
    return _json(
        [
            {"image_id": t, "category_id": 1, "keypoints": _flat(frame), "score": 0.9}
            for t, frame in enumerate(places(n, 17, 3, 500))
        ]
    )


def yolo_txt(n: int) -> list[NamedBytes]:
    lines = (" ".join(map(str, [0, 0.5, 0.5, 0.2, 0.8, *_flat(frame)])) for frame in places(n, 17, 3))
    return _frames("v_#.txt", (f"{line}\n" for line in lines))


def yolo_json(n: int) -> list[NamedBytes]:
    def found(frame: list[list[float]]) -> str:
        xs, ys, seen = (list(column) for column in zip(*frame, strict=True))
        keypoints = {"x": xs, "y": ys, "visible": seen}
        box = {"x1": 1.5, "y1": 2.5, "x2": 3.5, "y2": 4.5}
        return json.dumps([{"name": "person", "class": 0, "confidence": 0.9, "box": box, "keypoints": keypoints}])

    return _frames("v_#.json", map(found, places(n, 17, 3, 500)))


def deeplabcut(n: int) -> list[NamedBytes]:
    parts = [f"part{v}" for v in range(17)]
    heads = [
        ",".join(["scorer", *["DLC"] * 51]),
        ",".join(["bodyparts", *(part for part in parts for _ in range(3))]),
        ",".join(["coords", *["x", "y", "likelihood"] * 17]),
    ]
    return _lines("b.csv", heads, ([t, *_flat(frame)] for t, frame in enumerate(places(n, 17, 3, 500))))


def sleap(n: int) -> list[NamedBytes]:
    head = ",".join(
        ["track", "frame_idx", "instance.score", *(f"p{v}.{k}" for v in range(17) for k in ("x", "y", "score"))]
    )
    return _lines("b.csv", [head], (["one", t, 0.9, *_flat(frame)] for t, frame in enumerate(places(n, 17, 3, 500))))


def bvh(n: int) -> list[NamedBytes]:
    lines = ["HIERARCHY", "ROOT j0", "{", "OFFSET 0 0 0"]
    lines += ["CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"]
    for v in range(1, 20):
        lines += [f"JOINT j{v}", "{", "OFFSET 0 10 0", "CHANNELS 3 Zrotation Xrotation Yrotation"]
    lines += ["End Site", "{", "OFFSET 0 5 0", *["}"] * 21]
    heads = [*lines, "MOTION", f"Frames: {n}", "Frame Time: 0.033333"]
    return _lines("b.bvh", heads, (_flat(frame) for frame in places(n, 21, 3, 90)), " ")


def trc(n: int) -> list[NamedBytes]:
    heads = [
        "PathFileType\t4\t(X/Y/Z)\tb.trc", "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"100\t100\t{n}\t20\tmm", "Frame#\tTime\t" + "\t\t\t".join(f"M{v}" for v in range(20)),
        "\t\t" + "\t".join(f"{axis}{v + 1}" for v in range(20) for axis in "XYZ"),
    ]  # fmt: skip
    rows = ([t + 1, round(t / 100, 3), *_flat(frame)] for t, frame in enumerate(places(n, 20, 3, 900)))
    return _lines("b.trc", heads, rows, "\t")


def c3d_points(n: int) -> list[NamedBytes]:
    writer = c3d.Writer(point_rate=100.0)
    writer.set_point_labels([f"M{v}" for v in range(20)])
    rows_TVK = np.pad(np.array(places(n, 20, 3, 900), np.float32), ((0, 0), (0, 0), (0, 2)))
    writer.add_frames([(row_VK, np.zeros((0, 0))) for row_VK in rows_TVK])
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are no analog data
        writer.write(held)
    return [NamedBytes("a/b.c3d", held.getvalue())]


def motive(n: int) -> list[NamedBytes]:
    columns = [(f"Ann:J{v}", axis) for v in range(20) for axis in "XYZ"]
    heads = [
        "Format Version,1.23,Export Frame Rate,120.0,Length Units,Millimeters,Coordinate Space,Global",
        *(f",{what}," + ",".join([text] * 60) for what, text in (("Type", "Bone"), ("Name", ""), ("", "Position"))),
        "Frame,Time (Seconds)," + ",".join(axis for _, axis in columns),
    ]
    heads[2] = ",Name," + ",".join(name for name, _ in columns)
    return _lines("b.csv", heads, ([t, t / 120, *_flat(frame)] for t, frame in enumerate(places(n, 20, 3, 900))))


def vicon(n: int) -> list[NamedBytes]:
    heads = ["Trajectories", "100", ",," + ",,,".join(f"Ann:M{v}" for v in range(20)) + ",,"]
    heads += ["Frame,Sub Frame" + ",X,Y,Z" * 20, "," + ",mm" * 60]
    return _lines("b.csv", heads, ([t + 1, 0, *_flat(frame)] for t, frame in enumerate(places(n, 20, 3, 900))))


def mvnx(n: int) -> list[NamedBytes]:
    segments = "".join(f'<segment label="s{v}"/>' for v in range(23))
    head = f'<mvnx><subject frameRate="60"><segments>{segments}</segments><frames>'
    rows = (
        [f'<frame index="{t}"><position>', *_flat(frame), "</position></frame>"]
        for t, frame in enumerate(places(n, 23, 3))
    )
    (file,) = _lines("b.mvnx", [head], rows, " ")
    return [NamedBytes(file.name, file.data + b"</frames></subject></mvnx>")]


def named_csv(n: int) -> list[NamedBytes]:
    head = ",".join(["frame", *(f"joint{v}_{k}" for v in range(25) for k in "xyz")])
    return _lines("b.csv", [head], ([t, *_flat(frame)] for t, frame in enumerate(places(n, 25, 3))))


def number_lines(n: int) -> list[NamedBytes]:
    return _lines("b.txt", [], (_flat(frame) for frame in places(n, 25, 7)), " ")


def joint_lines(n: int) -> list[NamedBytes]:
    return _lines("b.txt", [], (joint for frame in places(n, 20, 4) for joint in frame), " ")


def azure(n: int) -> list[NamedBytes]:
    frames = [
        {"frame_id": t, "bodies": [{"body_id": 1, "joint_positions": frame}]}
        for t, frame in enumerate(places(n, 32, 3, 900))
    ]
    return _json({"frames": frames})


def ucla(n: int) -> list[NamedBytes]:
    return _json({"file_name": "a01_s01_e01_v01", "skeletons": places(n, 20, 3)})


def five(n_frames: int, n_joints: int, n_numbers: int, scale: float) -> list[list[list[list[float]]]]:
    """(frames, bodies, joints, numbers) of five people beside each other, whom nobody has followed."""
    drawn = np.random.default_rng(0).uniform(0.1, 0.3, (n_frames, 5, n_joints, n_numbers))
    drawn[..., 0] += 0.15 * np.arange(5)[None, :, None]
    lists: list[list[list[list[float]]]] = (drawn * ([scale] * 2 + [1] * (n_numbers - 2))).round(4).tolist()
    return lists


def openpose_five(n: int) -> list[NamedBytes]:
    frames = ([{"pose_keypoints_2d": _flat(body)} for body in frame] for frame in five(n, 25, 3, 500))
    return _frames("v_#_keypoints.json", (json.dumps({"version": 1.3, "people": people}) for people in frames))


def mmpose_five(n: int) -> list[NamedBytes]:
    frames = ([one for body in frame for one in _instances(body)] for frame in five(n, 17, 2, 500))
    return _json([{"frame_id": t, "instances": instances} for t, instances in enumerate(frames)])


def yolo_five(n: int) -> list[NamedBytes]:
    rows = ([[0, 0.5, 0.5, 0.2, 0.8, *_flat(body)] for body in frame] for frame in five(n, 17, 3, 1))
    return _frames("v_#.txt", ("".join(" ".join(map(str, row)) + "\n" for row in frame) for frame in rows))


def landmark_lines(n: int) -> list[NamedBytes]:
    rows = ([t, v, *joint] for t, frame in enumerate(places(n, 33, 4)) for v, joint in enumerate(frame))
    return _lines("b.csv", ["frame,landmark,x,y,z,visibility"], rows)


def deeplabcut_pictures(n: int) -> list[NamedBytes]:
    (file,) = deeplabcut(n)
    heads, rows = file.data.split(b"\n")[:3], file.data.split(b"\n")[3:-1]
    named = [b"labeled-data/v/img%05d.png,%s" % (t, row.partition(b",")[2]) for t, row in enumerate(rows)]
    return [NamedBytes("a/b.csv", b"\n".join([*heads, *named]) + b"\n")]


FORMS: dict[str, tuple[Made, str | None]] = {
    "openpose_json": (openpose, None),
    "openpose_video": (openpose_video, None),
    "landmark_json": (landmark_json, None),
    "landmark_images": (landmark_images, None),
    "landmark_csv": (landmark_csv, None),
    "landmark_arrays": (landmark_arrays, None),
    "landmark_stack": (landmark_stack, None),
    "mmpose_json": (mmpose, None),
    "mmpose_images": (mmpose_images, None),
    "alphapose_json": (alphapose, None),
    "coco_keypoints": (coco, None),
    "yolo_txt": (yolo_txt, None),
    "yolo_json": (yolo_json, None),
    "deeplabcut_csv": (deeplabcut, None),
    "sleap_csv": (sleap, None),
    "bvh": (bvh, None),
    "trc": (trc, None),
    "c3d": (c3d_points, None),
    "mvnx": (mvnx, None),
    "motive_csv": (motive, None),
    "vicon_csv": (vicon, None),
    "named_csv": (named_csv, None),
    "number_lines": (number_lines, None),
    "joint_lines": (joint_lines, "msr20"),
    "azure_json": (azure, None),
    "ucla_json": (ucla, None),
}
"""Form -> how a clip of it is made, and the layout that a definition must say."""
OTHERS: dict[str, tuple[str, Made]] = {
    "openpose_json, 5": ("openpose_json", openpose_five),
    "mmpose_json, 5": ("mmpose_json", mmpose_five),
    "yolo_txt, 5": ("yolo_txt", yolo_five),
    "landmark lines": ("landmark_csv", landmark_lines),
    "DLC, pictures": ("deeplabcut_csv", deeplabcut_pictures),
    "landmarks, lines": ("landmark_json", landmark_json_lines),
}
"""Other clips of some forms: of five people whom the tool does not follow, and in their other shapes."""

if __name__ == "__main__":
    main(sys.argv[1:])
