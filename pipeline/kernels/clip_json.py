"""The text of a Kinetics-skeleton clip -> its people, in one pass that makes no Python object.

Plain clips only: the objects have just the keys that ST-GCN's release gives them, in any order, each once; names and
label are printable ASCII without a backslash; counts and places hold. Every other clip, wrong or merely unusual, is
declined; then `pipeline.parse.formats.kinetics_slow` decides. The grammar is JSON's (RFC 8259), white space anywhere it
allows.

Every function takes and returns a position in the text; -1 means "declined" and is passed on. Axes: P people, V joints.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.kernels.blocks import ZERO, as_text, kernel, word
from pipeline.kernels.numbers import number_at


class Limits(NamedTuple):
    """The limits of a plain clip: whole numbers from 0 to below these values."""

    frames: int
    classes: int
    joints: int


class People(NamedTuple):
    """What a plain clip holds, people in the order of the file."""

    n_frames: int
    label: str | None
    label_index: int | None
    pose_PVC: NDArray[np.float32]
    score_PV: NDArray[np.float32]
    place_P: NDArray[np.int32]
    """Position of each person in the list of its frame."""
    frame_P: NDArray[np.int32]


def read_clip(data: bytes, limits: Limits) -> People | None:
    """Read a plain clip; None if the clip is not plain, shows nobody, or is wrong in any way."""
    # A person has a digit and a comma or bracket a number, and its braces, names and colons beside.
    most = len(data) // (2 * 3 * limits.joints + len('{"pose":[],"score":[]}')) + 1
    numbers_PN = np.empty((most, 3 * limits.joints), np.float32)
    place_P, frame_P = np.empty((2, most), np.int32)
    facts = np.full(len(_FACTS), -1, np.int64)
    if not data or _clip(as_text(data), limits, numbers_PN, place_P, frame_P, facts) < 0:
        return None
    n_seen, first, last, start, stop, label_index = (int(fact) for fact in facts)
    if n_seen < 1:
        return None
    pose_PN, score_PV = numbers_PN[:n_seen, : 2 * limits.joints], numbers_PN[:n_seen, 2 * limits.joints :]
    return People(
        n_frames=last - first + 1,
        label=data[start:stop].decode("ascii") or None if start >= 0 else None,
        label_index=label_index if label_index >= 0 else None,
        pose_PVC=pose_PN.reshape(n_seen, limits.joints, 2),
        score_PV=np.ascontiguousarray(score_PV),
        place_P=place_P[:n_seen],
        frame_P=frame_P[:n_seen] - np.int32(first),
    )


_FACTS = ("people", "first frame_index", "last frame_index", "label from", "label to", "label_index")
_PEOPLE, _FIRST, _LAST, _LABEL_FROM, _LABEL_TO, _LABEL_INDEX = range(len(_FACTS))
"""What the kernels write beside the people."""


def _words(name: bytes) -> tuple[int, int]:
    """A name of at most 16 bytes as two words, the first byte lowest."""
    return word(int.from_bytes(name[:8], "little")), word(int.from_bytes(name[8:], "little"))


_DATA, _LABEL, _INDEX = _words(b"data"), _words(b"label"), _words(b"label_index")
_FRAME_INDEX, _SKELETON = _words(b"frame_index"), _words(b"skeleton")
_POSE, _SCORE = _words(b"pose"), _words(b"score")
_EIGHT, _LONGEST_NAME, _MOST_DIGITS = 8, 16, 9


@kernel
def _clip(text, limits, numbers_PN, place_P, frame_P, facts):  # type: ignore[no-untyped-def]
    facts[_PEOPLE] = 0
    at, seen = _byte(text, 0, 123), 0  # {
    while at >= 0:
        name, at = _name(text, at)
        if name == _DATA and not seen & 1:
            seen |= 1
            at = _data(text, at, limits, numbers_PN, place_P, frame_P, facts)
        elif name == _LABEL and not seen & 2:
            seen |= 2
            at = _label(text, at, facts)
        elif name == _INDEX and not seen & 4:
            seen |= 4
            at = _label_index(text, at, limits.classes, facts)
        else:
            return -1
        at, goes_on = _next(text, at, 125)  # }
        if not goes_on:
            break
    return at if at >= 0 and seen & 1 and _space(text, at) < 0 else -1


@kernel
def _data(text, at, limits, numbers_PN, place_P, frame_P, facts):  # type: ignore[no-untyped-def]
    """The list of frames, of which there has to be one."""
    at = _byte(text, at, 91)  # [
    while at >= 0:
        before, index, seen = facts[_PEOPLE], -1, 0
        at = _byte(text, at, 123)
        while at >= 0:
            name, at = _name(text, at)
            if name == _FRAME_INDEX and not seen & 1:
                seen |= 1
                index, at = _whole(text, at, limits.frames)
            elif name == _SKELETON and not seen & 2:
                seen |= 2
                at = _skeleton(text, at, numbers_PN, place_P, facts)
            else:
                return -1
            at, goes_on = _next(text, at, 125)
            if not goes_on:
                break
        if seen != 3 or index <= facts[_LAST]:
            return -1
        if facts[_FIRST] < 0:
            facts[_FIRST] = index
        facts[_LAST] = index
        frame_P[before : facts[_PEOPLE]] = index
        at, goes_on = _next(text, at, 93)
        if not goes_on:
            break
    return at


@kernel
def _skeleton(text, at, numbers_PN, place_P, facts):  # type: ignore[no-untyped-def]
    """The list of one frame's people, which may be empty."""
    at = _byte(text, at, 91)
    empty = _byte(text, at, 93)
    if empty >= 0:
        return empty
    place = 0
    while at >= 0:
        person = facts[_PEOPLE]
        if person >= len(numbers_PN):
            return -1
        at = _person(text, _byte(text, at, 123), numbers_PN[person])
        place_P[person] = place
        facts[_PEOPLE] += 1
        place += 1
        at, goes_on = _next(text, at, 93)
        if not goes_on:
            break
    return at


