"""The configuration of a training: every option, checked when built and saved with the run.

In: presets (dastm/config/presets/*.yaml), params.yaml, `--set key=value`. Out: `Config`. The defaults are the
paper's recipe (Ma et al., ECCV 2022); where it is silent the docstring says so.
"""

import json
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from dastm.config.evaluation import EvaluationConfig
from dastm.config.values import STRICT, CheckpointSeconds, Count, Episodes, Positive, Seed, TooFew, Weight, distinct

DEPTHS = {"st_gcn": (10, 7, 4), "agcn": (10, 7, 4), "ms_g3d": (2, 3)}
"""The numbers of blocks that each backbone may have, the default first; the LSTM may have any number of layers."""
BackboneName = Literal["st_gcn", "agcn", "ms_g3d", "lstm"]
Stream = Literal["joint", "bone", "joint_motion", "bone_motion", "direction", "local", "local_direction"]
FrameDistance = Literal["frobenius", "cosine"]
Init = Literal["uniform", "tied", "identity"]
Examples = Literal["mean", "nearest", "power_mean"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EpisodeConfig:
    """The shape of a training episode."""

    n_way: Annotated[int, Field(ge=2, strict=True)] = 5
    k_shot: Count = 1
    n_query: Count | None = None
    """Number of queries per class; None: as many as shots, as in the paper's N x (K + K)."""
    too_few: TooFew = "error"
    """What to do if classes of train or val have too few clips for an episode: stop, or leave out and name them."""
    balance: Literal["sets", "classes"] = "sets"
    """With several data sets: draw a set first and then a class of it, or draw every class with equal probability."""
    merge_classes: bool = False
    """With several data sets: whether classes with the same name are one class."""

    @property
    def queries(self) -> int:
        """Number of queries per class, with None replaced by the number of shots."""
        return self.n_query or self.k_shot


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BackboneConfig:
    """The encoder of one body: name, depth, streams and regularisation of a backbone.

    Raises: ValueError for a value out of range.

    >>> import dastm
    >>> dastm.BackboneConfig(name="lstm").n_blocks is None  # as published
    True
    """

    name: BackboneName = "st_gcn"
    n_blocks: Annotated[int, Field(ge=1, le=64, strict=True)] | None = None
    """Blocks. None: as published (ST-GCN, 2s-AGCN 10, also 7 and 4; MS-G3D 2, as released, also 3; LSTM 2)."""
    streams: Annotated[tuple[Stream, ...], Field(min_length=1), AfterValidator(distinct)] | None = None
    """The input, see also `fusion`. None: as published (2s-AGCN joint and bone, the others joint)."""
    fusion: Literal["features", "input"] = "features"
    """One network per stream, features side by side; or `input`: one network, streams side by side at every joint."""
    channels: tuple[Count, ...] | None = None
    """ST-GCN only: channels of each block. None: as published."""
    block_strides: tuple[Count, ...] | None = None
    """ST-GCN only: stride in time of each block. None: as published."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout probability, in each backbone's own place. The paper is silent; the released code has 0.1."""
    edge_importance: bool = True
    """ST-GCN only: a learned weight for every bone, as published; the released code has none."""
    pair_norm: Weight = 0.0
    """PairNorm's scale, after every graph convolution (Zhao & Akoglu 2020); 0 leaves it out. In all but the LSTM a
    batch norm follows, divides the scale out again, and leaves little of it."""
    drop_edge: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """DropEdge: this share of the bones is dropped at every training step (Rong et al. 2020); the LSTM has no bones."""
    body_slots: Annotated[int, Field(ge=1, le=16, strict=True)] | None = None
    """Average the features over this number of bodies, with zeros for absent ones (released code: 2); None: over the
    bodies that are present. The input norm of 2s-AGCN and MS-G3D then has separate statistics for each of these
    bodies."""

    @model_validator(mode="after")
    def _known_depth(self) -> "BackboneConfig":
        depths = DEPTHS.get(self.name)
        if self.n_blocks is not None and depths is not None and self.n_blocks not in depths:
            raise ValueError(f"n_blocks: {self.name} has {' or '.join(map(str, depths))}, not {self.n_blocks}")
        for key, values in (("channels", self.channels), ("block_strides", self.block_strides)):
            n_blocks = self.n_blocks or (depths or (0,))[0]
            if values is not None and self.name != "st_gcn":
                raise ValueError(f"{key}: only for st_gcn; leave it out for {self.name}")
            if values is not None and len(values) != n_blocks:
                raise ValueError(f"{key}: one for each of {n_blocks} blocks, not {len(values)}")
        return self


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MatchingConfig:
    """The distance between a query and a prototype, and the rank term beside it; the defaults are the paper's.

    Raises: ValueError for a value out of range.

    >>> import dastm
    >>> dastm.MatchingConfig(gamma=0.05).spatial
    'activation'
    """

    spatial: Literal["activation", "self", "none"] = "activation"
    """Joints of both sides attend to each other (Eq. 4-6), or only to their own skeleton (NGM), or not at all."""
    temporal: Literal["dtw", "none"] = "dtw"
    """Frames are aligned (Eq. 7), or whole clips are compared (ProtoNet)."""
    attention: Literal["equations", "block"] = "equations"
    """How joints attend: Eq. 4-5 for all pairs of frames, or frame t with frame t, by the released code's block."""
    attention_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout probability of the attention block (released code: 0.2)."""
    init: Init = "uniform"
    """Initial values of the projections of Eq. 4-5 (`dastm.model.matching.projections`); the paper is silent."""
    joint_code: Weight = 0.0
    """Add a learned code of each joint, of this length at the start, where Eq. 4-5 compute scores, so that joints can
    attend by their identity; 0 leaves it out, as the paper does."""
    unit_frames: bool = False
    """Every feature frame is divided by its Frobenius norm, before prototypes, distances and rank term."""
    frame_distance: FrameDistance = "frobenius"
    """For two frames: Frobenius norm of the difference (Eq. 6) or 1 - cosine of the flattened frames (as released)."""
    clip_distance: Literal["euclidean", "squared"] = "euclidean"
    """Distance of two clips without alignment (ProtoNet); the released code squares it."""
    mean: bool = False
    """Take means in place of sums: Frobenius distances are divided by sqrt(V D) (a cosine is no sum), aligned distances
    by the number of frames of the longer side, Euclidean distances of clips by sqrt(T V D), squared ones by T V D."""
    divergence: bool = False
    """Use the divergence soft_dtw(x, y) - (soft_dtw(x, x) + soft_dtw(y, y)) / 2 (Blondel, Mensch & Vert, AISTATS 2021;
    released code). No effect if spatial is `activation`, where activated frames are of pairs of clips."""
    gamma: Positive = 0.1
    """Smoothing of the soft minimum in training (released code: 0.01; the paper is silent)."""
    soft_evaluation: bool = False
    """Use the soft minimum in evaluation as well, as the released code does; False: the minimum."""
    band: Annotated[int, Field(ge=0)] | None = None
    """Pair only feature frames at most this far apart (Sakoe-Chiba); null pairs all, as the paper does."""
    temperature: Positive = 1.0
    """Distances are divided by this before the softmax of Eq. 1; 1 is the paper's equation."""
    examples: Examples = "mean"
    """How a query is compared with the examples of a class. `mean`: with their mean, the prototype, as in the paper;
    `nearest`: with the nearest one; `power_mean`: by the mean of order -6 of the distances to all of them."""
    path_power: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Distances are learned^(1 - power) x path^power, where `path` is a distance of the same clips that needs no
    training (`dastm.model.matching.path`). 0 leaves it out. Training then takes the expected cost over alignments,
    which is never negative, instead of the soft minimum."""
    path_frames: Literal["steps", "poses", "weighted_poses"] = "steps"
    """What `path` compares in 3-D: steps; with poses; or with poses, bones and joints weighted by movement."""
    rank_weight: Weight = 0.1
    """Lambda of Eq. 8; 0 leaves the rank term out."""
    rank: Literal["nuclear", "unit", "surrogate"] = "nuclear"
    """The rank term: Eq. 3; Eq. 3 of frames divided by their Frobenius norm (bounded); or the released surrogate."""

    @model_validator(mode="after")
    def _options_fit_together(self) -> "MatchingConfig":
        if self.joint_code and self.attention == "block":
            raise ValueError("joint_code: only for `attention: equations`; set it to 0 for `block`")
        if self.path_power and self.examples == "mean":
            raise ValueError("path_power: a mean of examples has no path; set examples to nearest or power_mean")
        if self.path_power and self.temporal == "dtw" and (self.soft_evaluation or self.divergence):
            raise ValueError("path_power: needs distances above 0; set soft_evaluation and divergence to false")
        return self


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AugmentConfig:
    """How the clips of a training step are changed. Evaluation and validation only choose frames."""

    n_frames: Count | None = None
    """Number of frames per clip that the network sees, if the shards hold more: one of each equal segment (TSN). In
    training they are drawn again for every episode; otherwise the middle one is taken. None: all frames of the
    shards."""
    sampling: Literal["time", "path"] = "time"
    """`path`: points at equal steps along the path of the clip through the space of all its joints, interpolated
    between stored frames; any number of them. In training each point is drawn within its part of the path."""
    yaw: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Clips are turned about the vertical by an angle drawn from -yaw..yaw degrees."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Clips are scaled by a factor drawn from 1 - scale .. 1 + scale."""
    noise: Weight = 0.0
    """Standard deviation of the noise that is added to every coordinate of every joint, in units of the shards."""
    layout: Literal["body19", "standard19", "pose15"] | None = None
    """Map joints to this common layout (3-D, the same with standard proportions, or 2-D) and normalise clips again,
    always in the same way, so that the weights fit any shards that can be mapped (`dastm.episodes.common`); null: use
    clips as they are stored."""
    crop: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """At each end, with probability 1/2, up to this share of the stored frames is cut off; see `variation.cropped`."""
    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Each axis is multiplied by a factor whose logarithm has this standard deviation."""
    limbs: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The same for the length of each limb, a chain of bones between branches of the skeleton."""
    drop: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a joint is put where its parent joint is, for a whole clip."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PretrainConfig:
    """The backbone as a classifier over all training classes, before the first episode."""

    steps: Annotated[int, Field(ge=0, strict=True)] = 0
    """Number of pretraining steps; 0 leaves pretraining out, as the paper does."""
    clips: Annotated[int, Field(ge=4, strict=True)] = 32
    """Approximate number of clips per batch: equally many of each class in it, and at least two."""
    batches_per_step: Count = 1
    """Number of batches whose gradients are averaged in a step; `torchrun` divides them among its ranks, whose number
    must divide it. With 1, only rank 0 pretrains."""
    optimiser: Literal["adam", "adamw"] = "adam"
    learning_rate: Positive = 1e-3
    """Highest learning rate of pretraining; it falls to 0 along a half cosine."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the steps, at the start, over which the learning rate rises."""
    weight_decay: Weight = 5e-4
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Label smoothing of the classifier."""
    mirror: bool = False
    """Mirror clips with probability 1/2, as separate classes; left and right are known by the names of joints."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class OptimiseConfig:
    """How a training runs: its length, learning rate, seeds and device."""

    epochs: Annotated[int, Field(ge=0, strict=True)] = 40
    """Number of epochs; 0: pretraining alone. The paper is silent; the released code trains for at most 100."""
    episodes: Count = 1000
    """Number of training episodes per epoch."""
    episodes_per_step: Count = 1
    """Number of episodes whose gradients are averaged in a step; `torchrun` divides them among its ranks. It must
    divide the number of episodes per epoch. The paper has 1."""
    val_episodes: Episodes = 500
    """Number of validation episodes after every epoch."""
    val_draw: Literal["same", "new"] = "same"
    """The same validation episodes after every epoch, or new ones each time (released code); the same for all seeds."""
    val_query: Count = 5
    """Number of queries per class in validation."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam."""
    weight_decay: Weight = 0.0
    """Weight decay of Adam. The paper is silent; the released code has 5e-4."""
    backbone_rate: Weight = 1.0
    """The learning rate of the backbone as a multiple of that of the matching; 0 freezes the backbone."""
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    """`cosine`: the rate falls to 0 over the whole training. `plateau` (released code): it is halved, not below 1e-5,
    after more than 10 epochs whose training loss is not lower than the lowest so far by a ten thousandth of it."""
    patience: Count | None = None
    """Stop after this number of epochs without a better validation accuracy (released code: 41)."""
    ties: Literal["earlier", "later"] = "earlier"
    """Which of two epochs with equal validation accuracy counts as better and is kept (released code: later)."""
    max_falls: Count | None = None
    """Stop after this number of epochs in a row that validate no better than the one before (released code: 10)."""
    clip_norm: Weight = 0.0
    """Gradients are scaled down to this norm, in pretraining too; 0 leaves them."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = (0,)
    """Seeds, one training for each; accuracies are then also given over seeds."""
    device: str = "auto"
    """The device to train on: auto, cpu, cuda, cuda:1 .."""
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    """Number format. bf16 is for the backbone only, and faster on a CPU that has AMX; tf32 is for CUDA only."""
    source: Literal["auto", "indexed", "resident", "streamed"] = "auto"
    """How clips are read: through the index, all held in memory, or streamed; auto: held in memory if they fit."""
    capture: bool = False
    """On CUDA, record each step as a CUDA graph and replay it, if that gives the same values. Experimental."""
    checkpoint_seconds: CheckpointSeconds = 30.0
    """Seconds between checkpoints; better weights and the end are always saved; 0: after every step. Older files have
    `checkpoint_every`, a number of episodes, which is read as seconds."""

    @model_validator(mode="after")
    def _whole_steps(self) -> "OptimiseConfig":
        step = self.episodes_per_step
        if self.episodes % step:
            raise ValueError(f"episodes_per_step: {step} does not divide the {self.episodes} episodes of an epoch")
        return self


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Config:
    """The complete configuration of one training, as config.json of a run folder holds it."""

    episode: EpisodeConfig = EpisodeConfig()
    backbone: BackboneConfig = BackboneConfig()
    matching: MatchingConfig = MatchingConfig()
    augment: AugmentConfig = AugmentConfig()
    pretrain: PretrainConfig = PretrainConfig()
    optimise: OptimiseConfig = OptimiseConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode="after")
    def _something_is_learned(self) -> "Config":
        if not self.optimise.epochs and not self.pretrain.steps:
            raise ValueError("optimise.epochs and pretrain.steps are both 0: nothing is trained; set one of them")
        return self

    @property
    def method(self) -> str:
        """The row of the paper's tables that this configuration belongs to."""
        matching, backbone = self.matching, self.backbone
        if matching.temporal == "none":
            name = "ProtoNet"
        elif matching.spatial == "self":
            name = "NGM"
        else:
            stars = {("none", False): "DTW", ("none", True): "DASTM*", ("activation", False): "DASTM**"}
            name = stars.get((matching.spatial, matching.rank_weight > 0), "DASTM")
        further = {
            "activation": name == "ProtoNet" and matching.spatial == "activation",
            "self-attention": name == "ProtoNet" and matching.spatial == "self",
            "rank": name in ("ProtoNet", "NGM") and matching.rank_weight > 0,
            "PairNorm": backbone.pair_norm > 0,
            "DropEdge": backbone.drop_edge > 0,
        }
        named = [what for what, there in further.items() if there]
        beside = ["path"] if matching.path_power else []
        return " + ".join([*(named if named and name == "DTW" else [name, *named]), *beside])

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain lists, numbers and strings, from which `config_from_dict` builds it again."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]
