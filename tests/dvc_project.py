"""A copy of the project in a folder of its own, with data sets of the test's choosing, and `dvc` run in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent
PATH = f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}"
TINY = {
    "parse": {"workers": 1},
    "train": {
        "preset": "small",
        "set": {
            "episode.n_way": 2,
            "episode.n_query": 1,
            "optimise.epochs": 1,
            "optimise.episodes": 2,
            "optimise.val_episodes": 2,
            "optimise.val_query": 1,
            "optimise.device": "cpu",
        },
    },
    "eval": {"n_way": 2, "n_query": 2, "episodes": 3},
}
"""Blocks of params.yaml: a training and an evaluation of seconds."""
NOT_CODE = shutil.ignore_patterns("*.pyc")


def new_project(folder: Path, datasets: Mapping[str, Any], **blocks: Mapping[str, Any]) -> None:
    """Copy what a clone has into `folder`, a git repository of its own, with these data sets and blocks of params.yaml.

    The blocks are written over TINY and over what params.yaml has; there is no sweep but those that are given.
    """
    for tool in ("dvc", "git"):
        if shutil.which(tool, path=PATH) is None:
            pytest.skip(f"{tool} is not installed")
    for name in ("pipeline", "dastm"):
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_CODE)
    (folder / ".dvc").mkdir()
    for name in ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, folder / name)
    for block, values in {**TINY, **blocks}.items():
        change_params(folder, block, **values)
    path = folder / "params.yaml"
    params = {**yaml.safe_load(path.read_text()), "datasets": dict(datasets), "sweeps": dict(blocks.get("sweeps", {}))}
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    run(folder, "git", "init", "--quiet")


def run(folder: Path, *words: str) -> str:
    """Run dvc (or git) in a folder; what it prints."""
    done = attempt(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def attempt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run dvc (or git) in a folder, whatever comes of it."""
    environment = {
        **os.environ,
        "PATH": PATH,
        "PYTHONPATH": str(folder),  # the commands run the copy's code, which is what DVC watches
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "NO_COLOR": "1",
    }
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False)


def change_params(folder: Path, block: str, **values: Any) -> None:
    """Set keys of one block of params.yaml."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params[block] = {**params[block], **values}
    path.write_text(yaml.safe_dump(params, sort_keys=False))