@kernel
def _person(text, at, numbers_N):  # type: ignore[no-untyped-def]
    """One person's pose, then scores; `at` is behind the brace."""
    n_pose = len(numbers_N) // 3 * 2
    seen = 0
    while at >= 0:
        name, at = _name(text, at)
        if name == _POSE and not seen & 1:
            seen |= 1
            at = _numbers(text, at, numbers_N, 0, n_pose)
        elif name == _SCORE and not seen & 2:
            seen |= 2
            at = _numbers(text, at, numbers_N, n_pose, len(numbers_N))
        else:
            return -1
        at, goes_on = _next(text, at, 125)
        if not goes_on:
            break
    return at if seen == 3 else -1


@kernel
def _numbers(text, at, numbers_N, start, stop):  # type: ignore[no-untyped-def]
    """A list of just as many numbers as there is room for from `start` to `stop`."""
    at = _byte(text, at, 91)
    for i in range(start, stop):
        at = _space(text, at)
        if at < 0 or not _starts_number(text, at):
            return -1
        first = at
        known, value, at = number_at(text, first, len(text))
        if not known:
            return -1
        # -0 is a whole number, and those know no negative zero
        numbers_N[i] = np.float32(0) if value == 0 and at - first == 2 else value
        at = _byte(text, at, 93 if i == stop - 1 else 44)
    return at


@kernel
def _starts_number(text, at):  # type: ignore[no-untyped-def]
    """Whether a number starts here as JSON has it: no plus, and no digit after a zero."""
    at += 1 if text[at] == 45 else 0
    return at < len(text) and (
        49 <= text[at] <= 57 or (text[at] == 48 and not (at + 1 < len(text) and 48 <= text[at + 1] <= 57))
    )


@kernel
def _whole(text, at, below):  # type: ignore[no-untyped-def]
    """(a whole number from 0 to less than `below`, place behind it); what follows is for the caller to judge."""
    at = _space(text, at)
    if at < 0 or text[at] == 45 or not _starts_number(text, at):
        return -1, -1
    number, first = 0, at
    while at < len(text) and 48 <= text[at] <= 57 and at - first < _MOST_DIGITS:
        number = number * 10 + (text[at] - 48)
        at += 1
    return (number, at) if number < below else (-1, -1)


@kernel
def _label(text, at, facts):  # type: ignore[no-untyped-def]
    """null, or a text, whose place is kept."""
    after = _null(text, at)
    if after >= 0:
        return after
    start = _byte(text, at, 34)  # "
    stop = _text_end(text, start)
    if stop < 0:
        return -1
    facts[_LABEL_FROM], facts[_LABEL_TO] = start, stop
    return stop + 1


@kernel
def _label_index(text, at, below, facts):  # type: ignore[no-untyped-def]
    """null or an empty text, or a whole number, which is kept."""
    after = _null(text, at)
    if after >= 0:
        return after
    quoted = _byte(text, at, 34)
    if quoted >= 0:
        return quoted + 1 if _text_end(text, quoted) == quoted else -1
    facts[_LABEL_INDEX], at = _whole(text, at, below)
    return at


@kernel
def _null(text, at):  # type: ignore[no-untyped-def]
    at = _space(text, at)
    if at < 0 or at + 4 > len(text):
        return -1
    same = text[at] == 110 and text[at + 1] == 117 and text[at + 2] == 108 and text[at + 3] == 108
    return at + 4 if same else -1


@kernel
def _name(text, at):  # type: ignore[no-untyped-def]
    """(an object's next name as two words, place behind its colon); nothing longer than 16 bytes is a name of ours."""
    start = _byte(text, at, 34)
    stop = _text_end(text, start)
    low, high = ZERO, ZERO
    if stop < 0 or stop - start > _LONGEST_NAME:
        return (low, high), -1
    for i in range(stop - start):
        if i < _EIGHT:
            low |= word(text[start + i]) << word(8 * i)
        else:
            high |= word(text[start + i]) << word(8 * (i - _EIGHT))
    return (low, high), _byte(text, stop + 1, 58)  # :


@kernel
def _text_end(text, at):  # type: ignore[no-untyped-def]
    """The quotation mark that ends a text of printable ASCII; `at` is behind the first one."""
    if at < 0:
        return -1
    while at < len(text) and 32 <= text[at] < 127 and text[at] != 92:
        if text[at] == 34:
            return at
        at += 1
    return -1


@kernel
def _next(text, at, end):  # type: ignore[no-untyped-def]
    """After an item: (place behind what follows it, whether that is a comma and not `end`)."""
    at = _space(text, at)
    if at < 0 or (text[at] != 44 and text[at] != end):
        return -1, False
    return at + 1, text[at] == 44


@kernel
def _byte(text, at, byte):  # type: ignore[no-untyped-def]
    """Behind a byte that is there, white space before it or not."""
    at = _space(text, at)
    return at + 1 if at >= 0 and text[at] == byte else -1


@kernel
def _space(text, at):  # type: ignore[no-untyped-def]
    """The next place with anything but white space; -1 at the end, where nothing is left to read."""
    if at < 0:
        return -1
    while at < len(text) and (text[at] == 32 or 9 <= text[at] <= 10 or text[at] == 13):
        at += 1
    return at if at < len(text) else -1
