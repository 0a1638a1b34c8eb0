"""A parsed table -> its findings: the files that `parse` refused, then its clips, then what is missing.

In: a folder of table files (see `pipeline.storage.table`). Out: findings; one file in memory at a time.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from dastm.contract.errors import DataError
from dastm.contract.skeleton import LAYOUTS, Layout
from pipeline.audit.posture import step_of
from pipeline.definitions.definition import Definition
from pipeline.doctor.census import Census
from pipeline.doctor.clips import examine_parsed, of_skeleton, posture_of, progress
from pipeline.doctor.findings import Finding, Totals
from pipeline.doctor.limits import Limits
from pipeline.parse.plan import MISSING
from pipeline.storage.table import check_layout, read_clips, read_facts, read_layout, read_refused
from pipeline.tracks import Tracks


def examine_table(folder: Path, totals: Totals, definition: Definition | None, limits: Limits) -> Iterator[Finding]:
    """The refused files of a parsed table, its clips, and what it lacks; a damaged file ends it with a finding."""
    census = Census(str(folder))
    unknown, is_image = 0, False
    postures: list[Mapping[str, float]] = []
    try:
        for row in read_refused(folder).to_pylist():
            check = "listed" if row["reason"] == MISSING else "refused"
            what = row.pop("reason")
            yield Finding(check=check, what=what, **row)
        total = read_facts(folder, ["key"]).num_rows
        own = definition.parse.layout if definition else read_layout(folder)
        if definition is not None:
            check_layout(folder, definition.parse.layout)
        for number, clip in enumerate(progress(read_clips(folder), total=total, unit="clip")):
            layout = own or _usual_layout(clip.tracks)
            unknown += layout is None
            examined = examine_parsed(clip, layout, limits)
            if number % step_of(total) == 0:
                postures.append(posture_of(clip.tracks, layout))
                is_image = clip.tracks.joints_PVC.shape[2] == 2
            totals.add(examined.class_id)
            yield from examined.findings
            yield from census.add(examined)
    except DataError as error:
        yield Finding(check="table", source=str(folder), what=str(error).removeprefix(f"{folder}: "))
        return
    except ValueError as error:  # lists that are no arrays of the lengths that their row tells
        yield Finding(
            check="table", source=str(folder), what=f"a row contradicts itself ({' '.join(str(error).split())})"
        )
        return
    yield from of_skeleton(postures, str(folder), is_image, own)
    if unknown:
        what = f"{unknown} clips of a skeleton that is not known: bones and posture were not looked at"
        yield Finding(check="layout", source=str(folder), what=what)
    if definition is not None:
        yield from census.against(definition)


def _usual_layout(tracks: Tracks) -> Layout | None:
    """The shipped layout with these joints and coordinates."""
    joints, coordinates = tracks.joints_PVC.shape[1:]
    usual = (layout for layout in LAYOUTS.values() if layout.n_joints == joints)
    return next((layout for layout in usual if layout.is_image == (coordinates == 2)), None)
