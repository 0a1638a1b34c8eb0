"""Text -> float, as Python reads it; also nan and infinity as Microsoft's C library writes them.

In: a field of a text file. Out: its float. Programs built with older Visual C++ print nan as `-1.#IND`, `1.#QNAN` or
`1.#SNAN` and infinity as `1.#INF`, with zeros behind where decimals are asked for.
"""

import re

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
