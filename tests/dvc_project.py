"""A copy of the project in a folder of its own, with data sets of the test's choosing, and `dvc` run in it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
import yaml

from tests import killing
from tests.command_line import MAINS

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent
PATH = f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}"
FORKED = "forked"
TINY = {
    "parse": {"workers": 1},
    "train": {
        "preset": "small",
        "set": {
            "backbone.channels": [8, 8, 16, 16],
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
CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    server.sendall(json.dumps([os.path.basename(sys.argv[0]), os.getcwd(), *sys.argv[1:]]).encode())
    server.shutdown(socket.SHUT_WR)
    status, out, err = json.load(server.makefile())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""
"""A command that has another process do its work."""
NOT_CODE = shutil.ignore_patterns("*.pyc")


def new_project(folder: Path, datasets: Mapping[str, Any], **blocks: Mapping[str, Any]) -> None:
    """Copy what a clone has into `folder`, a git repository of its own, with `write_params` of these data sets."""
    for tool in ("dvc", "git"):
        if shutil.which(tool, path=PATH) is None:
            pytest.skip(f"{tool} is not installed")
    for name in ("pipeline", "dastm"):
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_CODE)
    (folder / ".dvc").mkdir()
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, folder / name)
    write_params(folder, datasets, **blocks)
    run(folder, "git", "init", "--quiet")


def write_params(folder: Path, datasets: Mapping[str, Any], **blocks: Mapping[str, Any]) -> None:
    """Write params.yaml: what the project's has, over that TINY, and over that the blocks.

    There is no data set and no sweep but those that are given.
    """
    shutil.copy(ROOT / "params.yaml", folder)
    for block, values in {**TINY, **blocks}.items():
        change_params(folder, block, **values)
    path = folder / "params.yaml"
    params = {**yaml.safe_load(path.read_text()), "datasets": dict(datasets), "sweeps": dict(blocks.get("sweeps", {}))}
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def run(folder: Path, *words: str) -> str:
    """Run dvc (or git) in a folder; what it prints."""
    done = attempt(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def attempt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run dvc (or git) in a folder, whatever comes of it; with the commands of `forked_commands`, if it has any."""
    environment = {
        **os.environ,
        "PATH": f"{folder.parent / FORKED}{os.pathsep}{PATH}",
        "PYTHONPATH": str(folder),  # the commands run the copy's code, which is what DVC watches
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "NO_COLOR": "1",
    }
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False)


@contextmanager
def forked_commands(folder: Path) -> Iterator[None]:
    """Within the block the stages of a project are forked (see `tests.killing`): seconds less for each."""
    (folder.parent / FORKED).mkdir()
    with TemporaryDirectory() as short, ThreadingUnixStreamServer(f"{short}/socket", _Command) as server:
        for name in MAINS:
            client = folder.parent / FORKED / name
            client.write_text(CLIENT.format(python=sys.executable, address=server.server_address))
            client.chmod(0o700)
        Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


class _Command(StreamRequestHandler):
    def handle(self) -> None:
        command, folder, *words = json.load(self.rfile)
        ended = killing.attempt(Path(folder), *words, command=command)
        self.wfile.write(json.dumps([ended.status, ended.out, ended.err]).encode())


def change_params(folder: Path, block: str, **values: Any) -> None:
    """Set keys of one block of params.yaml."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params[block] = {**params[block], **values}
    path.write_text(yaml.safe_dump(params, sort_keys=False))
