"""How every figure is drawn and written: one style, no display, no global state left behind, the same bytes again.

In: what a figure function paints on a matplotlib `Figure`. Out: SVG text for inlining in HTML. It has real text (found
by a search, read aloud), marks that say their value when pointed at, and ids of its own, so that several figures can
share a page; it refers to nothing outside itself.
"""

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b

from matplotlib import style
from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's colours, told apart with every kind of colour vision."""
INK, FAINT = "#333333", "#BBBBBB"

STYLE = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "font.sans-serif": ["DejaVu Sans"],
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "dastm",
    "text.parse_math": False,
    "xtick.color": INK,
    "xtick.labelsize": 9,
    "ytick.color": INK,
    "ytick.labelsize": 9,
}

HASHED = re.compile(r"[A-Za-z]*[0-9a-f]{10}")
NUMBER = re.compile(r"-?\d+\.\d{3,}|-0(?![\d.])")
METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of this size in inches; only inside the block does matplotlib have our settings."""
    with style.context(["default", STYLE], after_reset=True), warnings.catch_warnings():
        # The reader's browser draws the text, with fonts that may well have the glyph that this one lacks.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield Figure(figsize=(width, height), layout="constrained")


def to_svg(figure: Figure, description: str, tooltips: Mapping[str, Sequence[str]] | None = None) -> str:
    """The figure as one `<svg>` element; to be called inside `drawing`.

    Args:
        description: what the figure shows, for those who hear the page.
        tooltips: gid of an artist -> one text for each of its marks, in the order in which they were drawn.

    Raises: ValueError where marks and texts of a gid differ in number.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata=METADATA)
    root = ET.fromstring(buffer.getvalue())
    for element in root.iter():
        _plain_names(element)
    for gid, texts in (tooltips or {}).items():
        _explain(root, gid, texts)
    _dress(root, description)
    _own_ids(root)
    return ET.tostring(root, encoding="unicode")


def _plain_names(element: ET.Element) -> None:
    """Names without namespaces, as HTML has them, and numbers to a hundredth of a point: a third of the size."""
    element.tag = element.tag.rpartition("}")[2]
    attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    element.attrib.clear()
    for key, value in attributes.items():
        short = value if key in ("id", "href", "clip-path") else NUMBER.sub(_rounded, value)
        element.set(key, " ".join(short.split()))
    if element.tag != "text" and not (element.text or "").strip():
        element.text = None
    element.tail = "\n"


def _rounded(number: re.Match[str]) -> str:
    """Two decimals at most, and never -0: its sign is noise."""
    return f"{round(float(number[0]), 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def _explain(root: ET.Element, gid: str, texts: Sequence[str]) -> None:
    group = root.find(f".//*[@id='{gid}']")
    found = [] if group is None else list(group.iter("use")) or list(group.iter("path"))
    for mark, text in zip(found, texts, strict=True):
        ET.SubElement(mark, "title").text = text


def _dress(root: ET.Element, description: str) -> None:
    """Root attributes; matplotlib's style sheet would hold for the whole page, so it becomes an attribute as well."""
    for parent in list(root.iter()):
        for child in [c for c in parent if c.tag in ("style", "metadata")]:
            parent.remove(child)
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "role": "img",
        "aria-label": description,
        "width": root.attrib["width"],
        "height": root.attrib["height"],
        "viewBox": root.attrib["viewBox"],
        "style": "max-width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt",
    }


def _own_ids(root: ET.Element) -> None:
    """Ids that are the same on every run and on no other figure.

    Matplotlib's own are hashes of unrounded positions, whose last bits change from run to run: they become numbers.
    """
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    _rename(root, {old: f"shape_{i}" if HASHED.fullmatch(old) else old for i, old in enumerate(ids)})
    digest = blake2b(ET.tostring(root), digest_size=4).hexdigest()
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    _rename(root, {name: f"f{digest}-{name}" for name in ids})


def _rename(root: ET.Element, names: Mapping[str, str]) -> None:
    """New ids, also where `href` and `url()` refer to them."""
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, names[value])
            elif key == "href" and value.startswith("#"):
                element.set(key, f"#{names[value[1:]]}")
            elif key in ("clip-path", "fill", "style"):
                element.set(key, re.sub(r"url\(#(.+?)\)", lambda found: f"url(#{names[found[1]]})", value))
