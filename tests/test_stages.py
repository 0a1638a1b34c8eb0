"""dvc.yaml: what each stage depends on, read off the imports; and `dvc repro` for real, on one tiny data set."""

import ast
import re
from functools import cache

import pytest
import yaml

from dastm.runs.record import NOT_TRAINING
from dastm.sweep.grid import load_grid
from pipeline.definitions.definition import load_definition, shipped_names
from tests.dvc_project import ROOT, TINY, change_params, forked_commands, new_project, run

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

STAGES = {name: stage["do"] for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items()}
PROGRAMS = {"dastm": ROOT / "dastm" / "cli", "dastm-data": ROOT / "pipeline" / "cli"}
READ_AS_DATA = {stage: {"pipeline/definitions/datasets/lists"} for stage in ("parse", "split")}
"""What a stage reads of the code's folders without importing it."""
RUNS = {"sweep": ("dastm train", "dastm eval")}
"""Commands that a stage runs in processes of their own."""
NOWHERE = {"dastm/__init__.py", "pipeline/__init__.py"}
"""A version, and public names that are imported only when used: a release alone makes nothing anew."""


def imported(tree):
    """Every module, or name in one, that a syntax tree imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imports_of(path):
    return tuple(imported(ast.parse(path.read_text())))


def file_of(module):
    """The project's file of a module or package; None for anything else."""
    place = ROOT.joinpath(*module.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py") if module.split(".")[0] in ("dastm", "pipeline") else ()
    return next((path for path in files if path.is_file()), None)


def command_modules(cmd):
    """What the function of a command imports when it is called, those of its file that it calls included."""
    program, command = cmd.split()[:2]
    functions = {
        node.name: node
        for path in PROGRAMS[program].glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    waiting, seen = [{"eval": "evaluate"}.get(command, command)], set()
    while waiting:
        function = functions[waiting.pop()]
        seen |= set(imported(function))
        waiting += [
            node.func.id
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions
        ]
    return seen


def runs_on(stage):
    """All files of the project that a stage imports, directly or not."""
    commands = (*STAGES[stage]["cmd"], *RUNS.get(stage, ()))
    waiting, files = [module for cmd in commands for module in command_modules(cmd)], set()
    while waiting:
        module = waiting.pop()
        path = file_of(module)
        if path is not None and path not in files:
            files.add(path)
            if path.relative_to(ROOT).as_posix() not in NOWHERE:
                waiting += [*imports_of(path), module.rpartition(".")[0]]
    return {path.relative_to(ROOT).as_posix() for path in files} - NOWHERE


def code_deps(stage):
    return {dep for dep in STAGES[stage]["deps"] if not dep.startswith(("data/", "$"))}


def covers(dep, file):
    return file == dep or file.startswith(f"{dep}/")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_every_module_that_it_runs_on_and_on_no_other(stage):
    deps, files = code_deps(stage), runs_on(stage)
    assert files
    assert {file for file in files if not any(covers(dep, file) for dep in deps)} == set()
    assert {dep for dep in deps if not any(covers(dep, file) for file in files)} == READ_AS_DATA.get(stage, set())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_files_that_exist_and_in_order(stage):
    deps = STAGES[stage]["deps"]
    assert [dep for dep in code_deps(stage) if not (ROOT / dep).exists()] == []
    assert len(deps) == len(set(deps))
    code = [dep for dep in deps if not dep.startswith(("data/", "$"))]
    assert code == sorted(code)


def test_training_depends_on_what_continues_it_only_unchanged():
    """The digest by which `dastm train` tells its own code from another covers no file that DVC does not know of."""
    digested = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "dastm").rglob("*.py")
        if path.relative_to(ROOT / "dastm").parts[0] not in NOT_TRAINING
    }
    assert {file for file in digested - NOWHERE if not any(covers(dep, file) for dep in code_deps("train"))} == set()


@pytest.mark.parametrize("name", shipped_names())
def test_every_definition_has_the_parameters_that_stages_name(name):
    """DVC stops at a parameter that is not there, e.g. `synth` of a recorded data set."""
    document = yaml.safe_load(load_definition(name).source.read_text())
    for stage in STAGES.values():
        for entry in stage.get("params", []):
            for dotted in (entry["${item}"] or []) if isinstance(entry, dict) else []:
                value = document
                for key in dotted.split("."):
                    value = value[key]
                assert value


def test_params_name_every_split_knob_and_every_block_that_stages_read():
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for stage in STAGES.values():
        for dotted in (entry for entry in stage.get("params", []) if isinstance(entry, str)):
            block, _, key = dotted.partition(".")
            assert block in params
            assert not key or key in params[block]
    assert all((ROOT / path).is_file() for path in params["datasets"].values())
    for sweep in params["sweeps"].values():
        assert set(load_grid(sweep["grid"]).shards.values()) == {f"data/shards/{sweep['dataset']}"}
        assert sweep["dataset"] in params["datasets"]


