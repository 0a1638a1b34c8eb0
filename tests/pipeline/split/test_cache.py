import pytest

from dastm.contract.clip import ShardError
from dastm.contract.errors import DataError
from pipeline.split.cache import Place, PreparedClips, PreparedPart, prepare_part
from pipeline.split.normalise import prepare_clip
from pipeline.table import read_clips, table_parts
from pipeline.work.resume import read_note
from tests.oracles.hand_made import STICK, definition_of, made_table

NAMES = dict.fromkeys((0, 1, 2, 5), "moving")


@pytest.fixture
def part(tmp_path, rng):
    """Four chosen clips of the second part of a table, of classes of the split."""
    source = table_parts(made_table(tmp_path / "parsed", rng))[1]
    keys = tuple(clip.key for clip in read_clips(tmp_path / "parsed") if clip.class_id != 7)[-4:]
    return PreparedPart(
        source=source, keys=keys, class_names=NAMES, definition=definition_of(), folder=tmp_path, name="prepared"
    )


def places(part):
    return [Place(*row["place"]) for row in read_note(part.note)["clips"]]


def test_chosen_clips_come_back_as_they_were_prepared_in_any_order(part):
    assert not part.is_done()
    prepare_part(part)
    assert part.is_done()
    wanted = sorted(places(part), reverse=True)
    found = list(PreparedClips(folder=part.folder, places=wanted))
    assert [clip.key for clip in found] == sorted(part.keys, reverse=True)
    parsed = {clip.key: clip for clip in read_clips(part.source.parent)}
    for clip in found:
        expected = prepare_clip(parsed[clip.key].tracks, part.definition.split, STICK)
        assert (clip.joints_MTVC == expected.joints_MTVC).all()
        assert clip.facts["class_name"] == "moving"


def test_a_part_without_its_file_or_its_note_is_not_done(part):
    prepare_part(part)
    data = part.file.read_bytes()
    part.file.write_bytes(data[:-1])
    assert not part.is_done()
    part.file.write_bytes(data)
    part.note.unlink()
    assert not part.is_done()


def test_a_damaged_or_vanished_file_is_named(part):
    prepare_part(part)
    clips = PreparedClips(folder=part.folder, places=places(part))
    part.file.write_bytes(bytes(part.file.stat().st_size))
    with pytest.raises(ShardError, match=r"prepared\.clips, clip"):
        list(clips)
    part.file.unlink()
    with pytest.raises(DataError, match=r"prepared\.clips: gone while the split was at work; run it again"):
        list(clips)
