"""Exports a recogniser as a program: encoder, examples and distances in one ONNX file or one torch.export archive.

In: a recogniser. Out: a file that takes the joints of clips and gives their distance to every action, and a JSON file
that describes its input. The program is compared with the recogniser, and nothing is written if the two differ.

The steps are those of `preparation` and `encoder`, written again with operations that ONNX has: without binary search
or loops over bodies, and with unrolled alignments.

Axes: L clips, T frames, F points, V joints, C coordinates, E examples, W actions, K feature frames.
"""

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dastm.contract.clips import segment_frames
from dastm.contract.errors import RunError
from dastm.contract.mapping import halves
from dastm.contract.ownership import FileKind, check_described, check_file, check_plain, json_with
from dastm.contract.skeleton import STANDARD19, Layout
from dastm.episodes.common import LEAST_FLAT, SMALLEST_TORSO
from dastm.episodes.standard_body import bone_lengths, with_standard_bones
from dastm.model.matching.path import LEAST_ALIKE, LEAST_COSINE, band_of, times_path
from dastm.model.matching.rejection import borders
from dastm.model.matching.shares import has_joint_shares
from dastm.model.network import Bodies
from dastm.recogniser.clips import Clip
from dastm.recogniser.decision import to_actions
from dastm.recogniser.encoder import joined
from dastm.recogniser.examples import LEAST_FRAMES
from dastm.recogniser.recogniser import ActionRecogniser

TOLERANCE = 1e-5
"""Largest accepted difference of a distance; relative to the distance if that is above 1."""
CHECKED_FRAMES = (7, 40, 133)
GAPPY = 0.7
"""Share of the joints of an image that are measured in every frame of a clip that the program is checked on."""
DESCRIPTION = FileKind("what to feed an exported recogniser", json_with("input", "output", "actions", "none_of_these"))


