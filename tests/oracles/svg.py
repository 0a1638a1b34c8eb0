"""Reading a figure back: its groups by name, the words in it, what its marks say when pointed at."""

import re
import xml.etree.ElementTree as ET


def parse(text: str) -> ET.Element:
    """The root element; names are given without their namespace."""
    return ET.fromstring(text.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))


def names(text: str) -> set[str]:
    """Names of all groups, without the prefix that every figure has of its own."""
    return {re.sub(r"^f[0-9a-f]{8}-", "", group.get("id", "")) for group in parse(text).iter("g")}


def group(text: str, name: str) -> ET.Element:
    """The group of this name; StopIteration where there is none."""
    return next(g for g in parse(text).iter("g") if re.fullmatch(rf"f[0-9a-f]{{8}}-{re.escape(name)}", g.get("id", "")))


def labels(text: str) -> list[str]:
    return [element.text or "" for element in parse(text).iter("text")]


def tooltips(text: str, name: str) -> list[str]:
    return [title.text or "" for title in group(text, name).iter("title")]


def outlines(text: str, name: str) -> list[list[tuple[float, float]]]:
    """Points (x, y upwards) of every mark of a group, whether drawn as a path or as a shifted copy of one."""
    found = group(text, name)
    # a shape is defined in the first group that uses it
    shapes = {path.get("id"): _points(path.get("d", "")) for path in parse(text).iter("path")}
    copies = list(found.iter("use"))
    if not copies:
        return [_points(path.get("d", "")) for path in found.iter("path")]
    return [
        [(x + float(use.get("x", 0)), y - float(use.get("y", 0))) for x, y in shapes[use.get("href", "")[1:]]]
        for use in copies
    ]


def _points(d: str) -> list[tuple[float, float]]:
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", d)]
    return [(x, -y) for x, y in zip(numbers[0::2], numbers[1::2], strict=True)]
