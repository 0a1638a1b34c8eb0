"""Configuration: presets, settings over them, and one clear line for whatever is wrong."""

import pytest

from dastm.config.evaluation import EvalConfig
from dastm.config.load import config_from_dict, load_config, parse_settings, preset_names
from dastm.config.schema import Config
from dastm.contract.errors import RunError


def test_paper_preset_is_the_defaults():
    assert load_config("paper") == Config()


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_and_survives_a_round_trip(name):
    config = load_config(name)
    assert config_from_dict(config.to_dict()) == config


def test_release_scores_ten_times_500_episodes_of_ten_queries_a_class():
    assert vars(load_config(["release", "ngm"]).evaluation) == {"n_query": 10, "episodes": 5000}
    usual = EvalConfig()
    assert vars(load_config("paper").evaluation) == {"n_query": usual.n_query, "episodes": usual.episodes}


def test_settings_go_over_the_preset():
    config = load_config("small", {"matching.gamma": 0.5, "optimise.seeds": [3, 4]})
    assert config.matching.gamma == 0.5
    assert config.optimise.seeds == (3, 4)
    assert config.backbone.n_blocks == load_config("small").backbone.n_blocks


def test_queries_follow_the_shots_unless_given():
    assert load_config("paper", {"episode.k_shot": 5}).episode.queries == 5
    assert load_config("paper", {"episode.k_shot": 5, "episode.n_query": 2}).episode.queries == 2


METHODS = {
    "protonet": "ProtoNet",
    "dtw": "DTW",
    "ngm": "NGM",
    "pairnorm": "PairNorm",
    "dropedge": "DropEdge",
    "dastm-rank": "DASTM*",
    "dastm-activation": "DASTM**",
    "dastm": "DASTM",
}


@pytest.mark.parametrize("recipe", ["paper", "release", "small", "best"])
@pytest.mark.parametrize("preset", METHODS)
def test_every_method_of_the_tables_is_a_preset_over_every_recipe(preset, recipe):
    config = load_config([recipe, preset])
    assert config.method == METHODS[preset] + (" + path" if recipe == "best" else "")
    assert config.optimise == load_config(recipe).optimise


def test_a_method_with_something_further_is_named_so():
    assert load_config("protonet", {"matching.spatial": "activation"}).method == "ProtoNet + activation"
    assert load_config("protonet", {"matching.rank_weight": 0.1}).method == "ProtoNet + rank"
    assert load_config("ngm", {"matching.rank_weight": 0.1}).method == "NGM + rank"
    assert load_config("ngm", {"backbone.pair_norm": 1}).method == "NGM + PairNorm"
    assert load_config("dtw", {"backbone.pair_norm": 1, "backbone.drop_edge": 0.1}).method == "PairNorm + DropEdge"


def test_a_later_preset_goes_over_an_earlier_one_key_by_key(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("matching: {gamma: 0.5}\n")
    config = load_config(["release", str(mine)])
    assert config.matching.gamma == 0.5
    assert config.matching.frame_distance == "cosine"


@pytest.mark.parametrize(
    ("text", "message"),
    [("matching: 3", "expected sections of keys"), ("- 1", "expected sections"), ("a: [", "preset .*mine.yaml: ")],
)
def test_a_preset_file_at_fault_gets_one_line(tmp_path, text, message):
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    with pytest.raises(RunError, match=message) as caught:
        load_config(str(mine))
    assert "\n" not in str(caught.value)


def test_a_preset_file_that_is_not_there_gets_one_line(tmp_path):
    with pytest.raises(RunError, match="No such file"):
        load_config(str(tmp_path / "none.yaml"))


PATH = {
    "matching.examples": "nearest",
    "matching.path_power": 0.5,
    "matching.spatial": "none",
}


def test_a_method_with_the_path_as_a_factor_says_so_and_is_not_the_baseline():
    assert load_config("paper", {**PATH, "matching.rank_weight": 0}).method == "DTW + path"
    assert load_config(["paper", "dastm"], {**PATH, "matching.spatial": "activation"}).method == "DASTM + path"
    assert load_config(["paper", "pairnorm"], PATH).method == "PairNorm + path"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"matching.gama": 1}, r"matching\.gama: no such key; did you mean gamma\? known: .*gamma"),
        ({"optimise.epoch": 1}, r"optimise\.epoch: no such key; did you mean epochs\? "),
        ({"optimize.epochs": 1}, r"optimize: no such key; did you mean optimise\? "),
        ({"matching.gamma": 0}, r"matching\.gamma: .*greater than 0, got 0"),
        ({"matching.gamma": float("nan")}, r"matching\.gamma: "),
        ({"optimise.epochs": "many"}, r"optimise\.epochs: .*got 'many'"),
        ({"optimise.epochs": True}, r"optimise\.epochs: .*got True"),
        ({"optimise.seeds": []}, r"optimise\.seeds: "),
        ({"optimise.seeds": [1, 1]}, r"optimise\.seeds: .*each one once"),
        ({"optimise.seeds": [2**32]}, r"optimise\.seeds\.0: "),
        ({"optimise.val_episodes": 1}, r"optimise\.val_episodes: .*got 1"),
        ({3: 1}, "write section.name"),
        ({"episode.n_way": 1}, r"episode\.n_way: .*got 1"),
        ({"gamma": 1}, "write section.name"),
        ({"matchin.gamma": 1}, "matchin"),
        ({"matching.joint_code": 1, "matching.attention": "block"}, "joint_code: only for .*equations"),
        ({"matching.path_power": 0.5}, "path_power: a mean of examples has no path"),
        ({**PATH, "matching.path_power": 1}, r"matching\.path_power: .*less than 1"),
        ({**PATH, "matching.soft_evaluation": True}, "path_power: needs distances above 0"),
        ({**PATH, "matching.divergence": True}, "path_power: needs distances above 0"),
        ({"optimise.epochs": 0}, r"configuration: optimise\.epochs and pretrain\.steps are both 0: nothing is trained"),
        ({"optimise.epochs": -1}, r"optimise\.epochs: .*greater than or equal to 0"),
        ({"optimise.episodes": 6, "optimise.episodes_per_step": 4}, r"episodes_per_step: 4 does not divide the 6 ep"),
        ({"pretrain.warm_up": 1}, r"pretrain\.warm_up: "),
        ({"backbone.n_blocks": 5}, r"backbone: .*st_gcn has 10 or 7 or 4, not 5"),
    ],
)
def test_wrong_settings_get_one_line(settings, message):
    with pytest.raises(RunError, match=message) as caught:
        load_config("paper", settings)
    assert "\n" not in str(caught.value)


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(RunError, match=r"no preset 'papr'; known: .*paper.*, or your own YAML file"):
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


def test_how_often_checkpoints_are_written_is_read_under_its_older_name():
    assert config_from_dict({"optimise": {"checkpoint_every": 100}}).optimise.checkpoint_seconds == 100
    assert "checkpoint_every" not in Config().to_dict()["optimise"]
