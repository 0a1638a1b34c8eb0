import pytest

from dastm.episodes.urls import is_url, may_come_from_a_file


def test_what_counts_as_a_url():
    assert [is_url(u) for u in ("http://a/b", "pipe:cat x", "file:/x", "gs://b/x")] == [True] * 4
    assert [is_url(u) for u in ("data/shards", "/data/shards", "./pipe", "a:b")] == [False] * 4


@pytest.mark.parametrize("shards", ["data/shards", "/data/shards", "http://a/b", "gs://b/x", "file:/x"])
def test_paths_and_urls_that_only_fetch_may_come_from_a_file(shards):
    assert may_come_from_a_file(shards)


@pytest.mark.parametrize("shards", ["pipe:cat x", "PIPE:cat x", " pipe:cat x", "rsync://a/b", "http://[/"])
def test_what_may_run_a_command_or_is_unknown_may_not(shards):
    assert not may_come_from_a_file(shards)
