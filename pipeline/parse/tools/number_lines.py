"""Lines of bare numbers, as depth cameras' samples and data sets have them: a frame a line, or a joint a line.

`number_lines`: by how many numbers a line has (`recognise.FRAME_LINES`): Kinect v2's 25 joints with quaternions (175),
MSRC-12's time stamp and 20 joints with a state (81; Fothergill et al., CHI 2012), SBU's frame number and two bodies of
15 joints (91; Yun et al., CVPRW 2012: x and y are fractions of the image, z is left out), PKU-MMD's two bodies of
Kinect v2's joints (150), CAD-60's frame number and 15
joints with orientations (171; Sung et al., ICRA 2012); or, with a layout that the definition names, 2 to 4 numbers a
joint, with or without a frame number before them. `joint_lines`: 2 to 4 numbers a line, as many lines a frame as the
definition's layout has joints (MSR-Action3D, KARD, Florence 3D). A fourth number is not used: MSR's are 0 for joints
whose places are good. A body whose numbers are all zero is not there. Numbers are parted by blanks, commas, tabs or
`;`; where tabs or `;` part them and no number has a point, a comma is one. Lines that begin with # are not read.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS, in_image
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.csv_frames import FrameColumn
from pipeline.parse.sources.times import Rate, rate_of
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of
from pipeline.parse.tools.quick_tables import quick_rows
from pipeline.parse.tools.recognise import FRAME_LINES
from pipeline.parse.tools.space import unit_of
from pipeline.parse.tools.tables import Numbers, lines_of, text_of, with_points, without_remarks

NOTE_FOURTH = "fourth_numbers_left_out"
_SBU, _PKU, _CAD = 91, 150, 171
_CAD_ORDER = (0, 1, 2, 3, 4, 11, 5, 6, 12, 7, 8, 13, 9, 10, 14)
"""CAD-60's joints (head, neck, torso, left shoulder, left elbow, right shoulder, .., the two hands, the two feet) in
OpenNI's order."""
_MOST_STEP = 1000
"""Numbers before the joints that are further apart than this are time stamps."""


