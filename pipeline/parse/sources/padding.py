"""Finds the end of a clip that was padded by repetition or reflection, as in arrays of one length for all clips.

In: one clip, bodies x frames x joints x numbers. Out: its end, body by body, and a note. The preparation of 2s-AGCN
(Shi et al., CVPR 2019) repeats every body from its first frame until there are 300 frames; other tools hold the last
frame, or go backward from it, once or to and fro (`np.pad` with `reflect` or `symmetric`). Only what repeats to the
very end counts, with numbers that are equal to the last bit: no sensor gives the same frame of a moving body twice. A
body that never moves, or rests in the pose in which it began, is not padded. Frames that are entirely zero or nan show
no body. No clip loses frames of a body that still moves.

Axes: M bodies, T frames, V joints, K numbers of a joint.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NOTE_LOOPED = "padding_by_repetition_cut"
NOTE_HELD = "repeated_last_frame_cut"
NOTE_REFLECTED = "padding_by_reflection_cut"
NOTE_REPEATS = "repeats_to_its_end"
"""The note on a clip of which nothing is cut: its source states the number of frames, or only some bodies, a few frames
or a few joints repeat."""
LEAST_REPEATED = 10
"""Smallest number of repeated frames that count as padding, and of poses in a loop: people rest, and ghosts flicker."""
LEAST_MOVED = 0.5
"""Smallest share of the joints that a reflection moves from frame to frame, as a mean. In whole pixels or centimetres,
a person who stands still and lifts a hand may well come back through the same poses."""


class Ending(NamedTuple):
    """Where a clip ends."""

    frames: int
    lengths_M: NDArray[np.int64]
    """Frames of each body; from there on it is padding, also where another body goes on."""
    note: str | None


def find_end(clip_MTVK: NDArray[Any]) -> Ending:
    """The end of a clip whose padding may be zeros, repetition, or repetition and then zeros.

    In 2s-AGCN's arrays each body has a separate loop. The longest loop is the clip, if every other body also repeats or
    is no longer shown. Frames that show nobody may come first: some programs repeat these as well, others do not.
    """
    turn = _turn(clip_MTVK)
    if turn.is_padding:
        return Ending(turn.frames, np.full(len(clip_MTVK), turn.frames, np.int64), NOTE_REFLECTED)
    ending = _end_of_loop(clip_MTVK)
    return ending._replace(note=NOTE_REPEATS) if ending.note is None and turn.poses >= LEAST_REPEATED else ending


class _Turn(NamedTuple):
    """Where a clip begins to run backward, all bodies together, and what it then shows to its end."""

    frames: int = 0
    """The number of frames until it turns."""
    poses: int = 0
    """Different ones after that."""
    moved: float = 0.0
    """Mean share of the joints that move from frame to frame there."""

    @property
    def is_padding(self) -> bool:
        return self.poses >= LEAST_REPEATED and self.moved >= LEAST_MOVED


def _turn(clip_MTVK: NDArray[Any]) -> _Turn:
    shown = max(map(_last_shown, clip_MTVK), default=0)
    if shown <= LEAST_REPEATED:
        return _Turn()
    frames_TVK = clip_MTVK[:, :shown].swapaxes(0, 1).reshape(shown, -1, clip_MTVK.shape[3])
    if not _equal(frames_TVK[:-1], frames_TVK[-1:]).any():
        return _Turn()
    at = _turning_point(_numbered(frames_TVK))
    back_TVK = np.where(frames_TVK == frames_TVK, frames_TVK, 0)[at - 1 :]
    moved_TV = (back_TVK[1:] != back_TVK[:-1]).any(axis=2)[:, (back_TVK != 0).any(axis=(0, 2))]
    poses = len({*_numbered(back_TVK[1:][_shown(back_TVK[1:])])})
    return _Turn(at, poses, float(moved_TV.mean()) if moved_TV.size else 0.0)


def _turning_point(frames: list[int]) -> int:
    """The least n from which on frames go backward to their end, or to and fro; their length where there is none."""
    once, period = len(frames) - _backward(frames), _period(frames)
    several = period - _backward(frames[:period])
    return min(once, several) if several in (period // 2, period // 2 + 1) else once


def _backward(frames: list[int]) -> int:
    """How many frames at the end are those before them in reverse, with or without the one where they turn."""
    return _border([*frames[::-1], -1, *frames]) // 2


def _end_of_loop(clip_MTVK: NDArray[Any]) -> Ending:
    ending, before = _end(clip_MTVK), _frames_before(clip_MTVK)
    if not before or ending.note == NOTE_LOOPED:
        return ending
    ending = _end(clip_MTVK[:, before:])
    return Ending(before + ending.frames, before + ending.lengths_M, ending.note)


def _end(clip_MTVK: NDArray[Any]) -> Ending:
    n_frames = clip_MTVK.shape[1]
    whole_M = np.array([_last_shown(body_TVK) for body_TVK in clip_MTVK], np.int64)
    loops = [_loop(body_TVK[:n]) for body_TVK, n in zip(clip_MTVK, whole_M, strict=True)]
    frames = max((loop.frames for loop in loops if loop.is_whole), default=0)
    all_end = all(loop.is_whole or n <= frames for loop, n in zip(loops, whole_M, strict=True))
    if all_end and any(loop.is_padding for loop in loops):
        own = [loop.frames if loop.is_padding else frames for loop in loops]
        return Ending(frames, np.minimum(own, whole_M), NOTE_LOOPED)
    shown = int(whole_M.max(initial=0))
    held = _held(clip_MTVK[:, :shown])
    if held < LEAST_REPEATED or held + 1 >= shown:
        note = NOTE_REPEATS if any(loop.poses_again > 1 for loop in loops) else None
        return Ending(n_frames, np.full(len(clip_MTVK), n_frames, np.int64), note)
    return Ending(shown - held, np.full(len(clip_MTVK), shown - held, np.int64), NOTE_HELD)


class _Loop(NamedTuple):
    """What a body repeats from its first frame on, to its end."""

    frames: int = 0
    """The number of frames until the loop begins again."""
    poses: int = 0
    """Different ones in it."""
    again: int = 0
    """Frames that repeat it."""
    poses_again: int = 0
    """Different ones in those."""

    @property
    def is_whole(self) -> bool:
        return self.again >= LEAST_REPEATED

    @property
    def is_padding(self) -> bool:
        return self.is_whole and self.poses >= LEAST_REPEATED and self.poses_again > 1


def _last_shown(body_TVK: NDArray[Any]) -> int:
    shown = np.flatnonzero(_shown(body_TVK))
    return int(shown[-1]) + 1 if len(shown) else 0


def _frames_before(clip_MTVK: NDArray[Any]) -> int:
    """Frames before the first one that shows a body; 0 if none does."""
    shown = np.flatnonzero(np.any([_shown(body_TVK) for body_TVK in clip_MTVK], axis=0))
    return int(shown[0]) if len(shown) else 0


def _shown(body_TVK: NDArray[Any]) -> NDArray[np.bool_]:
    """Which frames show the body: hold another number than zero and nan."""
    shown_T: NDArray[np.bool_] = ((body_TVK != 0) & (body_TVK == body_TVK)).any(axis=(1, 2))
    return shown_T


def _loop(body_TVK: NDArray[Any]) -> _Loop:
    if len(body_TVK) < 2 or not _equal(body_TVK[1:], body_TVK[:1]).any():
        return _Loop()
    frames = _numbered(body_TVK)
    period = _period(frames)
    poses = [frame if is_shown else None for frame, is_shown in zip(frames, _shown(body_TVK), strict=True)]
    of_loop, of_rest = ({*part} - {None} for part in (poses[:period], poses[period:]))
    return _Loop(period, len(of_loop), len(frames) - period, len(of_rest))


def _held(clip_MTVK: NDArray[Any]) -> int:
    """How many frames before the last one are the same as it, to the end."""
    if clip_MTVK.shape[1] < 2:
        return 0
    same_T = _equal(clip_MTVK.swapaxes(0, 1), clip_MTVK.swapaxes(0, 1)[-1:])
    return int(np.argmin(same_T[::-1])) - 1 if not same_T.all() else len(same_T) - 1


def _equal(frames_Txx: NDArray[Any], one_1xx: NDArray[Any]) -> NDArray[np.bool_]:
    """Which frames hold the numbers of one; nan is equal to nan."""
    same = (frames_Txx == one_1xx) | ((frames_Txx != frames_Txx) & (one_1xx != one_1xx))
    result: NDArray[np.bool_] = same.all(axis=tuple(range(1, same.ndim)))
    return result


def _numbered(body_TVK: NDArray[Any]) -> list[int]:
    """Equal frames by equal numbers, in order of appearance."""
    plain_TVK = np.where(body_TVK != body_TVK, np.nan, body_TVK) + 0.0  # one nan, and no negative zero
    seen: dict[bytes, int] = {}
    return [seen.setdefault(frame_VK.tobytes(), len(seen)) for frame_VK in plain_TVK]


def _period(frames: list[int]) -> int:
    """The least p with frames[p:] == frames[:-p], the length where there is none."""
    return len(frames) - _border(frames)


def _border(frames: list[int]) -> int:
    """The most frames, but not all, with which they both begin and end (Knuth, Morris & Pratt, 1977)."""
    border = [0] * len(frames)
    for at in range(1, len(frames)):
        length = border[at - 1]
        while length and frames[at] != frames[length]:
            length = border[length - 1]
        border[at] = length + (frames[at] == frames[length])
    return border[-1]
