"""Every cell of Tables 1 and 2 and the appendix's LSTM, in small: 8 methods, 4 backbones, 2 layouts train and score."""

from contextlib import closing

import numpy as np
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.config.load import load_config
from dastm.contract.skeleton import NTU25, OPENPOSE18
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.evaluator import score
from dastm.evaluation.feature_cache import FeatureCache
from dastm.model.network import build_recogniser
from dastm.training.state import TrainingState, adam
from dastm.training.step import train_step
from tests.shard_folder import make_shard_folder

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

METHODS = "protonet", "dtw", "ngm", "pairnorm", "dropedge", "dastm-rank", "dastm-activation", "dastm"
BACKBONES = {"st_gcn": 4, "agcn": 4, "ms_g3d": 2, "lstm": 1}
NARROW = {"st_gcn": {"backbone.channels": (8, 8, 16, 16)}}
"""Backbones that may have fewer channels than published."""
CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=[NTU25, OPENPOSE18], ids=lambda layout: layout.name)
def source(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("cells")
    parts = {part: dict.fromkeys(ids, 3) for part, ids in {"train": range(2), "test": range(2, 4)}.items()}
    make_shard_folder(path, parts=parts, rng=np.random.default_rng(0), layout=request.param, bodies=(1, 2), frames=4)
    with closing(open_source(path)) as opened:
        yield opened


def trained_and_scored(source, config):
    """One step of training, then three episodes: what moved, the parts of the loss, the accuracies."""
    model = build_recogniser(config, source.manifest.layout, 0).train()
    state = TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    shape = {"n_way": 2, "k_shot": 1, "n_query": 1, "seed": 0, "epoch": 0}
    (episode,) = episodes(source, "train", count=1, workers=0, **shape)
    (parts,) = train_step(state, config, iter([episode]))
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    asked = EvalConfig(n_way=2, k_shot=2, n_query=1, episodes=3)
    return moved, parts, score(source, asked, FeatureCache(model.eval()), CPU, "test")


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_and_is_scored_with_every_backbone(source, method, backbone):
    # At temperature 1 the softmax of these distances has no gradient left, as large numbers let one expect.
    settings = {"backbone.name": backbone, "backbone.n_blocks": BACKBONES[backbone], "matching.temperature": 1e3}
    config = load_config(["paper", method], settings | NARROW.get(backbone, {}))
    moved, parts, accuracies = trained_and_scored(source, config)
    assert parts.isfinite().all()
    assert any(name.startswith("backbone") for name in moved)
    has_weights = config.matching.spatial != "none"
    assert any(name.startswith("matcher") for name in moved) == has_weights
    assert (parts[2] != 0) == (config.matching.rank_weight > 0)
    assert set(accuracies.tolist()) <= {0.0, 0.5, 1.0}


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("method", ["protonet", "dtw", "ngm", "dastm"])
def test_the_released_recipe_does_as_well(source, method, backbone):
    settings = {"backbone.name": backbone, "backbone.n_blocks": BACKBONES[backbone]}
    config = load_config(["release", method], settings | NARROW.get(backbone, {}))
    moved, parts, accuracies = trained_and_scored(source, config)
    assert parts.isfinite().all()
    assert moved
    assert set(accuracies.tolist()) <= {0.0, 0.5, 1.0}
