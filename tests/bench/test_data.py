"""The bench of the data half: its work is what it says, and its figures are written whole."""

import json
import sys

import numpy as np
import pytest

from dastm.bench.case import Setting
from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.kernels import clip_json, skeleton_text
from pipeline.parse.formats.kinetics_json import parse_clip
from tests.bench import data, data_cases, parse_growth, raw_files

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    raw_files.write_clips(tmp_path, 2)
    monkeypatch.setenv(raw_files.FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def setting():
    return Setting(device="cpu", turn_seconds=0.0, case_seconds=0.0)


def test_every_variant_does_its_work_on_every_clip(folder, setting):
    cases = data_cases.cases(setting)
    assert set(cases) == set(data_cases.FORMAT_OF)
    for case in cases.values():
        assert {len(setup(setting)()) for setup in case.variants.values()} == {2}


def test_the_clips_are_what_the_kernels_take(folder):
    for path in raw_files.clips(".skeleton"):
        limits = skeleton_text.Limits(100_000, 1000, 10, NTU25.n_joints)
        assert skeleton_text.read_skeleton(path.read_bytes(), limits) is not None
    for path in raw_files.clips(".json"):
        limits = clip_json.Limits(100_000, 1_000_000, OPENPOSE18.n_joints)
        assert clip_json.read_clip(path.read_bytes(), limits) is not None


def test_the_short_way_reads_the_same_numbers(folder):
    content = raw_files.clips(".json")[0].read_bytes()
    pose, score = data_cases.loads(content)
    tracks = parse_clip(content)[0]
    assert np.sort(pose.ravel()).tolist() == np.sort(tracks.joints_PVC.ravel()).tolist()
    assert np.sort(score.ravel()).tolist() == np.sort(tracks.scores_PV.ravel()).tolist()


def test_sizes_are_of_all_files_and_frames_as_claimed(folder):
    for suffix in (".skeleton", ".json"):
        paths = raw_files.clips(suffix)
        size = raw_files.size_of(paths)
        assert size["files"] == 2
        assert size["bytes"] == sum(path.stat().st_size for path in paths)
    n_frames = [len(json.loads(path.read_bytes())["data"]) for path in raw_files.clips(".json")]
    assert size["frames"] == sum(n_frames)


def test_many_clips_have_names_of_their_own_and_share_contents(tmp_path):
    raw_files.write_many(tmp_path / "raw", 7, 3)
    contents = [(tmp_path / "raw" / raw_files.name_of(i)).read_bytes() for i in range(7)]
    assert len(set(contents)) == 3
    assert contents[0] == contents[3] == contents[6] == raw_files.ntu_clip(0, 0, 0)
    assert len({raw_files.name_of(i) for i in range(20_000)}) == 20_000


def test_processes_are_watched_with_those_they_start():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(30)'])"
    with parse_growth.subprocess.Popen([sys.executable, "-c", code]) as process:
        found = []
        while not found and process.poll() is None:
            found = parse_growth.descendants(process.pid)
        memory = parse_growth.resident(process.pid)
        parse_growth.subprocess.run(["kill", *map(str, found), str(process.pid)], check=False)
    assert len(found) == 1
    assert memory > 1
    assert parse_growth.resident(process.pid) == 0
    assert parse_growth.descendants(process.pid) == []


def test_a_parse_that_fails_is_no_row(tmp_path):
    with pytest.raises(RuntimeError, match="ended with 1"):
        parse_growth.watched_parse(tmp_path / "nothing", tmp_path / "out", 1)


def fake_bench(words, setting, *, growth, source, log):
    """What `dastm.bench.run.bench` returns, without the processes."""
    assert source == "tests.bench.data_cases"
    assert raw_files.clips(".json")
    taken = {
        "seconds": 0.5,
        "ratio": {"median": 1.0, "least": 1.0, "most": 1.0},
        "memory_mb": 2.0,
        "least_seconds": 0.5,
    }
    entry = {"variants": {"kernel": taken}, "compared_with": "kernel"}
    return {"machine": data.machine(setting), "cases": {"read JSON": entry}}


def test_the_command_writes_tables_and_the_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "bench", fake_bench)
    sizes = []

    def write_many(folder, n_clips, n_distinct):
        sizes.append((n_clips, n_distinct))

    monkeypatch.setattr(parse_growth, "write_many", write_many)
    row = {"seconds": 2.0, "parent": 90.0, "worker": 120.0, "all": 300.0}
    monkeypatch.setattr(parse_growth, "watched_parse", lambda raw, out, workers: row)
    data.main(["--out", str(tmp_path), "--clips", "1", "--growth", "--sizes", "10", "1000"])
    assert sizes == [(10, 10), (1000, parse_growth.N_DISTINCT)]
    written = json.loads((tmp_path / "data.json").read_text())["cases"]["read JSON"]
    size = written["data"]
    expected = f"| read JSON | kernel | {size['bytes'] / 0.5e6:.0f} | {size['frames'] / 0.5:,.0f} |"
    assert expected in (tmp_path / "data.md").read_text()
    assert "| 1000 | 2.0 | 500 | 90 | 120 | 300 |" in (tmp_path / "growth-parse.md").read_text()
    assert [row["clips"] for row in json.loads((tmp_path / "growth-parse.json").read_text())["rows"]] == [10, 1000]
    figure = (tmp_path / "growth-parse.svg").read_text()
    assert all(word in figure for word in ("ms a clip", "largest worker", "peak memory, MB", "2 workers"))
    assert expected in capsys.readouterr().out
