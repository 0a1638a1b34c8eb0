import pytest

from dastm.contract.ownership import NotOurs, check_file
from pipeline.cli.outputs import ANIMATIONS, EXPORT, STATS_CSV


def test_a_pickle_of_another_program_is_not_an_export(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}.")
    with pytest.raises(NotOurs, match=r"a\.pkl: is not an export of DASTM"):
        check_file(tmp_path / "a.pkl", EXPORT)


def test_a_gif_and_a_table_of_other_programs_are_not_ours(tmp_path):
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    with pytest.raises(NotOurs, match="not a page of DASTM or an animation"):
        check_file(tmp_path / "a.gif", *ANIMATIONS)
    (tmp_path / "a.csv").write_text("key,value\n")
    with pytest.raises(NotOurs, match="not numbers of"):
        check_file(tmp_path / "a.csv", STATS_CSV)
