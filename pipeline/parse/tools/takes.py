"""Data sets of long takes, a frame a line, and of when what happens in them: PKU-MMD, UTKinect, Florence 3D.

`pku_mmd`: a text a take, 0002-L.txt, of 150 numbers a line (two bodies of Kinect v2's 25 joints, zeros where there is
no second one), and in another folder a text of the same name with lines `class,first,last,confidence`, whose frames are
lines, counted from 1 (the data set's README; Liu et al., 2017). L, M and R are cameras 1, 2 and 3. `utkinect`:
joints_s01_e01.txt, a frame's number and Kinect v1's 20 joints a line; actionLabel.txt with a line `s01_e01` and lines
`walk: 252 390`, NaN for an action that was not recorded (Xia et al., CVPRW 2012). A frame that is written twice counts
once, the usual step between two numbers is one frame. `florence3d`: all clips in one text, `video actor category` and
15 joints in millimetres a line (Seidenari et al., CVPRW 2013).

In: the raw files of such a set. Out: a `Member` an action, and its tracks.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import ParseSpec
from pipeline.definitions.source_spec import TAKE_FORMATS, SourceSpec
from pipeline.parse.raw_files import RawFile, read
from pipeline.parse.sources.folder_arrays import label_of
from pipeline.parse.sources.members import Member, Source
from pipeline.parse.tools.number_lines import frames_of_stamps, rows_of
from pipeline.parse.tools.poses import Poses, tracks_of
from pipeline.parse.tools.recognise import head_of
from pipeline.parse.tools.tables import floats, lines_of, text_of
from pipeline.tracks import ClipName, Tracks

NOTE_ENDS = "take_ends_before_the_action"
_CAMERAS = {"L": 1, "M": 2, "R": 3}
_PKU_ACTION = re.compile(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*(,.*)?", re.ASCII)
_UT_TAKE = re.compile(r"joints_(s(\d{1,9})_e(\d{1,9}))\.txt", re.ASCII | re.IGNORECASE)
_UT_ACTION = re.compile(r"(\w+)\s*:\s*(\d{1,9}|nan)\s+(\d{1,9}|nan)", re.ASCII | re.IGNORECASE)


class Cut(NamedTuple):
    """An action in a take."""

    take: RawFile
    name: ClipName
    action: str
    """What the set calls its class."""
    first: int
    last: int
    """Lines of the take, counted from 1; of `utkinect` numbers of frames."""
    problem: str | None = None


class TakeSet(NamedTuple):
    """One data set."""

    cuts: Callable[[Sequence[RawFile]], Iterator[Cut]]
    poses: Callable[[Sequence[str], int, int], Poses]
    """The lines of a take, and an action's first and last."""
    expected: str


def source_of(name: str) -> Source:
    """The source of one of the sets."""
    own = SETS[name]

    def members(files: Sequence[RawFile], spec: ParseSpec) -> Iterator[Member]:
        try:
            cuts = list(own.cuts(files))
        except RefusedError as why:  # a list that is damaged says nothing of any clip
            raise DataError(f"{files[0].root}: {why}") from None
        if not cuts:
            raise DataError(f"{files[0].root}: {own.expected}")
        shares = Counter(cut.take for cut in cuts)
        return (_member(cut, spec, shares[cut.take]) for cut in cuts)

    def read_cut(member: Member, spec: ParseSpec) -> Tracks:
        first, last = member.place
        poses = own.poses(_lines(member.raw), first, last)
        return tracks_of(poses, spec.layout, spec.source or SourceSpec(), zero_is_missing=spec.zero_is_missing)

    return Source(suffixes=(".txt",), members=members, read=read_cut)


def _member(cut: Cut, spec: ParseSpec, n_cuts: int) -> Member:
    action = spec.class_codes.get(cut.action, cut.action)
    problem = cut.problem
    if problem is None and spec.class_codes and cut.action not in spec.class_codes:
        problem = f"an action {cut.action!r} that parse.class_names does not have"
    return Member(
        raw=cut.take,
        within=f"[{cut.first}-{cut.last}]",
        name=cut.name,
        stated=cut.name.key,
        labels=(label_of("list of actions", action, spec.class_names),) if problem is None else (),
        size=cut.take.size // n_cuts,
        place=(cut.first, cut.last),
        problem=problem,
    )


@lru_cache(maxsize=1)
def _lines(take: RawFile) -> list[str]:
    """The lines of a take; its actions are read one after the other."""
    return lines_of(text_of(read(take)))


def _first_line(file: RawFile) -> str:
    try:
        return head_of(file).decode("utf-8-sig", "replace").lstrip().partition("\n")[0]
    except RefusedError:
        return ""


def _pku_cuts(files: Sequence[RawFile]) -> Iterator[Cut]:
    lists = {file.name: file for file in files if _PKU_ACTION.fullmatch(_first_line(file))}
    for take in files:
        if take == lists.get(take.name) or len(_first_line(take).split()) != 150:
            continue
        stem = PurePosixPath(take.name).stem
        camera = _CAMERAS.get(stem[-1:].upper())
        if take.name not in lists:
            why = f"no list of its actions: a text {take.name} in another folder, lines of class,first,last,confidence"
            yield Cut(take, ClipName(stem), "", 0, 0, why)
            continue
        for number, (action, first, last) in enumerate(_pku_actions(lists[take.name]), 1):
            yield Cut(take, ClipName(f"{stem}_{number:02d}", camera=camera), action, first, last)


