"""JSON and YAML from other people -> plain values, with bounded time and memory. All documents are read here.

In: a path or bytes. Out: dicts, lists, texts, numbers, True, False, None; or `DocumentError` with the reason in one
line. Refused are: anything but a regular file; files that are too large or nested too deeply; YAML whose aliases expand
to too much or contain themselves; numbers that are too long (Python does not print 5,000 digits); a key that is given
twice, of which YAML and JSON would use the last; YAML's sets and binaries, which are not plain values. Dates, times
such as `1:30`, and numbers that begin with 0 such as `010` are texts: YAML 1.1 would read 90 and 8.
Both halves read with this; it needs only the standard library and yaml.
"""

import difflib
import json
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml

from dastm.contract.wording import reason_of

MOST_YAML, MOST_JSON = 8 * 2**20, 64 * 2**20
"""Largest accepted files in bytes; the largest genuine ones are a tenth of this."""
MOST_DEPTH = 64
"""Deepest accepted nesting of lists and mappings; our own documents have at most ten levels."""
MOST_EXPANDED = 2 * MOST_YAML
"""Longest accepted YAML document, in characters, with every alias written out."""
MOST_NUMBER = 1000
"""Longest accepted number in a YAML document, in characters. For JSON, Python itself stops at 4300 digits."""
MOST_SHOWN = 300
"""Longest value or reason in a message, in characters."""
_NO_VALUES = ("timestamp", "binary", "set", "omap", "pairs")
_TAG = "tag:yaml.org,2002:"
_OTHER_NUMBER = re.compile(r"[-+]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)\Z")
"""Numbers of YAML 1.1 in base 8 or 60, which nobody means."""
_REPR = Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlong = 3, 120, 120, 60
_REPR.maxdict = _REPR.maxlist = _REPR.maxtuple = _REPR.maxset = 8


class DocumentError(ValueError):
    """A document cannot be used. The message says why in one line, without the name of the file."""


def shown(value: Any) -> str:
    """A value for a message: `repr`, cut short where it is long."""
    return cut(_REPR.repr(value))


def cut(text: object) -> str:
    """A text, or what an error says, as one line for a message, cut short where it is long."""
    line = reason_of(text) if isinstance(text, BaseException) else " ".join(str(text).split())
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}.."


