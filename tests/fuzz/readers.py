"""The readers that are fuzzed, by name: those of the raw formats here, those of other sources from `sources`."""

import json

import numpy as np
from hypothesis import strategies as st

from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.parse.formats.kinetics_json import parse_clip
from pipeline.parse.formats.kinetics_slow import parse_label_list, parse_objects
from pipeline.parse.formats.ntu_skeleton import parse_skeleton
from pipeline.parse.formats.ntu_slow import parse_lines
from tests.fuzz.documents import DOCUMENTS
from tests.fuzz.reader import Reader
from tests.fuzz.results import RESULTS
from tests.fuzz.sources import SOURCES
from tests.fuzz.tables import TABLES
from tests.fuzz.tools import TAKE_READERS, TOOL_READERS
from tests.pipeline.raw_files import SKELETON, TWO, TWO_2D, clip, person


def _genuine_skeleton() -> bytes:
    rng = np.random.default_rng(5)
    lines = ["4"]
    for bodies in ((1,), (1, 2), (), (2, 1)):
        lines.append(str(len(bodies)))
        for body in bodies:
            lines += [f"7205759403794473{body} 0 1 1 1 1 0 0.0117 -0.25 2", "25"]
            lines += [
                " ".join([*(f"{x:.7G}" for x in row), "2"])
                for row in rng.normal(size=(25, 11)) * 10.0 ** -rng.integers(0, 5)
            ]
    return "\n".join(lines).encode() + b"\n"


def _skeletons() -> list[bytes]:
    short = SKELETON.encode()
    bare = b"2\n1\n-5 0 1 1 1 1 0 0 0 2\n2\n1 2 3\n4.5 -5e-3 6\n1\n-5 0 1 1 1 1 0 0 0 2\n2\n1 2 3\n4.5 -5e-3 6"
    return [short, short.replace(b"\n", b"\r\n"), bare, short.replace(b" ", b"  ")]


def _clips(document: object) -> list[bytes]:
    return [json.dumps(document, **form).encode() for form in ({}, {"indent": 1}, {"separators": (",", ":")})]


def _genuine_clip() -> object:
    rng = np.random.default_rng(6)
    people = [person(*np.round(rng.random(36), 3), score=np.round(rng.random(18), 3).tolist()) for _ in range(3)]
    return clip(data=[{"frame_index": i, "skeleton": people[: i % 4]} for i in (1, 2, 3, 4)])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["data", "skeleton", "pose", "score", "label", "label_index", "frame_index"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
people = st.fixed_dictionaries(
    {"pose": st.lists(st.floats(-1, 1) | st.integers(-9, 9), min_size=4, max_size=4)}
    | {"score": st.lists(st.floats(0, 1, width=16), min_size=2, max_size=2)}
)
odd_people = people | json_values | st.builds(lambda p, v: p | {"pose": v}, people, json_values)
frames = st.fixed_dictionaries(
    {"frame_index": st.integers(0, 9) | json_values, "skeleton": st.lists(people | odd_people, max_size=3)}
)
clips = st.fixed_dictionaries(
    {"data": st.lists(frames, max_size=3)}, optional={"label": json_values, "label_index": json_values}
)
number_words = st.floats().map(repr) | st.integers().map(str) | st.text("0123456789+-.eE", max_size=6)
skeleton_lines = st.lists(st.lists(number_words, max_size=4).map(" ".join), max_size=12).map("\n".join)
skeleton_noise = st.text("0123456789 \n.-+eE\r\t", max_size=200)

JSON_PIECES = (
    *(b"null", b"true", b"[]", b"{}", b"[", b"]", b"{", b"}", b",", b":", b'"', b'""', b'" "', b"\\", b'"\\u0070ose"'),
    *(b'"pose":', b'"score": [0, 1],', b'"data": [],', b'"label": "a",', b'"label_index": 1,', b'"frame_index": 3,'),
    *(b"[" * 3000, b'"x": {"a": [1]},', b'"\\ud800"', b'"data"', b"1.5", b"-0,", b"2,"),
)

READERS: dict[str, Reader] = {
    "skeleton of two joints": Reader(
        read=lambda data: parse_skeleton(data, TWO),
        twin=lambda data: parse_lines(data, TWO),
        seeds=_skeletons(),
        documents=(skeleton_lines | skeleton_noise).map(str.encode) | st.binary(max_size=200),
    ),
    "skeleton, NTU": Reader(
        read=lambda data: parse_skeleton(data, NTU25),
        twin=lambda data: parse_lines(data, NTU25),
        seeds=[_genuine_skeleton(), _genuine_skeleton().replace(b"\n", b"\r\n")],
    ),
    "JSON of two joints": Reader(
        read=lambda data: parse_clip(data, TWO_2D),
        twin=lambda data: parse_objects(data, TWO_2D),
        seeds=_clips(clip()),
        pieces=JSON_PIECES,
        documents=(clips | json_values).map(lambda value: json.dumps(value).encode()),
    ),
    "JSON, Kinetics": Reader(
        read=lambda data: parse_clip(data, OPENPOSE18),
        twin=lambda data: parse_objects(data, OPENPOSE18),
        seeds=_clips(_genuine_clip()),
        pieces=JSON_PIECES,
    ),
    "label list": Reader(
        read=parse_label_list,
        seeds=_clips({"_a": {"has_skeleton": True, "label": "x", "label_index": 0}, "b": {"label_index": ""}}),
        pieces=JSON_PIECES,
        documents=json_values.map(lambda value: json.dumps(value).encode()),
    ),
    **SOURCES,
    **DOCUMENTS,
    **RESULTS,
    **TABLES,
    **TOOL_READERS,
    **TAKE_READERS,
}
