"""A page in a real browser: what it says to the console, how wide it is, what colour it is, and how it plays.

Tests that need it carry `needs_browser`: they are skipped where playwright or Chromium is absent.
"""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or importlib.util.find_spec("playwright") is None, reason="needs playwright and Chromium"
)
PHONE, DESK = 400, 1200
OVERFLOWING = """[...document.querySelectorAll('body *')].filter(one => !one.closest('svg')
    && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 80))"""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The page of a file; at the end it must have said nothing and asked for nothing else."""
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": DESK, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        yield page
        browser.close()
    assert said == []


def check_width_and_colours(path: Path) -> None:
    """Nothing sticks out on a phone or a desk, in light or dark, and dark is dark and light light."""
    with opened(path) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for width in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(OVERFLOWING) == []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            paper, ink = (_brightness(page.evaluate(f"getComputedStyle(document.body).{what}")) for what in COLOURS)
            dark, light = sorted((paper, ink))
            assert dark < 0.2 < 0.8 < light
            assert (paper < ink) == (scheme == "dark")


COLOURS = ("backgroundColor", "color")


def _brightness(colour: str) -> float:
    """Of `rgb(..)`, 0 to 1."""
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(", "))) / (3 * 255)
