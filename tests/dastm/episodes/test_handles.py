"""Open files: kept, bounded, never closed under a reader."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest

from dastm.episodes.handles import Handles, read_at


@pytest.fixture
def paths(tmp_path):
    made = [tmp_path / f"{i}.bin" for i in range(8)]
    for i, path in enumerate(made):
        path.write_bytes(bytes([i]) * 100)
    return made


def open_files(folder):
    """Descriptors of this process that point below the folder."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except FileNotFoundError:  # the listing's own descriptor
            continue
    return sorted(link.rpartition("/")[2] for link in links if link.startswith(str(folder)))


def test_a_descriptor_is_kept_and_used_again(paths):
    handles = Handles(2)
    with handles.borrow(paths[0]) as first:
        pass
    with handles.borrow(paths[0]) as second:
        assert second == first
    handles.close()


def test_the_least_recently_used_descriptors_are_closed(paths, tmp_path):
    handles = Handles(2)
    for i in (0, 1, 0, 2):
        with handles.borrow(paths[i]):
            pass
    assert open_files(tmp_path) == ["0.bin", "2.bin"]
    handles.close()
    assert open_files(tmp_path) == []


def test_two_readers_of_one_file_get_two_descriptors_and_one_is_kept(paths, tmp_path):
    handles = Handles(2)
    with handles.borrow(paths[0]) as a, handles.borrow(paths[0]) as b:
        assert a != b
    assert open_files(tmp_path) == ["0.bin"]
    handles.close()


def test_closing_while_borrowed_closes_on_return(paths, tmp_path):
    handles = Handles(2)
    with handles.borrow(paths[3]) as descriptor:
        handles.close()
        handles.close()
        assert read_at(descriptor, 0, 1) == b"\x03"
    assert open_files(tmp_path) == []
    with pytest.raises(ValueError, match="were closed"), handles.borrow(paths[3]):
        pass


def test_an_error_inside_still_gives_the_descriptor_back(paths, tmp_path):
    handles = Handles(1)
    with pytest.raises(KeyError), handles.borrow(paths[0]):
        raise KeyError
    handles.close()
    assert open_files(tmp_path) == []


def test_many_threads_read_the_right_file_within_the_bound(paths, tmp_path, monkeypatch):
    handles, n_threads = Handles(2), 4
    opened, most, lock, real_open, real_close = set(), 0, Lock(), os.open, os.close

    def counting_open(path, flags):
        nonlocal most
        with lock:
            opened.add(descriptor := real_open(path, flags))
            most = max(most, len(opened))
        return descriptor

    def counting_close(descriptor):
        with lock:
            opened.remove(descriptor)
            real_close(descriptor)

    monkeypatch.setattr(os, "open", counting_open)
    monkeypatch.setattr(os, "close", counting_close)

    def work(i):
        with handles.borrow(paths[i % 8]) as descriptor:
            return read_at(descriptor, 50, 3) == bytes([i % 8]) * 3

    with ThreadPoolExecutor(n_threads) as pool:
        assert all(pool.map(work, range(400)))
    assert most <= 2 + n_threads
    assert len(open_files(tmp_path)) == len(opened) == 2
    handles.close()
    assert opened == set()


def test_read_at_goes_on_after_a_partial_read_and_stops_at_the_end(paths, monkeypatch):
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, n, at: real(fd, min(n, 7), at))
    handles = Handles(1)
    with handles.borrow(paths[1]) as descriptor:
        assert read_at(descriptor, 10, 40) == b"\x01" * 40
        assert read_at(descriptor, 90, 40) == b"\x01" * 10
        assert read_at(descriptor, 0, 0) == b""
    handles.close()


def test_room_for_no_file_at_all_is_refused():
    with pytest.raises(ValueError, match="max_idle must be at least 1, got 0"):
        Handles(0)
