"""Random decimal texts on which a reader of float32 may fail: denormals, endless mantissas, halfway between two."""

from decimal import Decimal

import numpy as np

from pipeline.kernels.blocks import as_text
from pipeline.kernels.numbers import number_at


def decimals(rng: np.random.Generator, n_texts: int) -> list[str]:
    """So many texts, every kind about as often; some are beyond float32."""
    kinds = (usual, mantissas, denormals, halfway, float64s, wholes)
    return [kinds[kind](rng) for kind in rng.integers(0, len(kinds), n_texts)]


def usual(rng):
    """As depth cameras and pose estimators write them."""
    return ("%.7G", "%.3f", "%.9G", "%r")[rng.integers(4)] % float(rng.normal() * 10.0 ** rng.integers(-5, 3))


def mantissas(rng):
    """1 to 40 digits, a point anywhere among them, an exponent or none."""
    digits = "".join(map(str, rng.integers(0, 10, rng.integers(1, 41))))
    at = int(rng.integers(1, len(digits) + 1))
    fraction = f".{digits[at:]}" if at < len(digits) else ""
    exponent = (
        f"{'eE'[rng.integers(2)]}{('', '+', '-')[rng.integers(3)]}{rng.integers(0, 60)}" if rng.random() < 0.5 else ""
    )
    return f"{_sign(rng)}{digits[:at]}{fraction}{exponent}"


def denormals(rng):
    """Near the least float32 above 0, and below it."""
    return (
        f"{_sign(rng)}{rng.integers(0, 10)}.{rng.integers(0, 10 ** int(rng.integers(1, 19)))}e-{rng.integers(36, 50)}"
    )


def halfway(rng):
    """Between two neighbouring float32s, written in full or cut, and a little to either side."""
    low, high = _neighbours(rng)
    text = f"{Decimal((float(low) + float(high)) / 2):{('f', 'e')[rng.integers(2)]}}"
    mantissa, e, exponent = text.partition("e")
    if "." in mantissa:
        mantissa += ("", "0" * 20, "1", "0" * 30 + "1")[rng.integers(4)]
        if rng.random() < 0.5:
            mantissa = mantissa[: mantissa.index(".") + int(rng.integers(2, 26))]
    return _sign(rng) + mantissa + e + exponent


def float64s(rng):
    """The float64s at and beside such a halfway point: there, rounding twice differs from rounding once."""
    low, high = _neighbours(rng)
    middle = (float(low) + float(high)) / 2
    return _sign(rng) + repr(float(np.nextafter(middle, (-np.inf, middle, np.inf)[rng.integers(3)])))


def wholes(rng):
    """Whole numbers of any length, 0 and zeros in front among them."""
    return _sign(rng) + "0" * int(rng.integers(0, 3)) + str(int(rng.integers(0, 2**63)) >> int(rng.integers(0, 64)))


def _sign(rng):
    return ("", "", "-", "+")[rng.integers(4)]


def _neighbours(rng):
    low = rng.integers(0, 0x7F7F_FFFF, dtype=np.uint32).view(np.float32)
    return low, np.nextafter(low, np.float32(np.inf))


def disagreements(texts):
    """(texts that the kernel reads otherwise than Python and numpy do, how many of all it does not read)."""
    line = " ".join(texts).encode()
    text, at, wrong, unknown = as_text(line), 0, [], 0
    for word in texts:
        stop = at + len(word)
        known, value, end = number_at(text, at, stop)
        if not known:
            unknown += 1
        elif end != stop or np.float32(value).tobytes() != np.float32(float(word)).tobytes():
            wrong.append(word)
        at = stop + 1
    return wrong, unknown
