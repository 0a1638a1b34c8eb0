"""The options of an evaluation: what names it, and what does not go together."""

import pytest

from dastm.config.evaluation import EvalConfig
from dastm.config.load import checked
from dastm.contract.errors import RunError


def test_protocol_names_the_evaluation():
    assert checked(EvalConfig, {"k_shot": 5}, "eval").name == "test-5way-5shot-5q-500e-seed0"


def test_one_shot_is_named_and_keeps_only_the_settings_that_it_has():
    config = checked(EvalConfig, {"protocol": "one-shot", "part": "val"}, "eval")
    assert config.name == "val-one-shot"
    assert config.to_dict() == {
        "protocol": "one-shot",
        "part": "val",
        "baselines": (),
        "allow_seen": False,
        "convert": False,
    }
    assert {"n_way", "k_shot", "n_query", "episodes", "seed"} < EvalConfig().to_dict().keys()


def test_the_old_name_of_the_subset_is_read_and_files_keep_it():
    for key in ("subset", "part"):
        config = checked(EvalConfig, {key: "val"}, "eval")
        assert (config.subset, config.to_dict()["part"], "subset" in config.to_dict()) == ("val", "val", False)
    with pytest.raises(RunError, match="eval: part: "):
        checked(EvalConfig, {"part": "dev"}, "eval")


def test_evaluations_by_subject_are_named_by_what_they_are():
    config = checked(EvalConfig, {"by": "subject", "shots": [1, 5]}, "eval")
    assert config.name == "test-5way-1shot-5q-500e-by-subject-shots1_5-seed0"
    assert (config.most_shots, EvalConfig(k_shot=7, shots=(1, 2)).most_shots, EvalConfig().most_shots) == (5, 7, 1)
    left_out = checked(EvalConfig, {"by": "camera", "protocol": "leave-one-out", "k_shot": 3}, "eval")
    assert left_out.name == "test-leave-one-camera-out-3shot-seed0"
    assert not {"n_way", "n_query", "episodes", "open_set", "shots"} & left_out.to_dict().keys()
    assert not {"by", "shots"} & EvalConfig().to_dict().keys()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"protocol": "leave-one-out"}, "leave-one-out needs `by`"),
        ({"protocol": "one-shot", "by": "subject"}, "not with the one-shot protocol"),
        ({"protocol": "one-shot", "shots": [1]}, "not with the one-shot protocol"),
        ({"shots": [1, 2], "open_set": 2}, "not with unknown classes"),
        ({"shots": [1, 1]}, "each one once"),
        ({"shots": [0]}, "greater than or equal to 1"),
        ({"by": "person"}, "by: "),
    ],
)
def test_options_of_an_evaluation_that_do_not_go_together_get_one_line(settings, said):
    with pytest.raises(RunError, match=said) as caught:
        checked(EvalConfig, settings, "eval")
    assert "\n" not in str(caught.value)
