"""The public face: what `import dastm` offers, that its examples are true, and what inference does without."""

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import dastm
from tests.actions import clip_of
from tests.toy import tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DATA = ("LAYOUTS",)
"""Public names that are tables, which have no docstring of their own."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which data/shards/toy and a run on it, data/runs/toy, lie."""
    path = tmp_path_factory.mktemp("place")
    train_toy(toy_shards(path / "data/shards/toy"), path / "data/runs/toy", tiny(optimise__epochs=1))
    recogniser = dastm.ActionRecogniser.new("motion3d")
    for action in ("jump", "wave"):
        recogniser.enrol(action, [clip_of({"jump": "kick"}.get(action, action))])
    recogniser.save(path / "data/toy.dastm")
    return path


def process(code, cwd):
    result = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", [name for name in dastm.__all__ if name not in DATA])
def test_a_public_name_has_a_docstring_with_an_example_that_is_true(name, place, monkeypatch):
    monkeypatch.chdir(place)
    found = inspect.getdoc(getattr(dastm, name)) or ""
    example = doctest.DocTestParser().get_doctest(found, {}, name, None, None)
    assert example.examples
    assert "Raises:" in found
    assert doctest.DocTestRunner().run(example).failed == 0


def test_the_examples_of_the_document_are_true(place, monkeypatch):
    monkeypatch.chdir(place)
    results = doctest.testfile(str(ROOT / "docs" / "api.md"), module_relative=False)
    assert results.attempted > 10
    assert results.failed == 0


def test_the_document_names_every_public_name():
    text = (ROOT / "docs" / "api.md").read_text()
    assert [name for name in dastm.__all__ if f"`{name}`" not in text] == []


def test_public_names_are_listed_and_others_are_no_attributes():
    assert set(dastm.__all__) <= set(dir(dastm))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dastm.nothing


def test_importing_the_package_loads_neither_torch_nor_numpy():
    assert process("import dastm, sys; print({'torch', 'numpy'} & set(sys.modules))", ROOT) == "set()\n"


SLOW_TO_LOAD = ("numba", "scipy", "sympy", "networkx", "torch._dynamo")
"""Half of the time that `load` and `predict` took in a new process."""
EXTRAS = ("sklearn", "onnx", "onnxruntime", "pipeline")
INFERENCE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
for name in ("dvc", "webdataset", "matplotlib", "pyarrow", *{EXTRAS}, *{SLOW_TO_LOAD}):
    sys.modules[name] = None  # importing it is an ImportError
import dastm, numpy
recogniser = dastm.load("data/toy.dastm")
print(recogniser.predict(recogniser.examples[1].clip).action)
for name in {SLOW_TO_LOAD}:
    del sys.modules[name]
run = dastm.load_run("data/runs/toy", device="cpu")
clip = numpy.zeros((1, run.n_frames, 3, 3), dtype=numpy.float32)
print(run.distances(dastm.episode_from_arrays({{0: [clip], 1: [clip + 1]}}, {{1: [clip]}})).shape)
"""


def test_inference_needs_no_package_that_only_data_and_pages_need_and_a_recogniser_none_that_is_slow(place):
    """A recogniser first, and then a run, whose alignments are compiled by numba; nor do they need the extras."""
    assert process(INFERENCE, place).splitlines() == ["wave", "torch.Size([1, 2])"]
