"""The recogniser file: one zip with all that a prediction needs. Reader beside writer; nothing in it can run.

recogniser.json      encoder, layouts, names and dates of the examples, versions; with a digest of all members
weights.safetensors  the weights of the encoder
examples.safetensors joints (T, V, C) of every example, as its source has them

In: an encoder and examples. Out: the file, which appears only when it is complete; and both again from the file. The
same encoder and examples give the same bytes.
"""

import fcntl
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from dastm import __version__
from dastm.config.load import config_from_dict
from dastm.contract.documents import MOST_JSON, DocumentError, cut, json_value, read_file
from dastm.contract.errors import RunError
from dastm.contract.os_errors import os_line
from dastm.contract.ownership import FileKind, check_file, check_plain, remove_unfinished
from dastm.contract.shard_format import checksum
from dastm.contract.skeleton import Layout
from dastm.recogniser.clips import Clip
from dastm.recogniser.encoder import Encoder, build_encoder
from dastm.recogniser.examples import Example
from dastm.runs.files import json_bytes, reading, write_bytes
from dastm.runs.limits import Known, limits_from
from dastm.runs.sealed import check_seal, sealed

SCHEMA_VERSION = 3
READ_VERSIONS = (2, 3)
ABOUT, WEIGHTS, EXAMPLES = "recogniser.json", "weights.safetensors", "examples.safetensors"
MEMBERS = (ABOUT, WEIGHTS, EXAMPLES)
MOST_BYTES = 512 * 2**20
MOST = {ABOUT: MOST_JSON, WEIGHTS: MOST_BYTES, EXAMPLES: MOST_BYTES}
"""Largest accepted size of each member in bytes, unpacked."""
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The only date in the zip, so that the same recogniser gives the same bytes."""
ZIP_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(KeyError, ValueError, RuntimeError, NotImplementedError, EOFError),
)
"""Exceptions of reading a damaged zip, whose bytes may name any compression."""
AGAIN = "make it again with `dastm enrol`"


def write_container(path: Path, encoder: Encoder, examples: Sequence[Example]) -> str:
    """Write the file; it appears only when it is complete -> its digest. Files of other programs are never replaced.

    Raises: NotOurs if something else is there; RunError if it cannot be written.
    """
    check_replaceable(path)
    data = container_bytes(encoder, examples)
    try:
        remove_unfinished(path.parent, path.name.__eq__)
        write_bytes(path, data)
    except OSError as error:
        raise RunError(os_line(error, path, "cannot be written")) from None
    return checksum(data)


def container_bytes(encoder: Encoder, examples: Sequence[Example]) -> bytes:
    """The file's bytes. Raises: RunError for more than a file may hold."""
    state = {name: tensor.contiguous() for name, tensor in sorted(encoder.model.state_dict().items())}
    weights = save_tensors(state)
    joints = save_arrays({f"{n:05d}": np.ascontiguousarray(e.clip.joints_TVC) for n, e in enumerate(examples)})
    layouts = list(dict.fromkeys(example.clip.layout for example in examples))
    document = {
        "schema_version": SCHEMA_VERSION,
        "written_by": f"dastm {__version__}",
        "encoder": {
            "name": encoder.name,
            "config": encoder.config.to_dict(),
            "n_frames": encoder.n_frames,
            "limits": asdict(encoder.limits),
            "known": None if encoder.known is None else encoder.known.to_dict(),
            "about": dict(encoder.about),
        },
        "layouts": [layout.to_dict() for layout in layouts],
        "examples": [_row(example, layouts.index(example.clip.layout)) for example in examples],
        "digests": {WEIGHTS: checksum(weights), EXAMPLES: checksum(joints)},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in zip(MEMBERS, (json_bytes(sealed(document)), weights, joints), strict=True):
            if len(data) > MOST[name]:
                raise RunError(f"{len(examples)} examples are too many for one recogniser: {name} would be too large")
            info = zipfile.ZipInfo(name, date_time=EARLIEST)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, data, compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()


def read_container(path: Path) -> tuple[Encoder, list[Example], str]:
    """The encoder and the examples of a file, and its digest.

    Raises: RunError as `dastm.recogniser.file.read_recogniser`.
    """
    with reading(path, AGAIN):
        data = read_file(path, MOST_BYTES)
    document, weights, joints = _members(data, path)
    try:
        return *_parts(document, weights, joints, path), checksum(data)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, SafetensorError) as error:
        raise RunError(f"{path}: not a recogniser that this version reads ({cut(error)}); {AGAIN}") from None


