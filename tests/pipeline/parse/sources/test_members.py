"""Names of clips, wherever they come from."""

import pytest

from dastm.contract.errors import RefusedError
from pipeline.definitions.source_spec import SOURCE_FORMATS
from pipeline.parse.sources.members import NOTE_RENAMED, named
from pipeline.parse.tools.tool_sources import ALL_SOURCES
from pipeline.tracks import ClipName


def test_every_source_of_a_definition_is_one():
    assert tuple(ALL_SOURCES) == SOURCE_FORMATS


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("wave 1", ClipName("wave 1"), ()),
        ("S001C002P003R004A005", ClipName("S001C002P003R004A005", None, 3, 2, 1, 4), ()),
        ("S001C002P003R004A005.skeleton", ClipName("S001C002P003R004A005", None, 3, 2, 1, 4), ()),
        ("a.b/c\\d\te", ClipName("a_b_c_d_e"), (NOTE_RENAMED,)),
    ],
)
def test_a_name_gives_a_key_and_what_an_ntu_name_says(text, expected, notes):
    assert named(text) == (expected, notes)


@pytest.mark.parametrize("text", ["", "  ", None, 5, "x" * 256])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(RefusedError, match="the clip has no name"):
        named(text)
