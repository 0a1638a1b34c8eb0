"""The documents: their links lead somewhere, and the definitions that they show are definitions."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline.definitions.definition import load_definition
from pipeline.parse.tools import TOOLS
from tests.fuzz.tools import SEEDS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
DEFINITIONS = [
    (path, text)
    for path in DOCUMENTS
    for text in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
    if "parse" in yaml.safe_load(text) and "split" in yaml.safe_load(text)
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("number", range(len(DEFINITIONS)))
def test_a_definition_that_is_shown_loads(number, tmp_path):
    _, text = DEFINITIONS[number]
    (tmp_path / "mine.yaml").write_text(text)
    (tmp_path / "split.yaml").write_text("train: [0]\nval: [1]\ntest: [2]\n")
    (tmp_path / "classes.txt").write_text("a\nb\nc\n")
    assert load_definition(tmp_path / "mine.yaml").split.class_split["train"] == (0,)


def test_the_documents_show_definitions():
    assert {path.name for path, _ in DEFINITIONS} == {"README.md", "data.md"}


def test_every_form_of_a_tool_has_a_row_and_damaged_inputs():
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "formats.md").read_text(), re.MULTILINE)
    forms = TOOLS.keys() - {"amass_npz"}  # is refused unread
    assert (forms - set(rows), forms - SEEDS.keys()) == (set(), set())
