"""Decimal text -> float32, exactly what Python's `float` and then numpy's `float32` make of it, or no answer.

Three ways, the first that applies. (1) At most 2^53 times or over at most 10^22: both are float64s, so that one
operation rounds as `float` does (Clinger, PLDI 1990). (2) Else mantissa times a rounded power of ten, digits beyond the
19th left out, whose relative error is below 2^-51: where the float64s 2^-50 below and above it give the same float32,
so does the one in between that `float` would find, as rounding never changes order. (3) Otherwise there is no answer,
and the caller asks Python.

Digits are read eight at a time, as in Lemire's "Number parsing at a gigabyte per second" (Software: Practice and
Experience 2021). As plain Python the numbers are Python's own, masked to 64 bits where that matters.
"""

import numpy as np

from pipeline.kernels.blocks import FULL, JIT, ZERO, eight_bytes, kernel, lowest, word

_SMALLEST, _GREATEST = -80, 60
"""A smaller power of ten makes every mantissa of 19 digits 0 as float32; a greater one is beyond float32."""
_POWERS = np.array([float(f"1e{power}") for power in range(_SMALLEST, _GREATEST + 1)])
_TENS = np.array([10**n for n in range(9)], np.uint64) if JIT else [10**n for n in range(9)]
_TEN, _EXACT = word(10), word(2**53)
_ROOM, _ROOM_FOR_EIGHT = word(10**18), word(10**10)
"""A mantissa below the first takes one digit more and stays below 10^19, one below the second takes eight."""
_LONGEST = 14
"""With one digit before the dot and at most this number behind it, a mantissa is below 2^53."""
_READ_AHEAD = 20
"""`_usual_number` touches no byte this far behind the first: sign, digit, dot, digits, one more."""
_LIMIT = 3.39e38
"""Just below `FLOAT32_LIMIT`; numbers in between are left to Python."""
_UNCERTAIN = 2.0**-50
_LONG_EXPONENT = 100_000

_ZEROS, _LOW, _HIGH = word(0x3030303030303030), word(0x7F7F7F7F7F7F7F7F), word(0x8080808080808080)
_ABOVE_NINE = word(0x7676767676767676)
_PAIRS, _FOURS, _EIGHTS = word(0x00FF00FF00FF00FF), word(0x0000FFFF0000FFFF), word(0x00000000FFFFFFFF)


@kernel
def number_at(text, at, stop):  # type: ignore[no-untyped-def]
    """The number that starts at byte `at` and ends before `stop`: (known, value as float32, byte after it).

    `[+-]digits[.digits][e[+-]digits]`; not known where the text does not begin with one, its magnitude is 3.39e38 or
    more, or its float32 is uncertain. What follows the number is for the caller to judge. `stop` is at most the text's
    length, and the byte at `stop` is no digit where the text goes on.
    """
    known, value, end = _usual_number(text, at, stop)
    if known:
        return True, value, end
    return _any_number(text, at, stop)


@kernel
def _any_number(text, at, stop):  # type: ignore[no-untyped-def]
    """The same result as `number_at`, for any number."""
    negative, at = _sign(text, at, stop)
    first = at
    mantissa, power, at = _digits(text, at, stop, ZERO)
    if at == first:
        return False, np.float32(0), at
    if at < stop and text[at] == 46:  # .
        first = at + 1
        mantissa, left_out, at = _digits(text, first, stop, mantissa)
        power += left_out - (at - first)
        if at == first:
            return False, np.float32(0), at
    if at < stop and (text[at] == 69 or text[at] == 101):  # E e
        known, exponent, at = _exponent(text, at + 1, stop)
        if not known:
            return False, np.float32(0), at
        power += exponent
    known, magnitude = _scaled(mantissa, power)
    return known, -magnitude if negative else magnitude, at


