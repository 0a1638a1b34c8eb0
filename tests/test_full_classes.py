"""The stages with a recorded data set: what they say where the raw files are absent, and that they run where they are.

The raw files are made, a few clips of every class, in the official folders and zips (see `tests.official`). The
commands are those of dvc.yaml, in this process.
"""

import functools
import json
import shlex

import pytest
import yaml

from tests import official
from tests.command_line import call, failed
from tests.dvc_project import ROOT, TINY, attempt, new_project, write_params
from tests.official import write_kinetics, write_ntu

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]
CLIPS = 2
SPLIT = {"clips_per_class": CLIPS, "n_frames": 8}
EVAL = {**TINY["eval"], "n_query": 1}
DOWNLOADS = {"ntu-t": "nturgbd_skeletons_s001_to_s017.zip", "kinetics": "kinetics-skeleton"}
USABLE = {"ntu-t": (120 * (CLIPS + 1), 120), "kinetics": (120 * (CLIPS + 1), 120)}
REFUSED = {"ntu-t": 2, "kinetics": 0}


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """A folder with nothing but a params.yaml that names both data sets."""
    monkeypatch.chdir(tmp_path)
    definitions = ROOT / "pipeline/definitions/datasets"
    write_params(tmp_path, {name: str(definitions / f"{name}.yaml") for name in DOWNLOADS}, split=SPLIT, eval=EVAL)
    return tmp_path


def check_line(line, name):
    assert line.startswith(f"data/raw/{name}: not there. Put this there, or name its place with --raw: ")
    assert DOWNLOADS[name] in line


@pytest.mark.parametrize("name", DOWNLOADS)
def test_without_raw_files_it_says_what_to_download_and_where_to_put_it(name, datasets):
    check_line(failed("dastm-data", "raw", "--dataset", name), name)


def test_dvc_stops_with_what_the_stage_says(tmp_path):
    new_project(tmp_path / "project", {"ntu-t": "pipeline/definitions/datasets/ntu-t.yaml"}, split=SPLIT)
    done = attempt(tmp_path / "project", "dvc", "repro")
    assert done.returncode != 0
    line = next(line for line in done.stderr.splitlines() if line.startswith("dastm-data: "))
    check_line(line.removeprefix("dastm-data: "), "ntu-t")
    assert "Traceback" not in done.stderr


def run_stages(name):
    """The commands of dvc.yaml for a data set, one stage after the other."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for stage in stages.values():
        for command in stage["do"]["cmd"] if stage["foreach"] == "${datasets}" else ():
            result = call(*shlex.split(command.replace("${key}", name)))
            assert result.exit_code == 0, (command, result.output, result.exception)


@pytest.fixture
def few_movements(monkeypatch):
    """A movement for several classes, drawn once: what is looked at are names, counts and files."""
    for name in ("kinetics_film", "ntu_clip"):
        once = functools.cache(getattr(official, name))
        monkeypatch.setattr(official, name, lambda seed, action, clip, once=once: once(seed, action % 5, clip))


@pytest.mark.usefixtures("blank_figures", "few_movements")
@pytest.mark.parametrize(("name", "write"), [("ntu-t", write_ntu), ("kinetics", write_kinetics)])
def test_with_raw_files_of_every_class_it_runs_through(name, write, datasets):
    write(datasets / "data/raw" / name, CLIPS + 1)
    run_stages(name)
    summary = json.loads((datasets / f"data/parsed/{name}/summary.json").read_text())
    assert (summary["clips"], summary["classes"], summary["refused"]) == (*USABLE[name], REFUSED[name])
    audit = json.loads((datasets / f"data/audit/{name}.json").read_text())
    assert audit["ok"]
    counts = {part: (found["classes"], found["clips"]) for part, found in audit["parts"].items()}
    assert counts == {"train": (80, 80 * CLIPS), "val": (20, 20 * CLIPS), "test": (20, 20 * CLIPS)}
    metrics = json.loads((datasets / f"data/runs/{name}/eval/metrics.json").read_text())
    assert set(metrics["rows"]) == {"DASTM", "coordinates", "path", "untrained"}
    assert (datasets / f"data/runs/{name}/report.html").stat().st_size > 0
