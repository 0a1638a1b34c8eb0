"""Parts of files: the same bytes from a folder, a zip and an archive, and one reason for whatever fails."""

import zipfile

import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.raw_files import RawFile, list_raw
from pipeline.parse.sources.seekable import members, reading
from tests.pipeline.raw_files import zip_folder

DATA = bytes(range(256)) * 1000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.bin").write_bytes(DATA)
    return tmp_path / "raw"


def test_any_part_can_be_read_in_any_order(folder, tmp_path):
    zipped = zip_folder(folder, tmp_path / "raw.zip")
    for root in (folder, zipped):
        (file,) = list_raw([root], [".bin"]).files
        for offset in (0, 200_000, 100, 255_990):
            with reading(file) as opened:
                opened.seek(offset)
                assert opened.read(20) == DATA[offset : offset + 20]


def test_an_archive_lists_its_members_and_one_is_read(folder, tmp_path):
    zip_folder(folder, tmp_path / "x.npz")
    file = RawFile("x.npz", tmp_path, None, 0)
    assert members(file) == {"a.bin": len(DATA)}
    with reading(file, "a.bin") as opened:
        assert opened.read() == DATA
    with (
        pytest.raises(RefusedError, match=r"cannot be taken from the archive: .*no item named"),
        reading(file, "b.bin"),
    ):
        pass
    with pytest.raises(RefusedError, match="an archive in a zip"), reading(RawFile("x", tmp_path, "x.npz", 0), "a.bin"):
        pass


def test_what_cannot_be_read_has_one_reason(folder, tmp_path):
    with pytest.raises(RefusedError, match="the file is no longer there"), reading(RawFile("b", folder, None, 0)):
        pass
    with (
        pytest.raises(RefusedError, match="cannot be read: Is a directory"),
        reading(RawFile("raw", tmp_path, None, 0)),
    ):
        pass
    with pytest.raises(RefusedError, match="cannot be taken from the archive: File is not a zip file"):
        members(RawFile("a.bin", folder, None, 0))


def test_a_damaged_or_encrypted_member_is_refused(folder, tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.bin", DATA)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(DATA[:100], bytes(100), 1))
    file = RawFile("x.npz", tmp_path, None, 0)
    with pytest.raises(RefusedError, match="Bad CRC-32"), reading(file, "a.bin") as opened:
        opened.read()
    at = whole.rindex(b"PK\x01\x02") + 8
    (tmp_path / "y.npz").write_bytes(whole[:at] + b"\x01" + whole[at + 1 :])
    with (
        pytest.raises(RefusedError, match="encrypted in the zip"),
        reading(RawFile("y.npz", tmp_path, None, 0), "a.bin"),
    ):
        pass
