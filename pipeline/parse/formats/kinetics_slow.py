"""Kinetics-skeleton JSON read into Python objects: slow, but every error has its place and its reason.

In and out of a clip are as in `pipeline.parse.formats.kinetics_json`, which comes here for clips that are not plain.
Label lists are read only here. Grammar: JSON as Python's `json` reads it; a name that is given twice is refused, and
unknown names are ignored.
"""

import json
import re
from typing import Any, NoReturn

from dastm.contract.documents import DocumentError, keyed
from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.tracks import FLOAT32_LIMIT, MAX_FRAMES, Observation, Tracks, build_tracks, check_odd_bytes

MAX_CLASSES = 1_000_000

_NUMBERS = {int, float}  # bool is a type of its own here, as in JSON
_CONSTANT = re.compile(rb'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')


def parse_objects(data: bytes, layout: Layout) -> tuple[Tracks, str | None, int | None]:
    """Read one clip: (tracks, label, label_index), the last two None where the clip does not say.

    Frame 0 is the first `frame_index`; indices left out are frames without a body.
    Raises: RefusedError with the byte where the text is not JSON, else with the frame_index and person it is about.
    """
    check_odd_bytes(data)
    clip = _object(_load(data), "the file")
    frames = _list(clip.get("data"), "'data'")
    if not frames:
        raise RefusedError("'data' is an empty list")
    label, label_index = _label(clip)
    tracks: dict[int, list[Observation]] = {}
    first = last = -1
    for number, item in enumerate(frames):
        frame = _object(item, f"item {number} of 'data'")
        index = _frame_index(frame.get("frame_index"), number, last)
        first, last = (index if number == 0 else first), index
        for place, person in enumerate(_list(frame.get("skeleton"), f"frame_index {index}: 'skeleton'")):
            where = f"frame_index {index}, person {place}"
            pose, score = _person(_object(person, where), where, layout)
            tracks.setdefault(place, []).append(Observation(index - first, pose, score))
    if not tracks:
        raise RefusedError(f"no body in any of {len(frames)} frames")
    return build_tracks(last - first + 1, tracks, layout.n_joints), label, label_index


def parse_label_list(data: bytes) -> dict[str, tuple[str | None, int | None]]:
    """Read a label list: clip name -> (label, label_index), None for what is empty or left out.

    `has_skeleton` is not trusted: whether a clip has one is seen in the clip. Raises RefusedError naming byte or clip.
    """
    entries = _object(_load(data), "the label list")
    labels = {}
    for name, entry in entries.items():
        try:
            labels[name] = _label(_object(entry, "the entry"))
        except RefusedError as why:
            raise RefusedError(f"clip {_shown(name)}: {why.reason}") from None
    return labels


def _load(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=keyed)
    except DocumentError as why:
        raise RefusedError(str(why)) from None
    except UnicodeDecodeError as error:
        raise RefusedError("not UTF-8 text", byte=error.start) from None
    except json.JSONDecodeError as error:
        raise RefusedError(f"not JSON: {error.msg}", byte=len(error.doc[: error.pos].encode())) from None
    except RecursionError:
        raise RefusedError("not a clip: JSON nested too deeply") from None
    except ValueError:  # a constant that JSON lacks, or a whole number longer than Python converts
        constant = _constant_at(data)
        what = "NaN or Infinity" if constant is not None else "a number of thousands of digits"
        raise RefusedError(f"{what} where a number belongs", byte=constant) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not finite")


def _constant_at(data: bytes) -> int | None:
    """The position of the first NaN or Infinity outside a string; None if there is none."""
    return next((match.start(1) for match in _CONSTANT.finditer(data) if match[1]), None)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError(f"{where}: expected an object, found {_shown(value)}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise RefusedError(f"{where}: expected a list, found {_shown(value)}")
    return value


def _frame_index(value: Any, number: int, last: int) -> int:
    if type(value) is not int or not 0 <= value < MAX_FRAMES:
        raise RefusedError(f"item {number} of 'data': frame_index {_shown(value)}, expected 0 to {MAX_FRAMES - 1}")
    if value <= last:
        raise RefusedError(f"frame_index {value} follows {last}")
    return value


def _person(person: dict[str, Any], where: str, layout: Layout) -> tuple[list[float], list[float]]:
    pose = _numbers(person.get("pose"), 2 * layout.n_joints, f"{where}: 'pose'")
    return pose, _numbers(person.get("score"), layout.n_joints, f"{where}: 'score'")


def _numbers(value: Any, count: int, where: str) -> list[float]:
    numbers = _list(value, where)
    if len(numbers) != count:
        raise RefusedError(f"{where} has {len(numbers)} numbers, expected {count}")
    if not set(map(type, numbers)) <= _NUMBERS:
        wrong = next(number for number in numbers if type(number) not in _NUMBERS)
        raise RefusedError(f"{where}: {_shown(wrong)} is not a number")
    if not (min(numbers) > -FLOAT32_LIMIT and max(numbers) < FLOAT32_LIMIT):  # JSON has no nan, 1e999 is inf
        raise RefusedError(f"{where}: {_shown(max(numbers, key=abs))} is not a finite float32")
    return numbers


def _label(entry: dict[str, Any]) -> tuple[str | None, int | None]:
    label, index = entry.get("label"), entry.get("label_index")
    if label is not None and not (isinstance(label, str) and (label.isprintable())):
        raise RefusedError(f"label {_shown(label)} is not a text")
    if index in (None, ""):
        return label or None, None
    if type(index) is not int or not 0 <= index < MAX_CLASSES:
        raise RefusedError(f"label_index {_shown(index)} is not a class id")
    return label or None, index


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge number"
    return text if len(text) <= 43 else f"{text[:40]}..."
