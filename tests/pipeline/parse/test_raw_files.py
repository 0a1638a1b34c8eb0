import os
import struct
import warnings
import zipfile

import pytest

from dastm.contract.errors import DataError, RefusedError
from pipeline.parse import raw_files as raw
from pipeline.parse.raw_files import RawFile, list_raw, read
from tests.pipeline.raw_files import zip_folder


def fill(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"contents of {name}".encode())
    return folder


def sources(roots, suffixes=(".txt",)):
    return [file.source for file in list_raw(roots, suffixes).files]


def test_a_folder_is_searched_and_sorted(tmp_path):
    fill(tmp_path, "b/x.txt", "a.txt", "b/c/y.txt", "B.txt", "note.md", "_odd.txt")
    listing = list_raw([tmp_path], [".txt"])
    assert [file.source for file in listing.files] == ["B.txt", "_odd.txt", "a.txt", "b/c/y.txt", "b/x.txt"]
    assert listing.ignored == 1
    assert [file.size for file in listing.files] == [len(read(file)) for file in listing.files]
    assert read(listing.files[3]) == b"contents of b/c/y.txt"
    assert listing.files[3].name == "y.txt"


def test_hidden_files_and_mac_leftovers_are_not_there(tmp_path):
    folder = fill(tmp_path / "raw", "a.txt", ".b.txt", ".git/c.txt", "__MACOSX/d.txt", "e/__MACOSX/._f.txt")
    archive = zip_folder(folder, tmp_path / "raw.zip")
    for root in (folder, archive):
        listing = list_raw([root], [".txt"])
        assert [file.source for file in listing.files] == ["a.txt"]
        assert listing.ignored == 0


def test_a_zip_gives_the_same_sources_and_bytes_as_its_folder(tmp_path):
    folder = fill(tmp_path / "raw", "top/b.txt", "top/a.txt", "c.md")
    archive = zip_folder(folder, tmp_path / "raw.zip")
    from_folder, from_zip = list_raw([folder], [".txt"]), list_raw([archive], [".txt"])
    assert [(f.source, f.size) for f in from_zip.files] == [(f.source, f.size) for f in from_folder.files]
    assert [read(f) for f in from_zip.files] == [read(f) for f in from_folder.files]
    assert from_zip.ignored == from_folder.ignored == 1


def test_zips_inside_a_folder_are_looked_into(tmp_path):
    zip_folder(fill(tmp_path / "one", "t/a.txt", "z.md"), fill(tmp_path / "raw" / "sub", "b.txt") / "one.zip")
    listing = list_raw([tmp_path / "raw"], [".txt"])
    assert [file.source for file in listing.files] == ["sub/b.txt", "sub/one.zip/t/a.txt"]
    assert read(listing.files[1]) == b"contents of t/a.txt"
    assert listing.ignored == 1


def test_folder_members_of_a_zip_are_no_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.mkdir("folder.txt")
        archive.writestr("folder.txt/a.txt", "a")
    assert sources([tmp_path / "a.zip"]) == ["folder.txt/a.txt"]


def test_several_roots_are_one_list(tmp_path):
    one, two = fill(tmp_path / "one", "b.txt"), fill(tmp_path / "two", "a.txt", "c.txt")
    assert sources([one, two]) == ["a.txt", "b.txt", "c.txt"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    folder, elsewhere = fill(tmp_path / "raw", "a.txt"), fill(tmp_path / "elsewhere", "b.txt")
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    assert sources([folder]) == ["a.txt", "linked/b.txt"]


def test_a_link_to_nowhere_and_a_pipe_are_listed_and_refused(tmp_path):
    folder = fill(tmp_path / "raw", "a.txt")
    (folder / "lost.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.txt")
    whole, lost, pipe = list_raw([folder], [".txt"]).files
    assert read(whole)
    with pytest.raises(RefusedError, match="the file is no longer there"):
        read(lost)
    with pytest.raises(RefusedError, match="not a regular file"):
        read(pipe)


def test_a_missing_root_says_what_to_download(tmp_path):
    with pytest.raises(DataError, match=r"raw: not there\. Put this there.*: big\.zip from the lab$"):
        list_raw([tmp_path / "raw"], [".txt"], "big.zip\n  from the lab")
    with pytest.raises(DataError, match=r"raw: not there; put the raw files there"):
        list_raw([tmp_path / "raw"], [".txt"])


def test_a_root_without_a_raw_file_is_an_error(tmp_path):
    fill(tmp_path / "raw", "a.md")
    with pytest.raises(DataError, match=r"raw: no \.txt or \.json file in it\. Put this there.*: big\.zip"):
        list_raw([tmp_path / "raw"], [".txt", ".json"], "big.zip")


@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b"no zip at all", lambda b: b""])
@pytest.mark.parametrize("inside", [True, False])
def test_a_zip_that_is_cut_off_or_none_is_one_clear_line(tmp_path, spoil, inside):
    archive = zip_folder(fill(tmp_path / "one", "a.txt"), fill(tmp_path / "raw", "b.txt") / "one.zip")
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(DataError, match=r"one\.zip: not a whole zip file \(.*\); download it again$") as error:
        list_raw([archive.parent if inside else archive], [".txt"])
    assert "\n" not in str(error.value)


