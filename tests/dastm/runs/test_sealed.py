"""What is sealed is read as it was written, or refused with the file's name and what to do."""

import json

import pytest

from dastm.contract.errors import RunError
from dastm.runs.sealed import check_seal, facts_of, read_beside, read_csv_beside, sealed

AGAIN = "make it again"


def test_a_sealed_document_is_read_as_it_was_also_with_nan_and_through_json(tmp_path):
    document = {"b": [1, 0.1], "a": {"é": None, "mean": float("nan")}}
    again = check_seal(json.loads(json.dumps(sealed(document))), tmp_path, AGAIN)
    assert repr(again) == repr(document)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "expected a mapping, got list"),
        ({"a": 1}, r"has no digest \(damaged, or an older version wrote it\)"),
        ({**sealed({"a": 1}), "a": 2}, "damaged"),
        ({**sealed({"a": 1}), "b": 2}, "damaged"),
        ({"a": 1, "digest": None}, "damaged"),
    ],
)
def test_a_document_that_was_changed_is_refused(tmp_path, document, why):
    with pytest.raises(RunError, match=rf"x\.json: .*{why}.*; make it again"):
        check_seal(document, tmp_path / "x.json", AGAIN)


def test_keys_that_may_change_are_not_sealed(tmp_path):
    document = {**sealed({"a": 1, "where": "x"}, but=("where",)), "where": "y"}
    assert check_seal(document, tmp_path, AGAIN, but=("where",)) == {"a": 1, "where": "y"}


def test_a_table_is_what_was_said_of_it(tmp_path):
    path, data = tmp_path / "t.csv", b"a,b\n1,2\n3,\n"
    path.write_bytes(data)
    assert read_beside(path, facts_of(data, 2), AGAIN) == data
    assert read_csv_beside(path, facts_of(data, 2), AGAIN, {"a": int}) == [{"a": 1, "b": "2"}, {"a": 3, "b": ""}]
    for facts, why in ((facts_of(data, 3), "2 rows, expected 3"), (facts_of(b"", 2), "damaged"), (7, "damaged")):
        with pytest.raises(RunError, match=rf"t\.csv: {why}.*; make it again"):
            read_csv_beside(path, facts, AGAIN, {})
    path.unlink()
    with pytest.raises(RunError, match=r"t\.csv: cannot be read \(no regular file there\); make it again"):
        read_beside(path, facts_of(data, 2), AGAIN)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a,b\n1,\xff\n", "can't decode"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "field larger than field limit"),
        (b"a,b\n1,2,3\n", "a row has more or fewer cells"),
        (b"a,b\n1\n", "a row has more or fewer cells"),
        (b"b\n1\n", "no column a"),
        (b"a\nx\n", "invalid literal for int"),
    ],
)
def test_a_table_of_another_form_is_refused_though_its_digest_fits(tmp_path, data, why):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(
        RunError, match=rf"t\.csv: not the table that this version writes \(.*{why}.*; make it again"
    ) as caught:
        read_csv_beside(tmp_path / "t.csv", facts_of(data, 1), AGAIN, {"a": int})
    assert "\n" not in str(caught.value)
