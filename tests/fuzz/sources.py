"""Readers of other sources: pickles, arrays, CSV. Their own tests compare them with pickle and numpy."""

import io
import pickle

import numpy as np
from hypothesis import strategies as st

from dastm.contract.skeleton import NTU25, Layout
from pipeline.parse.sources.csv_clips import parse_csv
from pipeline.parse.sources.npy import read_array
from pipeline.parse.sources.pickled import Array, numbers
from pipeline.parse.sources.pickles import load
from pipeline.parse.sources.pyskl import annotations_of
from tests.fuzz.reader import Reader
from tests.pipeline.parse.sources.source_files import STICK, STICK_2D, annotation, annotation_2d

PICKLE_PIECES = (
    *(b"(", b".", b"0", b"2", b"K\x01", b"M\xff\xff", b"N", b"R", b"b", b"a", b"e", b"s", b"u", b"t", b"]", b"}", b")"),
    *(b"cos\nsystem\n", b"\x8c\x02os\x8c\x06system\x93", b"h\x00", b"q\x00", b"\x94", b"\x85R", b"(lp0\n", b"\x80\x05"),
    *(b"X\xff\xff\xff\x7f", b"B\xff\xff\xff\x7f", b"\x8e" + b"\xff" * 7 + b"\x7f", b"(" * 3000, b"\x95" + b"\xff" * 8),
)
CSV_ALLOWANCE = 64_000_000
"""A few rows may lie far apart: a million joints, with their positions and what is made of them."""
cells = st.floats().map(repr) | st.integers().map(str) | st.text('0123456789+-.eE,nan "', max_size=6)
tables = st.lists(st.lists(cells, max_size=8).map(",".join), max_size=8).map("\n".join)


def _all_numbers(data: bytes) -> tuple[object, ...]:
    """Every array of every annotation, as `parse` would come to read it."""
    file = io.BytesIO(data)
    annotations = annotations_of(load(file, len(data)))
    values = [value for one in annotations if isinstance(one, dict) for value in one.values()]
    return tuple(numbers(file, value) for value in values if isinstance(value, Array))


def _pickles() -> list[bytes]:
    documents = {
        "split": {"train": ["a"]},
        "annotations": [annotation("a", 0, frames=2), annotation_2d("b", 1, frames=2)],
    }
    return [pickle.dumps(documents, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _wide(layout: Layout) -> bytes:
    axes = ("x", "y", "score") if layout.is_image else ("x", "y", "z")
    names = [f"{axis}_{v}" for v in range(layout.n_joints) for axis in axes]
    rows = [[str(t), *(f"{0.1 * t + 0.01 * i:.3f}" for i in range(len(names)))] for t in range(5)]
    return "\n".join([",".join(["frame", *names]), *map(",".join, rows)]).encode()


def _long() -> bytes:
    rows = [f"{t},{body},{v},{t / 8},{v / 8},-1.5e-3" for t in range(4) for body in (1, 2) for v in range(2)]
    return "\n".join(["frame,body,joint,x,y,z", *rows]).encode()


SOURCES: dict[str, Reader] = {
    "pickle": Reader(read=_all_numbers, seeds=_pickles(), pieces=PICKLE_PIECES),
    ".npy": Reader(
        read=read_array,
        seeds=[_npy(np.arange(36, dtype=kind).reshape(2, 6, 3)) for kind in ("<f4", ">f8", "<f2", "<i4")],
        pieces=(b"'|O'", b"'<V8'", b"'descr'", b"True", b"(999999999, 999999999)", b"\x93NUMPY"),
    ),
    "CSV, wide": Reader(
        read=lambda data: parse_csv(data, STICK),
        seeds=[_wide(STICK), _wide(STICK).replace(b"\n", b"\r\n")],
        pieces=(b",", b'"', b"frame", b"x_0,", b"body,", b"nan,", b"99999,"),
        allowance=CSV_ALLOWANCE,
        documents=tables.map(str.encode),
    ),
    "CSV, wide, of images": Reader(
        read=lambda data: parse_csv(data, STICK_2D), seeds=[_wide(STICK_2D)], allowance=CSV_ALLOWANCE
    ),
    "CSV, wide, NTU": Reader(read=lambda data: parse_csv(data, NTU25), seeds=[_wide(NTU25)], allowance=CSV_ALLOWANCE),
    "CSV, long": Reader(
        read=lambda data: parse_csv(data, STICK, "long"),
        seeds=[_long()],
        pieces=(b",", b'"', b"joint,", b"99999,", b"-1,", b"nan"),
        allowance=CSV_ALLOWANCE,
        documents=tables.map(lambda rows: f"frame,body,joint,x,y,z\n{rows}".encode()),
    ),
}
"""By name."""
