import pytest
from jinja2 import UndefinedError

from pipeline.inspect.page import render, write_whole


def test_names_from_the_data_are_escaped():
    page = render("stats.html", title="<b>&", views=[], animated=False).decode()
    assert "<h1>&lt;b&gt;&amp;</h1>" in page
    assert "<b>" not in page
    assert "<script>" not in page


def test_a_name_that_is_no_unicode_does_not_stop_a_page():
    assert rb"\udce9" in render("stats.html", title="\udce9", views=[], animated=False)


def test_a_value_left_out_is_an_error_and_not_an_empty_place():
    with pytest.raises(UndefinedError):
        render("stats.html", views=[], animated=False)


def test_a_file_appears_only_when_whole(tmp_path):
    path = tmp_path / "deep" / "page.html"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"page\.html"):
        write_whole(path, b"three")
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
