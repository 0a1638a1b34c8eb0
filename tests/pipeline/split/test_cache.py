import pytest

from dastm.contract.errors import DataError
from dastm.contract.shard_format import ShardError
from pipeline.split.cache import CachedClip, CachedClips, CacheTask, fill_cache
from pipeline.split.normalise import normalise_clip
from pipeline.storage.table import read_clips, table_files
from pipeline.work.resume import read_note
from tests.oracles.hand_made import STICK, definition_of, made_table

NAMES = dict.fromkeys((0, 1, 2, 5), "moving")


@pytest.fixture
def task(tmp_path, rng):
    """Four chosen clips of the second file of a table, of classes of the split."""
    source = table_files(made_table(tmp_path / "parsed", rng))[1]
    keys = tuple(clip.key for clip in read_clips(tmp_path / "parsed") if clip.class_id != 7)[-4:]
    return CacheTask(
        source=source, keys=keys, class_names=NAMES, definition=definition_of(), folder=tmp_path, name="prepared"
    )


def cached(task):
    return [CachedClip(*row["place"]) for row in read_note(task.note)["clips"]]


def test_chosen_clips_come_back_as_they_were_normalised_in_any_order(task):
    assert not task.is_done()
    fill_cache(task)
    assert task.is_done()
    wanted = sorted(cached(task), reverse=True)
    found = list(CachedClips(folder=task.folder, where=wanted))
    assert [clip.key for clip in found] == sorted(task.keys, reverse=True)
    parsed = {clip.key: clip for clip in read_clips(task.source.parent)}
    for clip in found:
        expected = normalise_clip(parsed[clip.key].tracks, task.definition.split, STICK)
        assert (clip.joints_MTVC == expected.joints_MTVC).all()
        assert clip.facts["class_name"] == "moving"


def test_a_task_without_its_file_or_its_note_is_not_done(task):
    fill_cache(task)
    data = task.file.read_bytes()
    task.file.write_bytes(data[:-1])
    assert not task.is_done()
    task.file.write_bytes(data)
    task.note.unlink()
    assert not task.is_done()


def test_a_damaged_or_vanished_file_is_named(task):
    fill_cache(task)
    clips = CachedClips(folder=task.folder, where=cached(task))
    task.file.write_bytes(bytes(task.file.stat().st_size))
    with pytest.raises(ShardError, match=r"prepared\.clips, clip"):
        list(clips)
    task.file.unlink()
    with pytest.raises(DataError, match=r"prepared\.clips: gone while the split was at work; run it again"):
        list(clips)
