"""One clip -> its findings: a raw file is read and its labels and arrays are checked; a row of a table is checked.

In: a `RawJob` (a raw file and the statements of label lists) or a `ParsedClip`. Out: `Examined`: findings and a digest,
without arrays, so that it is small enough to be sent back by a worker process.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b

from dastm.contract.errors import RefusedError
from dastm.contract.progress import progress as bar
from dastm.contract.skeleton import LAYOUTS, Layout
from pipeline.audit import posture
from pipeline.audit.landmarks import Landmarks, landmarks
from pipeline.definitions.definition import ZERO_IS_MISSING, ParseSpec
from pipeline.definitions.source_spec import DEFAULT_LAYOUT
from pipeline.doctor import checks
from pipeline.doctor.findings import Finding
from pipeline.doctor.limits import Limits
from pipeline.doctor.observed import lay_out
from pipeline.doctor.walk import RawClip
from pipeline.parse.formats import FORMATS
from pipeline.parse.labels import Label, no_class, settle
from pipeline.parse.plan import Job, with_right_form
from pipeline.parse.raw_files import read
from pipeline.parse.tools.tool_sources import ALL_SOURCES, read_undefined
from pipeline.storage.table import ParsedClip
from pipeline.tracks import Tracks

progress = partial(bar, desc="doctor", delay=2.0)
"""A bar on the terminal, after two seconds; elsewhere a line now and then."""


@dataclass(frozen=True, kw_only=True)
class RawJob:
    """One raw file to examine."""

    clip: RawClip
    plan: Job
    """The same clip as `parse` plans it: what its name and label lists say, or why its name names no clip."""
    is_listed: bool = True
    """False where the data set has label lists and none names this clip."""
    is_sampled: bool = False
    """Whether its posture is looked at."""
    is_missing: bool = False
    """Whether it is on the data set's list of missing skeletons."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What all clips are examined with: definition and limits."""

    limits: Limits
    parse: ParseSpec | None = None
    """The definition's; None: files are read as their format usually is."""


@dataclass(frozen=True, kw_only=True)
class Examined:
    """The result for one clip."""

    source: str
    key: str | None
    findings: tuple[Finding, ...]
    class_id: int | None = None
    digest: bytes | None = None
    """Of joints and frames, equal for copies; None where the clip cannot be read."""
    posture: Mapping[str, float] = field(default_factory=dict)
    """What `posture.measure` says of its main body, where the clip is one of the sample."""
    is_image: bool = False
    is_usable: bool = False
    """Whether `parse` would take it, or has."""


def examine_raw(job: RawJob, terms: Terms) -> Examined:
    """Read and check one raw file; every fault is a finding."""
    source, key = job.clip.shown, job.plan.key
    try:
        tracks, layout, own = _read(job, terms)
    except RefusedError as refused:
        why = with_right_form(refused, job.plan, job.clip.format) if terms.parse is not None else refused
        check = "listed" if job.is_missing else "unreadable"
        refusal = Finding(check=check, source=source, key=key, line=why.line, byte=why.byte, what=why.reason)
        return Examined(source=source, key=key, findings=(refusal,))
    except MemoryError:
        large = Finding(check="unreadable", source=source, key=key, what="not enough memory to read it")
        return Examined(source=source, key=key, findings=(large,))
    class_id, labelled = _label(job, own, terms)
    found = [*labelled, *_doubts(tracks, layout, terms.limits, source, key)]
    return Examined(
        source=source,
        key=key,
        findings=tuple(found),
        class_id=class_id,
        digest=_digest(tracks),
        posture=posture_of(tracks, layout) if job.is_sampled else {},
        is_image=layout.is_image,
        is_usable=not job.is_missing and not any(finding.severity == "unusable" for finding in found),
    )


def _read(job: RawJob, terms: Terms) -> tuple[Tracks, Layout, Label]:
    """Tracks, their layout, and what the clip itself says of its class."""
    member = job.plan.member
    if member is None:
        name = job.clip.format
        layout = terms.parse.layout if terms.parse is not None else LAYOUTS[DEFAULT_LAYOUT[name]]
        zero_is_missing = terms.parse.zero_is_missing if terms.parse is not None else name in ZERO_IS_MISSING
        tracks, label, label_index = FORMATS[name].read(read(job.clip.raw), layout, zero_is_missing)
        return tracks, layout, Label("clip", label, label_index)
    if terms.parse is None:
        clip = read_undefined(member)
        return clip.tracks, clip.layout, Label("clip")
    if member.problem is not None:
        raise RefusedError(member.problem)
    return ALL_SOURCES[job.clip.format].read(member, terms.parse), terms.parse.layout, Label("clip")


