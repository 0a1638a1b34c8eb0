"""Parquet footers, which no checksum of ours covers when they are read; and exports, read back by `parse`."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from dastm.contract.errors import RefusedError
from dastm.contract.shard_reading import read_index
from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import ParseSpec
from pipeline.exchange.export import export_parsed
from pipeline.parse.parsed_folder import check_table
from pipeline.parse.raw_files import RawFile
from pipeline.parse.sources.pyskl import members, read
from pipeline.storage.table import (
    RefusedFile,
    read_clips,
    read_file_facts,
    read_layout,
    read_refused,
    refused_to_table,
    table_file_path,
    write_table_file,
)
from pipeline.tracks import Tracks
from tests.fuzz.documents import INDEX, in_file, refusing
from tests.fuzz.reader import Reader
from tests.fuzz.results import PREDICTED, _predictions
from tests.fuzz.sources import PICKLE_PIECES
from tests.oracles.hand_made import STICK, STICK_2D, moving_body, parsed_clip, tracks_of, write_table

PARSED = {
    layout.name: ParseSpec(format="pyskl_pickle", layout=layout, class_names=("wave", "nod", "bow"))
    for layout in (STICK, STICK_2D)
}
FOOTER_PIECES = (b"\x00", b"\xff" * 5, b"\x7f" * 9, b"\x15\x02", b"\x19\x1c", b"\x18\x00", b"joints", b"schema_version")
ALLOWANCE = 64_000_000


def footer(file: bytes, read_file: Callable[[bytes], object], **row: Any) -> Reader:
    """A row whose inputs are the footers of a Parquet file of ours: thrift, and the schema of Arrow in base64."""
    n_bytes = int.from_bytes(file[-8:-4], "little")
    start = len(file) - 8 - n_bytes
    pages = file[:start]

    def with_pages(data: bytes) -> object:
        return read_file(pages + data + len(data).to_bytes(4, "little") + b"PAR1")

    return Reader(
        read=with_pages,
        seeds=[file[start:-8]],
        pieces=FOOTER_PIECES,
        **{"least_read": 1, "allowance": ALLOWANCE, **row},
    )


def clips_in(path: Path) -> object:
    """As `split` and `inspect` come to read a file of clips."""
    read_layout(path.parent)
    return read_file_facts(path).num_rows, len(list(read_clips(path.parent)))


def made_clips(rng: np.random.Generator, layout: Layout) -> list[Tracks]:
    """One to three clips of up to three bodies that come and go; joints are lost, or lie at the origin."""
    return [_made_clip(rng, layout) for _ in range(rng.integers(1, 4))]


def _made_clip(rng: np.random.Generator, layout: Layout) -> Tracks:
    frames = int(rng.integers(1, 7))
    moving = [moving_body(rng, frames) for _ in range(rng.integers(1, 4))]
    bodies = [{t: body[t] for t in sorted({int(rng.integers(frames)), *_some(rng, frames)})} for body in moving]
    lost_PV = rng.random((sum(map(len, bodies)), layout.n_joints)) < rng.choice([0.0, 0.3])
    lost_PV[:, 0] = False  # whoever is nowhere is not there: the form has no other way to say it
    if not layout.is_image:
        tracks = tracks_of(bodies, frames)
        at_origin_PV = rng.random(lost_PV.shape) < rng.choice([0.0, 0.2])
        at_origin_PV[:, 0] = False
        joints_PVC = np.where(at_origin_PV[..., None], np.float32(0), tracks.joints_PVC)
        return replace(tracks, joints_PVC=np.where(lost_PV[..., None], np.float32(np.nan), joints_PVC))
    tracks = tracks_of([{t: joints[:, :2] for t, joints in body.items()} for body in bodies], frames, shape=(4, 2))
    scores_PV = np.where(lost_PV, 0, rng.random(lost_PV.shape)).astype(np.float32)
    return replace(tracks, joints_PVC=np.where(lost_PV[..., None], 0, tracks.joints_PVC), scores_PV=scores_PV)


def _some(rng: np.random.Generator, frames: int) -> list[int]:
    return np.flatnonzero(rng.random(frames) < 0.8).tolist()


def exported(clips: list[Tracks]) -> bytes:
    """The pickle of `dastm-data export`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write_table(folder, [parsed_clip(f"c{i}", i % 3, tracks) for i, tracks in enumerate(clips)])
        export_parsed(table, folder / "out.pkl")
        return (folder / "out.pkl").read_bytes()


