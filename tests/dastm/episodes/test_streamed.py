"""Reading front to back: every kind of URL, early stop, and every way in which a stream can fail."""

import io
import os
import re
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.progress import waiting
from dastm.contract.shard_format import Clip, ShardError, encode_clip, encode_manifest
from dastm.episodes.episode import EpisodePlan
from dastm.episodes.fetch import fetch_episode
from dastm.episodes.indexed import IndexedShards
from dastm.episodes.streamed import StreamedShards
from tests.dastm.episodes.test_handles import open_files
from tests.shard_folder import class_motion, flip_byte, make_shard_folder

pytestmark = pytest.mark.slow

PLAN = EpisodePlan(class_ids=(5, 2), support=((6,), (0,)), query=((1, 0), (3, 2)))
FIRST = EpisodePlan(class_ids=(5,), support=((0,),), query=((1,),))
BEYOND = EpisodePlan(class_ids=(5,), support=((0,),), query=((4,),))


@pytest.fixture
def folder(tmp_path, rng):
    make_shard_folder(tmp_path, parts={"train": {5: 7, 2: 4}, "val": {9: 3}}, bodies=(1, 2), rng=rng)
    return tmp_path


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def log_message(self, *_):
        Quiet.asked.append(self.path)


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A reader that stops early is no error of the server."""


@pytest.fixture
def http(folder, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Quiet.asked.clear()
    with QuietServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def same(a, b):
    return torch.equal(a.support.joints_LMTVC, b.support.joints_LMTVC) and torch.equal(
        a.query.joints_LMTVC, b.query.joints_LMTVC
    )


def urls(folder):
    return [str(folder), f"{folder}/", f"file://{folder}", f"pipe:cat {folder}", f"pipe:cat {folder}/{{}} | cat"]


@pytest.mark.parametrize("kind", range(5))
def test_every_kind_of_url_gives_the_clips_of_the_index(folder, kind):
    source = StreamedShards(urls(folder)[kind])
    with IndexedShards(folder) as indexed:
        assert source.manifest == indexed.manifest
        assert source.pool_sizes("train") == {2: 4, 5: 7}
        assert same(fetch_episode(source, "train", PLAN), fetch_episode(indexed, "train", PLAN))
    assert open_files(folder) == []
    source.close()


def test_over_http_only_what_is_needed_is_asked_for(folder, http):
    source = StreamedShards(http)
    with IndexedShards(folder) as indexed:
        assert same(fetch_episode(source, "train", PLAN), fetch_episode(indexed, "train", PLAN))
        Quiet.asked.clear()
        assert same(fetch_episode(source, "train", FIRST), fetch_episode(indexed, "train", FIRST))
    assert Quiet.asked == ["/train/005-000.tar"]


def test_what_the_server_does_not_have_is_named(folder, http):
    source = StreamedShards(http)
    (folder / "train/005-001.tar").unlink()
    with pytest.raises(ShardError, match=r"^http://127[^\n]*/train/005-001.tar: cannot be read \([^\n]*\)$"):
        fetch_episode(source, "train", BEYOND)
    with pytest.raises(ShardError, match=r"^http://127[^\n]*/other/manifest.json: cannot be read \(curl: exit 22\)$"):
        StreamedShards(f"{http}/other")


def test_a_relative_folder_is_a_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert StreamedShards(folder.name).pool_sizes("val") == {9: 3}
    odd = folder.rename(folder.parent / "pipe{}")
    assert StreamedShards(odd.name).pool_sizes("val") == {9: 3}


def test_no_index_is_needed(folder):
    (folder / "index.parquet").unlink()
    fetch_episode(StreamedShards(str(folder)), "train", PLAN)


def test_a_stream_is_left_after_the_last_clip_needed(folder):
    for later in ("train/005-001.tar", "train/005-002.tar"):
        (folder / later).unlink()
    source = StreamedShards(f"pipe:cat {folder}/{{}}")
    fetch_episode(source, "train", FIRST)
    source.url += "; exec yes"  # never ends by itself; dies of our leaving, which is no failure
    fetch_episode(source, "train", FIRST)


def test_a_missing_folder_manifest_or_scheme_is_named(tmp_path):
    with pytest.raises(ShardError, match=r"^[^\n]*/nowhere/manifest.json: cannot be opened \(\[Errno 2\][^\n]*\)$"):
        StreamedShards(str(tmp_path / "nowhere"))
    with pytest.raises(ShardError, match=r"^nope://x/manifest.json: cannot be opened \(.*no gopen handler"):
        StreamedShards("nope://x")
    with pytest.raises(ShardError, match=r"^pipe:exit 3; echo manifest.json: cannot be read \(exit: exit 3\)$"):
        StreamedShards("pipe:exit 3; echo {}")


def test_a_command_that_fails_after_everything_was_read_is_noticed(folder):
    source = StreamedShards(f"pipe:cat {folder}/{{}}")
    source.url += "; exit 4"
    with pytest.raises(ShardError, match=r"cannot be read \(cat: exit 4\)$"):
        fetch_episode(source, "train", BEYOND)


def test_an_unknown_subset_and_a_plan_that_does_not_fit_are_refused(folder):
    source = StreamedShards(str(folder))
    with pytest.raises(RunError, match="no subset 'test', it has train, val"):
        fetch_episode(source, "test", PLAN)
    with pytest.raises(ValueError, match="val has no class 5"):
        fetch_episode(source, "val", PLAN)


def test_a_flipped_byte_names_shard_and_clip(folder):
    flip_byte(folder / "train/005-000.tar", 512 + 1000)
    with pytest.raises(ShardError, match=r"train/005-000.tar: trainc005n0000: checksum differs"):
        fetch_episode(StreamedShards(str(folder)), "train", FIRST)


def members_of(path):
    with tarfile.open(path) as tar:
        return {m.name: m for m in tar.getmembers()}


@pytest.mark.parametrize("where", ["inside a clip", "inside a header", "between clips", "before the end mark", "empty"])
def test_a_truncated_tar_is_noticed_even_if_only_later_shards_are_wanted(folder, where):
    path = folder / "train/005-000.tar"
    third = members_of(path)["trainc005n0002.joints.npy"]
    last = members_of(path)["trainc005n0002.json"]
    at = {
        "inside a clip": third.offset_data + 1000,
        "inside a header": third.offset + 100,
        "between clips": third.offset,
        "before the end mark": last.offset_data + 512,
        "empty": 0,
    }[where]
    path.write_bytes(path.read_bytes()[:at])
    with pytest.raises(ShardError, match=r"^[^\n]*train/005-000.tar: (the tar is cut short|cannot be read)[^\n]*$"):
        fetch_episode(StreamedShards(str(folder)), "train", BEYOND)
    assert open_files(folder) == []


def test_a_damaged_header_does_not_move_later_clips(folder):
    path = folder / "train/005-000.tar"
    flip_byte(path, members_of(path)["trainc005n0002.joints.npy"].offset + 5)
    with pytest.raises(ShardError, match=r"train/005-000.tar: the tar is cut short or damaged"):
        fetch_episode(StreamedShards(str(folder)), "train", BEYOND)


def rewrite(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_whole_tars_with_the_wrong_content_are_refused(folder, rng):
    source = StreamedShards(str(folder))
    path, plan = folder / "train/005-000.tar", EpisodePlan(class_ids=(5,), support=((0,),), query=((6,),))
    array, facts = encode_clip(
        Clip(key="a", joints_MTVC=class_motion(5, 1, 6, source.manifest.layout, rng, 0.0), facts={})
    )
    cases = {
        r"005-000.tar: a: no json$": [("a.joints.npy", array)],
        r"005-000.tar: a: no joints.npy$": [("a.json", facts)],
        r"005-000.tar: b: holds the clip a$": [("b.joints.npy", array), ("b.json", facts)],
        r"005-000.tar: a: facts are not": [("a.joints.npy", array), ("a.json", b"{")],
        r"005-000.tar: cannot be read \(.*duplicate file name": [("a.json", facts), ("a.json", facts)],
        r"class 5 of train ends after 5 clips, not 7$": [("a.joints.npy", array), ("a.json", facts)],
    }
    for message, members in cases.items():
        rewrite(path, members)
        with pytest.raises(ShardError, match=message):
            fetch_episode(source, "train", plan)


def test_another_shape_than_the_manifests_is_refused(folder):
    manifest = StreamedShards(str(folder)).manifest
    document = encode_manifest(manifest).replace(b'"frames": 6', b'"frames": 7')
    (folder / "manifest.json").write_bytes(document)
    with pytest.raises(ShardError, match=r"005-000.tar: trainc005n0000: shape \(1, 6, 25, 3\), the manifest says"):
        fetch_episode(StreamedShards(str(folder)), "train", FIRST)


def test_a_shard_name_that_would_reach_the_shell_is_refused(folder):
    document = (folder / "manifest.json").read_bytes().replace(b"train/005-000.tar", b"x; touch y")
    (folder / "manifest.json").write_bytes(document)
    with pytest.raises(ShardError, match="not a plain name"):
        StreamedShards(f"pipe:cat {folder}")


@pytest.mark.parametrize("start", ["", "file://"])
@pytest.mark.parametrize("name", ["manifest.json", "shard"])
def test_a_pipe_in_a_local_folder_is_refused_and_does_not_hang(folder, start, name):
    opened = StreamedShards(f"{start}{folder}")
    path = folder / (opened.manifest.subsets["train"][5].shards[0] if name == "shard" else name)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ShardError, match=f"{re.escape(str(path))}: no regular file"):
        fetch_episode(StreamedShards(f"{start}{folder}"), "train", FIRST)


@pytest.mark.parametrize(("scheme", "program"), [("gs", "gsutil"), ("http", "curl"), ("pipe", "cat")])
def test_a_url_that_does_not_answer_is_said_within_seconds_with_the_program_that_asks(
    scheme, program, monkeypatch, tmp_path, capfd
):
    """As gsutil without credentials, which tries again for eleven minutes."""
    slow = tmp_path / program
    slow.write_text("#!/bin/sh\nsleep 1\nexit 3\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("dastm.episodes.streamed.waiting", partial(waiting, after_s=0.2))
    url = f"pipe:{program} shards" if scheme == "pipe" else f"{scheme}://lab/shards"
    with pytest.raises(ShardError, match=rf"^{url}/manifest\.json: cannot be read"):
        StreamedShards(url)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"waiting for {url}/manifest.json: no answer after 0 s")
    assert (f"; {program} fetches it, and tries for minutes" in line) == (scheme != "pipe")
