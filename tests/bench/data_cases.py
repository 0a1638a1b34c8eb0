"""What the data half does, as cases of `dastm.bench`: reading both raw formats, and making clips ready.

All work is on the files of `tests.bench.raw_files`, in memory where a file's contents are read.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from dastm.bench.case import Case, Setting, Setup, Work
from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.definitions.definition import load_definition
from pipeline.parse.formats.kinetics_json import parse_clip
from pipeline.parse.formats.kinetics_slow import parse_objects
from pipeline.parse.formats.ntu_skeleton import parse_skeleton
from pipeline.parse.formats.ntu_slow import parse_lines
from pipeline.split.normalise import normalise_clip
from tests.bench.raw_files import clips

NTU, KINETICS = ".skeleton", ".json"
FORMAT_OF = {"read .skeleton": NTU, "read JSON": KINETICS, "split NTU": NTU, "split Kinetics": KINETICS}
"""Which files a case is about."""


def cases(setting: Setting) -> dict[str, Case]:
    """By name, as `dastm.bench.cases` has them; ours is the first variant of each."""
    return {
        "read .skeleton": Case(
            variants={
                "kernel": each(NTU, lambda data: parse_skeleton(data, NTU25)),
                "line by line": each(NTU, lambda data: parse_lines(data, NTU25)),
                "kernel, from files": from_files(NTU, lambda data: parse_skeleton(data, NTU25)),
                "newlines, from files": from_files(NTU, newlines),
            }
        ),
        "read JSON": Case(
            variants={
                "kernel": each(KINETICS, parse_clip),
                "json and numpy": each(KINETICS, loads),
                "with every check": each(KINETICS, lambda data: parse_objects(data, OPENPOSE18)),
                "kernel, from files": from_files(KINETICS, parse_clip),
                "newlines, from files": from_files(KINETICS, newlines),
            }
        ),
        "split NTU": Case(variants={"prepare": prepare("demo-ntu", lambda data: parse_skeleton(data, NTU25), NTU)}),
        "split Kinetics": Case(
            variants={"prepare": prepare("demo-kinetics", lambda data: parse_clip(data)[0], KINETICS)}
        ),
    }


def each(suffix: str, read: Callable[[bytes], object]) -> Setup:
    """Read every file once."""

    def setup(setting: Setting) -> Work:
        contents = [path.read_bytes() for path in clips(suffix)]
        return lambda: [read(data) for data in contents]

    return setup


def from_files(suffix: str, read: Callable[[bytes], object]) -> Setup:
    """The same, with every file's bytes had from the system's cache each time."""

    def setup(setting: Setting) -> Work:
        paths = clips(suffix)
        return lambda: [read(path.read_bytes()) for path in paths]

    return setup


def newlines(data: bytes) -> int:
    """How many there are: what no reader is faster than."""
    return data.count(b"\n")


def loads(data: bytes) -> Any:
    """The short way that others take: no check, and people without their frames."""
    people = [person for frame in json.loads(data)["data"] for person in frame["skeleton"]]
    return tuple(np.array([person[name] for person in people], np.float32) for name in ("pose", "score"))


def prepare(name: str, read: Callable[[bytes], Any], suffix: str) -> Setup:
    """Choice of bodies, filling, turning, scaling and sampling, as the demo's definition asks."""

    def setup(setting: Setting) -> Work:
        definition = load_definition(name)
        parsed = [read(path.read_bytes()) for path in clips(suffix)]
        return lambda: [normalise_clip(tracks, definition.split, definition.parse.layout) for tracks in parsed]

    return setup
