"""Two checkouts after `make repro`: which of their results differ, and in what.

`python -m tests.same_results OLD NEW` compares every file below data/ byte by byte, and exits 1 if any differs.
A change that only moves or renames code must leave nothing but digests of the code, and the keys that it renames.
"""

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STAGES = ("raw", "parsed", "shards", "audit", "runs", "sweeps")


def files_of(root: Path) -> dict[str, Path]:
    """Every result below data/ of a checkout, by its relative name; notes on finished work are no results."""
    return {
        path.relative_to(root).as_posix(): path
        for stage in STAGES
        for path in sorted((root / "data" / stage).rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


def different_values(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """The keys under which two JSON documents differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys(), key=str):
            if key not in old or key not in new:
                yield f"{at}{key} (only in {'old' if key in old else 'new'})"
            else:
                yield from different_values(old[key], new[key], f"{at}{key}.")
    elif old != new:
        yield f"{at.rstrip('.')}: {old!r} -> {new!r}"[:200]


def members(path: Path) -> dict[str, bytes]:
    """The members of a zip, for a checkpoint is one."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def difference(old: Path, new: Path) -> str | None:
    """In what two files differ, in words; None where they are the same bytes."""
    before, after = old.read_bytes(), new.read_bytes()
    if before == after:
        return None
    if old.suffix == ".json":
        return "; ".join(different_values(json.loads(before), json.loads(after))) or "the same values in other bytes"
    if old.suffix == ".pt":
        one, other = members(old), members(new)
        names = [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
        return f"members {', '.join(names)}" if names else "the same members in other bytes"
    lines = [
        f"line {number}: {a[:80]!r} -> {b[:80]!r}"
        for number, (a, b) in enumerate(zip(before.split(b"\n"), after.split(b"\n"), strict=False), 1)
        if a != b
    ]
    return f"{len(before)} and {len(after)} bytes; " + "; ".join(lines[:3])


def compare(old: Path, new: Path) -> list[str]:
    """A line for every file that is not the same in both checkouts."""
    before, after = files_of(old), files_of(new)
    lines = [f"{name}: only in {old if name in before else new}" for name in sorted(before.keys() ^ after.keys())]
    for name in sorted(before.keys() & after.keys()):
        found = difference(before[name], after[name])
        lines += [f"{name}: {found}"] if found is not None else []
    return lines


def main(old: str, new: str) -> int:
    lines = compare(Path(old), Path(new))
    both = files_of(Path(old)).keys() & files_of(Path(new)).keys()
    print("\n".join([*lines, f"{len(both)} files in both, {len(lines)} differ"]))  # noqa: T201
    return 1 if lines or not both else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
