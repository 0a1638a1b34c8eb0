"""Both commands as a user types them, without a new process: words in, what they print and their exit status out."""

import re
from typing import Any

from click.testing import CliRunner, Result

import dastm.cli
import pipeline.cli

MAINS = {"dastm": dastm.cli.main, "dastm-data": pipeline.cli.main}


def call(command: str, *words: Any) -> Result:
    """Run `dastm` or `dastm-data` with these words."""
    return CliRunner().invoke(MAINS[command], [str(word) for word in words], prog_name=command)


def told(stderr: str) -> str:
    """Without the lines that say how far a command is, which slow machines get."""
    return re.sub(r"^.* so far(, about .*)?\n", "", stderr, flags=re.MULTILINE)


def done(command: str, *words: Any) -> str:
    """Run a command that must succeed; what it says."""
    result = call(command, *words)
    assert result.exit_code == 0, (words, result.output, result.exception)
    assert told(result.stderr) == ""
    return result.stdout


def failed(command: str, *words: Any, status: int = 1) -> str:
    """Run a command that must fail with exactly one line on standard error; that line, without the command's name."""
    result = call(command, *words)
    assert result.exit_code == status, (words, result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    line = re.fullmatch(rf"{command}: (\S.*)\n", told(result.stderr))
    assert line, result.stderr
    return line[1]


def misused(command: str, *words: Any) -> str:
    """Run a command with words that it does not take: exit status 2; what it says."""
    result = call(command, *words)
    assert result.exit_code == 2, (words, result.output, result.exception)
    assert "Usage: " in result.stderr
    return result.stderr
