"""Values are escaped, and a value that is missing is an error, never an empty place."""

import pytest
from jinja2 import UndefinedError

from dastm.report.template import rendered


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError):
        rendered("report.html", sections=[{}], settings_rows=dict)
