"""Names out of params.yaml: plain, or no command of ours and no stage of DVC goes on."""

import pytest
import yaml

from dastm.contract.documents import DocumentError
from dastm.contract.names import is_plain, read_params
from tests.dvc_project import attempt, new_project

PAYLOADS = (
    "x; touch y",
    "x'; touch y; '",
    "$(touch y)",
    "`touch y`",
    'x"; touch y; "',
    "x\ntouch y",
    "a/b",
    "..",
    ".",
    "-x",
    "",
)


@pytest.mark.parametrize("name", ["demo-ntu", "a.b", "A_1", "...", ".x"])
def test_plain_names_are_taken(name):
    assert is_plain(name)


@pytest.mark.parametrize("name", [*PAYLOADS, 5, None, "é"])
def test_what_a_shell_or_a_file_system_takes_for_more_is_no_name(name):
    assert not is_plain(name)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("block", ["datasets", "sweeps"])
def test_a_name_that_is_none_is_refused_whatever_block_is_asked_for(payload, block, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({block: {payload: "x.yaml"}, "train": {}}))
    with pytest.raises(DocumentError, match=f"{block}: .* is not a name"):
        read_params(path, "train")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"sweeps": {"a": {"grid": "x.yaml'; touch y; '", "dataset": "d"}}}, "sweeps.a.grid: expected a text without"),
        ({"sweeps": {"a": {"grid": "--ray", "dataset": "d"}}}, "sweeps.a.grid"),
        ({"datasets": {"a": ["x"]}}, "datasets.a: expected a text"),
        ({"datasets": ["a"]}, "block datasets: expected keys with values"),
        (["a"], "expected blocks of keys"),
    ],
)
def test_values_that_go_into_commands_stay_one_word(document, message, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(DocumentError, match=message):
        read_params(path, "train")


def test_blocks_are_read_as_they_stand(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("datasets: {a: my files/a.yaml}\nsweeps:\ntrain: {preset: small}\n")
    assert read_params(path, "train") == {"preset": "small"}
    assert read_params(path, "datasets") == {"a": "my files/a.yaml"}
    assert read_params(path, "eval") == read_params(path, "sweeps") == {}


@pytest.mark.slow
@pytest.mark.parametrize("payload", ["x; touch y", "x'; touch y; '"])
def test_dvc_runs_no_command_out_of_a_name(payload, tmp_path):
    folder = tmp_path / "project"
    new_project(folder, {payload: "mine.yaml"})
    (folder / "mine.yaml").write_text("synth: {}\nparse: {format: ntu_skeleton}\nsplit: {class_split: {train: [0]}}\n")
    done = attempt(folder, "dvc", "repro")
    assert done.returncode != 0
    assert not list(folder.rglob("y"))
    assert "is not a name" in done.stdout + done.stderr
