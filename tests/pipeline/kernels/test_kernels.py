"""Kernels on disk: one that may hold code of a file changed since is not used again."""

import os

from pipeline.kernels import forget_older


def test_kernels_older_than_any_source_are_forgotten_and_others_kept(tmp_path):
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    times = {"a.py": 10, "b.py": 20, "__pycache__/a.f.nbi": 15, "__pycache__/b.g.nbi": 25, "__pycache__/a.f.1.nbc": 15}
    for name, seconds in times.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (seconds, seconds))
    forget_older(tmp_path)
    assert sorted(path.name for path in cache.iterdir()) == ["a.f.1.nbc", "b.g.nbi"]


def test_a_folder_that_is_not_there_does_no_harm(tmp_path):
    (tmp_path / "a.py").touch()
    forget_older(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py"]
