"""Queries of an evaluation, drawn and measured again: what the page says of them is what decided."""

import re
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.skeleton import BODY19
from dastm.episodes.collate import selection
from dastm.episodes.sources import open_source
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.predictions import read_predictions
from dastm.report.evaluations import Names
from dastm.report.explained_queries import MOST_RIGHT, MOST_WRONG, Asked, _row_of, _upright, by_refusal, chosen, shown
from dastm.report.mistakes import mistakes
from dastm.report.refused import WORDS
from dastm.report.sections import _network
from dastm.runs.encoders import run_of
from dastm.runs.record import TrainingRecord
from dastm.runs.results import read_evaluation
from tests.toy import toy_shards

pytestmark = pytest.mark.slow


@contextmanager
def scored_as(root, config, **options):
    """An evaluation, its mistakes, its network, and names."""
    run = run_of("motion3d")
    shards = toy_shards(root / "shards", layout=BODY19, dataset="mine", frames=9, noise=2.0, **options)
    evaluate_and_write(config, run, shards, "cpu", root / "out")
    found = read_evaluation(root / "out")
    with closing(open_source(shards)) as source:
        names, clip_name = Names.of(source.manifest, shards).of_subset("test", found.metrics["shards"])
        network, _ = _network(source, TrainingRecord.read(run), run, shards)
        wrong = mistakes(read_predictions(found.predictions), next(iter(found.metrics["rows"])), names, clip_name)
        yield found, wrong, network, names, clip_name


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """With unknown classes."""
    config = EvalConfig(n_way=2, k_shot=2, n_query=2, episodes=8, open_set=2)
    with scored_as(tmp_path_factory.mktemp("scored"), config) as made:
        yield made


@pytest.fixture(scope="module")
def explained(scored):
    found, wrong, network, names, clip_name = scored
    return network.explained(found, wrong, names, clip_name)


@pytest.fixture(scope="module")
def named(explained):
    """Those that were misjudged or judged rightly among the known classes."""
    return [one for one in explained if one.refusal is None]


def asked_again(scored):
    """Anchor of a clip -> class -> how far it was from that when it was first judged as the page has it."""
    found, wrong, network, _, _ = scored
    return {
        f"{asked.class_id}-{asked.clip}": class_distances(network, found, asked.episode, asked.class_id, asked.clip)
        for asked in chosen(read_predictions(found.predictions), wrong, 0)
    }


def class_distances(network, found, number, class_id, clip):
    """Class -> how far a query of an episode is from it, as the network says of the whole episode."""
    episode = network._episodes(EvalConfig(**found.metrics["settings"]))(number)
    row = selection(episode.plan, episode.plan.query).index((class_id, clip))
    with torch.inference_mode():
        far = network.model.episode_distances(episode)[row].tolist()
    return {f"class {i}": away for i, away in zip(episode.plan.class_ids, far, strict=False)}


def is_right(one):
    return "was rightly taken" in one.sentence


def anchor_of(clip):
    return "-".join(map(str, clip.key))


def test_the_worst_clips_come_first_then_some_that_were_judged_rightly(scored, explained, named):
    _, wrong, _, _, _ = scored
    worst = [anchor_of(one) for one in wrong.clips][:MOST_WRONG]
    assert worst
    assert [one.anchor for one in named if not is_right(one)] == worst
    assert 1 <= sum(map(is_right, named)) <= MOST_RIGHT
    assert explained[: len(named)] == named


def test_the_class_that_a_clip_was_taken_for_is_the_nearer_one(scored, named):
    distances = asked_again(scored)
    for one in named:
        taken = one.comparisons[0]
        far = [float(told) for told in re.findall(r"\d\.\d\d", one.sentence)]
        assert far[0] <= far[1]
        of_classes = [distances[one.anchor][compared.action] for compared in one.comparisons]
        assert far == pytest.approx(of_classes, abs=0.005)
        assert all(
            compared.distance <= away * (1 + 1e-5) for compared, away in zip(one.comparisons, of_classes, strict=True)
        )
        assert taken.shares.sum() == pytest.approx(taken.distance, rel=1e-6)
        rightly = "rightly taken" if is_right(one) else "was taken"
        assert f"“{one.name}”" in one.sentence
        assert f"{rightly} for “{taken.action}” in episode " in one.sentence
        assert all(heading.endswith(f"“{c.action}”") for heading, c in zip(one.headings, one.comparisons, strict=True))


