"""Classifies 64 bytes of text at a time: one word of bits for the digits, one for the signs, one for white space, and
so on.

The idea is Langdale and Lemire's (Parsing gigabytes of JSON per second, VLDB Journal 2019): once a block's characters
are bit masks, a rule about neighbours is a shift and an `and`, for 64 characters at once. The compiler makes vector
instructions of it; as plain Python (NUMBA_DISABLE_JIT=1) the words are Python's whole numbers.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from dastm.contract.compiled import compiled

BLOCK = 64
JIT = not config.DISABLE_JIT  # type: ignore[attr-defined]
word: Any = np.uint64 if JIT else int
"""The type of a mask. Shifts and sums are cut to 64 bits with FULL, which costs nothing where words have no more."""
ZERO, ONE, FULL = word(0), word(1), word(0xFFFF_FFFF_FFFF_FFFF)

kernel: Any = compiled(error_model="numpy", _nrt=False)
"""Decorator for functions that allocate nothing: numba then counts no references to their array arguments. The atomic
counting at every call would take twice as long as reading a number.
"""

_CLASSES: tuple[bytes, ...] = (b"0123456789", b".", b"+-", b"eE", b" ", b"\r", b"\n")


def as_text(data: bytes) -> Any:
    """Bytes as the kernels take them: an array, or as plain Python the bytes themselves, whose items are numbers."""
    return np.frombuffer(data, np.uint8) if JIT else data


def _masks_plain(text: bytes, at: int) -> tuple[int, ...]:
    block = text[at : at + BLOCK]
    return tuple(sum(1 << i for i, byte in enumerate(block) if byte in members) for members in _CLASSES)


@intrinsic
def _masks_vector(typingctx: Any, text: Any, at: Any) -> Any:  # pragma: no cover
    signature = types.UniTuple(types.uint64, len(_CLASSES))(text, types.int64)  # type: ignore[no-untyped-call]

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes, bits = ir.VectorType(ir.IntType(8), BLOCK), ir.IntType(BLOCK)
        array = context.make_array(sig.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(array.data, [args[1]]), lanes.as_pointer())
        block = builder.load(pointer, align=1)

        def all_lanes(byte: int) -> Any:
            return ir.Constant(lanes, [byte] * BLOCK)

        digits = builder.icmp_unsigned("<", builder.sub(block, all_lanes(ord("0"))), all_lanes(10))
        found = [builder.bitcast(digits, bits)]
        for members in _CLASSES[1:]:
            equal = [builder.icmp_unsigned("==", block, all_lanes(byte)) for byte in members]
            found.append(builder.bitcast(equal[0] if len(equal) == 1 else builder.or_(*equal), bits))
        return context.make_tuple(builder, sig.return_type, found)

    return signature, codegen


def _eight_plain(text: bytes, at: int) -> int:
    return int.from_bytes(text[at : at + 8], "little")


@intrinsic
def _eight_vector(typingctx: Any, text: Any, at: Any) -> Any:  # pragma: no cover
    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(array.data, [args[1]]), ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(text, types.int64), codegen


def _count_plain(mask: int) -> int:
    return mask.bit_count()


def _lowest_plain(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


@intrinsic
def _count_vector(typingctx: Any, mask: Any) -> Any:  # pragma: no cover
    return types.int64(types.uint64), lambda context, builder, sig, args: builder.ctpop(args[0])


@intrinsic
def _lowest_vector(typingctx: Any, mask: Any) -> Any:  # pragma: no cover
    return types.int64(types.uint64), lambda context, builder, sig, args: builder.cttz(args[0], cgutils.false_bit)


masks: Any = _masks_vector if JIT else _masks_plain
"""(text, at) -> masks of digit, dot, sign, e or E, space, carriage return, line feed; bit i is byte at + i.

All 64 bytes must exist: at + 64 <= len(text). The caller has to ensure that; it is not checked here.
"""
eight_bytes: Any = _eight_vector if JIT else _eight_plain
"""(text, at) -> 8 bytes as one word, the first one lowest. All 8 bytes must exist, as for `masks`."""
count: Any = _count_vector if JIT else _count_plain
"""Number of bits that are set."""
lowest: Any = _lowest_vector if JIT else _lowest_plain
"""The position of the lowest bit that is set; meaningless for 0."""
