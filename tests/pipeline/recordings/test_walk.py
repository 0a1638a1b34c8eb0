"""What a user names -> what there is to read, in a stable order."""

import os

import pytest

from pipeline.parse.raw_files import RawFile
from pipeline.recordings.walk import Item, Refused, list_form, walk
from tests.recorded import npy, person, save, zipped


def told(*paths):
    found = list(walk(paths))
    items = [(one.key, one.action) for one in found if isinstance(one, Item)]
    return items, [str(one.why) for one in found if isinstance(one, Refused)]


def test_the_folder_directly_below_the_root_is_the_action(tmp_path):
    for name in ("wave/P1/b.npy", "wave/a.npy", "sit/c.npy", "alone.npy"):
        save(tmp_path / name, person())
    items, refused = told(tmp_path)
    assert items == [("alone", None), ("sit/c", "sit"), ("wave/a", "wave"), ("wave/P1/b", "wave")]
    assert refused == []


def test_a_zip_stands_for_a_folder_of_its_name(tmp_path):
    data = npy(person())
    whole = zipped(tmp_path / "set.zip", {"wave/a.npy": data, "sit/b.npy": data})
    wrapped = zipped(tmp_path / "kard.zip", {"kard/wave/a.npy": data, "kard/readme.md": b""})
    zipped(tmp_path / "folder" / "clap.zip", {"x.npy": data})
    assert told(whole)[0] == [("sit/b", "sit"), ("wave/a", "wave")]
    assert told(wrapped)[0] == [("wave/a", "wave")]
    assert told(tmp_path / "folder")[0] == [("clap/x", "clap")]


def test_paths_are_followed_once_in_the_order_given(tmp_path):
    b, a = save(tmp_path / "b.npy", person()), save(tmp_path / "a.npy", person())
    assert [item for item, _ in told(b, a, tmp_path / "x" / ".." / "b.npy")[0]] == ["b", "a"]


def test_a_list_names_files_folders_and_zips_and_says_what_they_show(tmp_path):
    data = npy(person())
    save(tmp_path / "a.npy", person())
    save(tmp_path / "many" / "b.npy", person())
    zipped(tmp_path / "z.zip", {"sit/c.npy": data})
    text = 'file,action\na.npy,"wave, high"\nmany,clap\nz.zip,\ngone.npy,wave\nodd\n,x\nlist.csv,x\n'
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    items, refused = told(tmp_path / "list.csv")
    assert items == [("a", "wave, high"), ("b", "clap"), ("sit/c", "sit")]
    assert refused == [
        "line 5: gone.npy: not there",
        "line 6: 1 fields, expected 2",
        "line 7: names no file",
        "line 8: list.csv: a list in a list",
    ]


def test_a_list_may_leave_out_the_actions_and_end_in_damage(tmp_path):
    save(tmp_path / "a.npy", person())
    (tmp_path / "list.csv").write_bytes(b'\xef\xbb\xbffile\r\na.npy\r\n"')
    items, refused = told(tmp_path / "list.csv")
    assert items == [("a", None)]
    assert len(refused) == 1
    assert "line" in refused[0]
    assert "not a list as CSV" in refused[0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_may_be_written_as_spreadsheets_of_any_country_do(tmp_path, encoding, delimiter):
    save(tmp_path / "ex" / "a.npy", person())
    text = f"File{delimiter}Action\r\nex\\a.npy{delimiter}B\u00fccken\r\n"
    (tmp_path / "list.csv").write_bytes(text.encode(encoding))
    assert told(tmp_path / "list.csv") == ([("a", "B\u00fccken")], [])


def test_a_recording_that_names_its_video_is_no_list(tmp_path):
    for head in ("File,time,body,nose_x,nose_y", '"file";"x0";"y0"', "file,noseX,noseY"):
        (tmp_path / "a.csv").write_text(head + "\n")
        assert list_form(tmp_path / "a.csv") is None


def test_a_long_list_may_have_its_first_odd_letter_anywhere_and_empty_columns(tmp_path):
    save(tmp_path / "a.npy", person())
    text = (
        "\tfile\taction\t\t\n"
        + "".join(f"0\ta.npy\twave{n}\t\t\n" for n in range(9))
        + "1\ta.npy\tgr\u00fc\u00df\t\t\n"
    )
    (tmp_path / "list.csv").write_bytes(text.encode("cp1252"))
    items, refused = told(tmp_path / "list.csv")
    assert (items, refused) == ([("a", f"wave{n}") for n in range(9)] + [("a", "gr\u00fc\u00df")], [])


def test_a_list_in_a_folder_is_passed_over(tmp_path):
    save(tmp_path / "a.npy", person())
    (tmp_path / "list.csv").write_text("file,action\na.npy,wave\n")
    found = list(walk([tmp_path]))
    assert [(one.is_foreign, str(one.why)[:15]) for one in found if isinstance(one, Refused)] == [
        (True, "a list of files")
    ]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("gone", None, "not there"),
        ("a.doc", b"x", "not a recording of a known kind"),
        ("t.parquet", b"x", "of a parsed table or of shards give the folder"),
        ("bad.zip", b"x", "not a whole zip file"),
        ("é.npy\0", None, "not there"),
        ("x" * 300, None, "cannot be looked at: File name too long"),
    ],
)
def test_what_leads_nowhere_is_one_line(tmp_path, name, data, why):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    items, refused = told(f"{tmp_path}/{name}")
    assert items == []
    assert len(refused) == 1
    assert why in refused[0]


