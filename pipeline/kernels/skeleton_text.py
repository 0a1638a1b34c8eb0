"""The text of a `.skeleton` file -> its bodies, in two passes: where the lines end, then what stands in them.

The first pass looks at 64 bytes at once and sees that every field is a number; the second reads only the numbers that
are used. Both take plain files only (`[+-]digits[.digits][e[+-]digits]` between blanks, counts that hold) and decline
all others, wrong or merely unusual: then `pipeline.parse.formats.ntu_slow` decides. Nothing in a file is trusted: no
byte, line or body is read before it is known to exist.

Axes: P observations, V joints, C coordinates.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.kernels.blocks import BLOCK, FULL, ONE, ZERO, as_text, count, kernel, lowest, masks, word
from pipeline.kernels.numbers import number_at

MAX_TRACKS = 64
"""A file with more bodies than this is not plain."""
MOST_BYTES = 2**31 - BLOCK
"""Positions are kept in 32 bits; a longer file is not plain."""
_LINE_BYTES, _SPARE_LINES = 16, 64
"""The lines of a plain file, spare ones aside, have at least this length on average: it bounds what is allocated."""
_MOST_DIGITS = 18  # so many fit an int64 whatever they are
_TOP = word(BLOCK - 1)


class Limits(NamedTuple):
    """The limits of a plain file."""

    frames: int
    bodies: int
    """Most bodies in one frame."""
    header_fields: int
    joints: int


class Bodies(NamedTuple):
    """The contents of a plain file, observations in the order of the file."""

    n_frames: int
    crlf: bool
    joints_PVC: NDArray[np.float32]
    track_P: NDArray[np.int32]
    frame_P: NDArray[np.int32]
    ids: NDArray[np.int64]
    """Body ids of the tracks, in order of first appearance."""


def read_skeleton(data: bytes, limits: Limits) -> Bodies | None:
    """Read a plain file; None if the file is not plain, holds no body, or is wrong in any way."""
    end = data[-BLOCK:]
    size = len(data) - len(end) + len(end.rstrip())
    if not end.rstrip() or size > MOST_BYTES:
        return None
    text, tail = as_text(data), as_text(data[size - size % BLOCK : size].ljust(BLOCK, b"\n"))
    ends, fields = np.empty((2, size // _LINE_BYTES + _SPARE_LINES), np.int32)
    n_lines, crlf = index_lines(text, size, tail, ends, fields)
    most = n_lines // (2 + limits.joints)
    if most < 1:
        return None
    joints_PVC = np.empty((most, limits.joints, 3), np.float32)
    track_P, frame_P = np.empty((2, most), np.int32)
    ids, last_frame = np.full((2, MAX_TRACKS), -1, np.int64)
    n_frames, n_seen, n_tracks = read_bodies(
        text, ends[:n_lines], fields[:n_lines], limits, joints_PVC, track_P, frame_P, ids, last_frame
    )
    if n_seen < 1:
        return None
    return Bodies(n_frames, crlf, joints_PVC[:n_seen], track_P[:n_seen], frame_P[:n_seen], ids[:n_tracks])


@kernel
def index_lines(text, size, tail, ends, fields):  # type: ignore[no-untyped-def]
    """Check every field, and find all lines: (how many, whether a carriage return ends one); (-1, False) if the file is
    declined.

    Args:
        text, size: the file's bytes, of which `size` count; the last one is no white space.
        tail: the last block, from byte `size // 64 * 64` on, filled up to 64 bytes with line feeds.
        ends, fields: written to, one item a line: the byte of its line feed (of the last line: `size`), how many
            fields it has. Longer files than they have room for are refused.
    """
    carries = (ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ONE)
    n_lines, n_fields, returns = 0, 0, ZERO
    for at in range(0, size + 1, BLOCK):
        last = at + BLOCK > size
        classes = masks(tail, 0) if last else masks(text, at)
        wrong, starts, carries = _check_block(classes, carries)
        if wrong != ZERO:
            return -1, False
        returns |= classes[5]
        feeds = classes[6] & (FULL >> word(BLOCK - 1 - (size - at))) if last else classes[6]
        while feeds != ZERO:
            if n_lines == len(ends):
                return -1, False
            before = (feeds ^ (feeds - ONE)) >> ONE
            ends[n_lines] = at + lowest(feeds)
            fields[n_lines] = n_fields + count(starts & before)
            n_lines += 1
            n_fields = 0
            starts &= FULL ^ before
            feeds &= feeds - ONE
        n_fields += count(starts)
    return n_lines, returns != ZERO


@kernel
def _check_block(classes, carries):  # type: ignore[no-untyped-def]
    """(bits where the grammar is broken, bits where a field starts, carries for the next block).

    D digit, P point, S sign, E e or E, R carriage return, N line feed, Z white space; X_ is where the character before
    is an X. A sum carries through a run of digits and comes out behind it, in the next block where the run goes on
    there. Wherever a rule about what follows is broken, the block is refused, so that later bits need not make sense.
    """
    D, P, S, E, blanks, R, N = classes
    digit, point, sign, e, carriage, e_sign, in_fraction, in_exponent, space = carries
    Z = blanks | R | N
    D_, P_, S_, E_ = _after(D, digit), _after(P, point), _after(S, sign), _after(E, e)
    R_, Z_ = _after(R, carriage), _after(Z, space)
    signed = S & E_
    fraction = (D + (P_ | in_fraction)) & FULL
    exponent = (D + ((E_ & D) | _after(signed, e_sign) | in_exponent)) & FULL
    wrong = FULL ^ (D | P | S | E | Z)
    wrong |= ((P_ | S_) & (FULL ^ D)) | (E_ & (FULL ^ (D | S))) | (R_ & (FULL ^ N))
    wrong |= ((P | E) & (FULL ^ D_)) | (S & (FULL ^ (Z_ | E_)))
    wrong |= (fraction & (FULL ^ (D | Z | E))) | (exponent & (FULL ^ (D | Z)))
    runs_on = (word(fraction < D), word(exponent < D))
    tops = (D >> _TOP, P >> _TOP, S >> _TOP, E >> _TOP, R >> _TOP, signed >> _TOP)
    return wrong, Z_ & (FULL ^ Z), (*tops, *runs_on, Z >> _TOP)


@kernel
def _after(mask, carry):  # type: ignore[no-untyped-def]
    """Bits whose predecessor is in `mask`; `carry` speaks for the end of the block before."""
    return ((mask << ONE) & FULL) | carry


@kernel
def read_bodies(text, ends, fields, limits, joints_PVC, track_P, frame_P, ids, last_frame):  # type: ignore[no-untyped-def]
    """Read an indexed file: (frames, observations, tracks); no observations where it is not plain or has no body.

    Args:
        ends, fields: of the lines that there are, as `index_lines` has them.
        joints_PVC, track_P, frame_P: written to, in the order of the file.
        ids, last_frame: written to, body id and latest frame of the tracks in order of first appearance; the latter
            is -1 all over beforehand.
    """
    n_frames = _count_in(text, 0, ends, fields, 1, limits.frames)
    line, n_seen, n_tracks, columns = 1, 0, 0, 0
    for frame in range(n_frames):
        n_bodies = _count_in(text, line, ends, fields, 0, limits.bodies)
        line += 1
        if n_bodies < 0:
            return 0, 0, 0
        for _ in range(n_bodies):
            columns = _columns(text, line, ends, fields, limits, columns)
            track = -1
            if columns > 0 and n_seen < len(joints_PVC):
                track = _track_at(text, line, ends, ids, last_frame, frame, n_tracks)
            if track < 0 or not _read_joints(text, line + 2, ends, joints_PVC[n_seen]):
                return 0, 0, 0
            n_tracks = max(n_tracks, track + 1)
            last_frame[track], track_P[n_seen], frame_P[n_seen] = frame, track, frame
            n_seen += 1
            line += 2 + limits.joints
    return (n_frames, n_seen, n_tracks) if line == len(ends) else (0, 0, 0)


@kernel
def _count_in(text, line, ends, fields, least, most):  # type: ignore[no-untyped-def]
    """The only field of a line where it is a whole number from `least` to `most`; else, or past the end, -1."""
    if line >= len(ends) or fields[line] != 1:
        return -1
    known, number = _whole_at(text, ends[line - 1] + 1 if line else 0, ends[line])
    return number if known and least <= number <= most else -1


@kernel
def _whole_at(text, at, stop):  # type: ignore[no-untyped-def]
    """The whole number of at most 18 digits that is a line's first field: (known, number)."""
    while at < stop and text[at] == 32:
        at += 1
    negative = False
    if at < stop and (text[at] == 45 or text[at] == 43):
        negative = text[at] == 45
        at += 1
    number, first = 0, at
    while at < stop and 48 <= text[at] <= 57 and at - first < _MOST_DIGITS:
        number = number * 10 + (text[at] - 48)
        at += 1
    ended = at == stop or text[at] == 32 or text[at] == 13
    return ended and at > first, -number if negative else number


