"""Finds class, subject and key in the paths of recordings, and writes them as one pattern for a definition.

In: sources as `parse` lists them, and the folder that names what each shows. Out: `Naming`, whose pattern matches every
given path; the pattern is None if the usual rule for folders is enough. Only facts that hold for all paths are used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.definitions.lists import key_of, nfc

_WORDS = "subject|subj|sub|person|patient|user|p|s|u"
_AFTER = r"(?=[_\-. ]|$)"
_WHO = re.compile(rf"(?:^|[_\- ])(?P<word>{_WORDS})[_-]?(?P<number>\d{{1,9}}){_AFTER}", re.IGNORECASE)
_SUFFIX = r"\.\w+"
_NTU = r"S\d{3}C\d{3}P(?P<subject>\d{3})R\d{3}A(?P<class>\d{3})"
_FLAT = (
    rf"(?P<key>{_NTU}){_SUFFIX}",
    rf"(?P<key>a(?P<class>\d+)_s(?P<subject>\d+)_[^/]+?){_SUFFIX}",
    r"(?P<key>(?P<class>[^\W\d_]+(?:[ _-][^\W\d_]+)*?)[ _-]*"
    rf"(?:(?i:{_WORDS})[_-]?(?P<subject>\d+)(?!\d)[^/]*?|\d[^/]*?)){_SUFFIX}",
)
"""Names of files that lie in one folder: NTU's, MSR's, and a word before numbers (wave_P01_003, sit down 7)."""


@dataclass(frozen=True, kw_only=True)
class Naming:
    """The facts in the paths."""

    pattern: str | None
    """The value for `parse.source.pattern`."""
    classes: tuple[str, ...]
    """Names of the classes, sorted, with numbers in them by size."""
    subjects: tuple[int, ...] = ()
    by_folder: bool
    """Whether the classes are named by folders; otherwise by file names."""


def naming_of(sources: Sequence[str], actions: Sequence[str | None]) -> Naming | None:
    """The naming of these paths; None if they name no classes."""
    if all(action is not None for action in actions):
        return _by_folder(sources, [str(action) for action in actions])
    return _by_name(sources)


def subject_named(path: str) -> int | None:
    """Who acts, as the name of a recording, or of a folder above it, says it: P03, subject_3, NTU's names.

    `path` is without suffix. Names say less than fields: whoever uses it should ask that all recordings say it.
    """
    *folders, stem = path.split("/")
    if (ntu := re.match(_NTU, stem)) is not None:
        return int(ntu["subject"])
    who = _whole_folders(folders) or _WHO.search(stem)
    return int(who["number"]) if who is not None else None


def _by_folder(sources: Sequence[str], actions: Sequence[str]) -> Naming | None:
    """A folder an action, below the folder or zip, or below the one folder that a zip has at its top."""
    before = {_before(source, action) for source, action in zip(sources, actions, strict=True)}
    if len(before) != 1 or (top := before.pop()) is None:
        return None
    is_usual = all(_parent(source) == action for source, action in zip(sources, actions, strict=True))
    inner = [source.split("/", top.count("/") + 1)[-1] for source in sources]
    who = _who(inner)
    named = r"(?P<class>[^/]+?)(?:\.zip)?/" if any(".zip/" in source for source in sources) else "(?P<class>[^/]+)/"
    start, place = re.escape(top), who or r"(?:[^/]+/)*(?P<key>[^/]+?)"
    whole = place.replace("(?P<key>", "(?:")
    for pattern in (f"{start}{named}{place}{_SUFFIX}", f"{start}(?P<key>{named}{whole}){_SUFFIX}"):
        found = _read(pattern, sources)
        if found is not None and [match["class"] for match in found] == list(actions):
            return Naming(
                pattern=None if is_usual and not who else pattern,
                classes=_sorted(actions),
                subjects=_subjects(found),
                by_folder=True,
            )
    return Naming(pattern=None, classes=_sorted(actions), by_folder=True) if is_usual else None


def _before(source: str, action: str) -> str | None:
    """What stands before the folder of the action: nothing, or one folder."""
    parts = source.split("/")
    places = [i for i in (0, 1) if i < len(parts) - 1 and parts[i] in (action, f"{action}.zip")]
    return "".join(f"{part}/" for part in parts[: places[0]]) if places else None


def _parent(source: str) -> str:
    return PurePosixPath(source).parent.name


def _who(inner: Sequence[str]) -> str | None:
    """The pattern of the rest of the paths, if all name who acts in the same way, and it is not always the same."""
    folders = [_whole_folders(PurePosixPath(path).parent.parts) for path in inner]
    names = [_WHO.search(PurePosixPath(path).stem) for path in inner]
    for found, pattern in (
        (folders, r"(?:[^/]+/)*?(?i:{word})[_-]?(?P<subject>\d+)/(?:[^/]+/)*(?P<key>[^/]+?)"),
        (names, r"(?:[^/]+/)*(?P<key>(?:[^/]*?[_\- ])?(?i:{word})[_-]?(?P<subject>\d+)(?:[_\-. ][^/]*?)?)"),
    ):
        matches = [match for match in found if match is not None]
        words = {match["word"].lower() for match in matches}
        if len(matches) == len(inner) and len(words) == 1 and len({match["number"] for match in matches}) > 1:
            return pattern.replace("{word}", words.pop())
    return None


def _whole_folders(folders: Sequence[str]) -> re.Match[str] | None:
    matches = (_WHO.fullmatch(folder) for folder in folders)
    return next((match for match in matches if match is not None), None)


def _by_name(sources: Sequence[str]) -> Naming | None:
    for pattern in _FLAT:
        found = _read(pattern, sources)
        classes = _sorted([match["class"] for match in found or ()])
        if found is not None and 2 <= len(classes) <= len(sources) / 2:
            return Naming(pattern=pattern, classes=classes, subjects=_subjects(found), by_folder=False)
    return None


def _read(pattern: str, sources: Sequence[str]) -> list[re.Match[str]] | None:
    """The matches of all paths, each with a key of its own; None where one has none."""
    matches = [re.fullmatch(pattern, source) for source in sources]
    found = [match for match in matches if match is not None]
    keys = {key_of(match["key"]) for match in found}
    return found if len(found) == len(keys) == len(sources) else None


def _subjects(found: Sequence[re.Match[str]]) -> tuple[int, ...]:
    numbers = [match.groupdict().get("subject") for match in found]
    return tuple(sorted({int(number) for number in numbers if number}))


def _sorted(names: Sequence[str]) -> tuple[str, ...]:
    """Different names, in Unicode NFC as definitions have them."""

    def order(name: str) -> list[tuple[int, int, str]]:
        pieces = re.split(r"(\d+)", name.casefold())
        return [(1, int(piece), "") if i % 2 else (0, 0, piece) for i, piece in enumerate(pieces)]

    return tuple(sorted({nfc(name) for name in names}, key=lambda name: (order(name), name)))
