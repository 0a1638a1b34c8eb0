import pytest

from tests.pipeline.inspect.made import made


@pytest.fixture(scope="session")
def places(tmp_path_factory):
    """A parsed table and its shards; nobody changes them."""
    return made(tmp_path_factory.mktemp("made"))
