"""One clip: whatever a file holds becomes findings; labels and missing list are settled as `parse` settles them."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.skeleton import NTU25
from pipeline.definitions.definition import load_definition
from pipeline.doctor import clips
from pipeline.doctor.clips import RawJob, Terms, examine_parsed, examine_raw
from pipeline.doctor.limits import Limits
from pipeline.doctor.walk import walk
from pipeline.parse.formats import FORMATS
from pipeline.parse.labels import Label
from pipeline.parse.plan import job_of as plan_of
from pipeline.storage.table import ParsedClip
from tests.pipeline.doctor.made_clips import as_skeleton, person, tracks
from tests.pipeline.raw_files import clip, write_json

NAME = "S001C001P002R001A003.skeleton"
TERMS = Terms(limits=Limits())

NO_CLASS = (
    "no label_index, neither in the clip nor on a label list; name its class on the label list beside it or in the clip"
)


def job_of(path, labels=(), **changes):
    (found,) = walk([path], list(FORMATS)).clips
    plan = plan_of(found.raw, FORMATS[found.format], {})
    return RawJob(clip=found, plan=replace(plan, labels=(*plan.labels, *labels)), **changes)


@pytest.fixture
def sound(tmp_path, rng):
    """A job without a fault."""
    (tmp_path / NAME).write_text(as_skeleton(tracks(person(rng))))
    return job_of(tmp_path / NAME)


def findings(job, terms=TERMS):
    return [(f.check, f.where, f.what) for f in examine_raw(job, terms).findings]


def test_a_sound_clip_has_its_class_and_a_digest_and_no_finding(sound, tmp_path):
    examined = examine_raw(sound, TERMS)
    assert (examined.source, examined.key, examined.class_id) == (str(tmp_path / NAME), NAME[:20], 2)
    assert examined.is_usable
    assert examined.findings == ()
    assert len(examined.digest) == 16


def test_the_digest_is_of_joints_and_frames(rng):
    clip = tracks(person(rng))
    other = replace(clip, joints_PVC=clip.joints_PVC + np.float32(1e-3))
    later = replace(clip, frame_index=clip.frame_index + np.int32(1), frames=41)
    renamed = replace(clip, ids=clip.ids + 1)
    digests = [clips._digest(one) for one in (clip, other, later, renamed)]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


def test_a_truncated_file_is_unusable_with_its_line(sound):
    path = sound.clip.raw.root / NAME
    text = path.read_text()
    path.write_text(text[: len(text) * 2 // 3])
    examined = examine_raw(sound, TERMS)
    (found,) = examined.findings
    assert (found.check, found.severity, found.key) == ("unreadable", "unusable", NAME[:20])
    assert found.line > 600
    assert (examined.is_usable, examined.digest) == (False, None)


@pytest.mark.parametrize("data", [b"", b"0\n", b"1\n0\n", np.random.default_rng(1).bytes(4000), b"PK\x03\x04" * 100])
@pytest.mark.parametrize("name", [NAME, "a.json"])
def test_hostile_bytes_are_one_unusable_finding(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert [check for check, _, _ in findings(job_of(tmp_path / name))] == ["unreadable"]


def test_what_does_not_fit_into_memory_is_a_finding(sound, monkeypatch):
    def too_large(raw):
        raise MemoryError

    monkeypatch.setattr(clips, "read", too_large)
    assert findings(sound) == [("unreadable", "", "not enough memory to read it")]


def test_a_clip_on_the_missing_list_is_a_doubt_where_it_parses_and_expected_where_not(sound):
    listed = replace(sound, is_missing=True)
    assert [check for check, _, _ in findings(listed)] == ["missing_list"]
    assert not examine_raw(listed, TERMS).is_usable
    (sound.clip.raw.root / NAME).write_text("1\n0\n")
    assert [check for check, _, _ in findings(listed)] == ["listed"]


def test_a_name_that_names_no_clip_does_not_keep_the_doctor_from_looking(tmp_path, rng):
    frozen = np.repeat(person(rng, 1), 20, axis=0)
    (tmp_path / NAME).write_text(as_skeleton(tracks(frozen)))
    job = job_of(tmp_path / NAME)
    nameless = replace(job, plan=replace(job.plan, name=None, problem="no name"))
    assert findings(nameless)[0] == ("label", "", "no name")
    assert findings(nameless)[1][:2] == ("frozen_tail", "frame 2")
    assert examine_raw(nameless, TERMS).key is None


@pytest.mark.parametrize(
    ("changes", "lists", "names", "what"),
    [
        ({}, (Label("list", "abseiling", 1),), (), "label_index 1 in the list, but 0 in the clip"),
        ({}, (), ("air drumming",), "label 'abseiling' is not among the definition's class_names"),
        (
            {"label": None, "label_index": None},
            (),
            (),
            NO_CLASS,
        ),
    ],
)
def test_places_that_disagree_on_the_class_make_a_clip_unusable(tmp_path, changes, lists, names, what):
    frames = [
        {"frame_index": t, "skeleton": [{"pose": [0.5 + 0.001 * t] * 36, "score": [0.5] * 18}]} for t in range(1, 9)
    ]
    write_json(tmp_path / "a.json", clip(data=frames) | changes)
    terms = Terms(limits=Limits(), parse=replace(load_definition("demo-kinetics").parse, class_names=names))
    job = job_of(tmp_path / "a.json", labels=lists)
    assert findings(job, terms) == [("label", "", what)]
    assert not examine_raw(job, terms).is_usable
    settled = job_of(tmp_path / "a.json", labels=(Label("list", None, 0),), is_listed=False)
    assert findings(replace(settled, is_listed=True)) == []
    assert findings(settled) == [("not_on_list", "", "no label list names this clip")]
    assert examine_raw(settled, TERMS).is_usable


def parsed(tracks_):
    return ParsedClip(
        key="a",
        dataset="demo",
        class_id=4,
        class_name="four",
        source="a.skeleton",
        source_bytes=1,
        **dict.fromkeys(("subject", "camera", "setup", "replication")),
        tracks=tracks_,
    )


def test_a_row_of_a_table_is_doubted_as_its_file_was(rng, sound):
    row = parsed(tracks(person(rng)))
    examined = examine_parsed(row, NTU25, Limits())
    assert (examined.findings, examined.class_id, examined.is_usable) == ((), 4, True)
    own = replace(row, tracks=FORMATS["ntu_skeleton"].parse((sound.clip.raw.root / NAME).read_bytes(), NTU25)[0])
    assert examine_parsed(own, NTU25, Limits()).digest == examine_raw(sound, TERMS).digest
    (short,) = examine_parsed(parsed(tracks(person(rng, 4))), NTU25, Limits()).findings
    assert (short.check, short.key, short.source) == ("short", "a", "a.skeleton")


def test_a_row_that_contradicts_itself_or_the_layout_is_unusable(rng):
    examined = examine_parsed(parsed(tracks(person(rng)[:, :20])), NTU25, Limits())
    assert [(f.check, f.what) for f in examined.findings] == [
        ("contradiction", "20 joints of 3 coordinates, layout ntu25 has 25")
    ]
    assert not examined.is_usable