def no_such_key(key: str, known: Iterable[str]) -> str:
    """The message for an unknown key: the key that was most likely meant, and all known keys."""
    names = list(known)
    near = difflib.get_close_matches(key, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"no such key; {meant}known: {', '.join(names)}"


def read_file(path: Path, most: int = MOST_JSON) -> bytes:
    """The bytes of a regular file; DocumentError for a device, a pipe, a folder, or more than `most` bytes."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise DocumentError("not a regular file")
        if facts.st_size > most:
            raise DocumentError(f"{facts.st_size} bytes, more than the {most} that such a file may have")
        with path.open("rb") as file:
            data: bytes = file.read(facts.st_size + 1)  # files of /proc say 0 and may never end
    except OSError as error:
        raise DocumentError(error.strerror or cut(error)) from error
    if len(data) > facts.st_size:
        raise DocumentError(f"more than the {facts.st_size} bytes that it says it has")
    return data


def read_json(path: Path) -> Any:
    """`json_value` of a file; DocumentError also where it cannot be read."""
    return json_value(read_file(path))


def read_yaml(path: Path) -> Any:
    """`yaml_value` of a file; DocumentError also where it cannot be read."""
    return yaml_value(read_file(path, MOST_YAML))


def json_value(data: bytes | str) -> Any:
    """The value of a JSON document.

    Raises: DocumentError.
    """
    try:
        value = json.loads(data, object_pairs_hook=keyed)
    except RecursionError:
        raise DocumentError(f"nested deeper than {MOST_DEPTH}") from None
    except DocumentError:
        raise
    except ValueError as error:
        raise DocumentError(f"not JSON ({cut(error)})") from None
    text = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    if text.count(b"[") + text.count(b"{") > MOST_DEPTH:
        _check_depth(value)
    return value


def keyed(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, for `object_pairs_hook`; DocumentError for a key that is given twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in value if names.count(name) > 1)
        raise DocumentError(f"ambiguous: the key {shown(twice)} is given twice; remove one")
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        inner = [v for one in level if isinstance(one, dict | list) for v in _inside(one)]
        if not inner:
            return
        level = inner
    raise DocumentError(f"nested deeper than {MOST_DEPTH}")


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value


def yaml_value(data: bytes | str) -> Any:
    """The value of a YAML document; None for an empty one.

    Raises: DocumentError.
    """
    loader = None
    try:
        loader = _Loader(data if isinstance(data, str) else data.decode("utf-8"))
        return loader.value()
    except DocumentError:
        raise
    except RecursionError:
        raise DocumentError(f"nested deeper than {MOST_DEPTH}") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise DocumentError(f"not readable as YAML: {cut(error)}") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Loader(yaml.SafeLoader):
    """Plain values only, and nothing constructed before its size is known."""

    depth = 0
    yaml_implicit_resolvers = {  # noqa: RUF012 (as in the class above)
        first: [
            (f"{_TAG}str", _OTHER_NUMBER),
            *((tag, pattern) for tag, pattern in resolvers if tag.removeprefix(_TAG) not in _NO_VALUES),
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) not in _NO_VALUES
    }

    def value(self) -> Any:
        """The value of the only document in the text."""
        node = self.get_single_node()
        if node is None:
            return None
        _weigh(node, {}, 0)
        return self.construct_document(node)

    def fetch_flow_collection_start(self, token: Any) -> None:
        """As the loader does; DocumentError where it is too deep: looking ahead takes the square of the depth."""
        if self.flow_level >= MOST_DEPTH:
            raise DocumentError(f"nested deeper than {MOST_DEPTH}")
        super().fetch_flow_collection_start(token)

    def compose_mapping_node(self, anchor: Any) -> Any:
        """As the loader does; DocumentError for a key that is given twice."""
        node = super().compose_mapping_node(anchor)
        first: dict[tuple[str, str], yaml.Node] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            same = first.setdefault((key.tag, key.value), key)
            if same is not key:
                lines = f"lines {same.start_mark.line + 1} and {key.start_mark.line + 1}"
                raise DocumentError(f"ambiguous: the key {shown(key.value)} is given twice, in {lines}; remove one")
        return node

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As the loader does; DocumentError where it is too deep."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise DocumentError(f"nested deeper than {MOST_DEPTH}")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _weigh(node: yaml.Node, known: dict[int, tuple[int, int] | None], level: int) -> tuple[int, int]:
    """(characters, height) of a node with its aliases written out; DocumentError where that is too much."""
    if id(node) not in known:
        known[id(node)] = None
        known[id(node)] = _weigh_inside(node, known, level)
    weight = known[id(node)]
    if weight is None:
        raise DocumentError("an alias leads back into itself")
    if weight[0] > MOST_EXPANDED:
        raise DocumentError(f"its aliases swell it to more than {MOST_EXPANDED} characters")
    if level + weight[1] > MOST_DEPTH:
        raise DocumentError(f"nested deeper than {MOST_DEPTH}")
    return weight


def _weigh_inside(node: yaml.Node, known: dict[int, tuple[int, int] | None], level: int) -> tuple[int, int]:
    if isinstance(node, yaml.ScalarNode):
        node.value.encode()  # half of a surrogate pair is no text
        if len(node.value) > MOST_NUMBER and node.tag in (f"{_TAG}int", f"{_TAG}float"):
            raise DocumentError(f"a number of {len(node.value)} characters: {cut(node.value)}")
        return len(node.value) + 1, 0
    if level > MOST_DEPTH:
        raise DocumentError(f"nested deeper than {MOST_DEPTH}")
    below = [inner for entry in node.value for inner in (entry if isinstance(entry, tuple) else (entry,))]
    weights = [_weigh(inner, known, level + 1) for inner in below]
    return 1 + sum(size for size, _ in weights), 1 + max((height for _, height in weights), default=0)
