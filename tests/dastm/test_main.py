"""`python -m dastm` is the command."""

import runpy
import sys

import pytest


def test_the_package_runs_as_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["anything", "table", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("dastm", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: dastm table [OPTIONS] FOLDER\n")
