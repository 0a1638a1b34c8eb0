"""Makes raw files from a moving, noisy parametric skeleton: the demos, the tests' data, and motion for training.

In: a definition with a `synth` block. Out: a folder of genuine-looking raw files, or of one zip that holds them.
The steps of a demo's clip: classes (what is done) -> moves -> motion (by whom, when) -> body (joints in space)
-> depth_camera or video_camera (what a sensor sees) -> writers (bytes) -> members (which files there are) -> here.
With `vocabulary: open`: vocabulary (what is done) -> stages -> render (by whom, when) -> body
-> sensor (3-D) or image_sensor (2-D) -> motion_members -> here.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from dastm.contract.documents import read_json
from dastm.contract.errors import DataError
from dastm.contract.progress import progress
from pipeline.definitions.definition import MAX_MOTIONS, Definition, SynthSpec
from pipeline.synthesis.classes import MAX_CLASSES, class_name, class_script
from pipeline.synthesis.members import (
    MAX_CLIPS,
    N_KINETICS_EXTRAS,
    N_NTU_EXTRAS,
    NTU_FOLDER,
    Members,
    kinetics_members,
    ntu_members,
)
from pipeline.synthesis.motion_members import MAX_MOTION_CLIPS, MOTION_NAME, VIEWS, motion_members
from pipeline.work.folders import FolderKind, check_replaceable, replaced_folder
from pipeline.work.paths import clear_errors

__all__ = ["class_name", "class_script", "synthesise"]

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The only date that goes into a zip, so that the same data gives the same bytes."""
MOTION_FORMAT = "folder_arrays"
MEMBERS = {"ntu_skeleton": (ntu_members, N_NTU_EXTRAS), "kinetics_json": (kinetics_members, N_KINETICS_EXTRAS)}
LIMITS = {"fixed": (MAX_CLASSES, MAX_CLIPS), "open": (MAX_MOTIONS, MAX_MOTION_CLIPS)}
"""vocabulary -> most classes, and most clips of each."""
LIST_NAME = ".synthetic.json"
"""Every file that was made, with its CRC. Genuine files have the same names, so names alone say nothing."""


def synthesise(definition: Definition, out: Path) -> int:
    """Write the raw files of a synthetic data set; the same (definition.synth, format) gives the same bytes.

    `out` is replaced as a whole at the end: if the command is stopped, the old folder is unchanged.

    Returns: number of files written (inside the zip, if `synth.zipped`).
    Raises: DataError if the data set is a recorded one, or its `synth` block cannot be fulfilled; DataError or NotOurs
    if `out` holds a file that was not made here, or was changed since.
    """
    spec = _checked(definition)
    files, n_extras = _members(definition, spec)
    check_replaceable(out, SYNTHETIC)
    total = spec.n_classes * spec.clips_per_class + n_extras
    members = progress(files, total=total, desc=f"synthesise {definition.name}", unit="file")
    with clear_errors(out), replaced_folder(out, SYNTHETIC) as folder:
        write = _write_zip if spec.zipped else _write_tree
        n_files, made = write(members, folder / f"{definition.name}.zip" if spec.zipped else folder)
        (folder / LIST_NAME).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return n_files


def _checked(definition: Definition) -> SynthSpec:
    spec = definition.synth
    if spec is None:
        download = " ".join(definition.download.split()) or "its raw files"
        raise DataError(f"{definition.name} is recorded, there is nothing to synthesise; download {download}")
    for name, most in zip(("n_classes", "clips_per_class"), LIMITS[spec.vocabulary], strict=True):
        if getattr(spec, name) > most:
            raise DataError(f"{definition.name}: synth.{name}: at most {most}, got {getattr(spec, name)}")
    return spec


def _members(definition: Definition, spec: SynthSpec) -> tuple[Members, int]:
    """The files, and how many are no clip of a class; DataError where the vocabulary is not written in that format."""
    format_name, layout = definition.parse.format, definition.parse.layout.name
    formats = tuple(MEMBERS) if spec.vocabulary == "fixed" else (MOTION_FORMAT,)
    if format_name not in formats:
        raise DataError(
            f"{definition.name}: synth.vocabulary: {spec.vocabulary} is written as {' or '.join(formats)}, not as"
            f" {format_name}"
        )
    if spec.vocabulary == "fixed":
        make, n_extras = MEMBERS[format_name]
        return make(spec), n_extras
    if layout not in VIEWS:
        raise DataError(f"{definition.name}: synth: made for layout {' or '.join(VIEWS)}, not for {layout}")
    return motion_members(spec, VIEWS[layout]), 0


def _listed(folder: Path) -> list[str] | None:
    """The files of a folder that are as they were made; None where nothing says which those are."""
    try:
        made = read_json(folder / LIST_NAME)
        return [LIST_NAME, *(name for name, crc in made.items() if _crc(folder / name) == crc)]
    except (OSError, ValueError, AttributeError):
        return None


SYNTHETIC = FolderKind(
    about="synthetic data as it was made",
    marker=LIST_NAME,
    listed=_listed,
    names=re.compile(
        rf"{re.escape(NTU_FOLDER)}/\w+\.skeleton|kinetics_(train|val)(/[\w-]+|_label)\.json|[\w-]+\.zip|"
        rf"{MOTION_NAME}|{re.escape(LIST_NAME)}"
    ),
)


def _crc(path: Path) -> int | None:
    """CRC-32 of a file; None where it is not there."""
    if not path.is_file():
        return None
    crc = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            crc = zlib.crc32(block, crc)
    return crc


def _write_tree(members: Iterable[tuple[str, bytes]], folder: Path) -> tuple[int, dict[str, int]]:
    """How many files, and name -> CRC of those that then lie in the folder."""
    made = {}
    for name, content in members:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        made[name] = zlib.crc32(content)
    return len(made), made


def _write_zip(members: Iterable[tuple[str, bytes]], path: Path) -> tuple[int, dict[str, int]]:
    """As `_write_tree`; in the folder lies the zip alone."""
    n_files = 0
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, date_time=EARLIEST)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content, compress_type=zipfile.ZIP_DEFLATED, compresslevel=3)
            n_files += 1
    return n_files, {path.name: _crc(path) or 0}
