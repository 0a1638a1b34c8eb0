"""A pickle, read without running anything: an interpreter of the opcodes that plain values and numpy arrays need.

In: a seekable file and its size; protocols 0 to 5, of Python 2 and 3. Out: dicts, lists, tuples, texts and numbers as
pickled, arrays as `Array` (see `pipeline.parse.sources.pickled`): their bytes stay in the file, so that memory holds a
description of a file of many GB and not the file. Grammar: the `pickletools` of Python's own library.

No name is imported and no function called; a pickle that names anything but numpy's own few functions is refused with
that name and its byte. No count or length is trusted: what is claimed must be there, and what is kept is limited.
"""

import pickletools
import struct
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.pickled import DECODERS, KNOWN, Coding, Name, Span, call, set_state, shown

KEPT_BYTES = 255
"""Longer texts and byte strings are left in the file."""
MAX_LINE = 4096
"""Longest number or name of the text protocol."""
MAX_STACK, MAX_KEPT, ALWAYS_KEPT = 2**20, 2**25, 2**20
"""Values waiting at a time, and items of all lists and dicts, or memo entries: 260,000 annotations have 11 million."""
BYTES_PER_ITEM = 4
"""Beyond the first ALWAYS_KEPT items, a file must have at least this number of bytes for each item (annotations have
19), so that a file that would fill the memory is refused early."""
CHUNK_BYTES = 2**15

_HIGHEST_PROTOCOL = 5
_MARK = object()
_UNSET = object()