MINE = {
    "synth": {"n_classes": 6, "clips_per_class": 4},
    "parse": {"format": "ntu_skeleton"},
    "split": {"class_split": {"train": [0, 1], "val": [2, 3], "test": [4, 5]}, "n_frames": 8},
}
SWEEPS = {"tiny": {"grid": "grid.yaml", "dataset": "tiny"}}
GRID = {
    "title": "tiny",
    "preset": ["small"],
    "methods": ["dtw"],
    "backbones": {"ST-GCN": {}},
    "shards": {"tiny": "data/shards/tiny"},
    "seeds": [0],
    "set": TINY["train"]["set"],
    "evaluate": [TINY["eval"]],
}


def repro(folder, *targets):
    """`dvc repro`; the stages that ran, in order."""
    return re.findall(r"^Running stage '(\w+)@tiny'", run(folder, "dvc", "repro", *targets), re.MULTILINE)


def out_of_date(folder):
    """The stages that `dvc status` names."""
    return re.findall(r"^(\w+)@tiny:", run(folder, "dvc", "status"), re.MULTILINE)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the repository with one tiny data set, its stages run once."""
    folder = tmp_path_factory.mktemp("stages") / "project"
    new_project(folder, {"tiny": "mine.yaml"}, sweeps=SWEEPS)
    (folder / "mine.yaml").write_text(yaml.safe_dump(MINE))
    (folder / "grid.yaml").write_text(yaml.safe_dump(GRID))
    run(folder, "git", "add", ".")
    with forked_commands(folder):
        assert repro(folder) == list(STAGES)
        yield folder


def test_all_stages_leave_their_outputs(project):
    data = project / "data"
    assert len(list((data / "raw/tiny").rglob("*.skeleton"))) == 6 * 4 + 2
    for name in (
        *("parsed/tiny/summary.json", "shards/tiny/manifest.json", "audit/tiny.json"),
        *("runs/tiny/train/config.json", "runs/tiny/train/seed-0/best.pt", "runs/tiny/curves.csv"),
        *("runs/tiny/eval/metrics.json", "runs/tiny/eval/episodes.csv", "runs/tiny/report.html"),
        *("sweeps/tiny/table.md", "sweeps/tiny/table.html", "sweeps/tiny/sweep.json"),
    ):
        assert (data / name).stat().st_size > 0
    assert yaml.safe_load((data / "audit/tiny.json").read_text())["clips"] == 24
    metrics = yaml.safe_load((data / "runs/tiny/eval/metrics.json").read_text())
    assert list(metrics["rows"]) == ["DASTM", "coordinates", "path", "untrained"]
    assert (metrics["settings"]["n_way"], metrics["settings"]["episodes"]) == (2, 3)


def test_git_sees_nothing_of_what_was_made(project):
    """dvc.lock tells of one machine's outputs; DVC takes it ignored only if it leaves git alone (core.no_scm)."""
    assert (project / "dvc.lock").is_file()
    seen = run(project, "git", "status", "--porcelain", "--untracked-files=all").splitlines()
    assert [line for line in seen if not line.startswith("A  ")] == []


def test_a_second_time_nothing_runs(project):
    assert repro(project) == []


def test_metrics_and_plots_are_shown(project):
    shown = run(project, "dvc", "metrics", "show")
    assert "data/runs/tiny/eval/metrics.json" in shown
    assert "rows.DASTM.mean" in shown
    assert "index.html" in run(project, "dvc", "plots", "show", "--out", "plots")
    assert "Accuracy of tiny during training" in (project / "plots/index.html").read_text()


def test_what_draws_the_report_trains_nothing_anew(project):
    module = project / "dastm/report/page.py"
    before = module.read_text()
    module.write_text(before + "# changed\n")
    changed = out_of_date(project)
    module.write_text(before)
    assert changed == ["report"]


def test_another_way_to_evaluate_evaluates_and_reports_only(project):
    change_params(project, "eval", k_shot=2)
    assert repro(project) == ["eval", "report"]
    assert "test-2way-2shot" in (project / "data/runs/tiny/eval/metrics.json").read_text()


def test_another_number_of_frames_parses_nothing_anew(project):
    change_params(project, "split", n_frames=6)
    assert repro(project, "train@tiny") == ["split", "audit", "train"]
    assert yaml.safe_load((project / "data/audit/tiny.json").read_text())["frames"] == 6
    assert sorted(out_of_date(project)) == ["eval", "report", "sweep"]