@kernel
def _usual_number(text, at, stop):  # type: ignore[no-untyped-def]
    """As `number_at`, for usual numbers only: a minus or nothing, one digit, a dot, 1 to 14 digits, no exponent."""
    if at + _READ_AHEAD > len(text):
        return False, np.float32(0), at
    minus = 1 if text[at] == 45 else 0
    whole, end = text[at + minus] - 48, at + minus + 2
    if whole < 0 or whole > 9 or text[end - 1] != 46:
        return False, np.float32(0), at
    n_digits, digits = _eight_digits(eight_bytes(text, end))
    mantissa = word(whole) * _TENS[n_digits] + digits
    end += n_digits
    if n_digits == 8:
        while n_digits < _LONGEST and 48 <= text[end] <= 57:
            mantissa = mantissa * _TEN + word(text[end] - 48)
            n_digits += 1
            end += 1
    if n_digits == 0 or end > stop or 48 <= text[end] <= 57 or text[end] == 69 or text[end] == 101:
        return False, np.float32(0), at
    value = float(mantissa) / _POWERS[n_digits - _SMALLEST]
    return True, np.float32(value * (1 - 2 * minus)), end


@kernel
def _eight_digits(eight):  # type: ignore[no-untyped-def]
    """(how many of 8 bytes are digits before the first other byte, the number they make).

    In each byte of `eight ^ '0'` is a digit's value; adding 0x76 sets the top bit of all that are above 9. The digits
    are moved to the end of the word, zeros before them, and summed in pairs, fours and eights.
    """
    values = eight ^ _ZEROS
    others = (((values & _LOW) + _ABOVE_NINE) | values) & _HIGH
    n_digits = lowest(others) >> 3 if others != ZERO else 8
    half = word(32 - 4 * n_digits)  # twice, as a shift by 64 is none
    values = (((values << half) & FULL) << half) & FULL
    pairs = (values * _TEN + (values >> word(8))) & _PAIRS
    fours = (pairs * word(100) + (pairs >> word(16))) & _FOURS
    return n_digits, (fours * word(10_000) + (fours >> word(32))) & _EIGHTS


@kernel
def _sign(text, at, stop):  # type: ignore[no-untyped-def]
    """(whether there is a minus, byte after the sign)."""
    if at < stop and (text[at] == 45 or text[at] == 43):
        return text[at] == 45, at + 1
    return False, at


@kernel
def _digits(text, at, stop, mantissa):  # type: ignore[no-untyped-def]
    """Append digits to a mantissa: (the mantissa, how many digits did not fit, byte after them).

    Where any is left out, the mantissa is 10^18 or more, and less than a 10^18th of the number is missing.
    """
    left_out = 0
    if mantissa < _ROOM_FOR_EIGHT and at + 8 <= stop:
        n_digits, digits = _eight_digits(eight_bytes(text, at))
        mantissa = mantissa * _TENS[n_digits] + digits
        at += n_digits
    while at < stop and 48 <= text[at] <= 57:
        if mantissa < _ROOM:
            mantissa = mantissa * _TEN + word(text[at] - 48)
        else:
            left_out += 1
        at += 1
    return mantissa, left_out, at


@kernel
def _exponent(text, at, stop):  # type: ignore[no-untyped-def]
    """(whether there is an exponent of usable size, the exponent, byte after it)."""
    negative, at = _sign(text, at, stop)
    exponent, first = 0, at
    while at < stop and 48 <= text[at] <= 57:
        exponent = exponent * 10 + (text[at] - 48)
        if exponent > _LONG_EXPONENT:
            return False, 0, at
        at += 1
    return at > first, -exponent if negative else exponent, at


@kernel
def _scaled(mantissa, power):  # type: ignore[no-untyped-def]
    """(whether it is certain, mantissa * 10^power as float32)."""
    if mantissa == ZERO:
        return True, np.float32(0)
    value = float(mantissa)
    if mantissa <= _EXACT and -22 <= power <= 22:
        value = value / _POWERS[-power - _SMALLEST] if power < 0 else value * _POWERS[power - _SMALLEST]
        return value < _LIMIT, np.float32(min(value, _LIMIT))
    if power < _SMALLEST:
        return True, np.float32(0)
    if power > _GREATEST:
        return False, np.float32(0)
    value *= _POWERS[power - _SMALLEST]
    if not value < _LIMIT:
        return False, np.float32(0)
    below, above = np.float32(value * (1 - _UNCERTAIN)), np.float32(value * (1 + _UNCERTAIN))
    return below == above, above
