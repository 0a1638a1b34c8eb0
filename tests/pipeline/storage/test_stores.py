"""URLs that fsspec opens, and a Ray cluster over them: the bytes are those of the plain run on this machine."""

import fsspec
import pytest

from pipeline.parse import run as stage
from pipeline.parse.raw_files import list_raw, read
from pipeline.work.paths import path_of
from tests.command_line import done, failed
from tests.pipeline.big_enough import dastm_data, tree, write_workplace
from tests.pipeline.raw_files import zip_folder

pytestmark = pytest.mark.slow

DATASET = ("--dataset", "mine.yaml", "--workers", 1)
"""What lies in memory does so in one process."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    write_workplace(folder)
    zip_folder(folder / "raw", folder / "raw.zip")
    dastm_data(folder, "parse", *DATASET, "--raw", "raw", "--out", "parsed", "--workers", 1)
    dastm_data(folder, "split", *DATASET, "--parsed", "parsed", "--out", "shards", "--workers", 1)
    return folder


@pytest.fixture(autouse=True)
def workplace(plain, monkeypatch):
    monkeypatch.chdir(plain)
    monkeypatch.setitem(stage.parse.__kwdefaults__, "files_per_task", 5)


@pytest.fixture
def memory(plain, monkeypatch):
    """What fsspec keeps in memory, the raw files as a folder and a zip; as in object stores, there are no folders."""
    store = fsspec.filesystem("memory")
    for name in ("mkdir", "makedirs"):
        monkeypatch.setattr(type(store), name, lambda *_words, **_options: None)
    store.put((plain / "raw").as_posix(), "/lab/raw", recursive=True)
    store.put_file((plain / "raw.zip").as_posix(), "/lab/zipped/raw.zip")
    yield store
    store.rm("/", recursive=True)
    store.store.clear()


def stored(store, folder, out):
    """A folder of the store as one of this machine."""
    store.get(folder, out.as_posix(), recursive=True)
    return tree(out)


@pytest.mark.parametrize("raw", ["memory://lab/raw/", "memory://lab/zipped/raw.zip"])
def test_a_store_in_memory_takes_every_folder(memory, plain, tmp_path, raw):
    table, shards = "memory://lab/parsed/mine", "memory://lab/shards/mine"
    assert "35 clips of 4 classes" in done("dastm-data", "parse", *DATASET, "--raw", raw, "--out", table)
    done("dastm-data", "split", *DATASET, "--parsed", table, "--out", shards)
    assert stored(memory, "/lab/parsed/mine", tmp_path / "parsed") == tree(plain / "parsed")
    assert stored(memory, "/lab/shards/mine", tmp_path / "shards") == tree(plain / "shards")
    said = done("dastm-data", "parse", *DATASET, "--raw", raw, "--out", table)
    assert said.startswith("8 of 8 table files are as they were")
    assert "nothing is done again" in done("dastm-data", "split", *DATASET, "--parsed", table, "--out", shards)


def test_a_zip_in_a_folder_of_a_store_is_looked_into(memory, plain):
    done("dastm-data", "parse", *DATASET, "--raw", "memory://lab/zipped", "--out", "memory://lab/parsed")
    done("dastm-data", "split", *DATASET, "--parsed", "memory://lab/parsed", "--out", "memory://lab/shards")
    assert memory.exists("/lab/shards/manifest.json")


def test_shards_in_a_store_are_replaced_and_never_half_with_a_manifest(memory, plain, tmp_path, monkeypatch):
    shards = "memory://lab/shards"
    done("dastm-data", "split", *DATASET, "--parsed", "parsed", "--out", shards, "--set", "split.clips_per_shard=1")
    put = memory.put_file

    def full(local, name, **options):
        if name.endswith("003-000.tar"):
            raise OSError(28, "No space left on device")
        put(local, name, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "put_file", lambda store, *words, **options: full(*words, **options))
        line = failed("dastm-data", "split", *DATASET, "--parsed", "parsed", "--out", shards)
    assert line.startswith("memory://lab/shards: cannot be written: No space left on device; make room there")
    assert not memory.exists("/lab/shards/manifest.json")
    done("dastm-data", "split", *DATASET, "--parsed", "parsed", "--out", shards)
    assert stored(memory, "/lab/shards", tmp_path / "shards") == tree(plain / "shards")


def test_hidden_files_of_a_store_are_not_there(memory):
    memory.pipe_file("/lab/raw/.git/S001C001P001R001A004.skeleton", b"x")
    assert "36 files:" in done(
        "dastm-data", "parse", *DATASET, "--raw", "memory://lab/raw", "--out", "memory://lab/parsed"
    )


def test_a_store_that_cannot_be_listed_is_one_line(memory, monkeypatch):
    def refuse(*_words, **_options):
        raise PermissionError("Forbidden")

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "find", refuse)
        line = failed("dastm-data", "parse", *DATASET, "--raw", "memory://lab/raw", "--out", "parsed-again")
    assert line == "memory://lab/raw: cannot be listed: Forbidden"


def test_a_file_of_a_store_can_be_given_itself_and_changes_with_its_contents(memory):
    """As for sources of many clips in one file."""
    memory.pipe_file("/lab/own/clips.pkl", b"123")
    (first,) = list_raw([path_of("memory://lab/own/clips.pkl")], [".pkl"]).files
    assert (first.source, first.size, read(first)) == ("clips.pkl", 3, b"123")
    memory.pipe_file("/lab/own/clips.pkl", b"124")
    (second,) = list_raw([path_of("memory://lab/own/clips.pkl")], [".pkl"]).files
    assert first.stamp != second.stamp


def test_a_changed_file_of_a_store_is_read_again(memory):
    words = ("--raw", "memory://lab/raw", "--out", "memory://lab/parsed")
    done("dastm-data", "parse", *DATASET, *words)
    (path_of("memory://lab/raw") / "S001C001P001R001A001.skeleton").write_bytes(b"x")
    assert "7 of 8 table files are as they were" in done("dastm-data", "parse", *DATASET, *words)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere://lab/raw", "nowhere://lab/raw: cannot be used as a place: Protocol not known: nowhere"),
        ("s3://lab/raw", "s3://lab/raw: a package is missing for s3:// (Install s3fs to access S3); pip install it"),
        ("memory://", "memory://: name a folder in it"),
    ],
)
def test_a_place_that_cannot_be_used_is_one_line(url, message):
    for words in (
        ("parse", "--raw", url),
        ("parse", "--out", url),
        ("split", "--parsed", url),
        ("split", "--out", url),
    ):
        assert failed("dastm-data", *words, *DATASET) == message


def test_a_store_without_the_raw_folder_says_so():
    assert failed("dastm-data", "parse", *DATASET, "--raw", "memory://lab/none").startswith(
        "memory://lab/none: not there; put"
    )


@pytest.fixture
def one_cluster(monkeypatch):
    """A cluster takes long to start: the commands of a test share the one that the first of them starts."""
    ray = pytest.importorskip("ray")
    init, shutdown = ray.init, ray.shutdown
    monkeypatch.setattr(ray, "init", lambda **options: ray.is_initialized() or init(**options))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    yield
    shutdown()


@pytest.mark.usefixtures("one_cluster")
def test_a_ray_cluster_over_urls_writes_the_bytes_of_the_plain_run(plain, tmp_path):
    on_ray = (*DATASET[:2], "--ray", "--workers", 1)
    words = ("--raw", f"file://{plain}/raw.zip", "--out", f"file://{tmp_path}/parsed")
    done("dastm-data", "parse", *words, *on_ray)
    assert tree(tmp_path / "parsed") == tree(plain / "parsed")
    words = ("--parsed", f"file://{tmp_path}/parsed", "--out", f"file://{tmp_path}/shards")
    done("dastm-data", "split", *words, *on_ray)
    assert tree(tmp_path / "shards") == tree(plain / "shards")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".parsed.done", ".shards.done", "parsed", "shards"]
