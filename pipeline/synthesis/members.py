"""The files of a synthetic data set: `SynthSpec` -> (path inside the data set, bytes), one at a time.

Every clip depends only on (seed, class, clip), so any clip can be made again alone. A few unusable files are added on
purpose: every class still has `clips_per_class` good clips.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.definitions.definition import SynthSpec
from pipeline.synthesis.body import Subject, draw_subject
from pipeline.synthesis.classes import class_name, class_script
from pipeline.synthesis.depth_camera import Recording, record
from pipeline.synthesis.motion import Scene, Tempo, perform
from pipeline.synthesis.video_camera import Film, film
from pipeline.synthesis.writers import kinetics_json, kinetics_labels, ntu_skeleton

Members = Iterator[tuple[str, bytes]]

NTU_FOLDER = "nturgb+d_skeletons"
NTU_TEMPO = Tempo(15, 300, idle=(14.0, 5.0, 10.0), haste=1.3, spread=0.35)
"""Of genuine clips: 15 to 300 frames, half of them below 66, 5 % below 32 and 5 % above 132."""
KINETICS_TEMPO, KINETICS_SHORT, KINETICS_FULL = Tempo(60, 240), Tempo(26, 26), Tempo(299, 299)
N_SUBJECTS, N_SETUPS = 40, 17
MAX_CLIPS = 999 * N_SUBJECTS - 2
"""Clips a class: a name has three digits for the replication, and two names go to unusable files."""
CRLF_RATE, SHORT_RATE, FULL_RATE = 0.2, 0.04, 0.12
VAL_EVERY = 10
SUBJECTS, NTU, KINETICS, NAMES = range(4)
"""Random streams: what is drawn for one purpose never depends on another."""
NAME_LENGTH = 11
NAME_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def ntu_members(spec: SynthSpec) -> Members:
    """`.skeleton` files; then a truncated one and one whose frames hold no body, both of class 0."""
    for class_id in range(spec.n_classes):
        for clip in range(spec.clips_per_class):
            yield ntu_path(class_id, clip), ntu_clip(spec.seed, class_id, clip)
    whole = ntu_clip(spec.seed, 0, spec.clips_per_class)
    yield ntu_path(0, spec.clips_per_class), whole[: int(len(whole) * 0.7)]
    yield ntu_path(0, spec.clips_per_class + 1), ntu_skeleton(Recording(n_frames=64, bodies=()))


def ntu_path(class_id: int, clip: int) -> str:
    """`SsssCcccPpppRrrrAaaa.skeleton`, a name of its own for every clip; subjects return in other replications."""
    subject, camera = _cast(class_id, clip)
    setup, replication = 1 + subject % N_SETUPS, 1 + clip // N_SUBJECTS
    name = f"S{setup:03d}C{camera:03d}P{subject + 1:03d}R{replication:03d}A{class_id + 1:03d}"
    return f"{NTU_FOLDER}/{name}.skeleton"


def ntu_clip(seed: int, class_id: int, clip: int) -> bytes:
    """The bytes of one file."""
    rng = np.random.default_rng([seed, NTU, class_id, clip])
    subject, camera = _cast(class_id, clip)
    scene = _scene(seed, class_id, subject, NTU_TEMPO, 1, rng)
    recording = record(scene, 1 + subject % N_SETUPS, camera, rng)
    return ntu_skeleton(recording, crlf=bool(rng.random() < CRLF_RATE))


def _cast(class_id: int, clip: int) -> tuple[int, int]:
    """Subject (0-based) and camera (1 .. 3); 7 and 40 share no factor, so 40 clips have 40 subjects."""
    return (3 * class_id + 7 * clip) % N_SUBJECTS, 1 + (class_id + clip) % 3


def _scene(seed: int, class_id: int, subject: int, tempo: Tempo, rounds: int, rng: np.random.Generator) -> Scene:
    script = class_script(class_id)
    script = replace(script, stages=script.stages * rounds, other=script.other * rounds)
    subjects = tuple(_subject(seed, (subject + 13 * i) % N_SUBJECTS) for i in range(script.n_bodies))
    return perform(script, subjects, tempo, rng)


def _subject(seed: int, number: int) -> Subject:
    return draw_subject(np.random.default_rng([seed, SUBJECTS, number]))


def kinetics_members(spec: SynthSpec) -> Members:
    """Clips of both folders, every tenth in `kinetics_val/`, the oddities in `kinetics_train/`; last the two lists."""
    names = kinetics_names(spec)
    labels: dict[str, dict[str, dict[str, Any]]] = {"train": {}, "val": {}}
    for class_id in range(spec.n_classes):
        for clip in range(spec.clips_per_class):
            subset, name = ("train" if (class_id + clip) % VAL_EVERY else "val"), next(names)
            labels[subset][name] = _entry(class_id)
            shown = kinetics_film(spec.seed, class_id, clip)
            yield f"kinetics_{subset}/{name}.json", kinetics_json(shown, class_name(class_id), class_id)
    for make in _ODDITIES:
        name = next(names)
        labels["train"][name], content = make(spec)
        yield f"kinetics_train/{name}.json", content
    for subset, entries in labels.items():
        shuffled = np.random.default_rng([spec.seed, NAMES, 1]).permutation(sorted(entries)).tolist()
        yield f"kinetics_{subset}_label.json", kinetics_labels({name: entries[name] for name in shuffled})


def kinetics_names(spec: SynthSpec) -> Iterator[str]:
    """Endless names like those of online videos: 11 letters, some beginning with '_' or '-', none twice."""
    rng = np.random.default_rng([spec.seed, NAMES])
    used: set[str] = set()
    while True:
        letters = rng.choice(list(NAME_LETTERS + "_-"), NAME_LENGTH)
        if rng.random() < 0.08:
            letters[0] = rng.choice(["_", "-"])
        name = "".join(letters)
        if name not in used:
            used.add(name)
            yield name


def kinetics_film(seed: int, class_id: int, clip: int) -> Film:
    """One clip as filmed; a quarter last the full ten seconds, with the action twice in them."""
    rng = np.random.default_rng([seed, KINETICS, class_id, clip])
    kind = rng.random()
    tempo = KINETICS_TEMPO
    if kind < SHORT_RATE + FULL_RATE:
        tempo = KINETICS_SHORT if kind < SHORT_RATE else KINETICS_FULL
    subject = int(rng.integers(N_SUBJECTS))
    return film(_scene(seed, class_id, subject, tempo, 2 if tempo == KINETICS_FULL else 1, rng), rng)


def _entry(class_id: int, **other: Any) -> dict[str, Any]:
    return {"has_skeleton": True, "label": class_name(class_id), "label_index": class_id, **other}


Oddity = Callable[[SynthSpec], tuple[dict[str, Any], bytes]]


def _no_data(class_id: int) -> Oddity:
    return lambda spec: (_entry(class_id, has_skeleton=False), kinetics_json(None, class_name(class_id), class_id))


def _all_frames_empty(spec: SynthSpec) -> tuple[dict[str, Any], bytes]:
    nobody = Film(people=(), empty_T=np.ones(150, dtype=np.bool_))
    return _entry(0), kinetics_json(nobody, class_name(0), 0)


def _unlabelled(empty: str | None, label_index: int | None) -> Oddity:
    """The list has no label; the file has one, or none either."""

    def make(spec: SynthSpec) -> tuple[dict[str, Any], bytes]:
        shown = kinetics_film(spec.seed, 0, spec.clips_per_class)
        label = "" if label_index is None else class_name(label_index)
        return _entry(0, label="", label_index=empty), kinetics_json(shown, label, label_index)

    return make


def _relabelled_copy(spec: SynthSpec) -> tuple[dict[str, Any], bytes]:
    """The first clip once more under another name: the file says class 0, the list says class 1."""
    return _entry(1), kinetics_json(kinetics_film(spec.seed, 0, 0), class_name(0), 0)


_ODDITIES: tuple[Oddity, ...] = (
    *(_no_data(0), _no_data(0), _all_frames_empty),
    *(_unlabelled("", 0), _unlabelled(None, None), _relabelled_copy),
)
N_NTU_EXTRAS, N_KINETICS_EXTRAS = 2, len(_ODDITIES) + 2
