"""Text -> float, as Python reads it; also nan and infinity as Microsoft's C library writes them.

In: a field of a text file. Out: its float. Programs built with older Visual C++ print nan as `-1.#IND`, `1.#QNAN` or
`1.#SNAN` and infinity as `1.#INF`, with zeros behind where decimals are asked for; newer ones `-nan(ind)`. A field of a
table may have a comma for the point, as much of Europe writes it, or a word for a number that is not there.
"""

import re

NO_NUMBER = ("", "none", "null", "na", "n/a", "<na>", "#n/a", "nan", "-nan", "nan(ind)", "-nan(ind)")
"""What stands in tables for a number that is not there, in any letters."""
_NOT_FINITE = re.compile(r"[+-]?1\.#(?:(IND|QNAN|SNAN)|INF)0*")


def number_of(text: str) -> float:
    """The number that a text stands for; ValueError if it is none.

    >>> number_of("1e2"), number_of("-1.#IND00"), number_of("-1.#INF")
    (100.0, nan, -inf)
    """
    try:
        return float(text)
    except ValueError:
        match = _NOT_FINITE.fullmatch(text.strip())
        if match is None:
            raise
        return float("nan") if match[1] else float(text.strip().split("1.#")[0] + "inf")


def field_number(field: str) -> float:
    """The number of a field of a table, nan where none is there; ValueError for anything else.

    >>> field_number("0,5"), field_number("None"), field_number("")
    (0.5, nan, nan)
    """
    if field.casefold() in NO_NUMBER:
        return float("nan")
    return number_of(field.replace(",", ".") if field.count(",") == 1 and "." not in field else field)
