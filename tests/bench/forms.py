"""`python -m tests.bench.forms --forms FOLDER`: reads real files of other people's tools and compares values.

In: a folder of real files, a folder a form, which lies outside of the project. Out: a table, a row a source: what each
file was taken for, the frames and bodies read, and whether the values that were read independently (SOURCES.md of that
folder) are in the tracks; or the reason of the refusal. Exit status 1 where a value is not found.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools import TOOLS
from pipeline.parse.tools.poses import NamedBytes
from pipeline.parse.tools.recognise import HEAD_BYTES, recognise
from pipeline.parse.tools.tool_sources import read_alone
from pipeline.tracks import Tracks
from tests.bench.forms_truths import CASES, Case


def main(words: list[str]) -> int:
    """All sources of the folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forms")
    parser.add_argument("--forms", type=Path, required=True)
    folder = parser.parse_args(words).forms
    rows = [outcome(folder, case) for case in CASES]
    for source, form, told in rows:
        sys.stdout.write(f"{source:42} {form:16} {told}\n")
    wrong = [row for row in rows if row[2].startswith("WRONG")]
    sys.stdout.write(f"{len(rows)} sources, {len(wrong)} wrong\n")
    return 1 if wrong else 0


def outcome(folder: Path, case: Case) -> tuple[str, str, str]:
    """Source, form, and what came of it."""
    paths = sorted(path for pattern in case.files for path in folder.glob(pattern))
    if not paths:
        return case.source, "", "WRONG: not there"
    files = [NamedBytes(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]
    largest = max(files, key=lambda file: len(file.data))
    found = recognise(largest.name, largest.data[:HEAD_BYTES])
    form = case.form or found.form or ""
    said = found.form or " or ".join(found.candidates) or "none"
    if case.refused is not None and form not in TOOLS:
        return case.source, said, _agrees(case.refused, found.refusal())
    try:
        tracks = _tracks(form, files, case)
    except RefusedError as why:
        return case.source, said, _agrees(case.refused, str(why))
    if case.refused is not None:
        return case.source, said, "WRONG: read, and should be refused"
    return case.source, said, _compared(tracks, case)


def _tracks(form: str, files: list[NamedBytes], case: Case) -> Tracks:
    layout = KNOWN_LAYOUTS[case.layout] if case.layout else None
    return read_alone(form, files, SourceSpec(**case.spec), layout).tracks


def _agrees(expected: str | None, reason: str) -> str:
    if expected is None:
        return f"WRONG: refused: {reason}"
    return f"refused: {reason}" if expected in reason else f"WRONG: refused: {reason}; expected {expected!r}"


def _compared(tracks: Tracks, case: Case) -> str:
    told = f"{tracks.frames} frames, {len(tracks.ids)} bodies" + "".join(f", {note}" for note in tracks.notes)
    if case.frames is not None and tracks.frames != case.frames:
        return f"WRONG: {told}, expected {case.frames} frames"
    for truth in [one if one.frame >= 0 else one._replace(frame=int(tracks.frame_index.min())) for one in case.truths]:
        if not any(_is_near(own, truth.values) for own in _seen(tracks, truth.frame, truth.joint)):
            found = [own.tolist() for own in _seen(tracks, truth.frame, truth.joint)]
            return f"WRONG: {told}: frame {truth.frame}, joint {truth.joint}: {truth.values} not among {found}"
    return f"read: {told}; {len(case.truths)} values found"


def _seen(tracks: Tracks, frame: int, joint: int) -> Iterator[np.ndarray[Any, Any]]:
    for at in np.flatnonzero(tracks.frame_index == frame):
        places = tracks.joints_PVC[at, joint]
        yield places if tracks.scores_PV is None else np.append(places, tracks.scores_PV[at, joint])


def _is_near(own: np.ndarray[Any, Any], values: tuple[float, ...]) -> bool:
    short = own[: len(values)]
    return bool(len(short) == len(values) and np.allclose(short, values, rtol=1e-5, atol=2e-6, equal_nan=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