def parsed(spec: ParseSpec, data: bytes) -> tuple[object, ...]:
    """What `parse` makes of every clip of a pickle: its tracks, or why it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.pkl").write_bytes(data)
        raw = RawFile(
            source="x.pkl",
            root=Path(folder),
            member=None,
            size=len(data),
            stamp=Path(folder, "x.pkl").stat().st_mtime_ns,
        )
        return tuple(_clip_or_reason(member, spec) for member in members([raw], spec))


def _clip_or_reason(member: Any, spec: ParseSpec) -> object:
    try:
        return member.problem or read(member, spec)
    except RefusedError as why:
        return str(why)


def _seeded(data: bytes) -> tuple[Layout, list[Tracks]]:
    """Clips that follow from these bytes."""
    rng = np.random.default_rng(list(blake2b(data, digest_size=8).digest()))
    layout = (STICK, STICK_2D)[rng.integers(2)]
    return layout, made_clips(rng, layout)


def _compared(found: object) -> object:
    """What the form keeps of a clip; in 3-D it has scores of its own, 0 for what is nan."""
    if not isinstance(found, Tracks):
        return found
    scores_PV = found.scores_PV if found.joints_PVC.shape[2] == 2 else None
    return found.frames, found.ids, found.lengths, found.frame_index, found.joints_PVC, scores_PV


def there_and_back(data: bytes) -> tuple[object, ...]:
    """Clips that follow from these bytes, exported and parsed."""
    layout, clips = _seeded(data)
    return tuple(map(_compared, parsed(PARSED[layout.name], exported(clips))))


def _clips_file() -> bytes:
    rng = np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as folder:
        made = write_table(Path(folder), [parsed_clip(key, 0, tracks_of([moving_body(rng, 3)], 3)) for key in "ab"])
        return table_file_path(made, "clips", 0).read_bytes()


def _refused_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = table_file_path(Path(folder), "refused", 0)
        write_table_file(refused_to_table([RefusedFile(source="a", key="a", line=7, byte=None, reason="odd")]), path)
        return path.read_bytes()


def _exports() -> list[bytes]:
    return [exported(made_clips(np.random.default_rng(7), layout)) for layout in (STICK, STICK_2D)]


TABLES: dict[str, Reader] = {
    "footer of clips": footer(_clips_file(), in_file("clips-00000.parquet", clips_in)),
    "footer of clips to replace": footer(
        _clips_file(), in_file("clips-00000.parquet", lambda path: check_table(path.parent))
    ),
    "footer of refused files": footer(
        _refused_file(), in_file("refused-00000.parquet", lambda path: read_refused(path.parent).num_rows)
    ),
    "footer of an index": footer(INDEX, in_file("index.parquet", lambda path: read_index(path.parent).num_rows)),
    "footer of predictions": footer(PREDICTED[0], _predictions),
    "export": Reader(read=refusing(partial(parsed, PARSED[STICK.name])), seeds=_exports()[:1], pieces=PICKLE_PIECES),
    "export of images": Reader(
        read=refusing(partial(parsed, PARSED[STICK_2D.name])), seeds=_exports()[1:], pieces=PICKLE_PIECES
    ),
    "export, there and back": Reader(
        read=there_and_back,
        twin=lambda data: tuple(map(_compared, _seeded(data)[1])),
        seeds=[b"any bytes"],
        allowance=64_000_000,
        least_refused=0,
    ),
}
"""By name."""
