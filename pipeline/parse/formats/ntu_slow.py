"""The lines of a `.skeleton` file -> body tracks: slow, but every error has its line and its reason.

In and out are as in `pipeline.parse.formats.ntu_skeleton`, which comes here for files that are not plain. Grammar only,
and a strict one: every field must be a number as Python's `float` reads it, all joint lines have the same number of
columns (at least 3), nothing follows the last frame. Columns after the third are not used: they may hold nan (or
`-1.#IND`); x y z may not, because a Kinect gives every joint a position, if only a guessed one.
"""

import math
import re
from itertools import chain

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.parse.formats.number_text import number_of
from pipeline.tracks import FLOAT32_LIMIT, MAX_FRAMES, Observation, Tracks, build_tracks, check_odd_bytes

HEADER_FIELDS = 10
MAX_BODIES = 1000
"""A frame that claims more bodies than this is refused (a Kinect sees six)."""

# Digits, signs, white space, and the letters of 'nan', 'infinity' and '-1.#QNAN'; whatever else is there is no number.
_OURS = b"0123456789+-.eE \t\r\nnaiftyNAIFTY#DQS"


def parse_lines(data: bytes, layout: Layout) -> Tracks:
    """Read one file; tracks in order of first appearance, frames without a body counted, notes: 'crlf'.

    Raises: RefusedError with the 1-based line for anything outside the grammar. No count in the file is trusted: memory
    grows with the lines that are there.
    """
    check_odd_bytes(data)
    data = data.rstrip()
    _check_text(data)
    lines = data.split(b"\n")
    n_frames = _count(lines, 0, "frame count", 1, MAX_FRAMES)
    tracks: dict[int, list[Observation]] = {}
    at, frame, columns = 1, 0, 0
    try:
        for frame in range(n_frames):
            n_bodies = _count(lines, at, "body count", 0, MAX_BODIES)
            at += 1
            here: set[int] = set()
            for _ in range(n_bodies):
                body = _body_id(lines, at, here)
                _joint_count(lines, at + 1, layout)
                columns = columns or len(lines[at + 2].split())
                xyz = _joints(lines, at + 2, layout.n_joints, columns)
                tracks.setdefault(body, []).append(Observation(frame, xyz))
                at += 2 + layout.n_joints
    except IndexError:
        raise RefusedError(f"the file ends in frame {frame + 1} of the {n_frames} it claims", line=len(lines)) from None
    if at < len(lines):
        extra = next(i for i in range(at, len(lines)) if lines[i].strip())
        raise RefusedError(f"{_shown(lines[extra])} after the last of {n_frames} frames", line=extra + 1)
    if not tracks:
        raise RefusedError("no body in any frame", line=1)
    return build_tracks(n_frames, tracks, layout.n_joints, ("crlf",) if b"\r" in data else ())


def _check_text(data: bytes) -> None:
    if not data:
        raise RefusedError("the file is empty", line=1)
    foreign = data.translate(None, _OURS)[:1]
    if foreign:
        start = data.index(foreign)
        line = data.count(b"\n", 0, start) + 1
        if 0x20 < foreign[0] < 0x7F:
            word = re.split(rb"\s", data[max(0, start - 40) : start])[-1] + data[start : start + 40].split()[0]
            raise RefusedError(f"{_shown(word)} where a number belongs", line, start)
        raise RefusedError(f"not a text of numbers: byte 0x{foreign[0]:02x}", line, start)
    if data.count(b"\r") != data.count(b"\r\n"):
        stray = next(i for i, line in enumerate(data.split(b"\n")) if b"\r" in line[:-1])
        raise RefusedError("a carriage return inside a line", line=stray + 1)


def _count(lines: list[bytes], at: int, what: str, least: int, most: int) -> int:
    """The whole number that is line `at`; IndexError past the end, as from every helper here."""
    count = _whole(lines[at], at, what)
    if not least <= count <= most:
        raise RefusedError(f"{what} {_shown(lines[at])}, expected {least} to {most}", line=at + 1)
    return count


def _whole(text: bytes, at: int, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise RefusedError(f"{_shown(text)} where the {what} belongs", line=at + 1) from None


def _body_id(lines: list[bytes], at: int, here: set[int]) -> int:
    fields = lines[at].split()
    if len(fields) != HEADER_FIELDS:
        raise RefusedError(f"a body's header has {HEADER_FIELDS} fields, this line has {len(fields)}", line=at + 1)
    body = _whole(fields[0], at, "body id")
    if not -(2**63) <= body < 2**63:
        raise RefusedError(f"body id {_shown(fields[0])} does not fit 64 bits", line=at + 1)
    if body in here:
        raise RefusedError(f"body {body} is in this frame already", line=at + 1)
    _numbers([fields], at)
    here.add(body)
    return body


def _joint_count(lines: list[bytes], at: int, layout: Layout) -> None:
    if _whole(lines[at], at, "joint count") != layout.n_joints:
        raise RefusedError(f"{_shown(lines[at])} joints, layout {layout.name} has {layout.n_joints}", line=at + 1)


def _joints(lines: list[bytes], at: int, n_joints: int, columns: int) -> list[float]:
    """x y z of all joints of one body, joint after joint."""
    rows = [line.split() for line in lines[at : at + n_joints]]
    if len(rows) < n_joints:
        raise IndexError
    if columns < 3 or set(map(len, rows)) != {columns}:
        wrong = next(i for i, row in enumerate(rows) if columns < 3 or len(row) != columns)
        before = "at least 3" if columns < 3 else str(columns)
        raise RefusedError(f"a joint line of {len(rows[wrong])} columns, expected {before}", line=at + wrong + 1)
    values = _numbers(rows, at)
    xyz = [value for i in range(0, len(values), columns) for value in values[i : i + 3]]
    # min and max may overlook a nan, the sum does not
    if not (math.isfinite(sum(xyz)) and min(xyz) > -FLOAT32_LIMIT and max(xyz) < FLOAT32_LIMIT):
        wrong = next(i for i, value in enumerate(xyz) if not abs(value) < FLOAT32_LIMIT)
        raise RefusedError(f"coordinate {_shown(rows[wrong // 3][wrong % 3])} is not finite", line=at + wrong // 3 + 1)
    return xyz


def _numbers(rows: list[list[bytes]], at: int) -> list[float]:
    """All fields of lines `at`, .. in one go."""
    try:
        return list(map(float, chain.from_iterable(rows)))
    except ValueError:
        return [_number(field, at + i) for i, row in enumerate(rows) for field in row]


def _number(field: bytes, at: int) -> float:
    try:
        return number_of(field.decode("ascii"))
    except ValueError:
        raise RefusedError(f"{_shown(field)} where a number belongs", line=at + 1) from None


def _shown(text: bytes) -> str:
    text = text.strip()
    return repr(text[:40].decode("ascii", "backslashreplace") + ("..." if len(text) > 40 else ""))