def test_a_folder_that_may_not_be_listed_is_an_error(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    fill(tmp_path, "a.txt")
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="cannot be listed: Permission denied"):
        list_raw([tmp_path], [".txt"])


def test_a_vanished_file_is_refused(tmp_path):
    (file,) = list_raw([fill(tmp_path, "a.txt")], [".txt"]).files
    (tmp_path / "a.txt").unlink()
    with pytest.raises(RefusedError, match="the file is no longer there"):
        read(file)


def test_an_unreadable_file_is_refused_without_naming_this_machine(tmp_path):
    fill(tmp_path, "a.txt")
    with pytest.raises(RefusedError, match=r"cannot be read: Not a directory$"):
        read(RawFile("a.txt/b.txt", tmp_path, None, 3))


def test_a_file_of_absurd_size_is_refused_unread(tmp_path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(raw.MAX_BYTES + 1)
    with pytest.raises(RefusedError, match="536870913 bytes, more than the 536870912"):
        read(list_raw([tmp_path], [".txt"]).files[0])


def test_a_zip_replaced_between_two_runs_is_opened_again(tmp_path):
    archive = tmp_path / "a.zip"
    for contents in ("one", "two and more"):
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr("a.txt", contents)
        assert read(list_raw([archive], [".txt"]).files[0]) == contents.encode()


@pytest.fixture
def archive(tmp_path):
    """A zip of two members of 2,000 compressible bytes; the first is there to be damaged."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.txt", "0123456789" * 200)
        opened.writestr("b.txt", "abcdefghij" * 200)
    return path


def refusal_of_first(path):
    first, second = list_raw([path], [".txt"]).files
    with pytest.raises(RefusedError) as refused:
        read(first)
    assert read(second) == b"abcdefghij" * 200
    return refused.value.reason


def patch(path, signature, offset, form, value):
    """Overwrite a field of the first header with `signature`."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.index(signature) + offset, value)
    path.write_bytes(data)


CENTRAL = b"PK\x01\x02"


def test_a_wrong_crc_is_refused(archive):
    patch(archive, CENTRAL, 16, "<I", 12345)
    assert "damaged in the zip: Bad CRC-32 for file 'a.txt'" in refusal_of_first(archive)


def test_damaged_deflate_data_is_refused(archive):
    data = bytearray(archive.read_bytes())
    start = 30 + len("a.txt")
    data[start : start + 4] = b"\xff\xff\xff\xff"
    archive.write_bytes(data)
    assert "cannot be taken from the zip: Error -3" in refusal_of_first(archive)


def test_an_encrypted_member_is_refused(archive):
    patch(archive, CENTRAL, 8, "<H", 1)
    assert refusal_of_first(archive) == "encrypted in the zip"


def test_an_unknown_compression_is_refused(archive):
    patch(archive, CENTRAL, 10, "<H", 97)
    assert "cannot be taken from the zip: " in refusal_of_first(archive)


def test_an_absurd_claim_is_refused_unread(archive):
    patch(archive, CENTRAL, 24, "<I", 2**32 - 2)
    assert refusal_of_first(archive) == "4294967294 bytes, more than the 536870912 that a clip may have"


def test_a_member_shorter_than_it_claims_is_refused(archive):
    patch(archive, CENTRAL, 24, "<I", 3000)
    assert refusal_of_first(archive) == "damaged in the zip: 2000 bytes of 3000"


def test_a_member_longer_than_it_claims_is_refused_and_not_inflated(archive):
    patch(archive, CENTRAL, 24, "<I", 10)
    assert "Bad CRC-32" in refusal_of_first(archive)


def test_a_damaged_local_header_is_refused(archive):
    patch(archive, b"PK\x03\x04", 0, "<I", 0)
    assert "damaged in the zip: Bad magic number" in refusal_of_first(archive)


def test_of_a_name_twice_in_a_zip_the_last_counts_and_the_other_is_refused(tmp_path):
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        warnings.simplefilter("ignore")
        opened.writestr("a.txt", "one")
        opened.writestr("a.txt", "two")
    last, first = list_raw([tmp_path / "a.zip"], [".txt"]).files
    assert last.source == first.source == "a.txt"
    assert read(last) == b"two"
    with pytest.raises(RefusedError, match="holds a later member of this name"):
        read(first)


def test_a_single_file_may_be_named_itself(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"abc")
    listing = list_raw([tmp_path / "a.pkl"], [".pkl"])
    assert [(file.source, file.root, file.size) for file in listing.files] == [("a.pkl", tmp_path, 3)]
    assert read(listing.files[0]) == b"abc"
    assert listing.files == list_raw([tmp_path], [".pkl"]).files