def test_an_empty_folder_and_an_empty_zip_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "a folder without a recording" in told(tmp_path / "empty")[1][0]
    assert told(zipped(tmp_path / "z.zip", {}))[1] == ["nothing in it"]


def test_other_files_are_passed_over_in_one_line_a_root(tmp_path):
    save(tmp_path / "a.npy", person())
    for name in ("1.doc", "2.mp4", "3.md", "4.md", ".hidden"):
        (tmp_path / name).write_text("x")
    items, refused = told(tmp_path)
    assert items == [("a", None)]
    assert refused == ["4 other files passed over: '1.doc', '2.mp4', '3.md', .."]


def test_labels_beside_a_stack_and_label_lists_are_no_recordings(tmp_path):
    for name in ("val_data.npy", "val_label.npy", "val_frame.npy", "lonely_label.npy"):
        save(tmp_path / name, person())
    (tmp_path / "kinetics_val_label.json").write_text("{}")
    found = {one.key: one for one in walk([tmp_path]) if isinstance(one, Item)}
    assert set(found) == {"val_data", "lonely_label"}
    assert [file.name for file in found["val_data"].near] == ["val_label.npy", "val_frame.npy"]
    (alone,) = walk([tmp_path / "val_data.npy"])
    assert isinstance(alone, Item)
    assert [file.name for file in alone.near] == ["val_label.npy", "val_frame.npy"]


def test_tables_and_shards_below_a_folder_are_one_item(tmp_path):
    (tmp_path / "x" / "shards").mkdir(parents=True)
    (tmp_path / "x" / "shards" / "manifest.json").write_text("{}")
    save(tmp_path / "x" / "shards" / "train" / "inner.npy", person())
    (found,) = walk([tmp_path])
    assert isinstance(found, Item)
    assert (found.folder, found.key, found.raw) == (tmp_path / "x" / "shards", "x/shards", None)


def test_a_pipe_and_a_link_to_nowhere_are_items_that_the_reader_refuses(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "gone.npy").symlink_to(tmp_path / "nowhere")
    raw = [one.raw for one in walk([tmp_path]) if isinstance(one, Item)]
    assert [(file.name, file.size) for file in raw if isinstance(file, RawFile)] == [("gone.npy", 0), ("pipe.csv", 0)]


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_goes_on(tmp_path, monkeypatch):
    save(tmp_path / "a.npy", person())

    def folders(root, cannot_list):
        cannot_list(PermissionError(13, "Permission denied", str(root / "secret")))
        yield root, [], ["a.npy"]

    monkeypatch.setattr("pipeline.recordings.walk.folders_below", folders)
    items, refused = told(tmp_path)
    assert items == [("a", None)]
    assert refused == ["cannot be listed: Permission denied"]


def test_a_folder_of_a_store_is_read_as_one_of_this_machine(tmp_path):
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe("/recordings/wave/a.npy", npy(person()))
    assert told("memory://recordings")[0] == [("wave/a", "wave")]
    assert "cannot be looked at" in told("nosuch://x/y")[1][0]


def test_a_file_that_is_named_twice_is_read_once_unless_it_is_to_show_something_else(tmp_path):
    save(tmp_path / "clips" / "a.npy", person())
    (tmp_path / "list.csv").write_text("file,action\nclips/a.npy,wave\nclips,wave\nclips,sit\n")
    assert told(tmp_path / "clips", tmp_path / "clips" / "a.npy") == ([("a", None)], [])
    assert told(tmp_path / "list.csv") == ([("a", "wave"), ("a", "sit")], [])


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"'])
def test_a_spreadsheet_may_say_what_divides_its_columns(tmp_path, first):
    save(tmp_path / "a.npy", person())
    (tmp_path / "list.csv").write_text(f"{first}\nfile;action\na.npy;wave\nb.npy;wave\n")
    assert told(tmp_path / "list.csv") == ([("a", "wave")], ["line 4: b.npy: not there"])


def test_names_in_a_zip_are_utf_8_where_all_are_though_the_zip_does_not_say_it(tmp_path, monkeypatch):
    def unsaid(path, name):
        """As programs on Linux write it: the flag for UTF-8 is not set."""
        plain = zipped(path, {"gr" + "x" * (len(name) - 2) + "/a.npy": npy(person())})
        plain.write_bytes(plain.read_bytes().replace(b"gr" + b"x" * (len(name) - 2), name))
        return plain

    assert told(unsaid(tmp_path / "utf.zip", "Gr\u00f6\u00dfe".encode()))[0] == [
        ("Gr\u00f6\u00dfe/a", "Gr\u00f6\u00dfe")
    ]
    assert told(unsaid(tmp_path / "dos.zip", "Gr\u00f6\u00dfe".encode("cp437")))[0] == [
        ("Gr\u00f6\u00dfe/a", "Gr\u00f6\u00dfe")
    ]


def test_a_zip_with_names_in_no_encoding_is_refused_and_the_rest_goes_on(tmp_path):
    save(tmp_path / "a.npy", person())
    bad = zipped(tmp_path / "bad.zip", {"\u00e9\u00e9/a.npy": npy(person())})
    bad.write_bytes(bad.read_bytes().replace("\u00e9\u00e9".encode(), b"\xff\xfe\xfd\xfc"))
    items, refused = told(tmp_path, bad)
    assert items == [("a", None)]
    assert len(refused) == 1
    assert "not a whole zip" in refused[0]
