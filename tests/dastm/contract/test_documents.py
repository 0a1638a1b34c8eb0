"""JSON and YAML of others: plain values, or one line, in bounded time and memory."""

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from dastm.contract import documents
from dastm.contract.documents import (
    MOST_SHOWN,
    DocumentError,
    cut,
    json_value,
    no_such_key,
    read_file,
    read_json,
    read_yaml,
    shown,
    yaml_value,
)

SWELLING = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"""A billion texts, written in 400 bytes."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("- &x {k: v}\n- *x\n- <<: *x\n  l: w", [{"k": "v"}, {"k": "v"}, {"l": "w", "k": "v"}]),
        ("a: 2001-01-01", {"a": "2001-01-01"}),
        ("[010, 00, 1:30, -1:30:00.5, 1_0:30]", ["010", "00", "1:30", "-1:30:00.5", "1_0:30"]),
        ("[0, -1, 10, 1_000, 0x10, 0.5, 08]", [0, -1, 10, 1000, 16, 0.5, "08"]),
        ("{1: a, '1': b}", {1: "a", "1": "b"}),
        ("{<<: {a: 1, b: 2}, a: 3}", {"a": 3, "b": 2}),
        ("[" * 60 + "]" * 60, None),
    ],
)
def test_yaml_is_read_as_it_stands(text, value):
    assert yaml_value(text.encode()) == yaml_value(text)
    assert value is None or yaml_value(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SWELLING, "aliases swell it"),
        ("&a [*a]", "leads back into itself"),
        ("[" * 100_000, "nested deeper than 64"),
        ("a:\n" + "".join(f"- &x{i} [{f'*x{i - 1}' if i else 1}]\n" for i in range(200)), "nested deeper than 64"),
        (
            "".join(f"- &x{i} [{f'*x{i - 1}' if i else 1}]\n" for i in range(63)) + "- [[[*x62]]]",
            "nested deeper than 64",
        ),
        ("!!python/object/apply:os.system [touch x]", "not readable as YAML"),
        ("!!set {a, b}", "not readable as YAML"),
        ("!!timestamp 2001-01-01", "not readable as YAML"),
        ("a: !!int ''", "not readable as YAML"),
        ('"\\ud800"', "not readable as YAML"),
        ("9" * 5000, "a number of 5000 characters: 999"),
        ("a: 0x" + "f" * 5000, "a number of 5002 characters: 0xfff"),
        ("a: !!int 1" + ":59" * 100_000, "a number of 300001 characters: 1:59:59"),
        ("{[" * 200_000, "nested deeper than 64"),
        ("[" * 65 + "]" * 65, "nested deeper than 64"),
        ("a: [", "not readable as YAML"),
        ("? [a]\n: b", "not readable as YAML"),
        ("a: 1\n--- \nb: 2", "not readable as YAML"),
    ],
)
def test_yaml_that_is_hostile_is_refused_in_one_short_line(text, reason):
    with pytest.raises(DocumentError, match=reason) as caught:
        yaml_value(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: 2\na: 3", "'a' is given twice, in lines 1 and 3"),
        ('b:\n  - {a: 1, "a": 2}', "'a' is given twice, in lines 2 and 2"),
        ("1: a\n1: b", "'1' is given twice, in lines 1 and 2"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_with_its_lines(text, lines):
    with pytest.raises(DocumentError, match=lines):
        yaml_value(text)


@pytest.mark.parametrize(
    ("text", "key"),
    [('{"a": 1, "b": 2, "a": 1}', "a"), ('[{"b": {"c": 1, "\\u0063": 2}}]', "c"), ('{"": 1, "": 2}', "")],
)
def test_a_key_that_json_gives_twice_is_refused(text, key):
    with pytest.raises(DocumentError, match=f"^ambiguous: the key '{key}' is given twice; remove one$"):
        json_value(text)


def test_aliases_take_no_memory():
    tracemalloc.start()
    with pytest.raises(DocumentError):
        yaml_value(SWELLING)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(DocumentError, match="not readable as YAML"):
        yaml_value(b"\xff\xfe")


@pytest.mark.parametrize("data", [b"[" * 200_000, b"[" * 66 + b"]" * 66, b'{"a":' * 65 + b"1" + b"}" * 65])
def test_deep_json_is_refused(data):
    with pytest.raises(DocumentError, match="nested deeper than 64"):
        json_value(data)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[1,]", b"9" * 5000])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(DocumentError, match="not JSON"):
        json_value(data)


def test_json_is_read_as_it_stands():
    assert json_value(b'{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}
    assert json_value("[" + ",".join(["[1]"] * 100) + "]") == [[1]] * 100


def test_only_regular_files_of_a_known_size_are_read(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("[1]")
    (tmp_path / "link.json").symlink_to(path)
    assert read_json(path) == read_json(tmp_path / "link.json") == read_yaml(path) == [1]
    os.mkfifo(tmp_path / "pipe")
    for other in (Path("/dev/zero"), tmp_path, tmp_path / "pipe"):
        with pytest.raises(DocumentError, match="not a regular file"):
            read_file(other)
    with pytest.raises(DocumentError, match="No such file"):
        read_file(tmp_path / "none")
    with pytest.raises(DocumentError, match="more than the 0 bytes that it says"):
        read_file(Path("/proc/self/status"))
    monkeypatch.setattr(documents, "MOST_YAML", 2)
    with pytest.raises(DocumentError, match="3 bytes, more than the 2"):
        read_yaml(path)


def test_values_in_messages_are_short_and_one_line():
    assert shown({"a": [1, "b\n"]}) == "{'a': [1, 'b\\n']}"
    assert len(shown(["x" * 10_000] * 10_000)) < 310
    assert cut("a\n b") == "a b"
    assert len(cut("x" * 1000)) == 302


def test_an_unknown_key_names_the_one_that_was_meant():
    assert no_such_key("epoch", ["epochs", "seeds"]) == "no such key; did you mean epochs? known: epochs, seeds"
    assert no_such_key("zzz", ["epochs"]) == "no such key; known: epochs"


def test_deep_yaml_is_refused_before_it_takes_the_square_of_its_depth():
    """PyYAML looks ahead for a colon after every one of up to a thousand open brackets."""
    start = time.process_time()
    for _ in range(20):
        with pytest.raises(DocumentError, match="nested deeper than 64"):
            yaml_value("[" * 1000)
    assert time.process_time() - start < 4


@pytest.mark.parametrize("text", ["0x" + "f" * 990, "1" + ":59" * 300, "9" * 999])
def test_every_number_that_is_read_can_be_shown(text):
    assert len(shown(yaml_value(text))) <= MOST_SHOWN