@kernel
def _columns(text, line, ends, fields, limits, columns):  # type: ignore[no-untyped-def]
    """How many columns the joint lines of the body at `line` have, all the same and as `columns` says; -1: not plain.

    Args:
        columns: of the bodies before, 0 for the first one.
    """
    first = line + 2
    if first + limits.joints > len(ends) or fields[line] != limits.header_fields:
        return -1
    if _count_in(text, line + 1, ends, fields, limits.joints, limits.joints) < 0:
        return -1
    columns = columns if columns > 0 else fields[first]
    for joint in range(limits.joints):
        if fields[first + joint] != columns:
            return -1
    return columns if columns >= 3 else -1


@kernel
def _track_at(text, line, ends, ids, last_frame, frame, n_tracks):  # type: ignore[no-untyped-def]
    """The track that the body at `line` goes on, `n_tracks` for a new one, whose id is kept.

    -1 where its id is not plain, it is in the frame already, or there is no room for one more.
    """
    known, body = _whole_at(text, ends[line - 1] + 1, ends[line])
    if not known:
        return -1
    for track in range(n_tracks):
        if ids[track] == body:
            return track if last_frame[track] < frame else -1
    if n_tracks == len(ids):
        return -1
    ids[n_tracks] = body
    return n_tracks


@kernel
def _read_joints(text, line, ends, xyz_VC):  # type: ignore[no-untyped-def]
    """The first three fields of as many lines as there are joints, each line known to have them; False: not plain."""
    for joint in range(len(xyz_VC)):
        at, stop = ends[line + joint - 1] + 1, ends[line + joint]
        for axis in range(3):
            while text[at] == 32:
                at += 1
            known, value, at = number_at(text, at, stop)
            if not known:
                return False
            xyz_VC[joint, axis] = value
    return True