def examine_parsed(clip: ParsedClip, layout: Layout | None, limits: Limits) -> Examined:
    """Check one row of a parsed table."""
    found = tuple(_doubts(clip.tracks, layout, limits, clip.source, clip.key))
    return Examined(
        source=clip.source,
        key=clip.key,
        findings=found,
        class_id=clip.class_id,
        digest=_digest(clip.tracks),
        is_usable=not any(finding.severity == "unusable" for finding in found),
    )


def _label(job: RawJob, own: Label, terms: Terms) -> tuple[int | None, list[Finding]]:
    """The class that name, lists and clip agree on, and what is wrong with it."""
    source, key = job.clip.shown, job.plan.key
    found: list[Finding] = []
    class_id = None
    if job.plan.member is not None and terms.parse is None:
        return None, []  # what such a clip shows, only a definition says
    try:
        if job.plan.problem is not None:
            raise RefusedError(job.plan.problem)
        names = terms.parse.class_names if terms.parse is not None else ()
        class_id, class_name = settle([*job.plan.labels, own], names)
        if class_id is None:
            raise no_class(class_name, job.clip.format)
    except RefusedError as why:
        found.append(Finding(check="label", source=source, key=key, what=why.reason))
    if job.is_missing:
        what = "on the data set's list of missing skeletons, but it can be read"
        found.append(Finding(check="missing_list", source=source, key=key, what=what))
    if not job.is_listed:
        found.append(Finding(check="not_on_list", source=source, key=key, what="no label list names this clip"))
    return class_id, found


def _doubts(tracks: Tracks, layout: Layout | None, limits: Limits, source: str, key: str | None) -> Iterator[Finding]:
    try:
        bodies = lay_out(tracks, layout)
    except ValueError as error:
        yield Finding(check="contradiction", source=source, key=key, what=str(error))
        return
    for check, what, frame in checks.examine(bodies, limits):
        yield Finding(check=check, source=source, key=key, what=what, frame=frame + 1 if frame is not None else None)


def posture_of(tracks: Tracks, layout: Layout | None) -> dict[str, float]:
    """What the main body of a clip says of the skeleton; nothing where no joint has a name that is known."""
    try:
        bodies = lay_out(tracks, layout)
    except ValueError:  # which is a finding of its own
        return {}
    rows = bodies.rows[bodies.main]
    if layout is None or not bodies.measured_PV[rows].any():
        return {}
    marks = marks_of(layout)
    if not marks.is_enough:
        return {}
    up = (1, -1) if bodies.is_image else (1, 1)
    return posture.measure(bodies.joints_PVC[rows], bodies.measured_PV[rows], marks, up)


def marks_of(layout: Layout) -> Landmarks:
    """The joints of a layout that a person is known by."""
    return landmarks(layout.joints, layout.shoulders, layout.torso, layout.spine)


def of_skeleton(
    postures: Sequence[Mapping[str, float]], source: str, is_image: bool, layout: Layout | None
) -> Iterator[Finding]:
    """Findings if a sample of clips does not look like people in the layout's order, and on what cannot be judged.

    Args:
        layout: the one of all clips; None where it is a shipped one, of which every landmark is known, or none.
    """
    if layout is not None and len(postures) >= posture.FEWEST:
        line = posture.not_checked(marks_of(layout), layout.name)
        yield from [Finding(check="posture", source=source, what=line)] if line else []
    seen = [one for one in postures if one]
    for doubt in posture.doubts(seen, is_image, in_metres=True):
        yield Finding(check="skeleton", source=source, what=f"{doubt} (a sample of {len(seen)} clips)")


def _digest(tracks: Tracks) -> bytes:
    digest = blake2b(tracks.joints_PVC.tobytes(), digest_size=16)
    digest.update(tracks.frame_index.tobytes())
    return digest.digest()
