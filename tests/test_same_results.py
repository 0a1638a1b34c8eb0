"""The comparison of two checkouts' results finds what differs, and says in what."""

import json
import zipfile

from tests.same_results import compare, main


def checkout(root, value, weights=b"w", text="a\nb\n"):
    for stage in ("shards", "runs"):
        (root / "data" / stage).mkdir(parents=True)
    (root / "data" / "shards" / "manifest.json").write_text(json.dumps({"versions": {"code": value}, "frames": 30}))
    (root / "data" / "shards" / "index.csv").write_text(text)
    with zipfile.ZipFile(root / "data" / "runs" / "best.pt", "w") as archive:
        archive.writestr(zipfile.ZipInfo("weights"), weights)
    return root


def test_the_same_results_differ_in_nothing(tmp_path):
    old, new = checkout(tmp_path / "old", 1), checkout(tmp_path / "new", 1)
    assert compare(old, new) == []
    assert main(str(old), str(new)) == 0


def test_what_differs_is_named_down_to_key_member_and_line(tmp_path, capsys):
    old, new = checkout(tmp_path / "old", 1), checkout(tmp_path / "new", 2, b"v", "a\nc\n")
    (new / "data" / "runs" / "more").write_text("")
    assert main(str(old), str(new)) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"data/runs/more: only in {new}",
        "data/runs/best.pt: members weights",
        "data/shards/index.csv: 4 and 4 bytes; line 2: b'b' -> b'c'",
        "data/shards/manifest.json: versions.code: 1 -> 2",
        "3 files in both, 4 differ",
    ]


def test_two_empty_checkouts_are_no_proof(tmp_path):
    assert main(str(tmp_path), str(tmp_path)) == 1
