import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dastm.contract.errors import DataError
from dastm.contract.ownership import NotOurs, unfinished_name
from pipeline.parse.parsed_folder import PLAN, check_table, remove_half_written
from pipeline.storage.table import clips_to_table, table_file_path, write_table_file


@pytest.fixture
def table(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    write_table_file(clips_to_table([]), table_file_path(out, "clips", 0))
    (out / "plan.json").write_bytes(PLAN)
    (out / "notes.txt").write_text("not touched")
    return out


def test_a_table_with_a_note_beside_it_may_be_continued(table):
    check_table(table)
    check_table(table.parent / "nowhere")


FOREIGN = {
    "a plan": ("plan.json", b'{"chapters": 3}'),
    "a summary": ("summary.json", b'{"clips": 3}'),
    "a part of another table": ("clips-00001.parquet", None),
    "a part that is no Parquet": ("refused-00001.parquet", b"PAR1"),
    "a part of another name": ("clips-2020.parquet", None),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_file_of_others_under_a_name_of_ours_is_named(table, what):
    name, content = FOREIGN[what]
    (table / name).write_bytes(content or b"")
    if content is None:
        pq.write_table(pa.table({"source": ["a"]}), table / name)
    with pytest.raises(NotOurs, match=name):
        check_table(table)


@pytest.mark.parametrize("name", ["plan.json", "summary.json", "clips-00000.parquet"])
def test_a_link_under_a_name_of_ours_is_not_followed(table, name):
    (table / name).unlink(missing_ok=True)
    (table / name).symlink_to(table / "notes.txt")
    with pytest.raises(NotOurs, match=rf"{name}: is a link"):
        check_table(table)


def test_a_folder_of_other_files_is_left_alone_and_what_was_half_written_is_no_file(tmp_path):
    half, other = unfinished_name(tmp_path / "plan.json"), tmp_path / ".clips-new"
    half.write_text("{")
    check_table(tmp_path)
    other.write_text("mine")
    with pytest.raises(DataError, match="holds files but no parsed table"):
        check_table(tmp_path)
    remove_half_written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [other.name]