def check_replaceable(path: Path) -> None:
    """Raise NotOurs if another file, a folder or a link is where a recogniser is to be written."""
    check_plain(path)
    check_file(path, RECOGNISER)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of the file with this name, if it exists: another program that wants to change it waits.

    A program that had the lock may have replaced the file. Raises: RunError if the file cannot be opened.
    """
    with ExitStack() as opened:
        try:
            while path.is_file():
                file = opened.enter_context(path.open("rb"))
                fcntl.flock(file, fcntl.LOCK_EX)
                if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    break
        except OSError as error:
            raise RunError(os_line(error, path, "cannot be read")) from None
        yield


def _has_members(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return sorted(archive.namelist()) == sorted(MEMBERS)


RECOGNISER = FileKind("a recogniser file", _has_members)


def _row(example: Example, layout: int) -> dict[str, Any]:
    clip = example.clip
    return {
        "action": example.action,
        "added": example.added,
        "layout": layout,
        **{name: getattr(clip, name) for name in ("key", "source", "body", "subject", "fps", "first_frame")},
        "notes": list(clip.notes),
    }


def _members(packed: bytes, path: Path) -> tuple[dict[str, Any], bytes, bytes]:
    """The members of the file, checked against its digests."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            data = {name: _member(archive, name) for name in MEMBERS}
    except ZIP_FAULTS as error:
        raise RunError(f"{path}: not a recogniser file, or damaged ({cut(error)}); {AGAIN}") from None
    try:
        document = check_seal(json_value(data[ABOUT]), path, AGAIN)
    except DocumentError as error:
        raise RunError(f"{path}: {ABOUT} is damaged ({error}); {AGAIN}") from None
    if document.get("schema_version") not in READ_VERSIONS:
        raise RunError(
            f"{path}: written by {document.get('written_by')}, version {document.get('schema_version')} of the file;"
            f" this reads versions {' and '.join(map(str, READ_VERSIONS))}; {AGAIN}"
        )
    digests = document.get("digests")
    for name in (WEIGHTS, EXAMPLES):
        if not isinstance(digests, dict) or digests.get(name) != checksum(data[name]):
            raise RunError(f"{path}: {name} is damaged; {AGAIN}")
    return document, data[WEIGHTS], data[EXAMPLES]


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > MOST[name]:
        raise ValueError(f"{name} is larger than in any recogniser")
    return archive.read(name)


def _parts(document: Mapping[str, Any], weights: bytes, joints: bytes, path: Path) -> tuple[Encoder, list[Example]]:
    about = document["encoder"]
    config = config_from_dict(about["config"], str(path))
    state = load_tensors(weights)
    limits, told = limits_from(about["limits"]), about.get("known")  # before version 3 there were no movements
    facts = str(about["name"]), config, int(about["n_frames"]), state, about["about"]
    encoder = build_encoder(*facts, str(path), limits, None if told is None else Known.from_dict(told))
    layouts = [Layout.from_dict(layout) for layout in document["layouts"]]
    arrays: dict[str, NDArray[np.float32]] = load_arrays(joints)
    rows = document["examples"]
    return encoder, [_example(row, arrays[f"{n:05d}"], layouts) for n, row in enumerate(rows)]


def _example(row: Mapping[str, Any], joints_TVC: NDArray[np.float32], layouts: list[Layout]) -> Example:
    clip = Clip(
        layout=layouts[row["layout"]],
        joints_TVC=joints_TVC,
        notes=tuple(row["notes"]),
        action=row["action"],
        subject=None if row.get("subject") is None else int(row["subject"]),  # no part of files written before
        **{name: row[name] for name in ("key", "source", "body", "fps", "first_frame")},
    )
    return Example(action=row["action"], clip=clip, added=str(row["added"]))