class ExportedRecogniser(nn.Module):
    """Joints of clips to distances, with only those operations that an exported program can have.

    Called with joints (L, T, V, C) of one layout without gaps, y up in 3-D and down in images, it returns the distances
    (L, W) to every action, and the limit of each clip (L,): from there on it is none of the actions. In images, a
    confidence of 0 says that a place was interpolated.
    """

    def __init__(self, recogniser: ActionRecogniser, layout: Layout) -> None:
        super().__init__()
        encoder, options = recogniser.encoder, recogniser.encoder.config.matching
        if not has_joint_shares(options):
            raise RunError(f"{encoder.name}: only encoders that align frames without activation can be exported")
        examples, known = recogniser.examples, encoder.movements
        features = recogniser.features_at(range(len(examples)))
        features = features if known is None else joined([features, known])
        self.common, self.is_image, self.options = encoder.layout, layout.is_image, options
        self.n_frames, self.n_points = encoder.preparation.n_frames, encoder.preparation.n_points
        self.model = deepcopy(encoder.model).requires_grad_(False)
        self.shown = [e for e, example in enumerate(examples) if example.action is not None]
        self.negatives = [e for e, example in enumerate(examples) if example.action is None]
        self.known = list(range(len(examples), len(features)))
        judge = recogniser.judge
        self.own, self.examples, self.limits = judge.own, judge.examples, judge.limits
        self.halves: Tensor
        self.thresholds_W: Tensor
        self.examples_EKD: Tensor
        self.terms_ERD: Tensor
        self.register_buffer("thresholds_W", judge.thresholds_W)
        self.register_buffer("halves", torch.from_numpy(halves(layout, encoder.layout)))
        self.register_buffer("examples_EKD", _units(features.values_LTVD.flatten(2)))
        self.register_buffer("terms_ERD", features.terms_LMRVC[:, 0].flatten(2).float())

    def forward(self, joints_LTVC: Tensor) -> tuple[Tensor, Tensor]:
        """Distances (L, W) to the actions, in the order of `ActionRecogniser.actions`, and the limit of each clip."""
        points_LFVC = self._points(joints_LTVC)
        features_LKD = _units(self._features(points_LFVC).flatten(2))
        distances_LE = _aligned(features_LKD, self.examples_EKD, self.options.band)
        if self.options.mean:
            distances_LE = distances_LE / self.examples_EKD.shape[1]
        if self.options.path_power:
            distances_LE = times_path(distances_LE, self._path_factor(points_LFVC), self.options.path_power)
        distances_LW = to_actions(distances_LE[:, self.shown], self.own, self.examples)
        known_LK = distances_LE[:, self.known] if self.known else None
        negatives_LN = distances_LE[:, self.negatives] if self.negatives else None
        limits_L = borders(distances_LW, self.thresholds_W, self.limits, known_LK, negatives_LN)
        return distances_LW, limits_L.to(distances_LW.dtype)

    def _points(self, joints_LTVC: Tensor) -> Tensor:
        """Points along the paths of clips in the common layout -> (L, F, V', C)."""
        numbers = 2 * torch.arange(self.n_frames, device=joints_LTVC.device) + 1
        taken = joints_LTVC.index_select(1, numbers * joints_LTVC.shape[1] // (2 * self.n_frames))
        first, second = self.halves.unbind(1)
        middle = (taken.index_select(2, first) + taken.index_select(2, second)) / 2
        places = middle[..., : self.common.n_space]
        if self.is_image:
            places = torch.stack([places[..., 0] - 0.5, 0.5 - places[..., 1]], dim=-1)
        (low,), (high,) = self.common.torso or ((0,), (0,))
        places = places - places[:, :1, low : low + 1]
        places = places if self.is_image else self._turned(places)
        length_L = self._median(_norms(places[:, :, high] - places[:, :, low]))
        usable_L = (length_L > 0) & (length_L >= SMALLEST_TORSO * places.abs().flatten(1).amax(1))
        places = places / torch.where(usable_L, length_L, 1.0)[:, None, None, None]
        if self.common == STANDARD19:
            bodies, measured = places[:, None], torch.ones_like(places[:, None, ..., 0], dtype=torch.bool)
            lengths_LMB = self._median(bone_lengths(places, self.common))[:, None]
            places = with_standard_bones(bodies, measured, lengths_LMB, self.common)[:, 0]
        values = places
        if self.is_image:
            confidence = torch.minimum(taken[..., 2].index_select(2, first), taken[..., 2].index_select(2, second))
            confidence = (confidence > 0).to(places.dtype)[..., None]
            places = self._begun(places, confidence)
            values = torch.cat([places, confidence], dim=-1)
        points = _along(places.flatten(2), values.flatten(2), self.n_points)
        return points.reshape(places.shape[0], self.n_points, *values.shape[2:])

    def _begun(self, places_LTVC: Tensor, confidence_LTV1: Tensor) -> Tensor:
        """As `layers.gaps.without_gaps`: a joint at zero without confidence is where it is first.

        That can only be the hip centre, which is at zero to begin with.
        """
        there_LTV = (places_LTVC != 0).any(-1) | (confidence_LTV1[..., 0] > 0)
        first_L1V = there_LTV.to(torch.int32).argmax(1, keepdim=True)
        numbers_TV = torch.arange(places_LTVC.shape[1], device=places_LTVC.device)[:, None]
        index_LTV1 = torch.maximum(numbers_TV, first_L1V)[..., None]
        return places_LTVC.gather(1, index_LTV1.expand(-1, -1, -1, places_LTVC.shape[3]))

    def _median(self, values_LTX: Tensor) -> Tensor:
        """The median over the frames (dimension 1); the lower of two, as in torch."""
        return values_LTX.sort(dim=1).values[:, (self.n_frames - 1) // 2]

    def _turned(self, places_LTVC: Tensor) -> Tensor:
        names = self.common.joints
        sides = [[names.index(f"{side} {part}") for part in ("shoulder", "hip")] for side in ("left", "right")]
        lines_LTC = (places_LTVC[:, :, sides[1]] - places_LTVC[:, :, sides[0]]).sum(2)
        x_L, z_L = lines_LTC[..., 0].sum(1), lines_LTC[..., 2].sum(1)
        flat_L = (x_L.square() + z_L.square()).sqrt()
        clear_L = flat_L > LEAST_FLAT * _norms(lines_LTC).sum(1)
        safe_L = torch.where(clear_L, flat_L, 1.0)
        cos = torch.where(clear_L, x_L / safe_L, 1.0)[:, None, None]
        sin = torch.where(clear_L, z_L / safe_L, 0.0)[:, None, None]
        x, y, z = places_LTVC[..., 0], places_LTVC[..., 1], places_LTVC[..., 2]
        return torch.stack([cos * x + sin * z, y, cos * z - sin * x], dim=-1)

    def _features(self, points_LFVC: Tensor) -> Tensor:
        """(L, K, V', D) as `Recogniser.features` has them for clips of one body each."""
        ones_L = points_LFVC[:, 0, 0, 0] * 0 + 1
        clip_L = ones_L.cumsum(0).long() - 1
        return self.model.features(Bodies(joints_BTVC=points_LFVC, clip_B=clip_L, n_bodies_L=ones_L))

    def _path_factor(self, points_LFVC: Tensor) -> Tensor:
        """What the powers of distances are multiplied by -> (L, E), see `dastm.model.matching.path.path_factor`."""
        places_LFVC = points_LFVC[..., : self.common.n_space]
        if self.is_image:
            places_LFVC = self._begun(places_LFVC, points_LFVC[..., -1:])
        places_LMFVC = places_LFVC[:, None]
        terms_LRD = self.model.joint_path_terms(places_LMFVC, is_image=False)[:, 0].flatten(2).float()
        lengths, extents = ((terms_LRD[:, row] @ self.terms_ERD[:, row].T).clamp(min=LEAST_COSINE) for row in (-2, -1))
        steps, power = self.terms_ERD.shape[1] - 2, self.options.path_power
        path_LE = _aligned(terms_LRD[:, :-2], self.terms_ERD[:, :-2], band_of(steps)).clamp(min=0) / steps
        return path_LE**power / (lengths * extents).clamp(min=LEAST_ALIKE)


def _aligned(frames_LKD: Tensor, examples_EKD: Tensor, band: int | None) -> Tensor:
    """The least sum of 1 - inner products along an alignment with every example -> (L, E).

    An anti-diagonal at a time, for tracing takes as long as there are operations. The cell (k, j) of anti-diagonal
    k + j is in place k of it; places without a cell cost infinity.
    """
    cost_LEKJ = 1 - torch.einsum("lkd,ejd->lekj", frames_LKD, examples_EKD)
    n_k, n_j = cost_LEKJ.shape[2:]
    k = torch.arange(n_k, device=cost_LEKJ.device)
    j = torch.arange(n_k + n_j - 1, device=cost_LEKJ.device)[:, None] - k
    outside = (j < 0) | (j >= n_j) | ((k - j).abs() > (max(n_k, n_j) if band is None else band))
    cells = (k * n_j + j.clamp(0, n_j - 1)).flatten()
    diagonals_LEDK = cost_LEKJ.flatten(2).index_select(2, cells).reshape(*cost_LEKJ.shape[:2], *outside.shape)
    first, *others = diagonals_LEDK.masked_fill(outside, torch.inf).unbind(2)
    sums, before = first, torch.full_like(first, torch.inf)
    for cost_LEK in others:
        above = functional.pad(sums[..., :-1], (1, 0), value=torch.inf)
        sums, before = cost_LEK + torch.minimum(torch.minimum(above, sums), before), above
    return sums[..., -1]


def _along(points_LTD: Tensor, values_LTX: Tensor, n_points: int) -> Tensor:
    """The values at `n_points` equal distances along polylines, by comparison with all ends in place of a search."""
    steps_LTD = points_LTD.diff(dim=1)
    ends_LT = functional.pad(_norms(steps_LTD).double().cumsum(1), (1, 0))
    shares_F = torch.linspace(0, 1, n_points, dtype=torch.float64, device=points_LTD.device)
    wanted_LF = ends_LT[:, -1:] * shares_F
    last = points_LTD.shape[1] - 2
    before_LF = ((ends_LT[:, None] <= wanted_LF[:, :, None]).sum(2) - 1).clamp(0, last)
    start_LF, end_LF = ends_LT.gather(1, before_LF), ends_LT.gather(1, before_LF + 1)
    size_LF = end_LF - start_LF
    way_LF = torch.where(size_LF > 0, (wanted_LF - start_LF) / torch.where(size_LF > 0, size_LF, 1.0), 0.0)
    way = way_LF.clamp(0, 1)[:, :, None].to(values_LTX.dtype)
    index = before_LF[:, :, None].expand(-1, -1, values_LTX.shape[2])
    return values_LTX.gather(1, index) * (1 - way) + values_LTX.gather(1, index + 1) * way


def _norms(vectors: Tensor) -> Tensor:
    return vectors.square().sum(-1).sqrt()


def _units(frames_LKD: Tensor) -> Tensor:
    sizes_LK1 = _norms(frames_LKD)[..., None]
    return frames_LKD / torch.where(sizes_LK1 > 0, sizes_LK1, 1.0)


def described(recogniser: ActionRecogniser, layout: Layout) -> dict[str, Any]:
    """The description of an exported program's input and output, for the JSON file beside it."""
    is_image = layout.is_image
    return {
        "input": {
            "name": "joints",
            "shape": ["clips", "frames", layout.n_joints, len(layout.coordinates)],
            "least_frames": LEAST_FRAMES,
            "type": "float32",
            "layout": layout.name,
            "joints": list(layout.joints),
            "coordinates": "x right, y down, one unit for both, and a confidence: 0 where a joint was not measured"
            if is_image
            else "x, y up, z, in any unit",
            "gaps": "none: every joint in every frame, interpolated in time where it was not measured",
            "bodies": "one a clip, from the first to the last frame that shows it",
        },
        "output": {"name": "distances", "shape": ["clips", len(recogniser.actions)], "type": "float32"},
        "second_output": {"name": "limits", "shape": ["clips"], "type": "float32"},
        "actions": list(recogniser.actions),
        "none_of_these": "where the least distance of a clip is not below its limit",
    }


def checked_inputs(recogniser: ActionRecogniser, layout: Layout) -> list[Tensor]:
    """Clips to compare an exported program on: examples of a layout at several lengths, and smooth random motion."""
    from dastm.recogniser.preparation import whole

    drawn = np.random.default_rng(0)
    inputs = []
    for n_frames in CHECKED_FRAMES:
        walks = drawn.normal(size=(2, n_frames, layout.n_joints, len(layout.coordinates))).cumsum(1) + 5
        if layout.is_image:  # some joints are not measured in every second frame
            walks[..., 2] = drawn.random((2, 1, layout.n_joints)) < GAPPY
            walks[:, ::2, :, 2] = 1
        clips = [Clip(key="walk", source="walk", layout=layout, joints_TVC=walk.astype(np.float32)) for walk in walks]
        clips += [
            replace(e.clip, joints_TVC=e.clip.joints_TVC[segment_frames(e.clip.n_frames, n_frames)])
            for e in [e for e in recogniser.examples if e.clip.layout == layout][:3]
        ]
        joints = np.stack([_as_source(whole(clip), layout) for clip in clips])
        inputs.append(torch.from_numpy(joints.astype(np.float32)))
    return inputs


def _as_source(joints_TVC: np.ndarray[Any, Any], layout: Layout) -> np.ndarray[Any, Any]:
    if not layout.is_image:
        return joints_TVC
    x, y, confidence = np.moveaxis(joints_TVC, 2, 0)
    return np.stack([x + 0.5, 0.5 - y, confidence], axis=2)


def _program(recogniser: ActionRecogniser, layout: Layout) -> tuple[ExportedRecogniser, Any]:
    """The module, and what torch.export makes of it; batch and length are free."""
    module = ExportedRecogniser(recogniser, layout).eval()
    sample = checked_inputs(recogniser, layout)[1]
    free = ({0: torch.export.Dim("clips", min=1), 1: torch.export.Dim("frames", min=2)},)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return module, torch.export.export(module, (sample,), dynamic_shapes=free)


def to_torch(recogniser: ActionRecogniser, layout: Layout) -> bytes:
    """A torch.export archive (`torch.export.load`). Raises: RunError if it differs from the recogniser."""
    _, program = _program(recogniser, layout)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    buffer.seek(0)
    again = torch.export.load(buffer).module()
    _check(recogniser, layout, again)
    return buffer.getvalue()


def to_onnx(recogniser: ActionRecogniser, layout: Layout) -> bytes:
    """An ONNX file. Raises: RunError if onnxruntime's distances differ from the recogniser's."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 (torch.onnx needs it)
    except ImportError as error:
        raise RunError(f"{error.name} is not installed: pip install onnx onnxscript onnxruntime") from None
    _, program = _program(recogniser, layout)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")
        made = torch.onnx.export(program, input_names=["joints"], output_names=["distances", "limits"], verbose=False)
    if made is None:
        raise RunError("torch.onnx gave nothing")
    made.save(buffer, include_initializers=True)  # type: ignore[arg-type]
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    _check(
        recogniser,
        layout,
        lambda joints: [torch.from_numpy(found.copy()) for found in session.run(None, {"joints": joints.numpy()})],
    )
    return buffer.getvalue()


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Only errors are logged: not that torchvision, which nothing here needs, is not installed."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check(recogniser: ActionRecogniser, layout: Layout, run: Any) -> None:
    for joints_LTVC in checked_inputs(recogniser, layout):
        distances_LW, limits_L = (found.detach().double() for found in run(joints_LTVC))
        clips = [Clip(key="check", source="check", layout=layout, joints_TVC=joints.numpy()) for joints in joints_LTVC]
        decided = [prediction.decision for prediction in recogniser.predict(clips)]
        rows = [{c.action: c.distance for c in decision.candidates} for decision in decided]
        expected_LW = torch.tensor([[row[a] for a in recogniser.actions] for row in rows], dtype=torch.float64)
        expected_L = torch.tensor([decision.border for decision in decided], dtype=torch.float64)
        for found, expected in ((distances_LW, expected_LW), (limits_L, expected_L)):
            off = ((found - expected).abs() / expected.abs().clamp(min=1)).max().item()
            if not off <= TOLERANCE:
                raise RunError(f"what the exported program gives differs by {off:.1e} from the recogniser: not written")


def export_recogniser(
    recogniser: ActionRecogniser,
    path: Path,
    form: str,
    layout: Layout | None = None,
    *,
    log: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the program, and the description of its input as `<path>.json` -> the path of the description.

    `log` is called with a line before the long part begins.

    Raises: RunError if nothing is enrolled, or as `to_onnx`; NotOurs if another file is there.
    """
    from dastm.runs.files import check_writable, json_bytes, write_together

    if not recogniser.actions:
        raise RunError("nothing is enrolled yet: there is nothing to export")
    beside = path.with_name(f"{path.name}.json")
    check_plain(path, beside)
    check_file(beside, DESCRIPTION)
    check_described(beside, [path])
    chosen = layout or recogniser.examples[0].clip.layout
    check_writable(path)
    log("tracing the program and comparing it with the recogniser, which takes about a minute ..")
    data = {"onnx": to_onnx, "torch": to_torch}[form](recogniser, chosen)
    write_together({path: data, beside: json_bytes(described(recogniser, chosen))})
    return beside
