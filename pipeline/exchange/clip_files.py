"""A parsed table -> a zip with one file per clip that other programs can read: wide CSV, or COCO's keypoint results.

In: a table that `parse` has finished. Out: `<class>/<key>.csv`, as `pipeline.parse.sources.csv_clips` reads them, or
`<class>/<key>.json`, a list of detections as pycocotools' `loadRes` takes it, in pixels of `IMAGE_SIZE`, with the frame
as image_id and the body's id as idx. First in the zip is `export.yaml`, the definition with which `parse` reads it.
Frames that show nobody have no line in either form, so that those before the first body and after the last are lost.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dastm.contract.errors import DataError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.progress import progress
from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import Definition
from pipeline.storage.table import check_layout, read_clips, read_file_facts, read_layout, table_files
from pipeline.tracks import Tracks
from pipeline.work.paths import clear_errors, single_file

DEFINITION = "export.yaml"
IMAGE_SIZE = (1024, 1024)
"""Width and height that fractions of the image are pixels of; powers of two lose no bit."""
_NOT_IN_FILES = re.compile(r"[^\w .()-]")
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""No member has the time of the export: the same table gives the same bytes."""


def csv_of(tracks: Tracks) -> bytes:
    """A line a body and frame: frame, body, x_0, y_0, (z_0), (score_0), x_1, ..; nan where nothing was measured."""
    n_joints, n_places = tracks.joints_PVC.shape[1:]
    columns = [*"xyz"[:n_places], *(["score"] if tracks.scores_PV is not None else [])]
    numbers_PVK = tracks.joints_PVC
    if tracks.scores_PV is not None:
        numbers_PVK = np.concatenate([numbers_PVK, tracks.scores_PV[..., None]], axis=2)
    texts = numbers_PVK.reshape(len(numbers_PVK), -1).astype(str).tolist()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["frame", "body", *(f"{column}_{v}" for v in range(n_joints) for column in columns)])
    bodies = np.repeat(tracks.ids, tracks.lengths).tolist()
    writer.writerows([t, b, *row] for t, b, row in zip(tracks.frame_index.tolist(), bodies, texts, strict=True))
    return text.getvalue().encode()


def coco_of(tracks: Tracks) -> bytes:
    """Detections with x, y and confidence of every joint."""
    scores_PV = np.zeros(tracks.joints_PVC.shape[:2]) if tracks.scores_PV is None else tracks.scores_PV
    pixels_PVC = tracks.joints_PVC * np.array(IMAGE_SIZE, np.float32)
    keypoints_PN = np.concatenate([pixels_PVC, scores_PV[..., None]], axis=2).reshape(len(pixels_PVC), -1)
    bodies = np.repeat(tracks.ids, tracks.lengths).tolist()
    rows = zip(tracks.frame_index.tolist(), bodies, keypoints_PN.tolist(), scores_PV.mean(axis=1).tolist(), strict=True)
    return json.dumps(
        [
            {"image_id": frame, "category_id": 1, "idx": body, "keypoints": keypoints, "score": score}
            for frame, body, keypoints, score in rows
        ]
    ).encode()


FORMS: Mapping[str, tuple[str, Callable[[Tracks], bytes]]] = {"csv": (".csv", csv_of), "coco": (".json", coco_of)}


def export_clips(parsed: Path, out: Path, form: str, definition: Definition | None = None) -> list[str]:
    """Write the zip of a table, and say how to read it back; `out` is replaced once the new file is whole.

    Args:
        definition: the definition of the data set, whose names, layout and class split are used.

    Raises: DataError if the table or `out` cannot be used, or the format cannot hold the joints.
    """
    suffix, encode = FORMS[form]
    layout = read_layout(parsed) if definition is None else definition.parse.layout
    if layout is None:
        raise DataError(f"{parsed}: names no layout; name its data set with --dataset")
    if definition is not None:
        check_layout(parsed, layout)
    if form == "coco" and not layout.is_image:
        raise DataError(f"{parsed}: COCO's keypoints lie in an image, layout {layout.name} is 3-D; export it --to csv")
    names = _class_names(parsed, definition)
    folders = [f"{i:03d} {_NOT_IN_FILES.sub('-', name)}" for i, name in enumerate(names)]
    n_clips = 0
    with clear_errors(out), single_file(out) as file, zipfile.ZipFile(file, "w") as archive:
        _add(archive, DEFINITION, _definition(dict(zip(folders, names, strict=True)), layout, form, definition))
        for clip in progress(read_clips(parsed), desc="export", unit="clip"):
            _add(archive, f"{folders[clip.class_id]}/{clip.key}{suffix}", encode(clip.tracks))
            n_clips += 1
    return [
        f"{n_clips} clips of {len(names)} classes as {form}, {out.stat().st_size / 1e6:.1f} MB",
        f"read it again: unzip {out} {DEFINITION} && dastm-data parse --dataset {DEFINITION} --raw {out} --out FOLDER",
    ]


def _class_names(parsed: Path, definition: Definition | None) -> list[str]:
    """The name of every class up to the last one that the table has."""
    found: dict[int, str] = {}
    for path in table_files(parsed):
        facts = read_file_facts(path, ("class_id", "class_name"))
        found |= dict(zip(facts["class_id"].to_pylist(), facts["class_name"].to_pylist(), strict=True))
    if not found:
        raise DataError(f"{parsed}: not a single clip to export")
    named = definition.parse.class_names if definition is not None else ()
    return [*named, *(found.get(i) or f"class {i}" for i in range(len(named), max(found) + 1))]


def _definition(codes: Mapping[str, str], layout: Layout, form: str, definition: Definition | None) -> bytes:
    """The definition that reads the zip back."""
    suffix = re.escape(FORMS[form][0])
    source: dict[str, Any] = {"pattern": rf"(.*/)?(?P<class>[^/]+)/(?P<key>[^/]+){suffix}"}
    if form == "coco":
        source |= {"image_size": list(IMAGE_SIZE)}
    split = definition.split.class_split if definition is not None else {"train": (), "val": (), "test": "rest"}
    document = {
        "name": definition.name if definition is not None else "export",
        "parse": {
            "format": {"csv": "folder_arrays", "coco": "coco_keypoints"}[form],
            "layout": layout.name if KNOWN_LAYOUTS.get(layout.name) == layout else layout.to_dict(),
            "class_names": dict(codes),
            "source": source,
        },
        "split": {"class_split": {name: ids if isinstance(ids, str) else list(ids) for name, ids in split.items()}},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=_EARLIEST)
    archive.writestr(info, data, compress_type=zipfile.ZIP_DEFLATED, compresslevel=3)
