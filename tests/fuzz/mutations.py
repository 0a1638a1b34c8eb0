"""A valid file and a generator -> a file that is damaged, odd, or still valid with other numbers."""

import re

import numpy as np

from tests.fuzz.decimals import decimals

NUMBER = re.compile(rb"[-+]?\d[\d.eE+-]*")
COUNTS = (
    0,
    1,
    2,
    3,
    24,
    25,
    64,
    65,
    1000,
    1001,
    99_999,
    100_000,
    100_001,
    10**12,
    2**31,
    2**32,
    2**63 - 1,
    2**63,
    10**40,
)
PIECES = (
    *(b"\n", b"\r\n", b"\r", b"\t", b" ", b"  ", b"\0", b"\x0b", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xff", b"\xc2\x85"),
    *(b"-", b"+", b".", b"e", b"E", b"nan", b"NaN", b"-Infinity", b"inf", b"1_0", b"0x1", b"1e999", b"-0", b"-0.0"),
    *(b"01", b"1.", b".5", b"1e5", b"1e", b"1e-400", b"9" * 30, b"9" * 5000, b"0." + b"0" * 400 + b"1"),
)


def mutated(seeds: list[bytes], pieces: tuple[bytes, ...], rng: np.random.Generator) -> bytes:
    """One to four changes to one of the seeds, most often one: the more, the sooner any reader gives up."""
    data = seeds[rng.integers(len(seeds))]
    for _ in range(min(4, int(rng.geometric(0.6)))):
        change = CHANGES[rng.integers(len(CHANGES))]
        data = change(data, seeds, (*PIECES, *pieces), rng)
    return data


def flip(data, seeds, pieces, rng):
    """One bit."""
    if not data:
        return data
    at = int(rng.integers(len(data)))
    return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]


def cut(data, seeds, pieces, rng):
    """The end is missing, or the beginning, or something in between."""
    start, stop = sorted(int(at) for at in rng.integers(0, len(data) + 1, 2))
    return (data[:start], data[start:], data[:start] + data[stop:])[rng.integers(3)]


def insert(data, seeds, pieces, rng):
    """A few bytes too many, or others in their place."""
    at = int(rng.integers(len(data) + 1))
    return data[:at] + pieces[rng.integers(len(pieces))] + data[at + int(rng.integers(0, 4)) :]


def number(data, seeds, pieces, rng):
    """Another number in the place of one."""
    return _other(data, decimals(rng, 1)[0].encode(), rng)


def count(data, seeds, pieces, rng):
    """A whole number, of any size, in the place of one."""
    return _other(data, str(COUNTS[rng.integers(len(COUNTS))]).encode(), rng)


def numbers(data, seeds, pieces, rng):
    """Every number another, all of them of use as coordinates."""
    texts = [f"{value:.{rng.integers(1, 10)}f}".encode() for value in rng.normal(size=64)]
    keep = rng.random() < 0.9
    return NUMBER.sub(lambda old: old[0] if keep and b"." not in old[0] else texts[rng.integers(64)], data)


def lines(data, seeds, pieces, rng):
    """A block of lines once more, left out, or moved."""
    rows = data.split(b"\n")
    start, stop, to = sorted(int(at) for at in rng.integers(0, len(rows) + 1, 3))
    orders = (
        rows[:stop] + rows[start:],
        rows[:start] + rows[stop:],
        rows[:start] + rows[stop:to] + rows[start:stop] + rows[to:],
    )
    return b"\n".join(orders[rng.integers(3)])


def splice(data, seeds, pieces, rng):
    """The end of another file."""
    other = seeds[rng.integers(len(seeds))]
    return data[: rng.integers(len(data) + 1)] + other[rng.integers(len(other) + 1) :]


def line_ends(data, seeds, pieces, rng):
    """As another system writes them, all or one."""
    return data.replace(b"\n", b"\r\n", (-1, 1)[rng.integers(2)])


def _other(data, text, rng):
    places = [match.span() for match in NUMBER.finditer(data)]
    if not places:
        return data
    start, stop = places[rng.integers(len(places))]
    return data[:start] + text + data[stop:]


CHANGES = (flip, cut, insert, number, number, number, count, numbers, numbers, lines, splice, line_ends)
