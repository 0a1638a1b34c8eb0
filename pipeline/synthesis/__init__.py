"""Raw files of both formats from a moving, noisy, two-bodied parametric skeleton: the demo, and the tests' data.

In: a definition with a `synth` block. Out: a folder of genuine-looking raw files, or of one zip that holds them.
A clip's way: classes (what is done) -> moves -> motion (by whom, when) -> body (joints in space)
-> depth_camera or video_camera (what a sensor sees) -> writers (bytes) -> members (which files there are) -> here.
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from dastm.progress import progress
from pipeline.definitions import Definition, SynthSpec
from pipeline.errors import DataError
from pipeline.folders import replaced_folder
from pipeline.places import clear_errors
from pipeline.synthesis.classes import MAX_CLASSES, class_name, class_script
from pipeline.synthesis.members import (
    MAX_CLIPS,
    N_KINETICS_EXTRAS,
    N_NTU_EXTRAS,
    NTU_FOLDER,
    kinetics_members,
    ntu_members,
)

__all__ = ["class_name", "class_script", "synthesise"]

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The only date that goes into a zip, so that the same data gives the same bytes."""
MEMBERS = {"ntu_skeleton": (ntu_members, N_NTU_EXTRAS), "kinetics_json": (kinetics_members, N_KINETICS_EXTRAS)}
TOP_LEVEL = {
    "ntu_skeleton": {NTU_FOLDER},
    "kinetics_json": {f"kinetics_{name}" for name in ("train", "val", "train_label.json", "val_label.json")},
}


def synthesise(definition: Definition, out: Path) -> int:
    """Write the raw files of a synthetic data set; the same (definition.synth, format) gives the same bytes.

    `out` is replaced as a whole, at the end: whatever stops this leaves the old folder as it was.

    Returns: number of files written (those inside the zip, where `synth.zipped`).
    Raises: DataError if the data set is a recorded one, its `synth` block cannot be met, or `out` holds other files.
    """
    spec = _checked(definition)
    make, n_extras = MEMBERS[definition.parse.format]
    _check_replaceable(out, TOP_LEVEL[definition.parse.format] | {f"{definition.name}.zip"})
    total = spec.n_classes * spec.clips_per_class + n_extras
    members = progress(make(spec), total=total, desc=f"synthesise {definition.name}", unit="file")
    with clear_errors(out), replaced_folder(out) as folder:
        write = _write_zip if spec.zipped else _write_tree
        return write(members, folder / f"{definition.name}.zip" if spec.zipped else folder)


def _checked(definition: Definition) -> SynthSpec:
    spec = definition.synth
    if spec is None:
        download = " ".join(definition.download.split()) or "its raw files"
        raise DataError(f"{definition.name} is recorded, there is nothing to synthesise; download {download}")
    for name, most in (("n_classes", MAX_CLASSES), ("clips_per_class", MAX_CLIPS)):
        if getattr(spec, name) > most:
            raise DataError(f"{definition.name}: synth.{name}: at most {most}, got {getattr(spec, name)}")
    return spec


def _check_replaceable(out: Path, own: set[str]) -> None:
    """Never delete what this function has not written."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is not a folder, cannot write raw files there")
    others = sorted({path.name for path in out.iterdir()} - own) if out.exists() else []
    if others:
        raise DataError(
            f"{out}: holds {others[0]!r}, which is not synthetic data; choose another folder or move it away"
        )


def _write_tree(members: Iterable[tuple[str, bytes]], folder: Path) -> int:
    n_files = 0
    for name, content in members:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        n_files += 1
    return n_files


def _write_zip(members: Iterable[tuple[str, bytes]], path: Path) -> int:
    n_files = 0
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, date_time=EARLIEST)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content, compress_type=zipfile.ZIP_DEFLATED, compresslevel=3)
            n_files += 1
    return n_files
