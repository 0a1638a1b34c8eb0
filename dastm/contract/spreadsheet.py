"""Cells of CSV tables for people, written so that a spreadsheet shows them and calculates nothing.

A cell that begins with =, +, - or @ (or a tab or carriage return, which programs skip) is a formula to spreadsheets,
whoever named a class or a file so. Such a text gets an apostrophe in front, as OWASP advises; numbers stay numbers.
"""

import re
from typing import Any

_FORMULA = re.compile(r"[=+\-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)")


def cell(value: Any) -> Any:
    """The value as a table may hold it. Numbers, also as text, and all other texts stay unchanged."""
    if not isinstance(value, str) or not _FORMULA.match(value.lstrip(" ")) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
