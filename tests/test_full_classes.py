"""`dvc repro` with a recorded data set: what it says where the raw files are absent, and that it runs where they are.

The raw files are made, a few clips of every class, in the official folders and zips (see `tests.official`).
"""

import json

import pytest

from tests.dvc_project import attempt, new_project, run
from tests.official import write_kinetics, write_ntu

pytestmark = pytest.mark.slow
CLIPS = 3
SPLIT = {"clips_per_class": CLIPS, "n_frames": 8}
DOWNLOADS = {"ntu-t": "nturgbd_skeletons_s001_to_s017.zip", "kinetics": "kinetics-skeleton"}
USABLE = {"ntu-t": (120 * (CLIPS + 1), 120), "kinetics": (120 * (CLIPS + 1), 120)}
REFUSED = {"ntu-t": 2, "kinetics": 0}


def project_of(name, folder):
    new_project(folder, {name: f"pipeline/definitions/datasets/{name}.yaml"}, split=SPLIT)
    return folder


@pytest.mark.parametrize("name", DOWNLOADS)
def test_without_raw_files_it_says_what_to_download_and_where_to_put_it(name, tmp_path):
    done = attempt(project_of(name, tmp_path / "project"), "dvc", "repro")
    assert done.returncode != 0
    line = next(line for line in done.stderr.splitlines() if line.startswith("dastm-data: "))
    assert line.startswith(f"dastm-data: data/raw/{name}: not there. Put this there, or name its place with --raw: ")
    assert DOWNLOADS[name] in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "write"), [("ntu-t", write_ntu), ("kinetics", write_kinetics)])
def test_with_raw_files_of_every_class_it_runs_through(name, write, tmp_path):
    folder = project_of(name, tmp_path / "project")
    write(folder / "data/raw" / name, CLIPS + 1)
    run(folder, "dvc", "repro")
    summary = json.loads((folder / f"data/parsed/{name}/summary.json").read_text())
    assert (summary["clips"], summary["classes"], summary["refused"]) == (*USABLE[name], REFUSED[name])
    audit = json.loads((folder / f"data/audit/{name}.json").read_text())
    assert audit["ok"]
    counts = {part: (found["classes"], found["clips"]) for part, found in audit["parts"].items()}
    assert counts == {"train": (80, 80 * CLIPS), "val": (20, 20 * CLIPS), "test": (20, 20 * CLIPS)}
    metrics = json.loads((folder / f"data/runs/{name}/eval/metrics.json").read_text())
    assert set(metrics["rows"]) == {"DASTM", "coordinates", "path", "untrained"}
    assert (folder / f"data/runs/{name}/report.html").stat().st_size > 0
