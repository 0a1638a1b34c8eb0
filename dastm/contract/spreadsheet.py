"""Cells of CSV tables for people, written so that a spreadsheet shows them and calculates nothing.

Spreadsheets take a cell that begins with =, +, - or @ (or a tab or carriage return, which they skip) for a formula.
Class names or file names may begin so. Such a text gets an apostrophe in front, as OWASP advises; numbers stay numbers.
"""

import re
from typing import Any

_FORMULA = re.compile(r"[=+\-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)")


def cell(value: Any) -> Any:
    """The value in a form that is safe in a table. Only texts that look like formulas are changed; numbers are not."""
    if not isinstance(value, str) or not _FORMULA.match(value.lstrip(" ")) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
