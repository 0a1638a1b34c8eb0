"""The picture of the layouts in the documentation is the one that the layouts give now."""

import xml.etree.ElementTree as ET
from pathlib import Path

from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import COMMON
from tests.bench.layouts_picture import picture, place

DOCUMENTED = Path(__file__).parents[2] / "docs" / "layouts.svg"


def test_the_documented_picture_is_of_the_layouts_as_they_are():
    """Else make it again: python -m tests.bench.layouts_picture docs/layouts.svg"""
    assert DOCUMENTED.read_text(encoding="utf-8") == picture()


def test_every_layout_is_drawn_with_all_of_its_joints():
    root = ET.fromstring(picture())
    said = " ".join(text.text for text in root.iter("{http://www.w3.org/2000/svg}text"))
    assert all(name in said for name in (*KNOWN_LAYOUTS, *COMMON))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == sum(
        len(joints) for joints in {layout.joints for layout in (*KNOWN_LAYOUTS.values(), *COMMON.values())}
    )


def test_a_person_faces_the_reader():
    assert place("left wrist")[0] > 0 > place("right_wrist")[0]
    assert place("head")[1] < place("neck")[1] < place("hip centre")[1] < place("left ankle")[1]
    assert place("left hand wrist") == place("left wrist")
