"""An exported program gives the recogniser's distances, or is not written."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.ownership import NotOurs
from dastm.contract.skeleton import COCO17, NTU25
from dastm.recogniser import export
from dastm.recogniser.preparation import whole
from dastm.recogniser.recogniser import ActionRecogniser
from tests.actions import clip_of

pytestmark = pytest.mark.slow


def of_images():
    recogniser = ActionRecogniser.new(layout="coco17")
    for action in ("wave", "kick"):
        recogniser.enrol(action, [clip_of(action, seed, COCO17) for seed in range(2)])
    return recogniser


def expected(recogniser, clip):
    """Distances to the actions, and the limit."""
    decision = recogniser.predict(clip).decision
    found = {c.action: c.distance for c in decision.candidates}
    return pytest.approx([*(found[action] for action in recogniser.actions), decision.border], rel=1e-5, abs=1e-5)


def last_of(found):
    """Of the last clip, as `expected`."""
    distances, limits = found
    return [*distances[-1].tolist(), float(limits[-1])]


@pytest.mark.parametrize("layout", [NTU25, COCO17], ids=lambda layout: layout.name)
def test_the_module_gives_the_distances_of_the_recogniser(recogniser, layout):
    known = recogniser if layout is NTU25 else of_images()
    module = export.ExportedRecogniser(known, layout).eval()
    for n_frames in (4, 9, 61, 200):
        clip = clip_of("wave", 5, layout, n_frames=n_frames)
        with torch.inference_mode():
            found = module(torch.from_numpy(clip.joints_TVC)[None])
        assert last_of(found) == expected(known, clip)


@pytest.mark.parametrize("hidden", [[], [11, 12]], ids=["anything", "the hips to begin with"])
def test_joints_of_an_image_that_were_not_measured_have_no_confidence(rng, hidden):
    known = of_images()
    module = export.ExportedRecogniser(known, COCO17).eval()
    clip = clip_of("wave", 5, COCO17, n_frames=61)
    joints = clip.joints_TVC.copy()
    joints[rng.random(joints.shape[:2]) < 0.4] = 0
    joints[:5, hidden] = 0
    clip = replace(clip, joints_TVC=joints)
    filled = export._as_source(whole(clip), COCO17).astype(np.float32)
    sure = filled.copy()
    sure[..., 2] = 1
    with torch.inference_mode():
        found = module(torch.from_numpy(np.stack([sure, filled])))
    assert last_of(found) == expected(known, clip)
    assert abs(found[0][0] - found[0][1]).max() > 1e-3  # it matters
    for inputs in export.checked_inputs(known, COCO17):
        assert 0.01 < (inputs[..., 2] == 0).float().mean() < 0.5


def test_a_body_that_lies_or_stands_still_is_measured_as_well(recogniser):
    module = export.ExportedRecogniser(recogniser, NTU25).eval()
    clip = clip_of("wave", 5)
    lying = type(clip)(
        key="k", source="s", layout=NTU25, joints_TVC=np.ascontiguousarray(clip.joints_TVC[..., [1, 0, 2]])
    )
    still = type(clip)(key="k", source="s", layout=NTU25, joints_TVC=clip.joints_TVC[:1].repeat(9, axis=0))
    for odd in (lying, still):
        with torch.inference_mode():
            found = module(torch.from_numpy(odd.joints_TVC)[None])
        assert last_of(found) == expected(recogniser, odd)


def test_examples_of_none_of_the_actions_lower_the_limit_of_a_program_too(recogniser):
    recogniser.enrol(None, [clip_of("wave", 8)])
    module = export.ExportedRecogniser(recogniser, NTU25).eval()
    clip = clip_of("wave", 5)
    with torch.inference_mode():
        found = module(torch.from_numpy(clip.joints_TVC)[None])
    assert last_of(found) == expected(recogniser, clip)


@pytest.fixture(scope="module")
def small(encoder, shown):
    """A recogniser that sees fewer points, with the weights of the shipped encoder: tracing takes as long as
    alignments are long, whatever the number of channels."""
    config = replace(encoder.config, augment=replace(encoder.config.augment, n_frames=6))
    known = replace(encoder.known, joints_KTVC=encoder.known.joints_KTVC[:, ::4])
    return ActionRecogniser(replace(encoder, config=config, known=known), shown)


@pytest.fixture(scope="module")
def traced(small):
    """What both forms are made of, traced once."""
    return export._program(small, NTU25)


@pytest.fixture
def once_traced(monkeypatch, traced):
    monkeypatch.setattr(export, "_program", lambda known, layout: traced)


@pytest.mark.unmeasured
@pytest.mark.usefixtures("once_traced")
def test_a_torch_program_takes_any_number_of_clips_and_frames(small, monkeypatch):
    read = []  # to read an archive takes seconds, and `to_torch` reads what it gives

    def load(file):
        read.append((file.getvalue(), real(file)))
        return read[-1][1]

    real = torch.export.load
    monkeypatch.setattr(torch.export, "load", load)
    data = export.to_torch(small, NTU25)
    ((archive, again),) = read
    assert archive == data
    program = again.module()
    for n_clips, n_frames in ((1, 5), (4, 77)):
        joints = torch.from_numpy(np.stack([clip_of("kick", s, n_frames=n_frames).joints_TVC for s in range(n_clips)]))
        found = program(joints)
        assert not any(part.requires_grad for part in found)
        assert [tuple(part.shape) for part in found] == [(n_clips, 3), (n_clips,)]
        assert last_of(found) == expected(small, clip_of("kick", n_clips - 1, n_frames=n_frames))
    assert all(weight.requires_grad for weight in small.encoder.model.parameters())


@pytest.mark.unmeasured
@pytest.mark.usefixtures("once_traced")
def test_an_onnx_file_takes_any_number_of_clips_and_frames_and_says_what_to_feed(small, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    beside = export.export_recogniser(small, tmp_path / "mine.onnx", "onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "mine.onnx"), providers=["CPUExecutionProvider"])
    clip = clip_of("push", 3, n_frames=33)
    found = session.run(None, {"joints": np.stack([clip.joints_TVC] * 3)})
    assert last_of(found) == expected(small, clip)
    told = json.loads(beside.read_text())
    assert told["actions"] == ["wave", "push", "kick"]
    assert told["input"]["shape"] == ["clips", "frames", 25, 3]
    assert told["input"]["joints"] == list(NTU25.joints)


def test_a_program_that_differs_is_not_written(recogniser, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_program", lambda known, layout: (None, None))
    monkeypatch.setattr(torch.export, "save", lambda program, file: None)

    class Wrong:
        def module(self):
            return lambda joints: (torch.zeros(len(joints), 3), torch.zeros(len(joints)))

    monkeypatch.setattr(torch.export, "load", lambda file: Wrong())
    with pytest.raises(RunError, match=r"differs by .*: not written"):
        export.export_recogniser(recogniser, tmp_path / "mine.pt2", "torch")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused(encoder, tmp_path):
    with pytest.raises(RunError, match="nothing is enrolled"):
        export.export_recogniser(ActionRecogniser(encoder), tmp_path / "x", "torch")


def test_nobody_elses_program_is_replaced(recogniser, tmp_path):
    theirs = tmp_path / "model.pt2"
    theirs.write_bytes(b"theirs")
    with pytest.raises(NotOurs, match=r"no model\.pt2\.json that says whose it is"):
        export.export_recogniser(recogniser, theirs, "torch")
    (tmp_path / "model.pt2.json").write_text('{"theirs": 1}')
    with pytest.raises(NotOurs, match="is not what to feed an exported recogniser"):
        export.export_recogniser(recogniser, theirs, "torch")
    assert theirs.read_bytes() == b"theirs"
