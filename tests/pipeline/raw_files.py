"""Raw files small enough to read: a skeleton of two joints, in both formats, and definitions that take them."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import Definition, load_definition

TWO = Layout(name="two", joints=("hip", "head"), bones=((1, 0),))
TWO_2D = replace(TWO, name="two2d", coordinates=("x", "y", "confidence"))

SKELETON = """3
1
72057594037944738 0 1 1 1 1 0 0.01 -0.25 2
2
0.1 -2.5e-1 3 0 0 0 0 0 0 0 0 2
-1 1E2 +0.3333333333333 0 0 0 0 0 0 0 0 2
0
2
72057594037944739 0 1 1 1 1 0 0.01 -0.25 2
2
1 2 3 0 0 0 0 0 0 0 0 2
4 5 6 0 0 0 0 0 0 0 0 2
72057594037944738 0 1 1 1 1 0 0.01 -0.25 2
2
7 8 9 0 0 0 0 0 0 0 0 2
10 11 12 0 0 0 0 0 0 0 0 1
"""
"""Three frames: one body; none; a new body and the first one again."""


def person(*pose: float, score: Sequence[float] = (1.0, 0.5)) -> dict[str, Any]:
    return {"pose": list(pose), "score": list(score)}


def clip(**changes: Any) -> dict[str, Any]:
    """Frames 1, 2 (nobody), 4 (two people) of a clip labelled abseiling, 0."""
    frames = [
        {"frame_index": 1, "skeleton": [person(0.1, 0.2, 0.3, 0.4)]},
        {"frame_index": 2, "skeleton": []},
        {"frame_index": 4, "skeleton": [person(0.5, 0.6, 0.7, 1.16, score=(0, 1.29)), person(1, 0, 1, 0)]},
    ]
    return {"data": frames, "label": "abseiling", "label_index": 0} | changes


def write_json(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def write_ntu(folder: Path, names: Mapping[str, str] | Sequence[str]) -> None:
    """Files by name; SKELETON where no text is given."""
    texts = names if isinstance(names, Mapping) else dict.fromkeys(names, SKELETON)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


def zip_folder(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def definition(base: str, **changes: Any) -> Definition:
    """A shipped definition with the skeleton of two joints and changes in its parse block."""
    shipped = load_definition(base)
    layout = TWO_2D if shipped.parse.format == "kinetics_json" else TWO
    return replace(shipped, parse=replace(shipped.parse, **({"layout": layout} | changes)))
