"""Configuration: presets, settings over them, and one clear line for whatever is wrong."""

import pytest

from dastm.config import (
    Config,
    EvalConfig,
    checked,
    config_from_dict,
    load_config,
    parse_settings,
    preset_names,
)
from dastm.errors import RunError


def test_paper_preset_is_the_defaults():
    assert load_config("paper") == Config()


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_and_survives_a_round_trip(name):
    config = load_config(name)
    assert config_from_dict(config.to_dict()) == config


def test_settings_go_over_the_preset():
    config = load_config("small", {"matching.gamma": 0.5, "optimise.seeds": [3, 4]})
    assert config.matching.gamma == 0.5
    assert config.optimise.seeds == (3, 4)
    assert config.backbone.n_blocks == load_config("small").backbone.n_blocks


def test_queries_follow_the_shots_unless_given():
    assert load_config("paper", {"episode.k_shot": 5}).episode.queries == 5
    assert load_config("paper", {"episode.k_shot": 5, "episode.n_query": 2}).episode.queries == 2


@pytest.mark.parametrize(
    ("activation", "rank_weight", "method"),
    [(False, 0.0, "DTW"), (False, 0.1, "DASTM*"), (True, 0.0, "DASTM**"), (True, 0.1, "DASTM")],
)
def test_method_is_named_as_in_the_tables(activation, rank_weight, method):
    settings = {"matching.activation": activation, "matching.rank_weight": rank_weight}
    assert load_config("paper", settings).method == method


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"matching.gama": 1}, r"matching\.gama: .*got 1"),
        ({"matching.gamma": 0}, r"matching\.gamma: .*greater than 0, got 0"),
        ({"matching.gamma": float("nan")}, r"matching\.gamma: "),
        ({"optimise.epochs": "many"}, r"optimise\.epochs: .*got 'many'"),
        ({"optimise.epochs": True}, r"optimise\.epochs: .*got True"),
        ({"optimise.seeds": []}, r"optimise\.seeds: "),
        ({"optimise.seeds": [1, 1]}, r"optimise\.seeds: .*each seed once"),
        ({"optimise.seeds": [2**64]}, r"optimise\.seeds\.0: "),
        ({"optimise.val_episodes": 1}, r"optimise\.val_episodes: .*got 1"),
        ({3: 1}, "write section.name"),
        ({"episode.n_way": 1}, r"episode\.n_way: .*got 1"),
        ({"gamma": 1}, "write section.name"),
        ({"matchin.gamma": 1}, "matchin"),
        ({"backbone.n_blocks": 5}, r"backbone\.n_blocks: "),
    ],
)
def test_wrong_settings_get_one_line(settings, message):
    with pytest.raises(RunError, match=message) as caught:
        load_config("paper", settings)
    assert "\n" not in str(caught.value)


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(RunError, match="no preset 'papr'; known: paper, small"):
        load_config("papr")


def test_settings_are_read_as_yaml():
    assert parse_settings(["a.b=1", "a.c=[1, 2]", "a.d=x", "a.e=1e-3"]) == {
        "a.b": 1,
        "a.c": [1, 2],
        "a.d": "x",
        "a.e": "1e-3",  # YAML 1.1 reads this as text; a float field accepts it
    }
    assert load_config("paper", parse_settings(["optimise.learning_rate=1e-4"])).optimise.learning_rate == 1e-4


@pytest.mark.parametrize("pair", ["gamma", "=3", "a.b=[1"])
def test_settings_without_a_value_are_refused(pair):
    with pytest.raises(RunError, match="setting"):
        parse_settings([pair])


def test_protocol_names_the_evaluation():
    assert checked(EvalConfig, {"k_shot": 5}, "eval").protocol == "test-5way-5shot"