def test_clips_that_were_refused_or_should_have_been_are_beside_the_nearest_class(scored, explained):
    found, _, network, names, _ = scored
    refused = [one for one in explained if one.refusal is not None]
    assert {one.refusal for one in refused} == {"refused", "taken", "rightly refused"}
    assert found.metrics["open_set"]["rows"]
    for one in refused:
        nearest = one.comparisons[0]
        class_id, clip, *kind = one.anchor.split("-")
        assert " ".join(kind) == one.refusal
        assert f"“{one.name}” of “{names[int(class_id)]}”" in one.sentence
        number = int(re.search(r"in episode (\d+)", one.sentence)[1]) - 1
        far = class_distances(network, found, number, int(class_id), int(clip))
        assert min(far, key=far.get) == nearest.action
        assert f"the nearest class, “{nearest.action}”, is {far[nearest.action]:.2f} away" in one.sentence
        assert nearest.distance <= far[nearest.action] * (1 + 1e-5)
        assert ("below its limit" in one.sentence) == (one.refusal == "taken")
        assert ("no example was shown" in one.sentence) == (one.refusal != "refused")
    listed = by_refusal(shown(explained))
    assert [words for words, _ in listed] == list(WORDS.values())
    assert [anchor for _, items in listed for anchor, _ in items] == [
        one.anchor for kind in WORDS for one in refused if one.refusal == kind
    ]


@pytest.mark.parametrize(
    "config",
    [
        EvalConfig(n_way=2, k_shot=1, n_query=2, episodes=4, by="subject"),
        EvalConfig(protocol="leave-one-out", by="subject", k_shot=1, shots=(1, 2)),
        EvalConfig(n_way=2, k_shot=1, n_query=2, episodes=4, shots=(2,)),
    ],
)
def test_what_was_asked_of_other_people_or_with_more_examples_is_explained_too(tmp_path, config):
    with scored_as(tmp_path, config, subjects=(1, 2, 9)) as (found, wrong, network, names, clip_name):
        explained = network.explained(found, wrong, names, clip_name)
    assert [one.anchor for one in explained if not is_right(one)] == [anchor_of(c) for c in wrong.clips][:MOST_WRONG]
    when = "in draw " if config.protocol == "leave-one-out" else "in episode "
    assert all(when in one.sentence for one in explained)
    for one in explained:
        taken, other = (float(told) for told in re.findall(r"\d\.\d\d", one.sentence))
        assert taken <= other  # as the evaluation found it


def test_a_page_has_two_comparisons_of_each_on_one_scale(explained):
    pages = shown(explained)
    assert list(pages) == [one.anchor for one in explained]
    assert {len(page.views) for page in pages.values()} == {2}
    assert len({view.scene["mostStep"] for page in pages.values() for view in page.views}) == 1
    assert shown([]) == {}


def test_baselines_and_models_whose_joints_attend_to_each_other_are_not_explained(scored):
    found, wrong, network, names, clip_name = scored
    assert network.explained(found, replace(wrong, row="path"), names, clip_name) == []
    other = replace(found, metrics={**found.metrics, "settings": {"protocol": "one-shot"}})
    assert network.explained(other, wrong, names, clip_name) == []


def test_a_query_that_the_episode_does_not_have_is_left_out(scored):
    found, wrong, network, _, _ = scored
    asked = next(chosen(read_predictions(found.predictions), wrong, 0))
    plan = network._episodes(EvalConfig(**found.metrics["settings"]))(asked.episode).plan
    assert _row_of(plan, asked) in range(4)
    assert _row_of(plan, asked._replace(clip=99)) is None
    assert _row_of(plan, Asked(asked.episode, plan.class_ids[-1], plan.query[-1][0], asked.predicted)) is None


def test_skeletons_whose_third_coordinate_points_up_stand():
    pose = np.array([[[1.0, 2.0, 3.0]]])
    assert _upright(pose, BODY19, "z").tolist() == [[[1.0, 3.0, -2.0]]]
    assert _upright(pose, BODY19, "y") is pose