def load(file: BinaryIO, size: int) -> Any:
    """The one value that a pickle holds; RefusedError with the byte if it is damaged, too large, or asks for code."""
    machine = _Machine(_Source(file, size), min(MAX_KEPT, max(ALWAYS_KEPT, size // BYTES_PER_ITEM)))
    at = 0
    try:
        while True:
            at = machine.source.position
            opcode = machine.source.take(1)
            if opcode == b".":
                return machine.result()
            (_OPCODES.get(opcode) or _refuse(opcode))(machine)
    except RefusedError as why:
        raise RefusedError(why.reason, byte=at if why.byte is None else why.byte) from None
    except (ValueError, struct.error) as error:
        raise RefusedError(f"not a pickle: {' '.join(str(error).split())[:100]}", byte=at) from None


class _Source:
    """The file, a chunk at a time; long strings are stepped over."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self._chunk, self._at, self._start = b"", 0, 0

    @property
    def position(self) -> int:
        return self._start + self._at

    def take(self, n: int) -> bytes:
        """The next n bytes, n small."""
        at = self._at
        if at + n > len(self._chunk):
            self._refill(n)
            at = 0
        self._at = at + n
        return self._chunk[at : at + n]

    def string(self, length: int, coding: Coding, is_text: bool) -> Span | bytes:
        """A string of a claimed length: its bytes where it is short, else the place where it lies."""
        start = self.position
        if length > self._size - start:
            raise RefusedError(f"{length} bytes are announced, {self._size - start} are left; the file is cut off")
        if length <= KEPT_BYTES:
            return self.take(length)
        self._jump(start + length)
        return Span(start, length, coding, is_text)

    def line(self) -> bytes:
        """A short line without its end."""
        start = self.position
        found = self.long_line("raw", is_text=False)
        if isinstance(found, bytes):
            return found
        if found.length > MAX_LINE:
            raise RefusedError(f"a line of {found.length} bytes where a name or a number belongs")
        self._jump(start)
        return self.take(found.length + 1)[:-1]

    def long_line(self, coding: Coding, is_text: bool) -> Span | bytes:
        start = self.position
        while (end := self._chunk.find(b"\n", self._at)) < 0:
            self._jump(self._start + len(self._chunk))
            self._refill(1)
        length = self._start + end - start
        if length > KEPT_BYTES:
            self._at = end + 1
            return Span(start, length, coding, is_text)
        self._jump(start)
        return self.take(length + 1)[:-1]

    def _jump(self, position: int) -> None:
        if 0 <= position - self._start <= len(self._chunk):
            self._at = position - self._start
        else:
            self._chunk, self._at, self._start = b"", 0, position

    def _refill(self, n: int) -> None:
        start = self.position
        self._file.seek(start)
        self._chunk, self._at, self._start = self._file.read(max(n, CHUNK_BYTES)), 0, start
        if len(self._chunk) < n:
            raise RefusedError("the file ends in the middle of a pickle; it is cut off", byte=start + len(self._chunk))

    def at_end(self) -> bool:
        return self.position >= self._size


class _Machine:
    """The stack and the memo of a pickle under way."""

    def __init__(self, source: _Source, most: int) -> None:
        self.source = source
        self._most = most
        self._stack: list[Any] = []
        self._memo: list[Any] = []
        self._shapes: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._kept = 0

    def result(self) -> Any:
        value = self.pop()
        if self._stack:
            raise RefusedError("the pickle ends with more than one value")
        if not self.source.at_end():
            raise RefusedError("more bytes after the end of the pickle", byte=self.source.position)
        return value

    def push(self, value: Any) -> None:
        if len(self._stack) >= MAX_STACK:
            raise RefusedError(f"more than {MAX_STACK} values at a time")
        self._stack.append(value)

    def pop(self) -> Any:
        value = self._stack.pop() if self._stack else _MARK
        if value is _MARK:
            raise RefusedError("a value is used that is not there")
        return value

    def top(self, kind: type) -> Any:
        value = self._stack[-1] if self._stack else _MARK
        if type(value) is not kind:
            raise RefusedError(f"items for {'nothing' if value is _MARK else shown(value)}, expected a {kind.__name__}")
        return value

    def popped_to_mark(self) -> list[Any]:
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is _MARK:
                items = self._stack[at + 1 :]
                del self._stack[at:]
                return items
        raise RefusedError("a mark is used that is not there")

    def mark(self) -> None:
        self.push(_MARK)

    def duplicate(self) -> None:
        value = self.pop()
        self.push(value)
        self.push(value)

    def keep(self, n: int) -> None:
        self._kept += n
        if self._kept > self._most:
            raise RefusedError(f"more than {self._most} items in lists and dicts")

    def push_tuple(self, items: list[Any]) -> None:
        """Shapes occur again and again: equal tuples of numbers are kept once."""
        self.keep(len(items))
        value = tuple(items)
        plain = len(value) <= 8 and all(type(item) is int and item < 2**40 for item in value)
        self.push(self._shapes.setdefault(value, value) if plain else value)

    def push_list(self, items: list[Any]) -> None:
        self.keep(len(items))
        self.push(items)

    def push_dict(self, items: list[Any]) -> None:
        self.push({})
        self.set_items(items)

    def append(self, items: list[Any]) -> None:
        self.keep(len(items))
        self.top(list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        self.keep(len(items))
        target = self.top(dict)
        if len(items) % 2:
            raise RefusedError("a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, int):  # others may take for ever to hash
                raise RefusedError(f"{shown(key)} as the key of a dict")
            target[key] = value

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def name(self, module: Any, name: Any) -> None:
        full = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "something without a name"
        if full not in KNOWN:
            raise RefusedError(f"the pickle asks for {shown(full)}: not data, nothing of it was run")
        self.push(Name(full))

    def reduce(self) -> None:
        args, function = self.pop(), self.pop()
        if not isinstance(function, Name):
            raise RefusedError(f"a call of {shown(function)}")
        self.push(call(function, args))

    def build(self) -> None:
        state = self.pop()
        target = self.pop()
        set_state(target, state)
        self.push(target)

    def put(self, index: int) -> None:
        """Memo entries come one after the other, but for gaps that an optimised pickle may leave."""
        if not 0 <= index < min(self._most, len(self._memo) + 1024):
            raise RefusedError(f"memo entry {index} after {len(self._memo)}")
        value = self.pop()
        self._memo.extend([_UNSET] * (index + 1 - len(self._memo)))
        self._memo[index] = value
        self.push(value)

    def memoize(self) -> None:
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        value = self._memo[index] if 0 <= index < len(self._memo) else _UNSET
        if value is _UNSET:
            raise RefusedError(f"memo entry {index} is used and not there")
        self.push(value)


def _refuse(opcode: bytes) -> Callable[[_Machine], None]:
    def refuse(_machine: _Machine) -> None:
        known = next((op.name for op in pickletools.opcodes if op.code == opcode.decode("latin-1")), None)
        raise RefusedError(f"opcode {known}, which no data needs" if known else f"not a pickle: no opcode {opcode!r}")

    return refuse


def _number(layout: str) -> Callable[[_Machine], Any]:
    packed = struct.Struct(layout)

    def number(machine: _Machine) -> Any:
        return packed.unpack(machine.source.take(packed.size))[0]

    return number


_U1, _U2, _I4, _U4, _U8, _F8 = (_number(layout) for layout in ("<B", "<H", "<i", "<I", "<Q", ">d"))


def _pushed(read: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(read(machine))


def _string(length: Callable[[_Machine], int], coding: Coding, is_text: bool) -> Callable[[_Machine], Any]:
    """A string of announced length; Python 2's `str` (raw and text) is read as Latin-1, as numpy's pickles mean it."""

    def string(machine: _Machine) -> Any:
        found = machine.source.string(length(machine), coding, is_text)
        if isinstance(found, Span) or not is_text:
            return found
        return found.decode("latin-1") if coding == "raw" else found.decode("utf-8", "surrogatepass")

    return string


def _line_string(coding: Coding) -> Callable[[_Machine], Any]:
    def string(machine: _Machine) -> Any:
        found = machine.source.long_line(coding, is_text=coding != "string_escape")
        if isinstance(found, Span):
            return found
        if coding == "unicode_escape":
            return found.decode("raw-unicode-escape")
        return DECODERS[coding](found).decode("latin-1")

    return string


def _int_line(machine: _Machine) -> int | bool:
    line = machine.source.line()
    return {b"00": False, b"01": True}[line] if line in (b"00", b"01") else _whole(line)


def _whole(line: bytes) -> int:
    if len(line) > 40:
        raise RefusedError(f"a number of {len(line)} digits")
    return int(line)


def _long(length: Callable[[_Machine], int]) -> Callable[[_Machine], int]:
    def long(machine: _Machine) -> int:
        n = length(machine)
        if not 0 <= n <= 16:
            raise RefusedError(f"a number of {n} bytes")
        return int.from_bytes(machine.source.take(n), "little", signed=True)

    return long


def _protocol(machine: _Machine) -> None:
    protocol = _U1(machine)
    if protocol > _HIGHEST_PROTOCOL:
        raise RefusedError(f"pickle protocol {protocol}, known are 0 to {_HIGHEST_PROTOCOL}")


def _global(machine: _Machine) -> None:
    module = machine.source.line()
    machine.name(*(line.decode("utf-8", "replace") for line in (module, machine.source.line())))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.name(module, name)


def _tuple_of(n: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push_tuple([machine.pop() for _ in range(n)][::-1])


_OPCODES: Mapping[bytes, Callable[[_Machine], Any]] = {
    b"\x80": _protocol,
    b"\x95": _U8,  # FRAME: a hint for buffers, not used
    b"(": _Machine.mark,
    b"0": lambda m: m._stack.pop() if m._stack else m.pop(),
    b"1": _Machine.popped_to_mark,
    b"2": _Machine.duplicate,
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _pushed(_int_line),
    b"L": _pushed(lambda m: _whole(m.source.line().removesuffix(b"L"))),
    b"J": _pushed(_I4),
    b"K": _pushed(_U1),
    b"M": _pushed(_U2),
    b"\x8a": _pushed(_long(_U1)),
    b"\x8b": _pushed(_long(_I4)),
    b"F": _pushed(lambda m: float(m.source.line())),
    b"G": _pushed(_F8),
    b"S": _pushed(_line_string("string_escape")),
    b"T": _pushed(_string(_U4, "raw", True)),
    b"U": _pushed(_string(_U1, "raw", True)),
    b"V": _pushed(_line_string("unicode_escape")),
    b"X": _pushed(_string(_U4, "utf8", True)),
    b"\x8c": _pushed(_string(_U1, "utf8", True)),
    b"\x8d": _pushed(_string(_U8, "utf8", True)),
    b"B": _pushed(_string(_U4, "raw", False)),
    b"C": _pushed(_string(_U1, "raw", False)),
    b"\x8e": _pushed(_string(_U8, "raw", False)),
    b"\x96": _pushed(_string(_U8, "raw", False)),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push_list(m.popped_to_mark()),
    b"a": lambda m: m.append([m.pop()]),
    b"e": lambda m: m.append(m.popped_to_mark()),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push_tuple(m.popped_to_mark()),
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.push_dict(m.popped_to_mark()),
    b"s": _Machine.set_item,
    b"u": lambda m: m.set_items(m.popped_to_mark()),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _Machine.reduce,
    b"b": _Machine.build,
    b"p": lambda m: m.put(_whole(m.source.line())),
    b"q": lambda m: m.put(_U1(m)),
    b"r": lambda m: m.put(_U4(m)),
    b"\x94": _Machine.memoize,
    b"g": lambda m: m.get(_whole(m.source.line())),
    b"h": lambda m: m.get(_U1(m)),
    b"j": lambda m: m.get(_U4(m)),
}
"""All that plain values and arrays need: no INST, OBJ, NEWOBJ, persistent ids, extensions or foreign buffers."""