def _pku_actions(file: RawFile) -> Iterator[tuple[str, int, int]]:
    for line, text in enumerate(_lines(file), 1):
        match = _PKU_ACTION.fullmatch(text)
        if match is not None:
            yield match[1], int(match[2]), int(match[3])
        elif text.strip():
            raise RefusedError(f"{file.source}: not class,first,last,confidence", line=line)


def _pku_poses(lines: Sequence[str], first: int, last: int) -> Poses:
    rows_TN, notes = _between(lines, first, last, 150)
    n_frames = len(rows_TN)
    return _poses(
        KNOWN_LAYOUTS["ntu25"],
        rows_TN.reshape(2 * n_frames, 25, 3),
        np.repeat(np.arange(n_frames, dtype=np.int32), 2),
        np.tile(np.arange(2, dtype=np.int64), n_frames),
        notes=notes,
    )


def _between(lines: Sequence[str], first: int, last: int, width: int) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The rows of the lines from first to last, and a note where the take ends before."""
    if not 1 <= first <= min(last, len(lines)):
        raise RefusedError(f"frames {first} to {last} of a take of {len(lines)}")
    rows_TN = rows_of(enumerate(lines[first - 1 : last], first), width)
    return rows_TN, (NOTE_ENDS,) if last > len(lines) else ()


def _poses(
    layout: Layout,
    places_PVC: NDArray[np.float64],
    frame_P: NDArray[np.int32],
    id_P: NDArray[np.int64] | None = None,
    unit_m: float = 1.0,
    notes: tuple[str, ...] = (),
) -> Poses:
    return Poses(
        layout=layout,
        n_frames=int(frame_P[-1]) + 1,
        frame_P=frame_P,
        places_PVC=places_PVC,
        id_P=id_P if id_P is not None else np.zeros(len(frame_P), np.int64),
        unit_m=unit_m,
        notes=notes,
    )


def _ut_cuts(files: Sequence[RawFile]) -> Iterator[Cut]:
    takes = {match[1].lower(): (file, match) for file in files if (match := _UT_TAKE.fullmatch(file.name))}
    for file in files:
        if file.name.lower() != "actionlabel.txt":
            continue
        of = ""
        for line, text in enumerate(_lines(file), 1):
            action = _UT_ACTION.fullmatch(text.strip())
            if action is None:
                of = text.strip().lower() or of
                if text.strip() and not re.fullmatch(r"s\d+_e\d+", of, re.ASCII):
                    raise RefusedError(f"{file.source}: neither s01_e01 nor walk: 252 390", line=line)
            elif of in takes and "nan" not in (action[2].lower(), action[3].lower()):
                take, match = takes[of]
                name = ClipName(f"{of}_{action[1]}", subject=int(match[2]), replication=int(match[3]))
                yield Cut(take, name, action[1], int(action[2]), int(action[3]))


def _ut_poses(lines: Sequence[str], first: int, last: int) -> Poses:
    shown = [(at, line) for at, line in enumerate(lines, 1) if first <= _number(line, at) <= last]
    if not shown:
        raise RefusedError(f"no line of the frames {first} to {last}")
    rows_TN = rows_of(shown, 61)
    stamps_T, once_T = np.unique(rows_TN[:, 0], return_index=True)
    frames, _, notes = frames_of_stamps(stamps_T)
    places_TVC = rows_TN[once_T, 1:].reshape(-1, 20, 3)
    return _poses(KNOWN_LAYOUTS["kinect20"], places_TVC, np.array(frames, np.int32), notes=notes)


def _number(line: str, at: int) -> float:
    """The frame that a line is of; -1 for an empty line."""
    fields = line.split(None, 1)
    return floats(fields[:1], at)[0] if fields else -1.0


def _florence_cuts(files: Sequence[RawFile]) -> Iterator[Cut]:
    for file in files:
        if len(_first_line(file).split()) != 48:
            continue
        heads = [(line, tuple(text.split(None, 3)[:3])) for line, text in enumerate(_lines(file), 1) if text.strip()]
        for (video, actor, category), lines in groupby(heads, key=lambda head: head[1]):
            of = [line for line, _ in lines]
            if not all(text.isdecimal() and len(text) < 10 for text in (video, actor, category)):
                raise RefusedError(f"{file.source}: not the numbers of a video, an actor and a category", line=of[0])
            yield Cut(file, ClipName(f"v{int(video):03d}", subject=int(actor)), category, of[0], of[-1])


def _florence_poses(lines: Sequence[str], first: int, last: int) -> Poses:
    rows_TN, _ = _between(lines, first, last, 48)
    places_TVC = rows_TN[:, 3:].reshape(-1, 15, 3)
    return _poses(KNOWN_LAYOUTS["florence15"], places_TVC, np.arange(len(rows_TN), dtype=np.int32), unit_m=0.001)


SETS: Mapping[str, TakeSet] = {
    "pku_mmd": TakeSet(_pku_cuts, _pku_poses, "no text of 150 numbers a line, as PKU-MMD's skeletons are"),
    "utkinect": TakeSet(_ut_cuts, _ut_poses, "no actionLabel.txt with takes joints_s01_e01.txt beside it"),
    "florence3d": TakeSet(
        _florence_cuts, _florence_poses, "no Florence_dataset_WorldCoordinates.txt: 48 numbers a line"
    ),
}
TAKES: Mapping[str, Source] = {name: source_of(name) for name in TAKE_FORMATS}
"""Every set by the name of its format."""
