"""Machines with a GPU often lack webdataset and dvc: training and evaluating needs neither."""

import json
import subprocess
import sys

import pytest

from tests.toy import TINY, toy_shards

pytestmark = pytest.mark.slow

WITHOUT = """
import json, sys
for name in ("webdataset", "dvc", "triton", "scipy.stats"):
    sys.modules[name] = None  # importing it is now an ImportError
from dastm.cli import main
for words in json.loads(sys.argv[1]):
    main(words, standalone_mode=False)
"""


def test_train_and_eval_run_without_webdataset_and_dvc(tmp_path):
    shards = toy_shards(tmp_path / "shards")

    settings = [option for key, value in TINY.items() for option in ("--set", f"{key}={value}")]
    train = ["train", "--shards", shards, "--out", "run", "--preset", "small", *settings]
    evaluate = ["eval", "--run", "run", "--n-way", "3", "--n-query", "2", "--episodes", "3", "--device", "cpu"]
    command = [sys.executable, "-c", WITHOUT, json.dumps([train, evaluate])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "trained: run" in done.stdout
    assert "toy test: 3-way 1-shot" in done.stdout
