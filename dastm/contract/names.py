"""Reads params.yaml and checks its names, which become paths and words in the shell commands of dvc.yaml.

In: params.yaml, which may be somebody else's. Out: its blocks; DocumentError for a name that a shell or a file system
could misunderstand. Both command lines read params.yaml with this.
"""

import re
import unicodedata
from pathlib import Path
from typing import Any

from dastm.contract.documents import DocumentError, read_yaml, shown

PLAIN = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
SAFE_IN_QUOTES = re.compile(r"[^'\x00-\x1f\x7f-][^'\x00-\x1f\x7f]*")
"""Matches a text that stays one word between single quotes in a shell."""
_IN_WORDS = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s_]+(?=\d)")
_APART = re.compile(r"(?<!\d)[\s_]+|[\s_]+(?!\d)")
UNNAMED = re.compile(r"((train|val|test) )?class \d+")


def is_plain(name: object) -> bool:
    """Whether this is a name of letters, digits, `.`, `_` and `-` (not first), and neither `.` nor `..`."""
    return isinstance(name, str) and PLAIN.fullmatch(name) is not None and name not in (".", "..")


def composed(text: str) -> str:
    """The text in Unicode NFC, so that texts that look the same are equal."""
    return unicodedata.normalize("NFC", text)


def folded(name: str) -> str:
    """The name in the form in which names are compared: without case and spaces."""
    return " ".join(composed(composed(name).casefold()).split())


def class_key(name: str) -> str:
    """The form in which names of classes of several data sets are compared: without case, spaces, `_`, `-` in words.

    Only between two digits a space or `_` counts. A name that only numbers a class is kept apart from all others.

    >>> class_key("Stand Up") == class_key("stand_up") == class_key("Stand-up"), class_key("p 1_2") == class_key("p12")
    (True, False)
    """
    if is_unnamed(name):
        return folded(name)
    return _APART.sub("", _BETWEEN_DIGITS.sub(" ", _IN_WORDS.sub(" ", folded(name)))) or name


def is_unnamed(name: str) -> bool:
    """Whether this is the placeholder name of a class without a name, which means nothing outside its data set."""
    return UNNAMED.fullmatch(folded(name)) is not None


def read_params(path: Path, block: str) -> dict[str, Any]:
    """One block of params.yaml; empty if there is none.

    Raises: DocumentError if the file is not a mapping of blocks, or a data set or sweep has a name that is not plain.
    """
    document = read_yaml(path) or {}
    if not isinstance(document, dict):
        raise DocumentError(f"expected blocks of keys, got {shown(document)}")
    for name in ("datasets", "sweeps"):
        _check_names(name, _block(document, name))
    return _block(document, block)


def _block(document: dict[str, Any], name: str) -> dict[str, Any]:
    block = document.get(name) or {}
    if not isinstance(block, dict):
        raise DocumentError(f"block {name}: expected keys with values, got {shown(block)}")
    return dict(block)


def _check_names(block: str, named: dict[Any, Any]) -> None:
    for name, value in named.items():
        if not is_plain(str(name) if type(name) is int else name):  # YAML's 7 is a name as well
            raise DocumentError(
                f"{block}: {shown(name)} is not a name: letters, digits, '.', '_' and '-' only, not '-' first;"
                " it names folders and goes into commands of dvc.yaml"
            )
        for key, text in (value if isinstance(value, dict) else {"": value}).items():
            if not isinstance(text, str) or not SAFE_IN_QUOTES.fullmatch(text):
                where = f"{block}.{name}{'.' * bool(key)}{key}"
                raise DocumentError(f"{where}: expected a text without quotes and line breaks, got {shown(text)}")