def read_frames(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`number_lines`: one file; RefusedError with the line for another number of numbers."""
    (file,) = files
    rows_TN = _rows(file.data)
    width = rows_TN.shape[1]
    if width == _SBU:
        return _pairs(rows_TN, in_image(KNOWN_LAYOUTS["openni15"]))
    if width in (_PKU, _PKU + 1):
        return _pairs(rows_TN, KNOWN_LAYOUTS["ntu25"])
    if width == _CAD:
        return _poses(rows_TN[:, :1], _cad(rows_TN), KNOWN_LAYOUTS["openni15"], ())
    known = FRAME_LINES.get(width, FRAME_LINES.get(width - 1, (None, "")))[0]
    own = layout if layout is not None else KNOWN_LAYOUTS[known] if known is not None else None
    if own is None:
        raise RefusedError(f"{width} numbers a line; say which joints they are: parse.layout")
    for per_joint in (7, 4, 3, 2):
        lead = width - own.n_joints * per_joint
        if lead in (0, 1) and (per_joint != 2 or own.is_image):
            values_TVK = rows_TN[:, lead:].reshape(len(rows_TN), own.n_joints, per_joint)
            notes = (NOTE_FOURTH,) if per_joint == 4 else ()
            return _poses(rows_TN[:, :lead], values_TVK[..., : min(3, per_joint)], own, notes)
    raise RefusedError(f"{width} numbers a line, expected 3, 4 or 7 for each of {own.n_joints} joints")


def read_joints(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """`joint_lines`: one file; RefusedError where lines are no whole number of frames."""
    (file,) = files
    rows_NK = _rows(file.data)
    n_lines, width = rows_NK.shape
    if layout is None:
        raise RefusedError("a joint a line: only you can tell which; say parse.layout")
    if width not in (2, 3, 4) or (width == 2 and not layout.is_image):
        raise RefusedError(f"{width} numbers a line, expected x y{' z' * (not layout.is_image)} of a joint", line=1)
    if n_lines % layout.n_joints:
        raise RefusedError(f"{n_lines} lines, not a multiple of the {layout.n_joints} joints of layout {layout.name}")
    values_TVK = rows_NK.reshape(-1, layout.n_joints, width)
    return _poses(values_TVK[:, :0, 0], values_TVK[..., :3], layout, (NOTE_FOURTH,) if width == 4 else ())


def _rows(data: bytes) -> NDArray[np.float64]:
    plain = with_points(without_remarks(data.removeprefix(BOM_UTF8)))
    quick = quick_rows(plain)
    if quick is not None:
        return quick
    return rows_of(enumerate(lines_of(text_of(plain).replace(",", " ").replace(";", " ")), 1))


def rows_of(lines: Iterable[tuple[int, str]], width: int = 0) -> NDArray[np.float64]:
    """The numbers of lines with their numbers -> a row a line that is not empty.

    Raises: RefusedError with the line for what is no number, and for another number of numbers than `width` or, where
    that is 0, than the first line has.
    """
    numbers, n_first = Numbers(), width
    for line, text in lines:
        fields = text.split()
        if fields:
            n_first = n_first or len(fields)
            if len(fields) != n_first:
                told = f"expected {width}" if width else f"the first line has {n_first}"
                raise RefusedError(f"{len(fields)} numbers, {told}", line=line)
            numbers.add(fields, line)
    if not n_first:
        raise RefusedError("no line of numbers")
    return numbers.rows(n_first)


def _poses(
    lead_TL: NDArray[np.float64], places_TVC: NDArray[np.float64], layout: Layout, notes: tuple[str, ...]
) -> Poses:
    frames, n_frames, (fps, said) = _frames(lead_TL, len(places_TVC))
    unit_m, told = unit_of(np.where(places_TVC == 0, np.nan, places_TVC)) if not layout.is_image else (1.0, ())
    largest = float(np.abs(places_TVC[..., :2]).max(initial=0, where=np.isfinite(places_TVC[..., :2])))
    return Poses(
        layout=layout,
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32),
        places_PVC=places_TVC,
        id_P=np.zeros(len(frames), np.int64),
        pixels=largest > 2,
        unit_m=unit_m,
        fps=fps,
        notes=(*notes, *said, *told),
    )


def _frames(lead_TL: NDArray[np.float64], n_rows: int) -> tuple[list[int], int, Rate]:
    """Frames of the numbers before the joints: frame numbers or time stamps; of lines where there are none. And how
    fast they are, with notes."""
    if not lead_TL.shape[1]:
        return list(range(n_rows)), n_rows, Rate(None)
    numbers_T = lead_TL[:, 0]
    steps = np.diff(numbers_T)
    if not np.isfinite(numbers_T).all() or (steps <= 0).any():
        return list(range(n_rows)), n_rows, Rate(None, ("numbers_of_frames_do_not_ascend",))
    if (numbers_T % 1 == 0).all() and (not len(steps) or np.median(steps) <= _MOST_STEP / 100):
        frames, n_frames, notes = frames_of([int(number) for number in numbers_T])
        return frames, n_frames, Rate(None, notes)
    frames, n_frames, notes = frames_of_stamps(numbers_T)
    fps, told = rate_of(numbers_T)
    return frames, n_frames, Rate(fps, (*notes, *told))


def frames_of_stamps(stamps_T: NDArray[np.float64]) -> tuple[list[int], int, tuple[str, ...]]:
    """Frames from 0 on of ascending time stamps, how many there are with those left out, and notes."""
    column = FrameColumn({"time": 0})
    frames_T, said = column.settle(np.array([column.number([repr(float(stamp))]) for stamp in stamps_T], np.int64))
    return frames_T.tolist(), int(frames_T[-1]) + 1, said


def _pairs(rows_TN: NDArray[np.float64], layout: Layout) -> Poses:
    """Two bodies a line, in fractions of the image or in metres, with or without a frame's number before them."""
    lead = rows_TN.shape[1] % 2
    frames, n_frames, (fps, said) = _frames(rows_TN[:, :lead], len(rows_TN))
    return Poses(
        layout=layout,
        n_frames=n_frames,
        frame_P=np.repeat(np.array(frames, np.int32), 2),
        places_PVC=rows_TN[:, lead:].reshape(-1, layout.n_joints, 3),
        id_P=np.tile(np.arange(2, dtype=np.int64), len(frames)),
        pixels=False,
        fps=fps,
        notes=said,
    )


def _cad(rows_TN: NDArray[np.float64]) -> NDArray[np.float64]:
    """11 joints with 9 numbers of orientation, a confidence, x y z and another, then 4 with x y z and a confidence."""
    turned_TVK = rows_TN[:, 1 : 1 + 11 * 14].reshape(-1, 11, 14)[..., 10:13]
    bare_TVK = rows_TN[:, 1 + 11 * 14 :].reshape(-1, 4, 4)[..., :3]
    return np.concatenate([turned_TVK, bare_TVK], axis=1)[:, _CAD_ORDER]
