"""Xsens MVNX: XML with the places of a suit's segments a frame.

In: `<mvnx><subject frameRate=".."><segments><segment label="Pelvis"/>..</segments><frames><frame type="normal"
index="0"><position>x y z of each segment</position>..` (Xsens' MVN User Manual, "MVNX"): metres, z up. A segment begins
at the joint that it is named for here, RightForeArm at the right elbow. Frames of other types (identity, tpose, npose)
are how the suit was set up, and no motion. A document that declares anything of its own (DOCTYPE) is refused: such
declarations are how XML is made to swell or to read other files.

Axes: T frames, S segments.
"""

from collections.abc import Sequence
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.markers import rate_of
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of
from pipeline.parse.tools.quick_tables import quick_rows
from pipeline.parse.tools.space import joint_names
from pipeline.parse.tools.tables import MAX_TEXT_BYTES, Numbers


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError with the line for anything else."""
    (file,) = files
    if len(file.data) > MAX_TEXT_BYTES:
        raise RefusedError(f"{len(file.data)} bytes, more than the {MAX_TEXT_BYTES} that a text may have")
    held = _Document()
    try:
        held.parser.Parse(file.data, True)
    except expat.ExpatError as error:
        raise RefusedError(f"not XML: {expat.ErrorString(error.code)}", line=error.lineno) from None
    if not held.stated:
        raise RefusedError("no frame of type normal with the position of segments")
    frames, n_frames, notes = frames_of(held.stated)
    if sorted(set(frames)) != frames:
        raise RefusedError("numbers of frames that do not ascend")
    return Poses(
        layout=own_layout("mvnx", joint_names(held.segments), image=False),
        named=True,
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32),
        places_PVC=held.rows().reshape(len(frames), -1, 3),
        id_P=np.zeros(len(frames), np.int64),
        up="z",
        fps=held.fps,
        notes=notes,
    )


class _Document:
    """What has been read of a document so far."""

    def __init__(self) -> None:
        self.segments: list[str] = []
        self.stated: list[int] = []
        self.lines: list[tuple[int, str]] = []
        """Of each frame: where its position ends, and the position's text."""
        self.fps: float | None = None
        self._subjects = 0
        self._frame: int | None = None
        self._words: list[str] | None = None
        self.parser: Any = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._declared
        self.parser.StartElementHandler = self._begun
        self.parser.CharacterDataHandler = self._text
        self.parser.EndElementHandler = self._ended

    def _refused(self, reason: str) -> RefusedError:
        return RefusedError(reason, line=self.parser.CurrentLineNumber)

    def _declared(self, *_: Any) -> None:
        raise self._refused("a document with declarations (DOCTYPE) of its own, which are not read; remove them")

    def _begun(self, name: str, facts: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "subject":
            self._subjects += 1
            if self._subjects > 1:
                raise self._refused("several subjects; export each as a file")
            self.fps = rate_of(facts.get("frameRate", ""))
        elif name == "segment":
            self.segments.append(facts.get("label", ""))
        elif name == "frame":
            index = facts.get("index", "")
            here = int(index) if index.isdecimal() and len(index) < 10 else len(self.stated)
            self._frame = here if facts.get("type", "normal") == "normal" else None
        elif name == "position" and self._frame is not None:
            self._words = []

    def _text(self, text: str) -> None:
        if self._words is not None:
            self._words.append(text)

    def _ended(self, name: str) -> None:
        if name.rpartition(":")[2] != "position" or self._words is None or self._frame is None:
            return
        self.lines.append((self.parser.CurrentLineNumber, " ".join("".join(self._words).splitlines())))
        self.stated.append(self._frame)
        self._words, self._frame = None, None

    def rows(self) -> NDArray[np.float64]:
        """The positions of all segments, a row a frame."""
        width = 3 * len(self.segments)
        quick = quick_rows("\n".join(text for _, text in self.lines).encode())
        if quick is not None and quick.shape == (len(self.lines), width):
            return quick
        numbers = Numbers()
        for line, text in self.lines:
            fields = text.split()
            if len(fields) != width:
                told = f"{len(fields)} numbers of position, and {len(self.segments)} segments"
                raise RefusedError(told, line=line)
            numbers.add(fields, line)
        return numbers.rows(width)
